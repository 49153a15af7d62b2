/**
 * Stats and times of `node:fs`, as the contract tells them.
 */
import { type FileTime, fileTimeOfUnixNs, unixNsOfFileTime } from '../base/clock.ts';
import type { BackendStat, NodeKind } from './contract.ts';
import type { NodeStats } from './node-fs-source.ts';

const BLOCK_BYTES = 512;
/** Numbers of seconds since 1970 are this far apart as doubles, from 2004 to 2038. */
const DOUBLE_STEP_S = 2 ** -22;

/** Undefined for what cannot be served: sockets, pipes, devices. */
export function kindOf(stats: NodeStats): NodeKind | undefined {
  if (stats.isDirectory()) return 'directory';
  if (stats.isSymbolicLink()) return 'symlink';
  return stats.isFile() ? 'file' : undefined;
}

/** Nanoseconds since 1970; `ns` is missing where stats were asked for without `bigint`. */
function nsOf(ns: number | bigint | undefined, ms: number | bigint): bigint {
  if (typeof ns === 'bigint') return ns;
  return typeof ms === 'bigint' ? ms * 1_000_000n : BigInt(Math.floor(ms * 1000)) * 1000n;
}

/** What identifies a file by the numbers that the file system gives it; undefined where it gives none. */
export function inodeOf(stats: NodeStats): bigint | undefined {
  const ino = BigInt(stats.ino ?? 0);
  if (ino === 0n) return undefined;
  // Several file systems may be joined into one: what is on another device gets numbers far from those of the first.
  const mixed = BigInt.asUintN(64, ino ^ (BigInt(stats.dev ?? 0) * 0x9e37_79b9_7f4a_7c15n));
  return mixed === 0n ? 1n : mixed;
}

export function statOf(stats: NodeStats, kind: NodeKind, fileId: bigint): BackendStat {
  const sizeBytes = kind === 'directory' ? 0 : Number(stats.size);
  return {
    fileId,
    kind,
    sizeBytes,
    allocatedBytes: stats.blocks === undefined ? sizeBytes : Number(stats.blocks) * BLOCK_BYTES,
    linkCount: Number(stats.nlink ?? 1),
    creationTime: fileTimeOfUnixNs(nsOf(stats.birthtimeNs, stats.birthtimeMs)),
    lastAccessTime: fileTimeOfUnixNs(nsOf(stats.atimeNs, stats.atimeMs)),
    lastWriteTime: fileTimeOfUnixNs(nsOf(stats.mtimeNs, stats.mtimeMs)),
    changeTime: fileTimeOfUnixNs(nsOf(stats.ctimeNs, stats.ctimeMs)),
  };
}

/** What `utimes` must be called with to change the times that are given and leave the others as they are. */
export function utimesOf(
  stats: NodeStats,
  change: { readonly lastAccessTime?: FileTime; readonly lastWriteTime?: FileTime },
): readonly [atime: number, mtime: number] {
  const { lastAccessTime, lastWriteTime } = change;
  const accessedNs =
    lastAccessTime === undefined ? nsOf(stats.atimeNs, stats.atimeMs) : unixNsOfFileTime(lastAccessTime);
  const writtenNs =
    lastWriteTime === undefined ? nsOf(stats.mtimeNs, stats.mtimeMs) : unixNsOfFileTime(lastWriteTime);
  return [secondsOf(accessedNs), secondsOf(writtenNs)];
}

/**
 * Seconds since 1970 as a double: the nearest that is not later, so that a time that is set again stays what it was.
 * Whole milliseconds are rounded up instead: stores that keep no more cut the rest off.
 */
function secondsOf(ns: bigint): number {
  const wholeSeconds = Number(ns / 1_000_000_000n);
  const rest = Number(ns % 1_000_000_000n);
  const seconds = wholeSeconds + rest / 1e9;
  const heldNs = (seconds - wholeSeconds) * 1e9;
  if (rest % 1_000_000 === 0) return heldNs < rest ? seconds + DOUBLE_STEP_S : seconds;
  return heldNs >= rest + 1 ? seconds - DOUBLE_STEP_S : seconds;
}
