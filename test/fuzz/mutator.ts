/**
 * Changes inputs: numbers in their fields to what is at or beyond a bound, and bytes without regard to any structure.
 */
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import type { MappedField } from './field-map.ts';
import type { Seed } from './target.ts';

/** The largest input. */
export const inputBytesMax = 65_536;

/** How far an insertion may enlarge an input. */
const insertBytesMax = 64;

const bounds = [
  0, 1, 2, 3, 4, 7, 8, 15, 16, 63, 64, 127, 128, 255, 256, 4096, 0x7fff, 0x8000, 0xfffe, 0xffff,
];
const wideBounds = [0x10000, 0xffffff, 0x7fffffff, 0x80000000, 0xfffffff0, 0xfffffffe, 0xffffffff];

/** What is being changed. */
interface Draft {
  length: number;
  readonly frozen: number;
}

export class Mutator {
  readonly #random: SeededEntropy;
  readonly #bytes = Buffer.alloc(inputBytesMax);

  constructor(random: SeededEntropy) {
    this.#random = random;
  }

  /** A changed copy of `seed`, valid until the next call. `donor` may give bytes to it. */
  mutate(seed: Seed, donor: Buffer): Buffer {
    const length = Math.min(seed.bytes.length, inputBytesMax);
    seed.bytes.copy(this.#bytes, 0, 0, length);
    const draft: Draft = { length, frozen: Math.min(seed.frozenBytes, length) };
    const { fields } = seed;
    for (let count = 1 + this.#geometric(); count > 0; count--) {
      if (fields.length > 0 && this.#random.below(3) > 0) this.#changeField(draft, this.#random.pick(fields));
      else this.#changeBytes(draft, donor);
    }
    return this.#bytes.subarray(0, draft.length);
  }

  /** 0 half of the time, 1 a quarter, and so on up to 5. */
  #geometric(): number {
    return Math.min(5, Math.clz32(this.#random.next()));
  }

  #changeField(draft: Draft, { start, end }: MappedField): void {
    const width = end - start;
    if (end > draft.length || width <= 0 || start < draft.frozen) {
      this.#changeByte(draft);
      return;
    }
    if (width === 1 || width === 2 || width === 4) {
      this.#bytes.writeUIntLE(this.#number(this.#bytes.readUIntLE(start, width), draft, width), start, width);
    } else if (width === 8) {
      const low = this.#number(this.#bytes.readUInt32LE(start), draft, 4);
      const high = this.#random.below(3) === 0 ? this.#number(0, draft, 4) : this.#random.pick(highWords);
      this.#bytes.writeUInt32LE(low, start);
      this.#bytes.writeUInt32LE(high, start + 4);
    } else this.#changeRun(start, end);
  }

  /** A number that its reader may stumble over. */
  #number(value: number, draft: Draft, width: number): number {
    const range = 2 ** (8 * width);
    const choice = this.#random.below(8);
    let number: number;
    if (choice < 2) number = value + this.#random.below(9) - 4;
    else if (choice === 2) number = draft.length + this.#random.below(9) - 4;
    else if (choice === 3) number = value ^ (2 ** this.#random.below(8 * width));
    else if (choice === 4 && width === 4) number = this.#random.pick(wideBounds);
    else if (choice === 5) number = this.#random.next();
    else if (choice === 6) number = range - 1 - this.#random.below(9);
    else number = this.#random.pick(bounds);
    return ((number % range) + range) % range;
  }

  /** Bytes of one field without a number in it. */
  #changeRun(start: number, end: number): void {
    const choice = this.#random.below(4);
    if (choice === 0) this.#bytes.fill(this.#random.pick(fills), start, end);
    else {
      for (let count = 1 + this.#random.below(4); count > 0; count--)
        this.#bytes[start + this.#random.below(end - start)] = this.#random.next();
    }
  }

  #changeByte(draft: Draft): void {
    const room = draft.length - draft.frozen;
    if (room <= 0) return;
    this.#bytes[draft.frozen + this.#random.below(room)] = this.#random.next();
  }

  #changeBytes(draft: Draft, donor: Buffer): void {
    const room = draft.length - draft.frozen;
    const at = draft.frozen + this.#random.below(room + 1);
    switch (this.#random.below(8)) {
      case 0:
        draft.length = at;
        break;
      case 1:
        this.#insert(draft, at);
        break;
      case 2:
        this.#remove(draft, at);
        break;
      case 3:
        this.#splice(draft, at, donor);
        break;
      case 4:
        if (at + 4 <= draft.length)
          this.#bytes.writeUInt32LE(this.#number(this.#bytes.readUInt32LE(at), draft, 4), at);
        break;
      case 5:
        if (at < draft.length) this.#bytes[at] = (this.#bytes[at] ?? 0) ^ (1 << this.#random.below(8));
        break;
      default:
        this.#changeByte(draft);
    }
  }

  /** Repeats some of the bytes before `at` there. */
  #insert(draft: Draft, at: number): void {
    const count = Math.min(1 + this.#random.below(insertBytesMax), at, inputBytesMax - draft.length);
    this.#bytes.copyWithin(at + count, at, draft.length);
    this.#bytes.copyWithin(at, at - count, at);
    draft.length += count;
  }

  #remove(draft: Draft, at: number): void {
    const count = Math.min(1 + this.#random.below(insertBytesMax), draft.length - at);
    this.#bytes.copyWithin(at, at + count, draft.length);
    draft.length -= count;
  }

  /** Another input from some place on. */
  #splice(draft: Draft, at: number, donor: Buffer): void {
    const from = this.#random.below(donor.length + 1);
    draft.length = at + donor.copy(this.#bytes, at, from);
  }
}

const fills = [0x00, 0xff, 0x41, 0x2a];
const highWords = [0, 0, 0xffff_ffff, 0x7fff_ffff, 0x8000_0000, 0x001f_ffff, 0x0020_0000, 1];
