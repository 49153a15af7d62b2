/**
 * Listing a local directory: names stream in batches from the kernel, and each is looked at beside its directory's
 * descriptor. What is neither file, directory nor link (FIFOs, sockets, devices), lies on another device, or has a name
 * that cannot be told, does not show.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Libc } from '../native/libc.ts';
import { StatxRecord } from '../native/stat.ts';
import { Errno } from '../native/system-call.ts';
import type { DirectoryEntry } from './contract.ts';
import { type DiskStat, NativeStat } from './disk-stat.ts';
import { codeOf } from './error.ts';
import { type EntryReader, type RawEntry, readEntries } from './local-entries.ts';
import { diskName, nameOnDisk } from './local-name.ts';
import { kindOf, type LocalStats } from './local-stat.ts';
import { type Pace, run, type Task } from './task.ts';

/** Entries looked at before others get their turn. */
const BATCH_COUNT = 256;
/** Entries of one listing that the thread pool is asked to look at: more only wait, and take memory. */
const LATER_COUNT_MAX = 16;

export interface Listing {
  readonly fd: number;
  readonly libc: Libc | undefined;
  readonly pace: Pace;
  readonly stats: LocalStats;
  /** True for a device that belongs to the folder. */
  readonly isOwn: (device: bigint) => boolean;
}

/** The entries of the directory open as `listing.fd`. */
export async function* listed(listing: Listing): AsyncGenerator<readonly DirectoryEntry[]> {
  const { pace } = listing;
  let reader: EntryReader | undefined;
  try {
    reader = await run(readEntries(listing.fd, listing.libc), pace);
    for (let count = 0; ; count++) {
      const raw = await run(reader.next(), pace);
      if (raw === undefined) return;
      // What is answered from memory never waits: others must get their turn all the same.
      if (count > 0) await nextTurn();
      yield* batches(listing, raw);
    }
  } finally {
    reader?.close();
  }
}

async function* batches(
  listing: Listing,
  raw: readonly RawEntry[],
): AsyncGenerator<readonly DirectoryEntry[]> {
  for (let at = 0; at < raw.length; at += BATCH_COUNT) {
    const entries = await entriesOf(listing, raw.slice(at, at + BATCH_COUNT));
    if (entries.length > 0) yield entries;
  }
}

/** Looks at all names; returns or throws only when nothing uses the descriptor any more. */
async function entriesOf(listing: Listing, raw: readonly RawEntry[]): Promise<DirectoryEntry[]> {
  const entries: DirectoryEntry[] = [];
  const later: Promise<DirectoryEntry | undefined>[] = [];
  let failure: { readonly error: unknown } | undefined;
  const settle = async (): Promise<void> => {
    for (const outcome of await Promise.allSettled(later.splice(0))) {
      if (outcome.status === 'rejected') failure ??= { error: outcome.reason };
      else if (outcome.value !== undefined) entries.push(outcome.value);
    }
  };
  for (const { latin1 } of raw) {
    if (failure !== undefined) break;
    const name = nameOnDisk(latin1);
    if (name === undefined) continue;
    try {
      const look = lookedNow(listing, name) ?? run(looked(listing, name), listing.pace);
      if (look instanceof Promise) later.push(look);
      else if (look !== undefined && look !== 'hidden') entries.push(look);
    } catch (error) {
      failure = { error };
    }
    if (later.length >= LATER_COUNT_MAX) await settle();
  }
  if (later.length > 0) await settle();
  if (failure !== undefined) throw failure.error;
  return entries;
}

/** Filled and read within one call. */
const record = new StatxRecord();

/** As {@link looked}, without the detour of a task; `undefined` where only the task can tell, or the disk is not quick. */
function lookedNow(
  { fd, libc, pace, stats, isOwn }: Listing,
  name: string,
): DirectoryEntry | 'hidden' | undefined {
  const statx = libc?.statx;
  if (statx === undefined || !pace.isQuick) return undefined;
  const disk = diskName(name);
  const errno = pace.timed(statx.attempt, fd, disk, record);
  if (errno !== 0) return errno === Errno.ENOENT ? 'hidden' : undefined;
  const told = stats.describeRecord(record);
  if (told !== undefined) return { name, stat: told };
  const stat = new NativeStat(record);
  if (!isShown(stat, isOwn)) return 'hidden';
  try {
    return { name, stat: stats.describeEntryNow(stats.file(stat, { directory: fd, name: disk })) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return 'hidden';
    throw error;
  }
}

/** Looks at one name, which may be gone by now. */
function* looked({ fd, stats, isOwn }: Listing, name: string): Task<DirectoryEntry | undefined> {
  try {
    const disk = diskName(name);
    const stat = yield* stats.look.at(fd, disk);
    if (!isShown(stat, isOwn)) return undefined;
    return { name, stat: yield* stats.describeEntry(stats.file(stat, { directory: fd, name: disk })) };
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

function isShown(stat: DiskStat, isOwn: Listing['isOwn']): boolean {
  return kindOf(stat) !== undefined && isOwn(stat.dev);
}
