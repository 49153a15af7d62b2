/**
 * When requests that are not answered yet get their interim response. All requests of one kind have the same time, so that the
 * first to come is the first to be due: one timer serves them all, and a request that is answered soon costs none.
 * [MS-SMB2] 3.3.4.2
 */
import type { Clock, Timer } from '../base/clock.ts';

/** A place in the queue; without a request once that is answered. */
export interface InterimPlace {
  readonly dueMs: number;
  goAsync: (() => void) | undefined;
}

export class InterimQueue {
  readonly #clock: Clock;
  readonly #afterMs: number;
  /** In the order in which they are due; those before `#first` are gone. */
  #places: InterimPlace[] = [];
  #first = 0;
  #timer: Timer | undefined;

  constructor(clock: Clock, afterMs: number) {
    this.#clock = clock;
    this.#afterMs = afterMs;
  }

  /** `goAsync` is called when the time is over, unless it is taken out of the place before. */
  add(goAsync: () => void): InterimPlace {
    const place = { dueMs: this.#clock.monotonicMs() + this.#afterMs, goAsync };
    this.#skipAnswered();
    this.#places.push(place);
    this.#timer ??= this.#clock.setTimer(this.#afterMs, () => this.#due());
    return place;
  }

  #skipAnswered(): void {
    while (this.#first < this.#places.length && this.#places[this.#first]?.goAsync === undefined)
      this.#first++;
    // All at the front are answered: the array is cut when that is most of it.
    if (this.#first * 2 < this.#places.length) return;
    this.#places.splice(0, this.#first);
    this.#first = 0;
  }

  #due(): void {
    this.#timer = undefined;
    const now = this.#clock.monotonicMs();
    for (;;) {
      this.#skipAnswered();
      const place = this.#places[this.#first];
      if (place === undefined) return;
      if (place.dueMs > now) {
        this.#timer ??= this.#clock.setTimer(place.dueMs - now, () => this.#due());
        return;
      }
      const { goAsync } = place;
      place.goAsync = undefined;
      goAsync?.();
    }
  }
}

const queues = new WeakMap<Clock, Map<number, InterimQueue>>();

/** The queue of all requests that get their interim response after `afterMs` by `clock`. */
export function interimQueue(clock: Clock, afterMs: number): InterimQueue {
  const byTime = queues.get(clock) ?? new Map<number, InterimQueue>();
  const queue = byTime.get(afterMs) ?? new InterimQueue(clock, afterMs);
  if (!byTime.has(afterMs)) queues.set(clock, byTime.set(afterMs, queue));
  return queue;
}
