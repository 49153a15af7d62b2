/**
 * Lists whose entries begin with NextEntryOffset: create contexts ([MS-SMB2] 2.2.13.2), directory entries, extended
 * attributes, streams and change records ([MS-FSCC] 2.4, 2.7.1).
 */
import { assert } from '../base/assert.ts';
import { alignUp } from '../base/bytes.ts';
import { type Codec, WireError } from './codec.ts';
import { writeInt, zero } from './primitives.ts';
import { register } from './registry.ts';
import { minimumOf } from './schema.ts';

export interface ChainOptions {
  /** Of each entry, counted from the start of the chain. */
  readonly align: 4 | 8;
}

/** A chain, decoded and encoded as the array of its entries; no bytes are no entries. */
export interface ChainCodec<T> extends Codec<readonly T[]> {
  readonly entry: Codec<T>;
  readonly align: 4 | 8;
  /** Writes entries one by one into `target` from `start` on, never beyond `end`. */
  writer(target: Buffer, start?: number, end?: number): ChainWriter<T>;
}

/** Fills an output buffer of limited size. */
export interface ChainWriter<T> {
  /** False, and nothing is written, when the entry does not fit. */
  append(entry: T): boolean;
  /** Entries written. */
  readonly count: number;
  /** Position behind the last entry, which is not padded. */
  readonly end: number;
}

/** A chain of `entry` structures, whose first field is `next()`. */
export function chain<T>(entry: Codec<T>, options: ChainOptions): ChainCodec<T> {
  const name = `${entry.name}[]`;
  const { align } = options;
  const minimum = minimumOf(entry);
  assert(minimum >= 4, `${entry.name} has no room for NextEntryOffset`);
  return register({
    name,
    entry,
    align,
    decode(bytes: Buffer, start = 0, end = bytes.length): readonly T[] {
      const entries: T[] = [];
      let at = start;
      if (at === end) return entries;
      for (;;) {
        if (end - at < minimum) throw new WireError(`${name}: truncated`);
        const next = bytes.readUInt32LE(at);
        if (next === 0) break;
        if (next < minimum || next % align !== 0) throw new WireError(`${name}: NextEntryOffset ${next}`);
        if (next > end - at) throw new WireError(`${name}: truncated`);
        entries.push(entry.decode(bytes, at, at + next));
        at += next;
      }
      entries.push(entry.decode(bytes, at, end));
      return entries;
    },
    sizeOf(entries: readonly T[]): number {
      let size = 0;
      for (const each of entries) size = alignUp(size, align) + entry.sizeOf(each);
      return size;
    },
    encode(entries: readonly T[]): Buffer {
      const target = Buffer.allocUnsafe(this.sizeOf(entries));
      this.encodeInto(entries, target, 0);
      return target;
    },
    encodeInto(entries: readonly T[], target: Buffer, start: number): number {
      if (entries.length === 0) return start;
      const writer = new BoundedWriter(entry, align, target, { start, end: target.length });
      for (const each of entries) if (!writer.append(each)) throw new RangeError(`${name} does not fit`);
      return writer.end;
    },
    writer(target: Buffer, start = 0, end = target.length): ChainWriter<T> {
      return new BoundedWriter(entry, align, target, { start, end });
    },
  });
}

class BoundedWriter<T> implements ChainWriter<T> {
  count = 0;
  end: number;
  readonly #entry: Codec<T>;
  readonly #align: number;
  readonly #target: Buffer;
  readonly #start: number;
  readonly #limit: number;
  #last: number;

  constructor(entry: Codec<T>, align: number, target: Buffer, place: { start: number; end: number }) {
    this.#entry = entry;
    this.#align = align;
    this.#target = target;
    this.#start = place.start;
    this.#limit = Math.min(place.end, target.length);
    this.#last = place.start;
    this.end = place.start;
  }

  append(entry: T): boolean {
    const at = this.#start + alignUp(this.end - this.#start, this.#align);
    if (at + this.#entry.sizeOf(entry) > this.#limit) return false;
    zero(this.#target, this.end, at);
    this.end = this.#entry.encodeInto(entry, this.#target, at);
    if (this.count > 0) writeInt(this.#target, this.#last, 4, at - this.#last);
    this.#last = at;
    this.count += 1;
    return true;
  }
}
