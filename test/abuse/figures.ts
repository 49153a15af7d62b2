/**
 * How much of a class's own figure is tried: what the suite has time for or, where `ABUSE_FULL` is 1, all of it.
 */

/** Whether the figures are those of the classes themselves: `ABUSE_FULL=1 node --test test/abuse/*.test.ts`. */
export const isFull = process.env['ABUSE_FULL'] === '1';

/** `full` where all of it is asked for, else `usual`. */
export function figure(usual: number, full: number): number {
  return isFull ? full : usual;
}
