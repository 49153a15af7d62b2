import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { walk } from '../../src/backend/walk.ts';
import { generator, nextAction, type Slots } from './differential/actions.ts';

const SECOND = 10_000_000n;
const NOON = 133_500_000_000_000_000n;
const common = { names: ['a', 'b', 'c'], hasMetadata: true, hasStreams: true, hasTimes: true };

/** All that can be seen of a store, in one number. */
async function digestOf(store: Backend): Promise<string> {
  const hash = createHash('sha256');
  const note = (part: unknown) =>
    hash.update(
      JSON.stringify(part, (_, value: unknown) => (typeof value === 'bigint' ? `${value}` : value)),
    );
  const seen: string[] = [];
  for await (const { path } of walk(store, '')) seen.push(path);
  for (const path of seen.sort()) {
    const stat = await store.stat(path);
    note([path, stat, await store.streams?.list(path)]);
    hash.update((await store.security?.read(path)) ?? 'none');
    for (const [name, value] of (await store.extendedAttributes?.read(path)) ?? [])
      hash.update(name).update(value);
    if (stat.kind !== 'file') continue;
    for (const stream of [undefined, ...((await store.streams?.list(path)) ?? []).map(({ name }) => name)]) {
      const handle = await store.open(path, stream === undefined ? {} : { stream });
      const bytes = Buffer.alloc((await handle.stat()).sizeBytes);
      await handle.read(bytes, 0);
      await handle.close();
      hash.update(bytes);
    }
  }
  return hash.digest('hex');
}

for (const seed of [1, 2, 3]) {
  test(`snapshots stay what they were while the store changes, and removing them gives all space back, seed ${seed}`, async () => {
    const store = memoryBackend();
    const random = generator(seed);
    const slots: Slots = new Map();
    const digests = new Map<bigint, string>();
    for (let step = 0; step < 6000; step++) {
      try {
        await nextAction(random, common).run(store, slots);
      } catch {
        // Refused operations are part of the game.
      }
      if (step % 300 !== 299) continue;
      const time = store.takeSnapshot(NOON + BigInt(step) * SECOND);
      digests.set(time, await digestOf(store));
      assert.equal(await digestOf(await store.snapshots.at(time)), digests.get(time));
    }
    assert.ok(new Set(digests.values()).size > 5);
    for (const [time, digest] of digests)
      assert.equal(await digestOf(await store.snapshots.at(time)), digest);
    for (const handle of slots.values()) await handle.close();
    for (const time of digests.keys()) store.removeSnapshot(time);
    for (const name of common.names) await removeAll(store, name);
    const { totalBytes, freeBytes } = store.volume();
    assert.equal(totalBytes - freeBytes, 0);
  });
}

async function removeAll(store: Backend, path: string): Promise<void> {
  const found: string[] = [];
  for await (const { path: below } of walk(store, ''))
    if (`${below}/`.startsWith(`${path}/`)) found.push(below);
  for (const below of found.reverse()) {
    if ((await store.stat(below)).kind === 'directory') await store.removeDirectory(below);
    else await store.removeFile(below);
  }
}
