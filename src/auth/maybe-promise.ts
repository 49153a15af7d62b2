/**
 * Answers that may be at hand.
 */

/** A value, or a promise of one where it has to be waited for. */
export type MaybePromise<T> = T | Promise<T>;

/** Applies `next` to `value`: at once when it is at hand, else when it arrives. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}
