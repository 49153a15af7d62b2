/**
 * Randomness from a seed: the same seed gives the same bytes, so that a run can be repeated. Not for secrets.
 */
import { present } from '../base/assert.ts';
import type { Entropy } from '../base/entropy.ts';

/** A source of numbers and bytes; mulberry32. */
export class SeededEntropy implements Entropy {
  #state: number;

  constructor(seed: number) {
    this.#state = seed >>> 0;
  }

  /** An integer from 0 to 2^32 − 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) >>> 0;
    let mixed = this.#state;
    mixed = Math.imul(mixed ^ (mixed >>> 15), mixed | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return (mixed ^ (mixed >>> 14)) >>> 0;
  }

  /** An integer from 0 to `bound` − 1. */
  below(bound: number): number {
    return Math.floor((this.next() / 2 ** 32) * bound);
  }

  /** One of `items`, which must not be empty. */
  pick<T>(items: readonly T[]): T {
    return present(items[this.below(items.length)], 'item');
  }

  /** `sizeBytes` bytes. */
  bytes(sizeBytes: number): Buffer {
    return this.fill(Buffer.alloc(sizeBytes));
  }

  fill<T extends Uint8Array>(target: T): T {
    for (let i = 0; i < target.length; i++) target[i] = this.next();
    return target;
  }
}
