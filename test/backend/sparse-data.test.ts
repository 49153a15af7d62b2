import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CHUNK_BYTES, SparseData } from '../../src/backend/sparse-data.ts';

const LENGTH = 5 * CHUNK_BYTES;

const step = fc.oneof(
  fc.record({ kind: fc.constant('write'), at: fc.nat(LENGTH), length: fc.nat(2 * CHUNK_BYTES) }),
  fc.record({ kind: fc.constant('truncate'), at: fc.nat(LENGTH), length: fc.constant(0) }),
  fc.record({ kind: fc.constant('punch'), at: fc.nat(LENGTH), length: fc.nat(LENGTH) }),
  fc.record({ kind: fc.constant('copy'), at: fc.nat(LENGTH), length: fc.nat(LENGTH) }),
);

/** The same steps on one flat buffer. */
class FlatData {
  bytes = Buffer.alloc(0);

  resize(length: number): void {
    const next = Buffer.alloc(length);
    this.bytes.copy(next);
    this.bytes = next;
  }

  write(source: Buffer, at: number): void {
    if (source.length === 0) return;
    this.resize(Math.max(this.bytes.length, at + source.length));
    source.copy(this.bytes, at);
  }
}

test('sparse data behaves as a flat buffer, and its account is exact', () => {
  fc.assert(
    fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
      let charged = 0;
      const data = new SparseData({
        charge: (bytes) => {
          charged += bytes;
        },
      });
      const flat = new FlatData();
      steps.forEach(({ kind, at, length }, turn) => {
        if (kind === 'write') {
          const bytes = Buffer.alloc(length, turn + 1);
          data.write(bytes, at);
          flat.write(bytes, at);
        } else if (kind === 'truncate') {
          data.truncate(at);
          flat.resize(at);
        } else if (kind === 'punch') {
          data.punch({ offset: at, length });
          flat.bytes.fill(0, Math.min(at, flat.bytes.length), Math.min(at + length, flat.bytes.length));
        } else {
          const source = Buffer.from(flat.bytes.subarray(length, length + CHUNK_BYTES));
          data.copyFrom(data, { offset: length, length: CHUNK_BYTES }, at);
          flat.write(source, at);
        }
        const all = Buffer.alloc(LENGTH * 3, 0xee);
        const count = data.read(all, 0);
        assert.ok(all.subarray(0, count).equals(flat.bytes));
        assert.equal(charged, data.allocatedBytes);
        for (const range of holesOf(data)) {
          assert.ok(flat.bytes.subarray(range[0], range[1]).every((byte) => byte === 0));
        }
      });
      data.release();
      assert.equal(charged, 0);
    }),
    { numRuns: 150, seed: 20_260_101 },
  );
});

test('punching frees whole chunks only, truncating also the rest of one', () => {
  const data = new SparseData({ charge: () => undefined });
  data.write(Buffer.alloc(3 * CHUNK_BYTES, 'x'), 0);
  const all = { offset: 0, length: 3 * CHUNK_BYTES };
  data.punch({ offset: CHUNK_BYTES / 2, length: CHUNK_BYTES / 2 });
  assert.deepEqual(data.allocatedRanges(all), [all]);
  data.punch({ offset: 0, length: CHUNK_BYTES });
  assert.deepEqual(data.allocatedRanges(all), [{ offset: CHUNK_BYTES, length: 2 * CHUNK_BYTES }]);
  data.truncate(CHUNK_BYTES + CHUNK_BYTES / 2);
  assert.equal(data.allocatedBytes, CHUNK_BYTES / 2);
});

/** What lies between the allocated ranges. */
function holesOf(data: SparseData): [number, number][] {
  const holes: [number, number][] = [];
  let end = 0;
  for (const { offset, length } of data.allocatedRanges({ offset: 0, length: data.sizeBytes })) {
    if (offset > end) holes.push([end, offset]);
    end = offset + length;
  }
  holes.push([end, data.sizeBytes]);
  return holes;
}

test('appending byte by byte does not copy what is there', () => {
  const data = new SparseData({ charge: () => {} });
  for (let at = 0; at < 300_000; at++) data.write(Buffer.from([at & 0xff]), at);
  const target = Buffer.alloc(300_000);
  assert.equal(data.read(target, 0), 300_000);
  assert.ok(target.every((byte, at) => byte === (at & 0xff)));
});
