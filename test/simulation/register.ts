/**
 * What may be read of a block that several clients read and write: the last value written before the read began, or one of
 * those whose writing overlaps with it. Every value is written once, so that a value says which write it is from.
 */

/** Unset until it is known. */
const never = Number.POSITIVE_INFINITY;

interface Written {
  readonly value: number;
  /** When it was first sent. */
  readonly begun: number;
  /** When it was answered, or first seen by a reader: from then on it has happened. */
  done: number;
  doneMs: number;
  /** When a flush that covers it was answered. */
  flushed: boolean;
}

/** The order of events; equal for none. */
export interface Moments {
  /** A number larger than every one before. */
  next(): number;
  nowMs(): number;
}

export class Register {
  readonly name: string;
  readonly #moments: Moments;
  /** How old what a cache gives may be: the time a break is on its way. */
  readonly #staleMs: number;
  #writes = new Map<number, Written>();
  #readCount = 0;

  constructor(name: string, moments: Moments, staleMs: number) {
    this.name = name;
    this.#moments = moments;
    this.#staleMs = staleMs;
    this.#begin(0);
  }

  /** Reads that were checked. */
  get readCount(): number {
    return this.#readCount;
  }

  /** A write is sent; call the result when it is answered. One that is sent again is the same write. */
  writing(value: number): () => void {
    const known = this.#writes.get(value);
    const write = known ?? { value, begun: this.#moments.next(), done: never, doneMs: never, flushed: false };
    this.#writes.set(value, write);
    return () => this.#happened(write);
  }

  /** A flush is sent; call the result when it is answered. */
  flushing(): () => void {
    const covered = [...this.#writes.values()].filter((write) => write.done < never);
    return () => {
      for (const write of covered) write.flushed = true;
    };
  }

  /** A read is sent; call the result with what came. It throws when that is not allowed. */
  reading(): (value: number) => void {
    const begun = this.#moments.next();
    return (value) => {
      this.#check(value, (other) => other.done < begun);
      const write = this.#writes.get(value);
      if (write !== undefined) this.#happened(write);
    };
  }

  /** A read came from a client's cache. */
  cached(value: number): void {
    const nowMs = this.#moments.nowMs();
    this.#check(value, (other) => other.doneMs + this.#staleMs < nowMs);
  }

  /** All was lost but what a flush had promised, and `value` is what is there now; throws when that is not allowed. */
  crashed(value: number): void {
    this.#check(value, (other) => other.flushed);
    this.#begin(value);
  }

  #check(value: number, hasPassed: (other: Written) => boolean): void {
    this.#readCount += 1;
    const write = this.#writes.get(value);
    if (write === undefined) throw new Error(`${this.name}: ${value} was never written`);
    for (const other of this.#writes.values()) {
      if (other.begun > write.done && hasPassed(other)) {
        throw new Error(`${this.name}: read ${value}, after which ${other.value} was written`);
      }
    }
  }

  #happened(write: Written): void {
    if (write.done < never) return;
    write.done = this.#moments.next();
    write.doneMs = this.#moments.nowMs();
  }

  #begin(value: number): void {
    const begun = this.#moments.next();
    this.#writes = new Map([
      [value, { value, begun, done: this.#moments.next(), doneMs: this.#moments.nowMs(), flushed: true }],
    ]);
  }
}
