/**
 * Tells a slow disk from a busy processor: a call takes long as well when the processor was given to somebody else meanwhile,
 * of which the kernel keeps count.
 */

import type { Clock } from '../base/clock.ts';

/** How old a count may be that a slow call is compared with. */
const COUNT_AGE_MS = 50;

/** Counts how often this process lost the processor without having asked for it. */
export type LossCount = () => number;

/** The kernel's count, of all threads of this process together. */
export const lossesOfProcess: LossCount = () => process.resourceUsage().involuntaryContextSwitches;

const ofProcess = new WeakMap<Clock, Preemption>();

/** The one of this process by this clock: the count costs more than most calls, so that not every file has one of its own. */
export function preemptionBy(clock: Clock): Preemption {
  const known = ofProcess.get(clock) ?? new Preemption(lossesOfProcess);
  ofProcess.set(clock, known);
  return known;
}

/** Whether the processor was taken away in the recent past. */
export class Preemption {
  readonly #count: LossCount;
  #known: number;
  #knownSinceMs = Number.NEGATIVE_INFINITY;

  constructor(count: LossCount) {
    this.#count = count;
    this.#known = 0;
  }

  /** To be called before anything that may be slow; cheap most of the time. */
  watch(nowMs: number): void {
    if (nowMs - this.#knownSinceMs < COUNT_AGE_MS) return;
    this.#known = this.#count();
    this.#knownSinceMs = nowMs;
  }

  /** Whether it happened since the count was taken for the last {@link watch}. */
  happened(): boolean {
    return this.#count() !== this.#known;
  }
}
