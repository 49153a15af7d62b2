import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { systemClock } from '../../src/base/clock.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { VolatileStore } from './volatile-store.ts';

backendContract('volatile', () => new VolatileStore(systemClock).live(), { test });

async function written(store: Backend, path: string, text: string, isFlushed: boolean): Promise<void> {
  const handle = await store.open(path, { write: true, create: true });
  await handle.write(Buffer.from(text), 0);
  if (isFlushed) await handle.sync();
  await handle.close();
}

async function textOf(store: Backend, path: string): Promise<string> {
  const handle = await store.open(path, {});
  const target = Buffer.alloc((await handle.stat()).sizeBytes);
  await handle.read(target, 0);
  await handle.close();
  return target.toString();
}

test('what was flushed is there after a power cut with all that leads to it, the rest is not', async () => {
  const disk = new VolatileStore(systemClock);
  const before = disk.live();
  await before.makeDirectory('d');
  await before.makeDirectory('d/e');
  await before.makeDirectory('other');
  await written(before, 'd/e/kept', 'kept', true);
  await written(before, 'd/e/lost', 'lost', false);
  await before.rename('d/e/kept', 'd/e/moved', false);
  disk.cut(new SeededEntropy(1), 0);
  const after = disk.live();
  assert.equal(await textOf(after, 'd/e/kept'), 'kept');
  for (const path of ['d/e/lost', 'd/e/moved', 'other']) {
    await assert.rejects(async () => after.stat(path), { code: 'ENOENT' });
  }
  // Whoever still works on the volume from before changes nothing.
  await written(before, 'late', 'late', true);
  await assert.rejects(async () => disk.live().stat('late'), { code: 'ENOENT' });
});

test('what was not flushed may survive a power cut in any combination', async () => {
  const outcomes = new Set<string>();
  for (let seed = 1; seed <= 40; seed++) {
    const disk = new VolatileStore(systemClock);
    const before = disk.live();
    await written(before, 'a', 'a', false);
    await written(before, 'b', 'b', false);
    disk.cut(new SeededEntropy(seed), 50);
    const after = disk.live();
    const names: string[] = [];
    for await (const batch of after.list(''))
      names.push(...batch.map(({ name, stat }) => `${name}${stat.sizeBytes}`));
    outcomes.add(names.sort().join(' '));
  }
  assert.ok(
    ['', 'a0', 'a1', 'b0', 'b1', 'a1 b1', 'a0 b1'].every((outcome) => outcomes.has(outcome)),
    [...outcomes].join(),
  );
});
