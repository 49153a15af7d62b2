/**
 * The laws every codec obeys, for those written by hand.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../../src/base/bytes.ts';
import { type Codec, WireError } from '../../../src/wire/codec.ts';

/** One value and its bytes. */
export interface Vector<T> {
  readonly name: string;
  readonly hex: string;
  readonly value: T;
  /** The shortest cut that has to be refused: 1 where no bytes at all are a valid, empty list. */
  readonly cutFrom?: number;
}

/** Tests value ⇄ bytes, every truncation, both fills and an offset start for each vector. */
export function obeysTheLaws<T>(codec: Codec<T>, vectors: readonly Vector<T>[]): void {
  for (const vector of vectors) {
    const bytes = hex(vector.hex);
    test(`${codec.name} decodes and encodes ${vector.name}`, () => {
      assert.deepEqual(codec.decode(bytes), vector.value);
      assert.equal(codec.encode(vector.value).toString('hex'), bytes.toString('hex'));
    });
    test(`${codec.name} refuses every truncation of ${vector.name}`, () => {
      for (let end = vector.cutFrom ?? 0; end < bytes.length; end++) {
        assert.throws(() => codec.decode(bytes.subarray(0, end)), WireError, `cut to ${end}`);
        assert.throws(() => codec.decode(bytes, 0, end), WireError, `window of ${end}`);
      }
    });
    test(`${codec.name} writes every byte of ${vector.name} over any fill and at any start`, () => {
      for (const fill of [0x00, 0xff]) {
        const target = Buffer.alloc(bytes.length + 9, fill);
        assert.equal(codec.encodeInto(vector.value, target, 5), bytes.length + 5);
        assert.equal(target.subarray(5, -4).toString('hex'), bytes.toString('hex'));
        assert.ok([...target.subarray(0, 5), ...target.subarray(-4)].every((byte) => byte === fill));
        assert.deepEqual(codec.decode(target, 5, target.length - 4), vector.value);
      }
    });
  }
}
