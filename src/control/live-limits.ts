/**
 * Limits as they are at the moment of asking, for what is made once and outlives a change of settings.
 */
import { defaultLimits, type Limits } from '../base/limits.ts';

/** Limits that `read` is asked for each time. */
export function liveLimits(read: () => Limits): Limits {
  const names = Object.keys(defaultLimits).filter((name): name is keyof Limits => name in defaultLimits);
  const live = { ...defaultLimits };
  for (const name of names) Object.defineProperty(live, name, { get: () => read()[name], enumerable: true });
  return live;
}
