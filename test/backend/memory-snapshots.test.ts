import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import {
  contentOf,
  createFile,
  failsWith,
  listedNames,
  withHandle,
} from '../../src/testing/backend-contract/case.ts';

const KIB = 1024;
const MIB = 1024 * KIB;
const NOON = 133_500_000_000_000_000n;
const SECOND = 10_000_000n;

/** A security descriptor with nothing but this owner. */
function ownedBy(rid: number): Buffer {
  const descriptor = Buffer.alloc(20 + 28);
  descriptor.writeUInt8(1, 0);
  descriptor.writeUInt16LE(0x8000, 2);
  descriptor.writeUInt32LE(20, 4);
  Buffer.from('0105000000000005', 'hex').copy(descriptor, 20);
  for (const [index, part] of [21, 1, 2, 3, rid].entries()) descriptor.writeUInt32LE(part, 28 + 4 * index);
  return descriptor;
}

const overwrite = (backend: Backend, path: string, data: Buffer, position = 0): Promise<void> =>
  withHandle(backend, path, { write: true }, (handle) => handle.write(data, position));

test('a snapshot shows the files of its time, whatever happens later', async () => {
  const backend = memoryBackend().seed({ a: 'first', d: { b: 'below' }, gone: 'gone' });
  await withHandle(backend, 'a', { write: true, create: true, stream: 's' }, (handle) =>
    handle.write(Buffer.from('stream'), 0),
  );
  backend.extendedAttributes.write('a', new Map([['K', Buffer.from('v')]]));
  backend.link('a', 'd/second');
  const time = backend.takeSnapshot(NOON + 3n);
  assert.equal(time, NOON);
  const before = backend.stat('a');
  backend.seed({ a: 'changed', d: { b: 'also', new: '' } });
  backend.removeFile('gone');
  backend.rename('d', 'e', false);
  backend.streams.remove('a', 's');
  backend.extendedAttributes.write('a', new Map());

  const view = await backend.snapshots.at(NOON);
  assert.deepEqual(await listedNames(view, ''), ['a', 'd', 'gone']);
  assert.deepEqual(await listedNames(view, 'd'), ['b', 'second']);
  assert.equal(await contentOf(view, 'a'), 'first');
  assert.equal(await contentOf(view, 'd/second'), 'first');
  assert.equal(await contentOf(view, 'a', 's'), 'stream');
  assert.equal((await view.extendedAttributes?.read('a'))?.get('K')?.toString(), 'v');
  const stat = await view.stat('a');
  assert.deepEqual(stat, { ...before });
  assert.equal(await contentOf(backend, 'a'), 'changed');
});

test('a snapshot cannot be changed and has no snapshots, limits or news of its own', async () => {
  const backend = memoryBackend().seed({ a: 'text' });
  backend.takeSnapshot(NOON);
  const view = await backend.snapshots.at(NOON);
  await failsWith('EROFS', () => view.open('a', { write: true }));
  await failsWith('EROFS', () => view.removeFile('a'));
  assert.deepEqual([view.snapshots, view.quota, view.watch], [undefined, undefined, undefined]);
});

test('snapshots are listed newest first, one a second, and end when they are removed', async () => {
  const backend = memoryBackend().seed({ a: 'one' });
  backend.takeSnapshot(NOON);
  backend.takeSnapshot(NOON + 2n * SECOND);
  backend.takeSnapshot(NOON + SECOND);
  assert.throws(() => backend.takeSnapshot(NOON + 5n), { code: 'EEXIST' });
  assert.deepEqual(await backend.snapshots.list(''), [NOON + 2n * SECOND, NOON + SECOND, NOON]);
  const view = await backend.snapshots.at(NOON);
  const handle = await view.open('a', {});
  backend.removeSnapshot(NOON);
  await failsWith('ENOENT', async () => backend.snapshots.at(NOON));
  assert.equal(await handle.read(Buffer.alloc(9), 0), 3);
  await failsWith('ENOENT', () => view.stat('a'));
  await handle.close();
});

test('a snapshot takes no space but for what is changed later, and gives it back', async () => {
  const backend = memoryBackend({ sizeBytesMax: 16 * MIB });
  await createFile(backend, 'a');
  await overwrite(backend, 'a', Buffer.alloc(8 * MIB, 'x'));
  const used = () => backend.volume().totalBytes - backend.volume().freeBytes;
  backend.takeSnapshot(NOON);
  assert.equal(used(), 8 * MIB);
  await overwrite(backend, 'a', Buffer.from('y'), 3 * MIB);
  assert.equal(used(), 8 * MIB + 64 * KIB);
  await overwrite(backend, 'a', Buffer.from('y'), 3 * MIB + 1);
  assert.equal(used(), 8 * MIB + 64 * KIB);
  await withHandle(backend, 'a', { write: true }, (handle) => handle.truncate(0));
  assert.equal(used(), 8 * MIB);
  await failsWith('ENOSPC', () => overwrite(backend, 'a', Buffer.alloc(9 * MIB)));
  backend.removeSnapshot(NOON);
  assert.equal(used(), 0);
});

test('a change that has no room for the copy fails as a whole', async () => {
  const backend = memoryBackend({ sizeBytesMax: MIB });
  await createFile(backend, 'a');
  await overwrite(backend, 'a', Buffer.alloc(MIB, 'x'));
  backend.takeSnapshot(NOON);
  await failsWith('ENOSPC', () => overwrite(backend, 'a', Buffer.from('y')));
  await failsWith('ENOSPC', () => withHandle(backend, 'a', { write: true }, (handle) => handle.truncate(10)));
  assert.equal(await contentOf(backend, 'a'), 'x'.repeat(MIB));
  await withHandle(backend, 'a', { write: true }, (handle) => handle.truncate(0));
  assert.equal(await contentOf(await backend.snapshots.at(NOON), 'a'), 'x'.repeat(MIB));
});

test('bytes count for the owner that the security descriptor names, up to the limit', async () => {
  const backend = memoryBackend().seed({ mine: 'x', other: 'y' });
  const [alice, bob] = ['S-1-5-21-1-2-3-1000', 'S-1-5-21-1-2-3-1001'];
  backend.security.write('mine', ownedBy(1000));
  assert.deepEqual(await backend.quota.read(), [
    { owner: alice, usedBytes: 4096n, thresholdBytes: -1n, limitBytes: -1n },
  ]);
  await backend.quota.write([{ owner: alice, usedBytes: 0n, thresholdBytes: 1n, limitBytes: 8192n }]);
  await overwrite(backend, 'mine', Buffer.alloc(8192));
  await failsWith('EDQUOT', () => overwrite(backend, 'mine', Buffer.alloc(1), 8192));
  await overwrite(backend, 'other', Buffer.alloc(100_000));
  backend.security.write('mine', ownedBy(1001));
  assert.deepEqual(
    (await backend.quota.read()).map(({ owner, usedBytes }) => [owner, usedBytes]),
    [
      [alice, 0n],
      [bob, 8192n],
    ],
  );
  await backend.quota.remove(alice);
  backend.removeFile('mine');
  assert.deepEqual(await backend.quota.read(), []);
});

test('bytes that are no descriptor name no owner', async () => {
  const backend = memoryBackend().seed({ a: 'x' });
  for (const bytes of ['', '01', 'ff'.repeat(40), `0100008014000000${'00'.repeat(14)}`]) {
    backend.security.write('a', Buffer.from(bytes, 'hex'));
    assert.deepEqual(await backend.quota.read(), []);
  }
});
