import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendError } from '../../src/backend/error.ts';
import { CachedReads } from '../../src/backend/transfer.ts';

/** A file of ten bytes of which the first `cached` are in memory, and at most four come at a time. */
function fileOf(cached: number) {
  return (_fd: number, target: Buffer, position: number): number | undefined => {
    if (position >= 10) return 0;
    if (position >= cached) return undefined;
    const count = Math.min(4, target.length, cached - position);
    for (let at = 0; at < count; at++) target[at] = position + at;
    return count;
  };
}

test('what is in memory is read whole, up to the end of the file', () => {
  const reads = new CachedReads(fileOf(10));
  const target = Buffer.alloc(20, 99);
  assert.equal(reads.read(1, target, 1), 9);
  assert.deepEqual([...target.subarray(0, 10)], [1, 2, 3, 4, 5, 6, 7, 8, 9, 99]);
});

test('what is in memory only in part is left to those who wait', () => {
  const reads = new CachedReads(fileOf(6));
  assert.equal(reads.read(1, Buffer.alloc(6), 0), 6);
  assert.equal(reads.read(1, Buffer.alloc(7), 0), undefined);
  assert.ok(reads.isKnown);
});

test('a file system that cannot say is not asked again, any other error is passed on', () => {
  let calls = 0;
  const reads = new CachedReads(() => {
    calls += 1;
    throw new BackendError(calls === 1 ? 'EIO' : 'ENOTSUP', 'read');
  });
  assert.throws(() => reads.read(1, Buffer.alloc(1), 0), { code: 'EIO' });
  assert.equal(reads.read(1, Buffer.alloc(1), 0), undefined);
  assert.equal(reads.isKnown, false);
  assert.equal(reads.read(1, Buffer.alloc(1), 0), undefined);
  assert.equal(calls, 2);
});
