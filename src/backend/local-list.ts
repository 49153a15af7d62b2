/**
 * Listing a local directory: names stream in batches from the kernel, and each is looked at beside its directory's
 * descriptor. What is neither file, directory nor link (FIFOs, sockets, devices), lies on another device, or has a name
 * that cannot be told, does not show.
 */
import fs, { type BigIntStats, type Dir } from 'node:fs';
import type { DirectoryEntry } from './contract.ts';
import { codeOf } from './error.ts';
import { calls, childPath, type DiskPath, descriptorPath } from './local-calls.ts';
import { diskName, nameOnDisk } from './local-name.ts';
import { type Pace, run, type Task } from './task.ts';

const BATCH_COUNT = 256;

export interface Listing {
  readonly fd: number;
  readonly pace: Pace;
  /** The entry to show for what was found; `undefined` to hide it. */
  readonly entryOf: (name: string, stat: BigIntStats, path: DiskPath) => Task<DirectoryEntry | undefined>;
}

/** The entries of the directory open as `listing.fd`. */
export async function* listed(listing: Listing): AsyncGenerator<readonly DirectoryEntry[]> {
  const directory = await fs.promises.opendir(descriptorPath(listing.fd), {
    encoding: 'latin1',
    bufferSize: BATCH_COUNT,
  });
  try {
    for (;;) {
      const names = await nextNames(directory);
      if (names.length === 0) return;
      const entries = await entriesOf(listing, names);
      if (entries.length > 0) yield entries;
    }
  } finally {
    await directory.close();
  }
}

/** Looks at all names; returns or throws only when nothing uses the descriptor any more. */
async function entriesOf(listing: Listing, names: readonly string[]): Promise<DirectoryEntry[]> {
  const looks = names.map(async (name) => run(looked(listing, name), listing.pace));
  const entries: DirectoryEntry[] = [];
  for (const outcome of await Promise.allSettled(looks)) {
    if (outcome.status === 'rejected') throw outcome.reason;
    if (outcome.value !== undefined) entries.push(outcome.value);
  }
  return entries;
}

async function nextNames(directory: Dir): Promise<string[]> {
  const names: string[] = [];
  while (names.length < BATCH_COUNT) {
    const entry = await directory.read();
    if (entry === null) break;
    names.push(entry.name);
  }
  return names;
}

/** Looks at one name, which may be gone by now. */
function* looked(listing: Listing, latin1: string): Task<DirectoryEntry | undefined> {
  const name = nameOnDisk(latin1);
  if (name === undefined) return undefined;
  try {
    const path = childPath(listing.fd, diskName(name));
    return yield* listing.entryOf(name, yield* calls.lstat(path), path);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
