import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ByteCollector } from '../../src/server/byte-collector.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';

test('what is collected comes out as it came, in pieces of any sizes', () => {
  const random = new SeededEntropy(1);
  for (let round = 0; round < 200; round++) {
    const collector = new ByteCollector();
    const pieces = Array.from({ length: random.below(60) }, () =>
      random.bytes(random.below(2) * random.below(9000) + random.below(20)),
    );
    for (const piece of pieces) collector.add(piece);
    const whole = Buffer.concat(pieces);
    assert.equal(collector.sizeBytes, whole.length);
    assert.deepEqual(collector.take(), whole);
    assert.equal(collector.sizeBytes, 0);
    assert.equal(collector.take().length, 0);
  }
});

test('small pieces do not keep the large buffers alive that they lie in', () => {
  const collector = new ByteCollector();
  const slab = Buffer.alloc(65_536, 1);
  collector.add(slab.subarray(0, 10));
  const taken = collector.take();
  assert.notEqual(taken.buffer, slab.buffer);
  assert.ok(taken.buffer.byteLength < 100);
});

test('a large piece is not copied', () => {
  const collector = new ByteCollector();
  const piece = Buffer.alloc(65_536, 1);
  collector.add(piece);
  assert.equal(collector.take(), piece);
});
