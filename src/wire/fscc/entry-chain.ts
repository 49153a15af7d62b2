/**
 * Lists of entries linked by NextEntryOffset, built entry by entry into a buffer of fixed size: directory listings,
 * change notifications, streams, extended attributes, quotas.
 */
import { alignUp } from '../../base/bytes.ts';
import type { Codec } from '../codec.ts';

/**
 * Appends entries until the next one does not fit. Each entry starts with its 32-bit NextEntryOffset and on a multiple of
 * `alignment`; the gaps are zeros, the last entry is not padded and its NextEntryOffset is 0. [MS-FSCC] 2.4
 */
export class EntryChain<T> {
  readonly #codec: Codec<T>;
  readonly #target: Buffer;
  readonly #alignment: number;
  #last = 0;
  #end = 0;

  /** `target` is filled from its start and never beyond its end. */
  constructor(codec: Codec<T>, target: Buffer, alignment = 8) {
    this.#codec = codec;
    this.#target = target;
    this.#alignment = alignment;
  }

  /** Appends `entry` and returns true, or changes nothing and returns false when it does not fit. */
  append(entry: T): boolean {
    const start = alignUp(this.#end, this.#alignment);
    if (start + this.#codec.sizeOf(entry) > this.#target.length) return false;
    if (this.#end > 0) {
      this.#target.fill(0, this.#end, start);
      this.#target.writeUInt32LE(start - this.#last, this.#last);
    }
    this.#end = this.#codec.encodeInto(entry, this.#target, start);
    this.#last = start;
    return true;
  }

  /** Bytes written so far. */
  get length(): number {
    return this.#end;
  }

  /** The bytes written so far, as a view of the target. */
  bytes(): Buffer {
    return this.#target.subarray(0, this.#end);
  }
}
