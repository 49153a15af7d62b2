/**
 * Large buffers used again: fresh memory costs a page fault for every 4 KiB, several times what is done with it. The buffer
 * given back last is taken first, while it is still in the processor's cache.
 *
 * What a buffer holds when it is taken is what its last user left there. Whoever takes one sends only bytes that it wrote.
 */
import { assert } from '../base/assert.ts';

/** Every buffer has a power of two of bytes and this much more: a payload is a power of two, its headers come on top. */
const EXTRA_BYTES = 512;
const EXPONENT_MIN = 9;
const EXPONENT_MAX = 24;

/** Bytes that lie ready at most; beyond that, what is given back is left to the runtime. */
const KEPT_BYTES_MAX = 32 * 1024 * 1024;

export class BufferPool {
  readonly #free: Buffer[][] = Array.from({ length: EXPONENT_MAX + 1 }, () => []);
  #keptBytes = 0;
  /** Called with what is given back: tests overwrite it, so that a use after that shows. */
  onGive: ((buffer: Buffer) => void) | undefined;

  /** Bytes that lie ready. */
  get keptBytes(): number {
    return this.#keptBytes;
  }

  /** A buffer of at least `sizeBytes`, its bytes anything. */
  take(sizeBytes: number): Buffer {
    const exponent = exponentFor(sizeBytes);
    const buffer = this.#free[exponent]?.pop();
    if (buffer === undefined) return Buffer.allocUnsafeSlow(Math.max(sizeBytes, 2 ** exponent + EXTRA_BYTES));
    this.#keptBytes -= buffer.length;
    return buffer;
  }

  /** Gives back what {@link take} returned; nothing may read or write it from now on. */
  give(buffer: Buffer): void {
    const exponent = exponentFor(buffer.length);
    if (buffer.length !== 2 ** exponent + EXTRA_BYTES) return;
    this.onGive?.(buffer);
    if (this.#keptBytes + buffer.length > KEPT_BYTES_MAX) return;
    this.#free[exponent]?.push(buffer);
    this.#keptBytes += buffer.length;
  }
}

function exponentFor(sizeBytes: number): number {
  if (sizeBytes <= 2 ** EXPONENT_MIN + EXTRA_BYTES) return EXPONENT_MIN;
  return Math.min(32 - Math.clz32(sizeBytes - EXTRA_BYTES - 1), EXPONENT_MAX);
}

/** The buffers of this process: all servers in it run on one event loop. */
export const buffers: BufferPool = new BufferPool();

/** A buffer of the pool with one owner. */
export class PooledMemory {
  readonly bytes: Buffer;
  #isReleased = false;

  constructor(sizeBytes: number) {
    this.bytes = buffers.take(sizeBytes);
  }

  /** Gives the buffer back: nothing may refer to its bytes any more. Never called, the runtime collects it. */
  release(): void {
    assert(!this.#isReleased, 'a buffer is given back once');
    this.#isReleased = true;
    buffers.give(this.bytes);
  }
}
