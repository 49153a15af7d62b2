import { type Clock, systemClock } from '../../src/base/clock.ts';

/**
 * By this clock every call that runs at once is slow, and little time passes afterwards: all but one of dozens go to the thread
 * pool.
 */
export function slowClock(): Clock {
  let ms = 0;
  return {
    ...systemClock,
    monotonicMs: () => {
      ms += 15;
      return ms;
    },
  };
}
