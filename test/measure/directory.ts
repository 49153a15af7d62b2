/**
 * A directory of a million entries: what it costs to list it, to find a name in it without regard to case, and to notice
 * what others change.
 *
 *     npm run measure:directory -- [--count N] [--in FOLDER]
 */
import fs from 'node:fs';
import path from 'node:path';
import { localBackend } from '../../src/backend/local.ts';
import { CreateDisposition } from '../../src/wire/flags.ts';
import { World } from '../vfs/world.ts';
import { measureArguments, residentMiB, tell, timed } from './arguments.ts';

const { count, folder } = measureArguments({ count: 1_000_000 });
const nameOf = (number: number): string => `Some File ${number}.txt`;
const OPENS = 2000;

try {
  for (let number = 0; number < count; number++)
    fs.closeSync(fs.openSync(path.join(folder, nameOf(number)), 'w'));
  const backend = localBackend(folder);
  const world = new World({ backend });
  const open = (name: string): Promise<void> =>
    world.touch(name, { createDisposition: CreateDisposition.OPEN });
  await open(nameOf(0));

  const before = residentMiB();
  let highest = before;
  let listed = 0;
  const listing = await timed(async () => {
    for await (const batch of backend.list('')) {
      listed += batch.length;
      highest = Math.max(highest, residentMiB());
    }
  });
  tell('entries', listed, '');
  tell('listing, an entry', (listing * 1000) / listed, 'µs');
  tell('listing, memory at most above what there was', highest - before, 'MiB');

  const free = residentMiB();
  tell(
    'opening by exact name',
    ((await timed(() => openMany(open, (at) => nameOf(at)))) * 1000) / OPENS,
    'µs',
  );
  tell(
    'first opening by another case, which makes the index',
    await timed(() => open(nameOf(1).toUpperCase())),
    'ms',
  );
  const other = await timed(() => openMany(open, (at) => nameOf(at).toUpperCase()));
  tell('opening by another case', (other * 1000) / OPENS, 'µs');
  tell('memory of the index', residentMiB() - free, 'MiB');
  let changed = 0;
  const behind = await timed(() =>
    openMany(
      async (name) => {
        fs.writeFileSync(path.join(folder, `Behind ${changed}`), '');
        await open(`BEHIND ${changed}`);
        await open(name);
        changed += 1;
      },
      (at) => nameOf(at).toUpperCase(),
    ),
  );
  tell('making a file behind the server, opening it and another', (behind * 1000) / OPENS, 'µs');
  await world.volume.close();
} finally {
  fs.rmSync(folder, { recursive: true });
}

async function openMany(open: (name: string) => Promise<void>, name: (at: number) => string): Promise<void> {
  for (let turn = 0; turn < OPENS; turn++) await open(name((turn * 7919) % count));
}
