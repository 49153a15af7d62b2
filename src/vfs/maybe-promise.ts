/**
 * Answers that may be at hand: a promise costs more than a read from memory. What is written with these runs at once where
 * every answer is there, and goes on later where one is not, in one and the same form.
 */
import type { MaybePromise } from '../backend/contract.ts';

/** Applies `next` to `value`: at once when it is at hand, else when it arrives. */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U> {
  return value instanceof Promise ? value.then(next) : next(value);
}

/** What `work` answers; where it fails, at once or later, what `failed` makes of the error. */
export function rescue<T>(
  work: () => MaybePromise<T>,
  failed: (error: unknown) => MaybePromise<T>,
): MaybePromise<T> {
  let answer: MaybePromise<T>;
  try {
    answer = work();
  } catch (error) {
    return failed(error);
  }
  return answer instanceof Promise ? answer.catch(failed) : answer;
}

/** What `work` answers, after `last`, which is done in any case. */
export function lastly<T>(work: () => MaybePromise<T>, last: () => void): MaybePromise<T> {
  let isLater = false;
  try {
    const answer = work();
    isLater = answer instanceof Promise;
    return answer instanceof Promise ? answer.finally(last) : answer;
  } finally {
    if (!isLater) last();
  }
}
