/**
 * Names of directories by what they are without regard to case, for stores that tell `a` from `A`. A directory is read
 * once; after that the index follows this server's own changes and those that the store reports of others. Where the
 * store cannot watch a directory, it is read again when its times say that it was changed.
 */
import type { Backend, BackendChange, BackendPath, BackendStat, MaybePromise } from '../backend/contract.ts';
import { isWithin, nameOf, parentOf } from '../backend/path.ts';
import { isShortName, upper } from '../fs/names.ts';
import { FoldedNames } from './folded-names.ts';
import { chain, rescue } from './maybe-promise.ts';
import { shownName } from './name-mapping.ts';
import { generatedName } from './short-names.ts';

export interface NameIndexOptions {
  readonly backend: Backend;
  /** A number that clients cannot guess: names are hashed with it. */
  readonly seed: number;
  /** Names that all indexes may hold together, about 40 bytes each; larger directories are read for each look. */
  readonly namesMax?: number;
  /** Directories that may have an index, each with a watch in the store. */
  readonly directoriesMax?: number;
}

/** Where a name is looked for, as it was just found. */
export interface IndexedDirectory {
  readonly path: BackendPath;
  readonly stat: BackendStat;
}

interface DirectoryIndex {
  readonly fileId: bigint;
  readonly names: FoldedNames;
  /** The times of the directory up to which the names are right; of no use while it is watched. */
  stamp: string;
  readonly watching: AbortController;
  /** The store tells of what others change. */
  isWatched: boolean;
  /** Something was missed. */
  isStale: boolean;
  /** More names than may be held. */
  isTooLarge: boolean;
  /** Resolves when the directory has been read; undefined once it is. */
  ready: Promise<void> | undefined;
}

const namesMaxDefault = 2_000_000;
const directoriesMaxDefault = 4096;
/** Generated short names are made for each look: up to this many in a directory. */
const shortNamesMax = 20_000;

export class NameIndex {
  readonly #backend: Backend;
  readonly #seed: number;
  readonly #namesMax: number;
  readonly #directoriesMax: number;
  /** In the order of last use. */
  readonly #directories = new Map<BackendPath, DirectoryIndex>();
  /** The last of them. */
  #newest: DirectoryIndex | undefined;
  #nameCount = 0;

  constructor(options: NameIndexOptions) {
    this.#backend = options.backend;
    this.#seed = options.seed;
    this.#namesMax = options.namesMax ?? namesMaxDefault;
    this.#directoriesMax = options.directoriesMax ?? directoriesMaxDefault;
  }

  /** Names held at the moment. */
  get size(): number {
    return this.#nameCount;
  }

  /** A stored name in `directory` that equals `name`, as clients write it, but for case. It may be gone by now. */
  find(directory: IndexedDirectory, name: string): MaybePromise<string | undefined> {
    const index = this.#current(directory);
    return index instanceof Promise
      ? this.#findLater(index, directory, name)
      : this.#findIn(index, directory, name);
  }

  async #findLater(
    index: Promise<DirectoryIndex>,
    directory: IndexedDirectory,
    name: string,
  ): Promise<string | undefined> {
    return this.#findIn(await index, directory, name);
  }

  #findIn(
    index: DirectoryIndex,
    directory: IndexedDirectory,
    name: string,
  ): MaybePromise<string | undefined> {
    const folded = upper(name);
    if (index.isTooLarge) return this.#scanned(directory.path, folded);
    return index.names.find(folded) ?? (folded.includes('~') ? findShort(index, folded) : undefined);
  }

  /** This server made `stored` in `directory`, or found it there. */
  added(directory: BackendPath, stored: string): MaybePromise<void> {
    return this.#changed(directory, (names) => names.add(stored));
  }

  /** This server removed `stored` from `directory`, or did not find it there. */
  removed(directory: BackendPath, stored: string): MaybePromise<void> {
    return this.#changed(directory, (names) => names.remove(stored));
  }

  /** Forgets `directory` and everything below it, e.g. because it was renamed. */
  forget(directory: BackendPath): void {
    for (const path of this.#directories.keys()) if (isWithin(path, directory)) this.#drop(path);
  }

  /** Ends all watches. */
  close(): void {
    this.forget('');
  }

  #changed(directory: BackendPath, apply: (names: FoldedNames) => void): MaybePromise<void> {
    const index = this.#directories.get(directory);
    if (index === undefined) return;
    this.#apply(index, apply);
    if (index.isWatched) return;
    // The change is made already: a directory that cannot be looked at now is read anew.
    return rescue(
      () =>
        chain(this.#backend.stat(directory), (stat) => {
          index.stamp = stampOf(stat);
        }),
      () => this.#drop(directory),
    );
  }

  #apply(index: DirectoryIndex, apply: (names: FoldedNames) => void): void {
    const before = index.names.size;
    apply(index.names);
    this.#nameCount += index.names.size - before;
  }

  #current(directory: IndexedDirectory): MaybePromise<DirectoryIndex> {
    const { path, stat } = directory;
    const known = this.#directories.get(path);
    if (known === undefined || known.fileId !== stat.fileId) return this.#renewed(directory, known);
    const isCurrent = known.ready === undefined ? this.#isCurrent(known, stat) : this.#whenRead(known, stat);
    if (isCurrent instanceof Promise)
      return isCurrent.then((current) => this.#used(directory, known, current));
    return this.#used(directory, known, isCurrent);
  }

  async #whenRead(index: DirectoryIndex, stat: BackendStat): Promise<boolean> {
    await index.ready;
    return this.#isCurrent(index, stat);
  }

  #used(
    directory: IndexedDirectory,
    known: DirectoryIndex,
    isCurrent: boolean,
  ): MaybePromise<DirectoryIndex> {
    if (!isCurrent) return this.#renewed(directory, known);
    if (this.#newest !== known) {
      this.#directories.delete(directory.path);
      this.#directories.set(directory.path, known);
      this.#newest = known;
    }
    return known;
  }

  /** The index that takes the place of `known`, which is no longer right. */
  #renewed(
    { path, stat }: IndexedDirectory,
    known: DirectoryIndex | undefined,
  ): MaybePromise<DirectoryIndex> {
    if (this.#directories.get(path) === known) this.#drop(path);
    const index = this.#directories.get(path) ?? this.#begin(path, stat);
    return chain(index.ready, () => index);
  }

  #isCurrent(index: DirectoryIndex, stat: BackendStat): MaybePromise<boolean> {
    if (!index.isWatched) return !index.isStale && index.stamp === stampOf(stat);
    return chain(this.#backend.watch?.settled?.(), () => !index.isStale);
  }

  #begin(path: BackendPath, stat: BackendStat): DirectoryIndex {
    const index: DirectoryIndex = {
      fileId: stat.fileId,
      names: new FoldedNames(this.#seed),
      stamp: stampOf(stat),
      watching: new AbortController(),
      isWatched: false,
      isStale: false,
      isTooLarge: false,
      ready: undefined,
    };
    this.#directories.set(path, index);
    this.#newest = index;
    index.isWatched = this.#watch(path, index);
    index.ready = this.#read(path, index).then(
      () => {
        index.ready = undefined;
      },
      (error: unknown) => {
        if (this.#directories.get(path) === index) this.#drop(path);
        throw error;
      },
    );
    // Whoever waits for it is told.
    index.ready.catch(() => undefined);
    for (const [oldest] of this.#directories) {
      if (this.#directories.size <= this.#directoriesMax) break;
      this.#drop(oldest);
    }
    return index;
  }

  /** What changes from now on is applied as it is told; a name that was told to be gone may then still be read. */
  #watch(path: BackendPath, index: DirectoryIndex): boolean {
    const { watch } = this.#backend;
    if (watch === undefined) return false;
    const report = (change: BackendChange): void => this.#follow(path, index, change);
    try {
      watch.watch(path, report, index.watching.signal, { isRecursive: false });
      return true;
    } catch {
      // The directory's times serve as well, at the price of reading it again.
      return false;
    }
  }

  #follow(path: BackendPath, index: DirectoryIndex, change: BackendChange): void {
    if (change.kind === 'lost') index.isStale = true;
    const { from, path: to } = change;
    this.#apply(index, (names) => {
      if (from !== undefined && parentOf(from) === path) names.remove(nameOf(from));
      if (to === path || parentOf(to) !== path) return;
      if (change.kind === 'removed') names.remove(nameOf(to));
      else if (change.kind === 'created' || change.kind === 'renamed') names.add(nameOf(to));
    });
  }

  async #read(path: BackendPath, index: DirectoryIndex): Promise<void> {
    for await (const batch of this.#names(path)) {
      if (index.watching.signal.aborted) return;
      this.#apply(index, (names) => {
        for (const name of batch) names.add(name);
      });
      this.#makeRoom(path);
      if (this.#nameCount <= this.#namesMax) continue;
      this.#nameCount -= index.names.size;
      index.names.clear();
      index.isTooLarge = true;
      return;
    }
  }

  async *#names(path: BackendPath): AsyncIterable<readonly string[]> {
    const { listNames } = this.#backend;
    if (listNames !== undefined) return yield* listNames.call(this.#backend, path);
    for await (const batch of this.#backend.list(path)) yield batch.map(({ name }) => name);
  }

  /** Drops what was not used for the longest time, but for the directory that needs the room. */
  #makeRoom(path: BackendPath): void {
    for (const oldest of this.#directories.keys()) {
      if (this.#nameCount <= this.#namesMax) return;
      if (oldest !== path) this.#drop(oldest);
    }
  }

  /** Looks through a directory that is too large for an index. */
  async #scanned(path: BackendPath, folded: string): Promise<string | undefined> {
    for await (const batch of this.#names(path)) {
      for (const name of batch) if (upper(shownName(name)) === folded) return name;
    }
    return undefined;
  }

  #drop(path: BackendPath): void {
    const index = this.#directories.get(path);
    if (index === undefined) return;
    this.#directories.delete(path);
    if (this.#newest === index) this.#newest = undefined;
    this.#nameCount -= index.names.size;
    index.watching.abort();
  }
}

/** The stored name whose generated short name is `folded`. */
function findShort({ names }: DirectoryIndex, folded: string): string | undefined {
  if (!isShortName(folded) || names.size > shortNamesMax) return undefined;
  for (const stored of names.stored()) if (generatedName(shownName(stored)) === folded) return stored;
  return undefined;
}

function stampOf(stat: BackendStat): string {
  return `${stat.fileId}:${stat.lastWriteTime}:${stat.changeTime}`;
}
