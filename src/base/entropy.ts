/**
 * Randomness as a value handed in, so that a whole server can be replayed from a seed.
 */
import { randomFillSync } from 'node:crypto';

export interface Entropy {
  /** Fills `target` with unpredictable bytes and returns it. */
  fill<T extends Uint8Array>(target: T): T;
}

/** Small amounts are cut from a larger one: asking costs much more than the bytes do. */
const pool = Buffer.alloc(4096);
let poolUsed = pool.length;
const SMALL_BYTES = 64;

/** The operating system's generator. */
export const systemEntropy: Entropy = {
  fill(target) {
    if (target.byteLength > SMALL_BYTES) return randomFillSync(target);
    if (poolUsed + target.byteLength > pool.length) {
      randomFillSync(pool);
      poolUsed = 0;
    }
    for (let index = 0; index < target.length; index++) {
      target[index] = pool[poolUsed] ?? 0;
      // What was handed out is nowhere else.
      pool[poolUsed++] = 0;
    }
    return target;
  },
};

/** A fresh buffer of `sizeBytes` unpredictable bytes. */
export function randomBytesOf(entropy: Entropy, sizeBytes: number): Buffer {
  return entropy.fill(Buffer.alloc(sizeBytes));
}

const scratch = Buffer.alloc(8);

/** An unpredictable integer in 1 … 2^53 − 2, fit for session ids and file ids. */
export function randomId(entropy: Entropy): number {
  for (;;) {
    entropy.fill(scratch);
    const id = scratch.readUInt32LE(0) + (scratch.readUInt32LE(4) & 0x1f_ffff) * 0x1_0000_0000;
    if (id > 0 && id < Number.MAX_SAFE_INTEGER) return id;
  }
}

/** An unpredictable integer in 1 … 2^32 − 2, for ids that some clients keep in 32 bits. */
export function randomId32(entropy: Entropy): number {
  for (;;) {
    entropy.fill(scratch);
    const id = scratch.readUInt32LE(0);
    if (id > 0 && id < 0xffff_ffff) return id;
  }
}
