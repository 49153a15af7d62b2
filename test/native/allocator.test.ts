import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { it } from 'node:test';
import { returnLargeBlocks } from '../../src/native/allocator.ts';
import { sharedFfi } from '../../src/native/ffi.ts';

/** Heap of the C library at the end of the process, in KiB. */
function heapKib(maps: string): number {
  let kib = 0;
  for (const [, from = '', to = ''] of maps.matchAll(/^(\w+)-(\w+) .*\[heap\]$/gm)) {
    kib += (Number.parseInt(to, 16) - Number.parseInt(from, 16)) / 1024;
  }
  return kib;
}

const isNative = typeof sharedFfi() !== 'string';

it('large blocks are no part of the C heap, even after some were freed, with native calls', () => {
  assert.equal(returnLargeBlocks(), isNative);
  const before = heapKib(readFileSync('/proc/self/maps', 'utf8'));
  for (let round = 0; isNative && round < 3; round++) {
    const blocks = Array.from({ length: 32 }, () => Buffer.allocUnsafeSlow(2 ** 20));
    const grown = heapKib(readFileSync('/proc/self/maps', 'utf8')) - before;
    assert.ok(grown < 8 * 1024, `the C heap grew by ${grown} KiB`);
    for (const { buffer } of blocks) if (buffer instanceof ArrayBuffer) buffer.transfer(0);
  }
});
