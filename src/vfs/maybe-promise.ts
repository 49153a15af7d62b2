/**
 * Answers that may be at hand: a promise costs more than a read from memory. What is written with these runs at once where
 * every answer is there, and goes on later where one is not, in one and the same form.
 */
import type { MaybePromise } from '../backend/contract.ts';

/**
 * Applies `next` to `value`: at once when it is at hand, else when it arrives. What else `next` needs is handed along as
 * `a` and `b` on the way of every request, where a closure would be made for each.
 */
export function chain<T, U>(value: MaybePromise<T>, next: (value: T) => MaybePromise<U>): MaybePromise<U>;
export function chain<T, U, A>(
  value: MaybePromise<T>,
  next: (value: T, a: A) => MaybePromise<U>,
  a: A,
): MaybePromise<U>;
export function chain<T, U, A, B>(
  value: MaybePromise<T>,
  next: (value: T, a: A, b: B) => MaybePromise<U>,
  a: A,
  b: B,
): MaybePromise<U>;
export function chain<T, U, A, B>(
  value: MaybePromise<T>,
  next: (value: T, a?: A, b?: B) => MaybePromise<U>,
  a?: A,
  b?: B,
): MaybePromise<U> {
  return value instanceof Promise ? later(value, next, a, b) : next(value, a, b);
}

function later<T, U, A, B>(
  value: Promise<T>,
  next: (value: T, a: A, b: B) => MaybePromise<U>,
  a: A,
  b: B,
): Promise<U> {
  return value.then((arrived) => next(arrived, a, b));
}

/** What `work` answers; where it fails, at once or later, what `failed` makes of the error. `a` as with {@link chain}. */
export function rescue<T>(
  work: () => MaybePromise<T>,
  failed: (error: unknown) => MaybePromise<T>,
): MaybePromise<T>;
export function rescue<T, A>(
  work: (a: A) => MaybePromise<T>,
  failed: (error: unknown, a: A) => MaybePromise<T>,
  a: A,
): MaybePromise<T>;
export function rescue<T, A>(
  work: (a?: A) => MaybePromise<T>,
  failed: (error: unknown, a?: A) => MaybePromise<T>,
  a?: A,
): MaybePromise<T> {
  let answer: MaybePromise<T>;
  try {
    answer = work(a);
  } catch (error) {
    return failed(error, a);
  }
  return answer instanceof Promise ? rescued(answer, failed, a) : answer;
}

function rescued<T, A>(
  answer: Promise<T>,
  failed: (error: unknown, a: A) => MaybePromise<T>,
  a: A,
): Promise<T> {
  return answer.catch((error: unknown) => failed(error, a));
}

/** What `work` answers, after `last` of `a`, which is done in any case. */
export function lastly<T, A>(work: () => MaybePromise<T>, last: (a: A) => void, a: A): MaybePromise<T> {
  let isLater = false;
  try {
    const answer = work();
    isLater = answer instanceof Promise;
    return answer instanceof Promise ? finallyOf(answer, last, a) : answer;
  } finally {
    if (!isLater) last(a);
  }
}

function finallyOf<T, A>(answer: Promise<T>, last: (a: A) => void, a: A): Promise<T> {
  return answer.finally(() => last(a));
}
