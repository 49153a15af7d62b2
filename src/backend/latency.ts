/**
 * A store that takes its time: every answer is a promise, kept later. Finds code that counts on quick answers.
 */
import type { Clock } from '../base/clock.ts';
import type { Backend } from './contract.ts';
import { type Operation, wrapBackend } from './wrap.ts';

/** `store` with each operation begun `delayMs` late, by `clock`. */
export function latency(
  store: Backend,
  clock: Clock,
  delayMs: number | ((operation: Operation) => number),
): Backend {
  const delayOf = typeof delayMs === 'number' ? () => delayMs : delayMs;
  return wrapBackend(store, {
    name: store.name,
    gate: async ({ operation }, proceed) => {
      await new Promise<void>((resolve) => {
        clock.setTimer(delayOf(operation), resolve);
      });
      return proceed();
    },
  });
}
