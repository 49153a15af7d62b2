import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createFsFromVolume, Volume } from 'memfs';
import { type AuditEvent, audit } from '../../src/backend/audit.ts';
import type { Backend } from '../../src/backend/contract.ts';
import { fault, faultAt } from '../../src/backend/fault.ts';
import { type MemoryBackend, memoryBackend } from '../../src/backend/memory.ts';
import { fromNodeFs } from '../../src/backend/node-fs.ts';
import { quota } from '../../src/backend/quota.ts';
import { readOnly } from '../../src/backend/read-only.ts';
import { recycle } from '../../src/backend/recycle.ts';
import { snapshotFolders, snapshots } from '../../src/backend/snapshots.ts';
import { subtree } from '../../src/backend/subtree.ts';
import { veto } from '../../src/backend/veto.ts';
import { type Clock, type FileTime, fileTimeOfUnixMs } from '../../src/base/clock.ts';
import {
  contentOf,
  createFile,
  failsWith,
  listedNames,
  withHandle,
} from '../../src/testing/backend-contract/case.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';

const GIB = 2 ** 30;
const isBin = (name: string) => name === '.recycle';

backendContract('memory with a limit', () => quota(memoryBackend(), { sizeBytesMax: 64 * GIB }), { test });
backendContract('memory with a bin that is hidden', () => veto(recycle(memoryBackend()), isBin), {
  test,
  keepsRemovedFiles: true,
});
backendContract('memfs with a limit', () => quota(memfs(), { sizeBytesMax: 64 * GIB }), {
  test,
  hasExactNames: false,
  timeStep: 20_000n,
  fileBytesMax: 2 ** 30,
});
backendContract('memory without a fault', () => fault(memoryBackend(), () => undefined), { test });
backendContract('memory that is audited', () => audit(memoryBackend(), () => {}), { test });
backendContract(
  'memory with snapshots of others',
  () => snapshots(memoryBackend(), memoryBackend().snapshots),
  { test },
);
backendContract('a directory of memory', () => subtree(memoryBackend().seed({ a: { b: {} } }), 'a/b'), {
  test,
  pathCharsMax: 9000,
});
backendContract(
  'memory in all wrappers',
  () => audit(quota(veto(recycle(memoryBackend()), isBin), { fileCountMax: 100_000 }), () => {}),
  { test, keepsRemovedFiles: true },
);

function memfs(): Backend {
  return fromNodeFs(createFsFromVolume(new Volume()));
}

/** Time that stands still until it is moved. */
class StoppedClock implements Clock {
  time: FileTime = 133_500_000_000_000_000n;

  now() {
    return this.time;
  }

  monotonicMs() {
    return Number(this.time / 10_000n);
  }

  setTimer() {
    return { cancel() {} };
  }
}

const DAY = 864_000_000_000n;

function binned(options: Parameters<typeof recycle>[1] = {}): {
  clock: StoppedClock;
  memory: MemoryBackend;
  backend: Backend;
} {
  const clock = new StoppedClock();
  const memory = memoryBackend({ clock });
  return { clock, memory, backend: recycle(memory, { clock, ...options }) };
}

test('deleted files go to the bin, where they were, in versions', async () => {
  const { memory, backend } = binned();
  memory.seed({ d: { 'a.txt': 'one' }, plain: 'x' });
  await backend.removeFile('d/a.txt');
  for (const text of ['two', 'three']) {
    await createFile(backend, 'd/a.txt', text);
    await backend.removeFile('d/a.txt');
  }
  await backend.removeFile('plain');
  await createFile(backend, 'plain', 'y');
  await backend.removeFile('plain');
  assert.deepEqual(await listedNames(backend, '.recycle'), ['d', 'plain', 'plain (2)']);
  assert.deepEqual(await listedNames(backend, '.recycle/d'), ['a (2).txt', 'a (3).txt', 'a.txt']);
  assert.equal(await contentOf(backend, '.recycle/d/a (3).txt'), 'three');
  assert.equal(memory.stat('.recycle').attributes, 2);
  await failsWith('ENOENT', () => backend.removeFile('plain'));
});

test('what is deleted in the bin is gone, and files not worth keeping never get there', async () => {
  const { memory, backend } = binned({ isIgnored: (name) => name.endsWith('.tmp'), sizeBytesMax: 5 });
  memory.seed({ 'a.tmp': 'x', 'large.bin': '123456', kept: '1' });
  memory.symlinks.makeLink('link', 'kept');
  for (const name of ['a.tmp', 'large.bin', 'link', 'kept']) await backend.removeFile(name);
  assert.deepEqual(await listedNames(backend, ''), ['.recycle']);
  assert.deepEqual(await listedNames(backend, '.recycle'), ['kept']);
  await backend.removeFile('.recycle/kept');
  assert.deepEqual(await listedNames(backend, '.recycle'), []);
});

test('the bin forgets what is too old, and what was deleted first when it is full', async () => {
  const { clock, memory, backend } = binned({ days: 30, sizeBytesMax: 10 });
  memory.seed({ d: { old: '1' }, newer: '2', a: '12345', b: '12345', c: '12345' });
  await backend.removeFile('d/old');
  clock.time += 20n * DAY;
  await backend.removeFile('newer');
  clock.time += 11n * DAY;
  await backend.removeFile('a');
  assert.deepEqual(await listedNames(backend, '.recycle'), ['a', 'newer']);
  clock.time += DAY;
  await backend.removeFile('b');
  clock.time += DAY;
  await backend.removeFile('c');
  assert.deepEqual(await listedNames(backend, '.recycle'), ['b', 'c']);
});

test('a file in the place of the bin means that nothing is kept', async () => {
  const { memory, backend } = binned();
  memory.seed({ '.recycle': 'a file', a: 'x' });
  await backend.removeFile('a');
  assert.deepEqual(await listedNames(backend, ''), ['.recycle']);
});

test('an audit tells of changes and failures, with names', async () => {
  const events: AuditEvent[] = [];
  const store = fault(
    memoryBackend().seed({ a: 'x' }),
    faultAt(0, { kind: 'error', code: 'EIO' }, 'makeDirectory'),
  );
  const backend = audit(store, (event) => events.push(event));
  await withHandle(backend, 'a', {}, (handle) => handle.read(Buffer.alloc(1), 0));
  await failsWith('EIO', () => backend.makeDirectory('d'));
  await backend.rename('a', 'b', false);
  await failsWith('ENOENT', () => backend.open('absent', { write: true }));
  await backend.stat('b');
  assert.deepEqual(events, [
    { operation: 'open', path: 'a' },
    { operation: 'makeDirectory', path: 'd', error: 'EIO' },
    { operation: 'rename', path: 'a', to: 'b' },
    { operation: 'openForWriting', path: 'absent', error: 'ENOENT' },
  ]);
  const all: AuditEvent[] = [];
  const chosen = audit(memoryBackend().seed({ a: 'x' }), (event) => all.push(event), ['write', 'stat']);
  await withHandle(chosen, 'a', { write: true }, (handle) => handle.write(Buffer.from('y'), 0));
  await chosen.stat('a');
  assert.deepEqual(all, [
    { operation: 'write', path: 'a' },
    { operation: 'stat', path: 'a' },
  ]);
});

test('vetoed names are neither listed nor found nor made, wherever they are in a path', async () => {
  const memory = memoryBackend().seed({ '.git': { config: 'x' }, d: { 'a.exe': 'x', b: 'y' } });
  memory.takeSnapshot();
  const backend = veto(memory, (name) => name === '.git' || name.endsWith('.exe'));
  assert.deepEqual(await listedNames(backend, ''), ['d']);
  assert.deepEqual(await listedNames(backend, 'd'), ['b']);
  for (const path of ['.git', '.git/config', 'd/a.exe']) {
    await failsWith('ENOENT', () => backend.stat(path));
    await failsWith('ENOENT', () => backend.open(path, {}));
    await failsWith('ENOENT', () => backend.removeFile(path));
    await failsWith('ENOENT', () => backend.streams?.list(path));
    await failsWith('ENOENT', () => backend.rename(path, 'x', true));
  }
  await failsWith('EACCES', () => createFile(backend, 'b.exe'));
  await failsWith('EACCES', () => backend.makeDirectory('d/.git'));
  await failsWith('EACCES', () => backend.rename('d/b', 'd/b.exe', true));
  await failsWith('EACCES', () => backend.link?.('d/b', 'b.exe'));
  await failsWith('EACCES', () => backend.symlinks?.makeLink('b.exe', 'd/b'));
  await failsWith('ENOTEMPTY', async () => {
    await backend.removeFile('d/b');
    await backend.removeDirectory('d');
  });
  const [time = 0n] = (await backend.snapshots?.list('')) ?? [];
  const earlier = await backend.snapshots?.at(time);
  assert.ok(earlier !== undefined);
  assert.deepEqual(await listedNames(earlier, ''), ['d']);
  assert.equal(await backend.snapshots?.at(time), earlier);
});

test('nothing is heard of vetoed names', async () => {
  const memory = memoryBackend();
  const seen: string[] = [];
  const backend = veto(memory, (name) => name === 'hidden');
  backend.watch?.watch('', (change) => seen.push(change.path), new AbortController().signal);
  const other = memory.another();
  other.makeDirectory('hidden');
  other.makeDirectory('hidden/below');
  other.makeDirectory('seen');
  assert.deepEqual(seen, ['seen']);
});

test('a limit counts what was there, what grows and what goes', async () => {
  const memory = memoryBackend().seed({ old: '1234', d: { deep: '56' } });
  const backend = quota(memory, { sizeBytesMax: 20 });
  const free = async () => (await backend.volume()).freeBytes;
  assert.equal((await backend.volume()).totalBytes, 20);
  assert.equal(await free(), 14);
  const handle = await backend.open('new', { write: true, create: true });
  await handle.write(Buffer.alloc(10), 0);
  await handle.write(Buffer.alloc(10), 0);
  assert.equal(await free(), 4);
  await failsWith('EDQUOT', () => handle.write(Buffer.alloc(1), 14));
  await failsWith('EDQUOT', () => handle.truncate(15));
  await handle.truncate(5);
  assert.equal(await free(), 9);
  await backend.removeFile('new');
  assert.equal(await free(), 9);
  await handle.close();
  assert.equal(await free(), 14);
  await backend.rename('old', 'd/deep', true);
  assert.equal(await free(), 16);
  const stream = await backend.open('d/deep', { write: true, create: true, stream: 's' });
  await stream.write(Buffer.alloc(16), 0);
  await stream.close();
  assert.equal(await free(), 0);
  await backend.streams?.remove('d/deep', 's');
  assert.equal(await free(), 16);
  await withHandle(backend, 'd/deep', { write: true }, (target) =>
    failsWith('EDQUOT', () => backend.copyRange?.copy(target, { offset: 0, length: 4 }, target, 17)),
  );
  assert.equal(await free(), 16);
});

test('a write that failed takes no room of the limit', async () => {
  const failing = fault(memoryBackend(), faultAt(0, { kind: 'shortWrite', bytes: 3, code: 'EIO' }, 'write'));
  const backend = quota(failing, { sizeBytesMax: 10 });
  const handle = await backend.open('a', { write: true, create: true });
  await failsWith('EIO', () => handle.write(Buffer.alloc(10), 0));
  assert.equal((await backend.volume()).freeBytes, 7);
  await handle.write(Buffer.alloc(10), 0);
  assert.equal((await backend.volume()).freeBytes, 0);
});

test('a limit of files counts directories and links, too', async () => {
  const backend = quota(memoryBackend().seed({ a: '' }), { fileCountMax: 3 });
  await backend.makeDirectory('d');
  await failsWith('EEXIST', () => backend.makeDirectory('d'));
  await backend.link?.('a', 'b');
  await failsWith('EDQUOT', () => createFile(backend, 'c'));
  await backend.removeFile('b');
  await createFile(backend, 'c');
  await failsWith('EDQUOT', () => backend.symlinks?.makeLink('l', 'a'));
});

test('owners have limits of their own where the store keeps descriptors', async () => {
  const { quota: _own, ...store } = readableCopy(memoryBackend().seed({ a: '12345' }));
  const owner = 'S-1-5-32-544';
  const descriptor = Buffer.alloc(36);
  descriptor.writeUInt8(1, 0);
  descriptor.writeUInt32LE(20, 4);
  Buffer.from('01020000000000052000000020020000', 'hex').copy(descriptor, 20);
  const backend = quota(store, {});
  await backend.security?.write('a', descriptor);
  await backend.quota?.write([{ owner, usedBytes: 0n, thresholdBytes: -1n, limitBytes: 8n }]);
  await withHandle(backend, 'a', { write: true }, async (handle) => {
    await handle.write(Buffer.alloc(8), 0);
    await failsWith('EDQUOT', () => handle.write(Buffer.alloc(9), 0));
  });
  assert.deepEqual(await backend.quota?.read(), [
    { owner, usedBytes: 8n, thresholdBytes: -1n, limitBytes: 8n },
  ]);
});

/** As a plain object, of which parts can be left out. */
function readableCopy(store: Backend): Backend {
  return audit(store, () => {});
}

backendContract(
  'memory with snapshot folders',
  () => veto(snapshotFolders(memoryBackend()), (name) => name === '.snapshots'),
  {
    test,
  },
);

test('folders named after a time are snapshots, read-only', async () => {
  const memory = memoryBackend().seed({
    a: 'now',
    '.snapshots': {
      '@GMT-2026.01.02-03.04.05': { a: 'then' },
      '@GMT-2025.12.31-23.59.59': { a: 'before', d: { b: 'below' } },
      '@GMT-2026.02.30-00.00.00': {},
      other: {},
      '@GMT-2026.01.01-00.00.00': 'a file',
    },
  });
  const backend = snapshotFolders(memory);
  const newest = fileTimeOfUnixMs(Date.UTC(2026, 0, 2, 3, 4, 5));
  const oldest = fileTimeOfUnixMs(Date.UTC(2025, 11, 31, 23, 59, 59));
  assert.deepEqual(await backend.snapshots?.list('a'), [newest, oldest]);
  const then = await backend.snapshots?.at(newest);
  const before = await backend.snapshots?.at(oldest);
  assert.ok(then !== undefined && before !== undefined);
  assert.equal(await contentOf(then, 'a'), 'then');
  assert.equal(await contentOf(before, 'd/b'), 'below');
  await failsWith('EROFS', () => then.removeFile('a'));
  await failsWith('EINVAL', () => then.stat('../other'));
  await failsWith('ENOENT', async () => backend.snapshots?.at(newest + 10_000_000n));
  assert.equal(await backend.snapshots?.at(newest), then);
  memory.rename('.snapshots/@GMT-2026.01.02-03.04.05', '.snapshots/gone', false);
  await failsWith('ENOENT', async () => backend.snapshots?.at(newest));
  assert.deepEqual(await backend.snapshots?.list(''), [oldest]);
});

test('snapshot folders may lie elsewhere, be named otherwise and hold the files further down', async () => {
  const elsewhere = memoryBackend().seed({ snaps: { 'daily_2026-05-06': { files: { a: 'then' } } } });
  const backend = snapshotFolders(memoryBackend(), {
    within: elsewhere,
    directory: 'snaps',
    format: 'daily_%Y-%m-%d',
    below: 'files',
  });
  const [time = 0n] = (await backend.snapshots?.list('')) ?? [];
  assert.equal(time, fileTimeOfUnixMs(Date.UTC(2026, 4, 6)));
  const view = await backend.snapshots?.at(time);
  assert.ok(view !== undefined);
  assert.equal(await contentOf(view, 'a'), 'then');
  assert.throws(() => snapshotFolders(memoryBackend(), { format: '%Y' }), /lacks %m/);
});

test('snapshots that a program tells of are read-only, and the same store gets the same view', async () => {
  const earlier = memoryBackend().seed({ a: 'then' });
  const backend = snapshots(memoryBackend(), {
    list: () => [10_000_000n],
    at: () => earlier,
  });
  const view = await backend.snapshots?.at(10_000_000n);
  assert.equal(await backend.snapshots?.at(10_000_000n), view);
  await failsWith('EROFS', () => view?.removeFile('a'));
});

test('a read-only store shows its snapshots and quotas, and changes no limits', async () => {
  const memory = memoryBackend().seed({ a: 'x' });
  memory.takeSnapshot();
  const backend = readOnly(memory);
  assert.equal((await backend.snapshots?.list(''))?.length, 1);
  assert.deepEqual(await backend.quota?.read(), []);
  await failsWith('EROFS', () => backend.quota?.write([]));
});
