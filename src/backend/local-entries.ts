/**
 * The names in a local directory and what the directory says of their kinds, a batch at a time; nothing is looked at.
 */
import fs, { type Dir, type Dirent } from 'node:fs';
import { EntryType, type ReadEntries, visitEntries } from '../native/dirent.ts';
import type { Libc } from '../native/libc.ts';
import { calls, descriptorPath, OpenFlags } from './local-calls.ts';
import { nameOnDisk } from './local-name.ts';
import { promisedCall, slowCall, type Task } from './task.ts';

/** The names of the directories in the one open as `fd`; `visit` sees the names of everything. */
export function* directoriesIn(
  fd: number,
  libc: Libc | undefined,
  visit: (name: string) => void,
): Task<readonly string[]> {
  const directories: string[] = [];
  const reader = yield* readEntries(fd, libc);
  try {
    for (let count = 0; ; count++) {
      const batch = yield* reader.next();
      if (batch === undefined) break;
      // Others get their turn between the parts of a large directory.
      if (count % TURN_BATCHES === TURN_BATCHES - 1)
        yield* slowCall<void>((done) => setImmediate(done, null));
      directories.push(...directoriesAmong(batch, visit));
    }
  } finally {
    reader.close();
  }
  return directories;
}

function directoriesAmong(batch: readonly RawEntry[], visit: (name: string) => void): string[] {
  const directories: string[] = [];
  for (const { latin1, type } of batch) {
    const name = nameOnDisk(latin1);
    if (name === undefined) continue;
    if (type === EntryType.DIRECTORY) directories.push(name);
    visit(name);
  }
  return directories;
}

/** An entry as the directory has it. */
export interface RawEntry {
  /** The name, one character for each byte. */
  readonly latin1: string;
  /** {@link EntryType}; UNKNOWN where the file system does not say, and for what is neither file, directory nor link. */
  readonly type: number;
}

export interface EntryReader {
  /** The next entries without `.` and `..`; `undefined` at the end. */
  next(): Task<readonly RawEntry[] | undefined>;
  close(): void;
}

/** Batches after which others get their turn. */
const TURN_BATCHES = 8;
const NATIVE_BYTES = 32 * 1024;
const BATCH_COUNT = 512;

/** Begins to read the directory open as `fd` in whatever way. */
export function* readEntries(fd: number, libc: Libc | undefined): Task<EntryReader> {
  const read = libc?.readEntries;
  if (read === undefined) return new DirReader(fs.opendirSync(descriptorPath(fd), dirOptions));
  return new NativeReader(yield* calls.open(descriptorPath(fd), OpenFlags.directoryForSync), read);
}

class NativeReader implements EntryReader {
  readonly #fd: number;
  readonly #read: ReadEntries;
  readonly #buffer = Buffer.allocUnsafe(NATIVE_BYTES);

  constructor(fd: number, read: ReadEntries) {
    this.#fd = fd;
    this.#read = read;
  }

  *next(): Task<readonly RawEntry[] | undefined> {
    for (;;) {
      const sizeBytes = yield* promisedCall(
        () => this.#read(this.#fd, this.#buffer),
        () => this.#read.later(this.#fd, this.#buffer),
      );
      if (sizeBytes === 0) return undefined;
      const entries: RawEntry[] = [];
      visitEntries(this.#buffer, sizeBytes, (latin1, type) => entries.push({ latin1, type }));
      if (entries.length > 0) return entries;
    }
  }

  close(): void {
    fs.closeSync(this.#fd);
  }
}

const dirOptions = { encoding: 'latin1', bufferSize: BATCH_COUNT } as const;

class DirReader implements EntryReader {
  readonly #dir: Dir;

  constructor(dir: Dir) {
    this.#dir = dir;
  }

  *next(): Task<readonly RawEntry[] | undefined> {
    const entries = yield* promisedCall(
      () => this.#batchNow(),
      () => this.#batchLater(),
    );
    return entries.length > 0 ? entries : undefined;
  }

  close(): void {
    this.#dir.closeSync();
  }

  #batchNow(): RawEntry[] {
    const entries: RawEntry[] = [];
    while (entries.length < BATCH_COUNT) {
      const entry = this.#dir.readSync();
      if (entry === null) break;
      entries.push(rawEntry(entry));
    }
    return entries;
  }

  async #batchLater(): Promise<RawEntry[]> {
    const entries: RawEntry[] = [];
    while (entries.length < BATCH_COUNT) {
      const entry = await this.#dir.read();
      if (entry === null) break;
      entries.push(rawEntry(entry));
    }
    return entries;
  }
}

function rawEntry(entry: Dirent): RawEntry {
  return { latin1: entry.name, type: typeOf(entry) };
}

function typeOf(entry: Dirent): number {
  if (entry.isDirectory()) return EntryType.DIRECTORY;
  if (entry.isFile()) return EntryType.FILE;
  return entry.isSymbolicLink() ? EntryType.SYMLINK : EntryType.UNKNOWN;
}
