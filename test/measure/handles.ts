/**
 * Very many open files on few descriptors: what they cost in memory, and what it costs to use one that has lost its own.
 *
 *     npm run measure:handles -- [--count N] [--descriptors N] [--in FOLDER]
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { localBackend } from '../../src/backend/local.ts';
import type { OpenFile } from '../../src/vfs/open-file.ts';
import { CreateDisposition } from '../../src/wire/flags.ts';
import { World } from '../vfs/world.ts';
import { measureArguments, residentMiB, tell, timed } from './arguments.ts';

const { count, descriptors, folder } = measureArguments({ count: 100_000 });
const DIRECTORY_COUNT = 1000;
const READS = 2000;
const pathOf = (number: number): string =>
  `d${Math.trunc(number / DIRECTORY_COUNT)}/file ${number % DIRECTORY_COUNT}`;

try {
  for (let number = 0; number < count; number++) {
    const file = path.join(folder, pathOf(number));
    if (number % DIRECTORY_COUNT === 0) fs.mkdirSync(path.dirname(file));
    fs.writeFileSync(file, String(number));
  }
  const backend = localBackend(folder, { descriptorCountMax: descriptors });
  const world = new World({ backend });
  const before = { memory: residentMiB(), descriptors: descriptorsNow() };
  const handles: OpenFile[] = [];
  const opening = await timed(async () => {
    for (let number = 0; number < count; number++) {
      const name = pathOf(number).replaceAll('/', '\\');
      handles.push(await world.open(name, { createDisposition: CreateDisposition.OPEN }));
    }
  });
  tell('handles', handles.length, '');
  tell('descriptors in use', descriptorsNow() - before.descriptors, '');
  tell('opening, a handle', (opening * 1000) / count, 'µs');
  tell('memory, a handle', ((residentMiB() - before.memory) * 1024) / count, 'KiB');
  tell('memory of the process', residentMiB(), 'MiB');

  fs.renameSync(path.join(folder, pathOf(0)), path.join(folder, 'moved behind the server'));
  const reading = await timed(async () => {
    for (let turn = 0; turn < READS; turn++) await check((turn * 7919) % count);
  });
  tell('reading through a handle anywhere', (reading * 1000) / READS, 'µs');
  tell('descriptors in use', descriptorsNow() - before.descriptors, '');
  for (const handle of handles) await handle.close('close');
  tell('descriptors in use when all are closed', descriptorsNow() - before.descriptors, '');
  await world.volume.close();

  async function check(number: number): Promise<void> {
    const target = Buffer.alloc(16);
    const read = (await handles[number]?.handle.read(target, 0)) ?? 0;
    assert.equal(target.toString('latin1', 0, read), String(number));
  }
} finally {
  fs.rmSync(folder, { recursive: true });
}

function descriptorsNow(): number {
  return fs.readdirSync('/proc/self/fd').length;
}
