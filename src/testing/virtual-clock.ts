/**
 * Time that a test advances. Timers run in the order in which they are due, and between two of them everything that was
 * waiting for the first gets its turn.
 */
import type { Clock, FileTime, Timer } from '../base/clock.ts';

interface Pending {
  readonly dueMs: number;
  /** Of two timers that are due together, the one set first runs first. */
  readonly order: number;
  readonly callback: () => void;
}

/** 2026-01-01, so that file times look like file times. */
const defaultStart: FileTime = 134_116_992_000_000_000n;

/** A clock that stands still until it is advanced. */
export class VirtualClock implements Clock {
  readonly #turn: () => Promise<void>;
  readonly #start: FileTime;
  readonly #pending = new Set<Pending>();
  #nowMs = 0;
  #order = 0;

  /** `turn` lets everything run that does not wait for time; the default is enough where no sockets or files are. */
  constructor(turn: () => Promise<void> = microtasks, start: FileTime = defaultStart) {
    this.#turn = turn;
    this.#start = start;
  }

  now(): FileTime {
    return this.#start + BigInt(Math.round(this.#nowMs * 10_000));
  }

  monotonicMs(): number {
    return this.#nowMs;
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    const timer: Pending = { dueMs: this.#nowMs + Math.max(0, delayMs), order: this.#order++, callback };
    this.#pending.add(timer);
    return { cancel: () => void this.#pending.delete(timer) };
  }

  /** Timers that are set. */
  get pendingCount(): number {
    return this.#pending.size;
  }

  /** Lets `ms` pass: runs whatever falls due, what that sets included, then stands still again. */
  async advance(ms: number): Promise<void> {
    const end = this.#nowMs + ms;
    await this.#turn();
    for (let timer = this.#next(end); timer !== undefined; timer = this.#next(end)) {
      this.#pending.delete(timer);
      this.#nowMs = Math.max(this.#nowMs, timer.dueMs);
      timer.callback();
      await this.#turn();
    }
    this.#nowMs = end;
  }

  #next(endMs: number): Pending | undefined {
    let first: Pending | undefined;
    for (const timer of this.#pending) {
      if (timer.dueMs > endMs) continue;
      const isEarlier = first === undefined || timer.dueMs < first.dueMs;
      if (isEarlier || (timer.dueMs === first?.dueMs && timer.order < first.order)) first = timer;
    }
    return first;
  }
}

/** Steps of promises that follow each other without time passing; more than any request takes in memory. */
const steps = 200;

/** Until everything that can go on without time passing, and without the machine, has done so. */
async function microtasks(): Promise<void> {
  for (let count = 0; count < steps; count++) await undefined;
}
