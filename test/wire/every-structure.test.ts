import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import fc from 'fast-check';
import { type Codec, WireError } from '../../src/wire/codec.ts';
import { interpreted } from '../../src/wire/interpret.ts';
import { isTail, type Layout, layoutOf } from '../../src/wire/schema.ts';
import { everyStructure } from './all.ts';
import { valuesOf } from './arbitrary.ts';

const structures = await everyStructure();
const RUNS = { numRuns: 25, seed: 20_240_229 };

/** True where the end of the bytes decides what a variable part holds, so that a cut may leave a valid structure. */
function isOpen(codec: Codec<unknown>): boolean {
  return layoutOf(codec)?.parts.some((part) => isTail(part) && isOpenPart(part)) ?? false;
}

function isOpenPart({ spec, length, count }: Extract<Layout['parts'][number], { offset: unknown }>): boolean {
  if (length !== undefined || count !== undefined) return false;
  return spec.shape !== 'nested' || spec.optional || spec.codec === undefined || isOpen(spec.codec);
}

function outcome(decode: () => unknown): unknown {
  try {
    return decode();
  } catch (error) {
    assert(error instanceof WireError, `decoding threw ${String(error)}`);
    return 'WireError';
  }
}

test('there are structures to look at', () => {
  assert(structures.length > 150, `${structures.length} are registered`);
});

for (const { codec } of structures) {
  describe(codec.name, () => {
    const value = valuesOf(codec);

    it('decodes what it encoded', () => {
      fc.assert(
        fc.property(value, (original) => {
          const bytes = codec.encode(original);
          assert.deepEqual(codec.decode(bytes), original);
          assert.equal(codec.sizeOf(original), bytes.length);
        }),
        RUNS,
      );
    });

    it('overwrites every byte of its place and none beside it', () => {
      fc.assert(
        fc.property(value, (original) => {
          const size = codec.sizeOf(original);
          const zeros = Buffer.alloc(size + 16, 0x00);
          const ones = Buffer.alloc(size + 16, 0xff);
          assert.equal(codec.encodeInto(original, zeros, 8), size + 8);
          assert.equal(codec.encodeInto(original, ones, 8), size + 8);
          assert.deepEqual(ones.subarray(8, size + 8), zeros.subarray(8, size + 8));
          assert.deepEqual([...zeros.subarray(0, 8), ...zeros.subarray(size + 8)], Array(16).fill(0x00));
          assert.deepEqual([...ones.subarray(0, 8), ...ones.subarray(size + 8)], Array(16).fill(0xff));
        }),
        RUNS,
      );
    });

    it('reads only its place in a larger buffer', () => {
      fc.assert(
        fc.property(value, fc.constantFrom(0x00, 0xff), (original, fill) => {
          const bytes = codec.encode(original);
          const larger = Buffer.alloc(bytes.length + 24, fill);
          bytes.copy(larger, 8);
          assert.deepEqual(codec.decode(larger, 8, 8 + bytes.length), original);
        }),
        RUNS,
      );
    });

    it('refuses every truncation', () => {
      fc.assert(
        fc.property(value, (original) => {
          const bytes = codec.encode(original);
          const spans =
            'spans' in codec && typeof codec.spans === 'function' ? codec.spans(bytes) : undefined;
          const end =
            spans === undefined
              ? bytes.length
              : Math.max(0, ...spans.map((span: { end: number }) => span.end));
          for (let cut = 0; cut < end; cut++) {
            const result = outcome(() => codec.decode(bytes, 0, cut));
            const isAllowed = result === 'WireError' || isOpen(codec) || (Array.isArray(result) && cut === 0);
            assert(isAllowed, `${cut} of ${bytes.length} bytes were accepted: ${bytes.toString('hex')}`);
          }
        }),
        RUNS,
      );
    });

    it('refuses a target that is too small', () => {
      const [original] = fc.sample(value, { ...RUNS, numRuns: 1 });
      const size = codec.sizeOf(original);
      if (size > 0) assert.throws(() => codec.encodeInto(original, Buffer.alloc(size - 1), 0));
    });

    it('answers any bytes with a value or a WireError', () => {
      const bytes = fc.tuple(
        value,
        fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 4 }),
      );
      fc.assert(
        fc.property(bytes, fc.uint8Array({ maxLength: 80 }), ([original, changes], noise) => {
          const mutated = codec.encode(original);
          for (const [at, byte] of changes) if (mutated.length > 0) mutated[at % mutated.length] = byte;
          outcome(() => codec.decode(mutated));
          outcome(() => codec.decode(Buffer.from(noise)));
        }),
        RUNS,
      );
    });

    const layout = layoutOf(codec);
    if (layout === undefined) return;
    const oracle = interpreted(layout);

    it('is compiled to what the interpreter does', () => {
      const changes = fc.array(fc.tuple(fc.nat(), fc.integer({ min: 0, max: 255 })), { maxLength: 3 });
      fc.assert(
        fc.property(value, changes, fc.nat(), (original, mutations, cut) => {
          assert(typeof original === 'object' && original !== null);
          const fields = Object.fromEntries(Object.entries(original));
          const bytes = codec.encode(original);
          const target = Buffer.alloc(bytes.length);
          assert.equal(oracle.sizeOf(fields), bytes.length);
          assert.equal(oracle.encodeInto(fields, target, 0), bytes.length);
          assert.deepEqual(target, bytes);
          assert.deepEqual(oracle.decode(bytes), codec.decode(bytes));
          for (const [at, byte] of mutations) if (bytes.length > 0) bytes[at % bytes.length] = byte;
          const end = cut % (bytes.length + 1);
          assert.deepEqual(
            outcome(() => codec.decode(bytes)),
            outcome(() => oracle.decode(bytes)),
          );
          assert.deepEqual(
            outcome(() => codec.decode(bytes, 0, end)),
            outcome(() => oracle.decode(bytes, 0, end)),
          );
        }),
        RUNS,
      );
    });
  });
}
