/**
 * Listing a local directory: names stream in batches from the kernel, and each is looked at beside its directory's
 * descriptor. What is neither file, directory nor link (FIFOs, sockets, devices), lies on another device, or has a name
 * that cannot be told, does not show.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { Libc } from '../native/libc.ts';
import type { DirectoryEntry } from './contract.ts';
import type { DiskLook, DiskStat } from './disk-stat.ts';
import { codeOf } from './error.ts';
import { childPath, type DiskPath } from './local-calls.ts';
import { type EntryReader, type RawEntry, readEntries } from './local-entries.ts';
import { diskName, nameOnDisk } from './local-name.ts';
import { type Pace, run, type Task } from './task.ts';

/** Entries looked at before others get their turn. */
const BATCH_COUNT = 256;

export interface Listing {
  readonly fd: number;
  readonly libc: Libc | undefined;
  readonly pace: Pace;
  readonly look: DiskLook;
  /** The entry to show for what was found; `undefined` to hide it. */
  /** As `entryOf`, for what was looked at just now. */
  readonly entryNow: (name: string, stat: DiskStat, path: DiskPath) => DirectoryEntry | undefined;
  readonly entryOf: (name: string, stat: DiskStat, path: DiskPath) => Task<DirectoryEntry | undefined>;
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
  try {
    for (const { latin1 } of raw) {
      const look = lookedNow(listing, latin1) ?? run(looked(listing, latin1), listing.pace);
      if (look instanceof Promise) later.push(look);
      else if (look !== undefined) entries.push(look);
    }
  } catch (error) {
    failure = { error };
  }
  for (const outcome of later.length > 0 ? await Promise.allSettled(later) : []) {
    if (outcome.status === 'rejected') failure ??= { error: outcome.reason };
    else if (outcome.value !== undefined) entries.push(outcome.value);
  }
  if (failure !== undefined) throw failure.error;
  return entries;
}

/** As {@link looked}, if one look suffices. */
function lookedNow({ fd, look, entryNow }: Listing, latin1: string): DirectoryEntry | undefined {
  const name = nameOnDisk(latin1);
  if (name === undefined) return undefined;
  const disk = diskName(name);
  const stat = look.now(fd, disk);
  if (stat === undefined || stat === 'absent') return undefined;
  try {
    return entryNow(name, stat, childPath(fd, disk));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}

/** Looks at one name, which may be gone by now. */
function* looked(listing: Listing, latin1: string): Task<DirectoryEntry | undefined> {
  const name = nameOnDisk(latin1);
  if (name === undefined) return undefined;
  try {
    const disk = diskName(name);
    const stat = yield* listing.look.at(listing.fd, disk);
    return yield* listing.entryOf(name, stat, childPath(listing.fd, disk));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
