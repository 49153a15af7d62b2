/**
 * System calls that run at once while the disk is quick and in the thread pool while it is not: a call answered from
 * memory takes 2 to 5 µs here and 20 more through the pool, but a stalled disk must not stall the event loop.
 *
 * An operation is a generator that yields its calls; the driver decides for each where it runs. One code path serves both.
 */
import { assert } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { MaybePromise } from './contract.ts';
import { type LossCount, Preemption, preemptionBy } from './preemption.ts';

/** An operation made of {@link Step}s, to be driven by {@link run}; begins when it is driven. */
export interface Task<T> extends Iterator<Step<unknown>, T, void> {
  next(): IteratorResult<Step<unknown>, T>;
  throw(error: unknown): IteratorResult<Step<unknown>, T>;
  [Symbol.iterator](): Task<T>;
}

/** Runs a call in the thread pool. */
export type Pooled<T> = (done: (error: Error | null, value: T) => void) => void;

/** Says whether calls run at once, and runs them. */
interface Driver {
  readonly isQuick: boolean;
  timed<T>(call: () => T): T;
}

/** Of the task that goes on at the moment; absent while what the pool has done is taken up. */
let driver: Driver | undefined;

/** For what has to be done at once. */
const atOnce: Driver = { isQuick: true, timed: (call) => call() };

/** One system call, in both its forms, as a task: where it may, it has run by the time that a driver would hear of it. */
export class Step<T> implements Task<T> {
  readonly #now: (() => T) | undefined;
  readonly #later: () => Promise<T>;
  #result: { readonly done: true; readonly value: T } | undefined;

  constructor(now: (() => T) | undefined, later: () => Promise<T>) {
    this.#now = now;
    this.#later = later;
  }

  /** False for calls that always take their time. */
  get mayRunNow(): boolean {
    return this.#now !== undefined;
  }

  next(): IteratorResult<Step<unknown>, T> {
    if (this.#result !== undefined) return this.#result;
    if (this.#now === undefined || !driver?.isQuick) return { done: false, value: this };
    return { done: true, value: driver.timed(this.#now) };
  }

  throw(error: unknown): never {
    throw error;
  }

  async runLater(): Promise<void> {
    this.#result = { done: true, value: await this.#later() };
  }

  [Symbol.iterator](): this {
    return this;
  }
}

function promised<T>(pooled: Pooled<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pooled((error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** A call that runs at once when the disk is quick. */
export function call<T>(now: () => T, pooled: Pooled<T>): Task<T> {
  return new Step(now, () => promised(pooled));
}

/** As {@link call}, for what answers with promises; without `now` it always runs in the pool. */
export function promisedCall<T>(now: (() => T) | undefined, later: () => Promise<T>): Task<T> {
  return new Step(now, later);
}

/** A call that always runs in the pool. */
export function slowCall<T>(pooled: Pooled<T>): Task<T> {
  return new Step(undefined, () => promised(pooled));
}

/** A call that took longer shows a slow disk, unless the processor was taken away meanwhile. */
const SLOW_MS = 10;
/**
 * A call that took longer shows one in any case; in the pool, the time until the event loop hears of the end counts in, but not the
 * time for which others were before it.
 */
const STALL_MS = 120;
/** How long after a slow call everything goes to the pool: twice as long whenever the next call is slow again. */
const CAUTION_MS_MIN = 25;
const CAUTION_MS_MAX = 1600;

/** Whether a file or a whole store is quick at the moment; judged by the calls themselves. */
export class Pace {
  readonly #clock: Clock;
  readonly #preemption: Preemption;
  #cautiousUntilMs = 0;
  #cautionMs = CAUTION_MS_MIN;
  /** The calls in the pool, the oldest first. */
  #pooled: Set<object> | undefined;
  /**
   * Since when the oldest of them has been that: the pool takes calls in their order and runs a few at a time, so that one which
   * hangs stays the oldest, and where many wait it changes all the time.
   */
  #oldestSinceMs = 0;

  constructor(clock: Clock, losses?: LossCount) {
    this.#clock = clock;
    this.#preemption = losses === undefined ? preemptionBy(clock) : new Preemption(losses);
  }

  /** True when calls may run on the event loop. A call that hangs in the pool keeps it false. */
  get isQuick(): boolean {
    const pooled = this.#pooled;
    if (this.#cautiousUntilMs === 0 && (pooled === undefined || pooled.size === 0)) return true;
    const now = this.#clock.monotonicMs();
    if (now < this.#cautiousUntilMs) return false;
    return pooled === undefined || pooled.size === 0 || now - this.#oldestSinceMs < STALL_MS;
  }

  /** Runs `call` at once and learns from it. What it needs can be handed along, where a closure would be made for each. */
  timed<T>(call: () => T): T;
  timed<T, A, B, C>(call: (a: A, b: B, c: C) => T, a: A, b: B, c: C): T;
  timed<T, A, B, C>(call: (a?: A, b?: B, c?: C) => T, a?: A, b?: B, c?: C): T {
    const began = this.#clock.monotonicMs();
    this.#preemption.watch(began);
    try {
      return call(a, b, c);
    } finally {
      const now = this.#clock.monotonicMs();
      if (now - began > SLOW_MS) this.#slow(began, now);
    }
  }

  /** Waits for a call in the pool and learns from it. */
  async pooled<T>(call: () => Promise<T>): Promise<T> {
    const place = {};
    this.#pooled ??= new Set();
    const pooled = this.#pooled;
    if (pooled.size === 0) this.#oldestSinceMs = this.#clock.monotonicMs();
    pooled.add(place);
    try {
      return await call();
    } finally {
      const [oldest] = pooled;
      pooled.delete(place);
      if (oldest === place) this.#oldestEnded(this.#clock.monotonicMs());
    }
  }

  #oldestEnded(nowMs: number): void {
    if (nowMs - this.#oldestSinceMs > STALL_MS) this.#beCautious(this.#oldestSinceMs, nowMs);
    this.#oldestSinceMs = nowMs;
  }

  #slow(beganMs: number, nowMs: number): void {
    if (nowMs - beganMs > STALL_MS || !this.#preemption.happened()) this.#beCautious(beganMs, nowMs);
  }

  #beCautious(beganMs: number, nowMs: number): void {
    const isAgain = beganMs - this.#cautiousUntilMs < this.#cautionMs;
    this.#cautionMs = isAgain ? Math.min(2 * this.#cautionMs, CAUTION_MS_MAX) : CAUTION_MS_MIN;
    this.#cautiousUntilMs = nowMs + this.#cautionMs;
  }
}

/** Runs a task: to its end at once if the pace allows, otherwise the rest of it later. */
export function run<T>(task: Task<T>, pace: Pace): MaybePromise<T> {
  const turn = driven(task, pace);
  return turn.done ? turn.value : runLater(task, turn.value, pace);
}

/** Runs a task that has to be done at once, whatever the pace; every step of it must be able to. */
export function runNow<T>(task: Task<T>): T {
  const turn = driven(task, atOnce);
  assert(turn.done === true, 'synchronous form of each call');
  return turn.value;
}

/** Lets the task go on to its end, or to the first step that takes its time. */
function driven<T>(task: Task<T>, by: Driver): IteratorResult<Step<unknown>, T> {
  const former = driver;
  driver = by;
  try {
    return task.next();
  } finally {
    driver = former;
  }
}

async function runLater<T>(task: Task<T>, first: Step<unknown>, pace: Pace): Promise<T> {
  let step = first;
  for (;;) {
    const failure = await outcomeOf(step, pace);
    const turn = failure === undefined ? task.next() : task.throw(failure.error);
    if (turn.done) return turn.value;
    step = turn.value;
  }
}

async function outcomeOf(step: Step<unknown>, pace: Pace): Promise<{ error: unknown } | undefined> {
  try {
    // What is slow by nature says nothing about the disk's pace.
    await (step.mayRunNow ? pace.pooled(() => step.runLater()) : step.runLater());
    return undefined;
  } catch (error) {
    return { error };
  }
}
