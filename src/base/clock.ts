/**
 * Time as a value handed in. Nothing outside this file and the system adapters asks the machine what time it is.
 */

/** 100-nanosecond intervals since 1601-01-01 UTC. [MS-DTYP] 2.3.3 */
export type FileTime = bigint;

/** A pending callback; `cancel` is idempotent. */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Wall-clock time; may step. */
  now(): FileTime;
  /** Milliseconds from an arbitrary start; never goes back. All time-outs are measured with it. */
  monotonicMs(): number;
  /** Calls `callback` once, `delayMs` from now. A pending timer keeps the process alive only when `isVital`. */
  setTimer(delayMs: number, callback: () => void, isVital?: boolean): Timer;
}

/** 1970-01-01 expressed as a FileTime. */
export const UNIX_EPOCH: FileTime = 116_444_736_000_000_000n;

/** Milliseconds since 1970 (fractions allowed) to FileTime. */
export function fileTimeOfUnixMs(ms: number): FileTime {
  return UNIX_EPOCH + BigInt(Math.round(ms * 10_000));
}

/** Nanoseconds since 1970, as in `fs.BigIntStats.mtimeNs`, to FileTime; rounds towards the past. */
export function fileTimeOfUnixNs(ns: bigint): FileTime {
  const units = ns / 100n;
  return UNIX_EPOCH + (ns < 0n && ns % 100n !== 0n ? units - 1n : units);
}

/** FileTime to nanoseconds since 1970. */
export function unixNsOfFileTime(time: FileTime): bigint {
  return (time - UNIX_EPOCH) * 100n;
}

/** The machine's clock. */
export const systemClock: Clock = {
  now: () => fileTimeOfUnixMs(performance.timeOrigin + performance.now()),
  monotonicMs: () => performance.now(),
  setTimer(delayMs, callback, isVital = false) {
    const handle = setTimeout(callback, Math.min(delayMs, 0x7fff_ffff));
    if (!isVital) handle.unref();
    return { cancel: () => clearTimeout(handle) };
  },
};
