/**
 * System calls that run at once while the disk is quick and in the thread pool while it is not: a call answered from
 * memory takes 2 to 5 µs here and 20 more through the pool, but a stalled disk must not stall the event loop.
 *
 * An operation is a generator that yields its calls; the driver decides for each where it runs. One code path serves both.
 */
import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { MaybePromise } from './contract.ts';
import { type LossCount, Preemption, preemptionBy } from './preemption.ts';

/** An operation made of {@link Step}s, to be driven by {@link run}. */
export type Task<T> = Generator<Step<unknown>, T, void>;

/** Runs a call in the thread pool. */
export type Pooled<T> = (done: (error: Error | null, value: T) => void) => void;

/** One system call, in both its forms. */
export class Step<T> {
  readonly #now: (() => T) | undefined;
  readonly #later: () => Promise<T>;
  #result: { readonly value: T } | undefined;

  constructor(now: (() => T) | undefined, later: () => Promise<T>) {
    this.#now = now;
    this.#later = later;
  }

  /** False for calls that always take their time. */
  get mayRunNow(): boolean {
    return this.#now !== undefined;
  }

  get value(): T {
    return present(this.#result, 'result of a call').value;
  }

  runNow(): void {
    this.#result = { value: present(this.#now, 'synchronous form')() };
  }

  async runLater(): Promise<void> {
    this.#result = { value: await this.#later() };
  }
}

function promised<T>(pooled: Pooled<T>): Promise<T> {
  return new Promise((resolve, reject) => {
    pooled((error, value) => (error ? reject(error) : resolve(value)));
  });
}

/** A call that runs at once when the disk is quick. */
export function* call<T>(now: () => T, pooled: Pooled<T>): Task<T> {
  const step = new Step(now, () => promised(pooled));
  yield step;
  return step.value;
}

/** As {@link call}, for what answers with promises; without `now` it always runs in the pool. */
export function* promisedCall<T>(now: (() => T) | undefined, later: () => Promise<T>): Task<T> {
  const step = new Step(now, later);
  yield step;
  return step.value;
}

/** A call that always runs in the pool. */
export function* slowCall<T>(pooled: Pooled<T>): Task<T> {
  const step = new Step(undefined, () => promised(pooled));
  yield step;
  return step.value;
}

/** A call that took longer shows a slow disk, unless the processor was taken away meanwhile. */
const SLOW_MS = 10;
/** A call that took longer shows one in any case; in the pool, the time until the event loop hears of the end counts in. */
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
  /** The calls in the pool, by when they began; the oldest first. */
  #pooled: Set<{ readonly beganMs: number }> | undefined;

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
    for (const { beganMs } of pooled ?? []) return now - beganMs < STALL_MS;
    return true;
  }

  /** Runs `call` at once and learns from it. */
  timed<T>(call: () => T): T {
    const began = this.#clock.monotonicMs();
    this.#preemption.watch(began);
    try {
      return call();
    } finally {
      const now = this.#clock.monotonicMs();
      if (now - began > SLOW_MS) this.#slow(began, now);
    }
  }

  /** Waits for a call in the pool and learns from it. */
  async pooled<T>(call: () => Promise<T>): Promise<T> {
    const place = { beganMs: this.#clock.monotonicMs() };
    this.#pooled ??= new Set();
    const pooled = this.#pooled;
    pooled.add(place);
    try {
      return await call();
    } finally {
      pooled.delete(place);
      const now = this.#clock.monotonicMs();
      if (now - place.beganMs > STALL_MS) this.#beCautious(place.beganMs, now);
    }
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
  let turn = task.next();
  while (!turn.done) {
    const step = turn.value;
    if (!step.mayRunNow || !pace.isQuick) return runLater(task, step, pace);
    turn = advance(task, () => pace.timed(() => step.runNow()));
  }
  return turn.value;
}

/** Runs a task that has to be done at once, whatever the pace; every step of it must be able to. */
export function runNow<T>(task: Task<T>): T {
  let turn = task.next();
  while (!turn.done) {
    const step = turn.value;
    turn = advance(task, () => step.runNow());
  }
  return turn.value;
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

/** Lets the task go on after `work`, which may throw. */
function advance<T>(task: Task<T>, work: () => void): IteratorResult<Step<unknown>, T> {
  try {
    work();
  } catch (error) {
    return task.throw(error);
  }
  return task.next();
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
