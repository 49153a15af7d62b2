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

/** Bytes that lie ready at most; beyond that, the memory of what is given back goes to the system at once. */
const KEPT_BYTES_MAX = 64 * 1024 * 1024;
/** The share of the buffers not needed for a while that goes with each {@link BufferPool.trim}. */
const TRIM_SHARE = 1 / 8;

/** The buffers of one size that lie ready, and how few there were at some time since the last trim: so many nobody needed. */
interface Shelf {
  readonly buffers: Buffer[];
  leastCount: number;
}

export class BufferPool {
  readonly #shelves: Shelf[] = Array.from({ length: EXPONENT_MAX + 1 }, () => ({
    buffers: [],
    leastCount: 0,
  }));
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
    const shelf = this.#shelves[exponent];
    const buffer = shelf?.buffers.pop();
    if (shelf === undefined || buffer === undefined) {
      return Buffer.allocUnsafeSlow(Math.max(sizeBytes, (1 << exponent) + EXTRA_BYTES));
    }
    shelf.leastCount = Math.min(shelf.leastCount, shelf.buffers.length);
    this.#keptBytes -= buffer.length;
    return buffer;
  }

  /** Gives back what {@link take} returned; nothing may read or write it from now on. */
  give(buffer: Buffer): void {
    const exponent = exponentFor(buffer.length);
    const isOfPool = buffer.length === (1 << exponent) + EXTRA_BYTES;
    if (isOfPool) this.onGive?.(buffer);
    if (!isOfPool || this.#keptBytes + buffer.length > KEPT_BYTES_MAX) {
      free(buffer);
      return;
    }
    this.#shelves[exponent]?.buffers.push(buffer);
    this.#keptBytes += buffer.length;
  }

  /** Frees some of what was not needed since the last call. To be called once a second or so. */
  trim(): void {
    for (const shelf of this.#shelves) {
      // What was given back first has lain longest.
      for (const buffer of shelf.buffers.splice(0, Math.ceil(shelf.leastCount * TRIM_SHARE))) {
        this.#keptBytes -= buffer.length;
        free(buffer);
      }
      shelf.leastCount = shelf.buffers.length;
    }
  }
}

/** Memory behind a Buffer is otherwise freed when the collector finds out, which looks at the heap and not at what lies outside. */
function free({ buffer, length }: Buffer): void {
  if (buffer instanceof ArrayBuffer && buffer.byteLength === length) buffer.transfer(0);
}

function exponentFor(sizeBytes: number): number {
  if (sizeBytes <= (1 << EXPONENT_MIN) + EXTRA_BYTES) return EXPONENT_MIN;
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
