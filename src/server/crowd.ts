/**
 * Work that comes in crowds, so many pieces in a turn of the event loop and no more: whoever else has something to do does not
 * wait for all of the crowd.
 */
import type { Clock } from '../base/clock.ts';

export class Crowd {
  readonly #clock: Clock;
  readonly #countMax: number;
  /** Pieces begun in this turn. */
  #count = 0;
  #isTimed = false;
  /** Those that came when the turn was full, in order. */
  #waiting: (() => void)[] = [];

  constructor(clock: Clock, countMax: number) {
    this.#clock = clock;
    this.#countMax = countMax;
  }

  /** Nothing when the caller may begin at once, else a promise of its turn. */
  next(): Promise<void> | undefined {
    if (this.#count === this.#countMax) return new Promise((resolve) => this.#waiting.push(resolve));
    this.#count++;
    this.#time();
    return undefined;
  }

  #time(): void {
    if (this.#isTimed) return;
    this.#isTimed = true;
    this.#clock.setTimer(0, this.#over);
  }

  readonly #over = (): void => {
    this.#isTimed = false;
    const now = this.#waiting.splice(0, this.#countMax);
    this.#count = now.length;
    if (now.length > 0) this.#time();
    for (const begin of now) begin();
  };
}
