/**
 * The clock of a server, which stops for good when the server dies.
 */
import type { Clock, FileTime, Timer } from '../../src/base/clock.ts';
import type { VirtualClock } from '../../src/testing/virtual-clock.ts';

export class MortalClock implements Clock {
  readonly #clock: VirtualClock;
  readonly #timers = new Set<Timer>();
  #isDead = false;

  constructor(clock: VirtualClock) {
    this.#clock = clock;
  }

  get pendingCount(): number {
    return this.#timers.size;
  }

  now(): FileTime {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void): Timer {
    if (this.#isDead) return { cancel: () => {} };
    const timer = this.#clock.setTimer(delayMs, () => {
      this.#timers.delete(timer);
      callback();
    });
    this.#timers.add(timer);
    return {
      cancel: () => {
        this.#timers.delete(timer);
        timer.cancel();
      },
    };
  }

  die(): void {
    this.#isDead = true;
    for (const timer of this.#timers) timer.cancel();
    this.#timers.clear();
  }
}
