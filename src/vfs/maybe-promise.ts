/**
 * Answers that may be at hand: a promise costs more than a read from memory.
 */
import type { MaybePromise } from '../backend/contract.ts';

/** Applies `next` to `value`: at once when it is at hand, else when it arrives. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
