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

/** Where 64-bit numbers are put together from halves; BigInt arithmetic would make several values on the way to one. */
const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);
const low = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;

const BIT_16 = 0x1_0000;
const UNITS_PER_SECOND = 10_000_000;
const NS_PER_SECOND = 1_000_000_000;
/** From 1601 to 1970, in seconds. */
const EPOCH_SECONDS = 11_644_473_600;

/** `seconds` × `perSecond` + `rest`, which is below `perSecond`; `seconds` is not negative and below 2^36. */
function scaled(seconds: number, perSecond: number, rest: number): bigint {
  // In two parts, each of which a double holds exactly.
  const upper = Math.floor(seconds / BIT_16) * perSecond;
  const lower = (seconds % BIT_16) * perSecond + rest;
  const above = upper + Math.floor(lower / BIT_16);
  halves[low] = (above % BIT_16) * BIT_16 + (lower % BIT_16);
  halves[1 - low] = Math.floor(above / BIT_16);
  return wide[0] ?? 0n;
}

const SECONDS_MAX = 2 ** 33;

/** Seconds and nanoseconds since 1970, as the kernel tells them, to FileTime; as {@link fileTimeOfUnixNs}. */
export function fileTimeOfUnix(seconds: number, ns: number): FileTime {
  const isExact = seconds >= -EPOCH_SECONDS && seconds < SECONDS_MAX;
  if (isExact) return scaled(seconds + EPOCH_SECONDS, UNITS_PER_SECOND, Math.floor(ns / 100));
  return fileTimeOfUnixNs(BigInt(seconds) * 1_000_000_000n + BigInt(ns));
}

/** Seconds and nanoseconds since 1970 in nanoseconds. */
export function unixNsOfUnix(seconds: number, ns: number): bigint {
  if (seconds >= 0 && seconds < SECONDS_MAX) return scaled(seconds, NS_PER_SECOND, ns);
  return BigInt(seconds) * 1_000_000_000n + BigInt(ns);
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
