import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { BackendChange } from '../../src/backend/contract.ts';
import { MemoryBackend, memoryBackend } from '../../src/backend/memory.ts';
import type { Clock, FileTime } from '../../src/base/clock.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';

const MIB = 2 ** 20;

backendContract('memory', () => memoryBackend(), {
  test,
  takeSnapshot: (backend) =>
    backend instanceof MemoryBackend ? backend.takeSnapshot() : assert.fail('no memory'),
  another: (backend) => (backend instanceof MemoryBackend ? backend.another() : undefined),
});

function textOf(backend: MemoryBackend, path: string): string {
  const handle = backend.open(path, {});
  const target = Buffer.alloc(handle.stat().sizeBytes);
  handle.read(target, 0);
  handle.close();
  return target.toString();
}

test('a seed makes files of text and bytes, and directories of objects', () => {
  const backend = memoryBackend().seed({
    'Welcome.txt': 'text',
    dir: { bytes: Buffer.from([1, 2]), sub: {} },
  });
  assert.equal(textOf(backend, 'Welcome.txt'), 'text');
  assert.equal(textOf(backend, 'dir/bytes'), '\x01\x02');
  assert.equal(backend.stat('dir/sub').kind, 'directory');
  backend.seed({ 'Welcome.txt': 'x', dir: { more: 'y' } });
  assert.equal(textOf(backend, 'Welcome.txt'), 'x');
  assert.equal(textOf(backend, 'dir/bytes'), '\x01\x02');
  assert.equal(textOf(backend, 'dir/more'), 'y');
});

test('a write that does not fit fails as a whole and freed space is used again', () => {
  const backend = memoryBackend({ sizeBytesMax: MIB });
  const handle = backend.open('a', { write: true, create: true });
  handle.write(Buffer.alloc(MIB - 4096, 'x'), 0);
  assert.throws(() => handle.write(Buffer.alloc(8192), MIB - 4096), { code: 'ENOSPC' });
  assert.equal(handle.stat().sizeBytes, MIB - 4096);
  assert.equal(backend.volume().freeBytes, 4096);
  handle.write(Buffer.alloc(4096), MIB - 4096);
  assert.equal(backend.volume().freeBytes, 0);
  handle.truncate(0);
  assert.equal(backend.volume().freeBytes, MIB);
});

test('space of a removed file is free once its last handle is closed', () => {
  const backend = memoryBackend({ sizeBytesMax: MIB });
  const handle = backend.open('a', { write: true, create: true });
  handle.write(Buffer.alloc(MIB / 2), 0);
  const stream = backend.open('a', { write: true, create: true, stream: 's' });
  stream.write(Buffer.alloc(MIB / 4), 0);
  backend.removeFile('a');
  assert.equal(backend.volume().freeBytes, MIB / 4);
  stream.close();
  assert.equal(backend.volume().freeBytes, MIB / 2);
  handle.close();
  assert.equal(backend.volume().freeBytes, MIB);
});

test('a file of 64 GiB with little in it costs little', () => {
  const backend = memoryBackend({ sizeBytesMax: MIB });
  const handle = backend.open('a', { write: true, create: true });
  handle.truncate(64 * 2 ** 30);
  handle.write(Buffer.from('x'), 40 * 2 ** 30);
  const stat = handle.stat();
  assert.equal(stat.sizeBytes, 64 * 2 ** 30);
  assert.equal(stat.allocatedBytes, 4096);
  const whole = { offset: 0, length: stat.sizeBytes };
  assert.deepEqual(backend.sparse.allocatedRanges(handle, whole), [{ offset: 40 * 2 ** 30, length: 4096 }]);
});

test('the number of files is bounded, and removed ones do not count', () => {
  const backend = memoryBackend({ nodeCountMax: 3 }).seed({ a: '', b: '' });
  assert.throws(() => backend.makeDirectory('c'), { code: 'ENOSPC' });
  backend.removeFile('a');
  backend.makeDirectory('c');
});

test('times come from the clock that was handed in', () => {
  let now: FileTime = 133_000_000_000_000_000n;
  const clock: Clock = { now: () => now, monotonicMs: () => 0, setTimer: () => ({ cancel() {} }) };
  const backend = memoryBackend({ clock });
  const handle = backend.open('a', { write: true, create: true });
  now += 1n;
  handle.write(Buffer.from('x'), 0);
  const { creationTime, lastWriteTime, changeTime } = handle.stat();
  assert.deepEqual([lastWriteTime - creationTime, changeTime - creationTime], [1n, 1n]);
  now += 1n;
  backend.rename('a', 'b', false);
  assert.equal(backend.stat('b').changeTime, now);
  assert.equal(backend.stat('b').lastWriteTime, now - 1n);
  assert.equal(backend.stat('').lastWriteTime, now);
});

test('120,000 entries are listed in batches of bounded size', async () => {
  const backend = memoryBackend();
  for (let number = 0; number < 120_000; number++) backend.open(`f${number}`, { create: true }).close();
  let count = 0;
  for await (const batch of backend.list('')) {
    assert.ok(batch.length <= 1000);
    count += batch.length;
  }
  assert.equal(count, 120_000);
});

test('a watcher sees a rename with both names, and nothing of its own view', () => {
  const mine = memoryBackend().seed({ d: { a: 'x' }, e: {} });
  const theirs = mine.another();
  const seen: BackendChange[] = [];
  mine.watch.watch('d', (change) => seen.push(change), new AbortController().signal);
  mine.rename('d/a', 'd/b', false);
  theirs.rename('d/b', 'e/c', false);
  theirs.rename('e/c', 'd/c', false);
  theirs.rename('d/c', 'd/d', false);
  assert.deepEqual(seen, [
    { path: 'e/c', kind: 'renamed', from: 'd/b' },
    { path: 'd/c', kind: 'renamed', from: 'e/c' },
    { path: 'd/d', kind: 'renamed', from: 'd/c' },
  ]);
  mine.seed({ d: { seeded: '' } });
  assert.deepEqual(seen.at(3), { path: 'd/seeded', kind: 'created' });
});
