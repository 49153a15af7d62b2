/**
 * From a path to the directory that holds its last name, and to what is there. Symbolic links in the store are followed
 * by this server where the share says so and as far as they stay inside; otherwise the client is told about them.
 */
import type { Backend, BackendPath, BackendStat, MaybePromise } from '../backend/contract.ts';
import { join, nameOf, parentOf } from '../backend/path.ts';
import { present } from '../base/assert.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import type { Ancestor, FileKey, Place } from '../fs/types.ts';
import { chain } from './maybe-promise.ts';
import type { NameIndex } from './name-index.ts';
import { shownName, storedName } from './name-mapping.ts';
import { isAbsent, statusOf } from './status-of-error.ts';
import { hopsMax, readTarget, relativeNames, type SymlinkPolicy, stoppedOnSymlink } from './symlinks.ts';

/** How often a name that the index knew and the store does not is looked for again. */
const lookTurns = 3;

const NONE: readonly Ancestor[] = Object.freeze([]);
const NO_NAMES: readonly string[] = Object.freeze([]);

/** A directory on the way. */
export interface Directory {
  readonly path: BackendPath;
  readonly key: FileKey;
  readonly stat: BackendStat;
  /** As clients see it; `''` for the root. */
  readonly name: string;
  readonly ancestors: readonly Ancestor[];
  /** The directory that it is in; absent for the root, and where nobody looked. */
  readonly above: Directory | undefined;
}

/** What a name stands for. */
export interface Entry {
  /** The name in the store; for a free name the one it would get. */
  readonly stored: string;
  readonly path: BackendPath;
  /** Absent: nothing has the name. */
  readonly stat: BackendStat | undefined;
}

/** A walk from one directory to another. */
interface Walk {
  /** Where it has come. */
  directory: Directory;
  /** Names behind links, as the store keeps them; they come before the client's. */
  links: readonly string[];
  /** A path as the client wrote it. */
  readonly names: readonly string[];
  /** The next of `names` to be entered; the last of them is looked for where the walk ends. */
  at: number;
  /** Links followed. */
  hops: number;
}

export interface ResolverOptions {
  readonly backend: Backend;
  readonly index: NameIndex;
  readonly keyOf: (fileId: bigint) => FileKey;
  readonly symlinks: SymlinkPolicy;
}

export class Resolver {
  readonly #backend: Backend;
  readonly #index: NameIndex;
  readonly #keyOf: (fileId: bigint) => FileKey;
  readonly #symlinks: SymlinkPolicy;
  /** The root as it was last found; none has the identity 0. */
  #rootKey: { readonly fileId: bigint; readonly key: FileKey } = { fileId: 0n, key: '' };

  constructor(options: ResolverOptions) {
    this.#backend = options.backend;
    this.#index = options.index;
    this.#keyOf = options.keyOf;
    this.#symlinks = options.symlinks;
  }

  root(): MaybePromise<Directory> {
    return chain(this.#backend.stat(''), Resolver.#rootWith, this);
  }

  static #rootWith(stat: BackendStat, self: Resolver): Directory {
    const { fileId } = stat;
    // Every path begins here: the key is made once.
    if (self.#rootKey.fileId !== fileId) self.#rootKey = { fileId, key: self.#keyOf(fileId) };
    return { path: '', key: self.#rootKey.key, stat, name: '', ancestors: NONE, above: undefined };
  }

  /**
   * The directory in which the last of `names` is looked for; throws OBJECT_PATH_NOT_FOUND where one of those before it is
   * missing or no directory.
   */
  directoryFor(names: readonly string[]): MaybePromise<Directory> {
    const root = this.root();
    return names.length <= 1 ? root : chain(root, Resolver.#walkFrom, names, this);
  }

  static #walkFrom(directory: Directory, names: readonly string[], self: Resolver): MaybePromise<Directory> {
    return self.#walk({ directory, links: NO_NAMES, names, at: 0, hops: 0 });
  }

  /**
   * Where the symbolic link `entry` in `directory` leads: the directory that holds the target, and what is there. The
   * directory is absent for the root.
   */
  async follow(directory: Directory, entry: Entry): Promise<{ parent: Directory | undefined; entry: Entry }> {
    let from: { parent: Directory; entry: Entry } = { parent: directory, entry };
    for (let hops = 0; hops < hopsMax; hops++) {
      const target = await readTarget(this.#backend, from.entry.path);
      const names = this.#namesIn(target);
      if (names === undefined) throw stoppedOnSymlink(target, []);
      const start = await this.#real(from.parent.path);
      const last = names.at(-1);
      const isName = last !== undefined && last !== '..';
      const links = isName ? names.slice(0, -1) : names;
      const parent = await this.#walk({ directory: start, links, names: NO_NAMES, at: 0, hops: 0 });
      if (!isName) return this.#asEntry(parent);
      const found = await this.#look(parent, last);
      if (found.stat?.kind !== 'symlink') return { parent, entry: found };
      from = { parent, entry: found };
    }
    throw new NtStatusError(NtStatus.OBJECT_NAME_NOT_FOUND, 'too many symbolic links');
  }

  /** A directory that was reached by `..`, as something with a name. */
  async #asEntry(directory: Directory): Promise<{ parent: Directory | undefined; entry: Entry }> {
    const { path, stat } = directory;
    const entry = { stored: nameOf(path), path, stat };
    if (path === '') return { parent: undefined, entry };
    return { parent: await this.#real(parentOf(path)), entry };
  }

  /** The real directory `path` of the store. */
  async #real(path: BackendPath): Promise<Directory> {
    let directory = await this.root();
    const names = path === '' ? [] : path.split('/');
    for (const name of names) {
      const entry = await this.#look(directory, name);
      demand(entry.stat?.kind === 'directory', NtStatus.OBJECT_PATH_NOT_FOUND);
      directory = this.child(directory, entry, entry.stat);
    }
    return directory;
  }

  /** Goes through the names, following links that stay inside. */
  #walk(walk: Walk): MaybePromise<Directory> {
    while (walk.links.length > 0 || walk.at < walk.names.length - 1) {
      const step = this.#step(walk);
      if (step instanceof Promise) return step.then(() => this.#walk(walk));
    }
    return walk.directory;
  }

  #step(walk: Walk): MaybePromise<void> {
    const { directory } = walk;
    const link = walk.links[0];
    if (link === undefined) {
      const name = present(walk.names[walk.at++], 'next name');
      return chain(this.entry(directory, name), Resolver.#enter, walk, this);
    }
    walk.links = walk.links.slice(1);
    if (link !== '..') return chain(this.#look(directory, link), Resolver.#enter, walk, this);
    demand(directory.above !== undefined, NtStatus.OBJECT_PATH_NOT_FOUND, 'a link leads out of the share');
    walk.directory = directory.above;
  }

  /** Enters the directory `entry`, or puts the names behind the link `entry` in front of those to come. */
  static #enter(entry: Entry, walk: Walk, self: Resolver): MaybePromise<void> {
    const { stat } = entry;
    if (stat?.kind === 'symlink') return self.#enterLink(entry, walk);
    demand(stat?.kind === 'directory', NtStatus.OBJECT_PATH_NOT_FOUND);
    walk.directory = self.child(walk.directory, entry, stat);
  }

  /** Where the link is not followed here, what comes after it is told where the client has to go on. */
  async #enterLink(entry: Entry, walk: Walk): Promise<void> {
    demand(walk.hops++ < hopsMax, NtStatus.OBJECT_PATH_NOT_FOUND, 'too many symbolic links');
    const target = await readTarget(this.#backend, entry.path);
    const names = this.#namesIn(target);
    if (names === undefined)
      throw stoppedOnSymlink([target, ...walk.links].join('/'), walk.names.slice(walk.at));
    walk.links = [...names, ...walk.links];
  }

  /** The names that a link stands for, if it is followed here. */
  #namesIn(target: string): readonly string[] | undefined {
    return this.#symlinks === 'follow' ? relativeNames(target) : undefined;
  }

  /** The directory at a path of the store; undefined when there is none. */
  async realDirectory(path: BackendPath): Promise<Directory | undefined> {
    try {
      return await this.#real(path);
    } catch (error) {
      if (statusOf(error) === NtStatus.OBJECT_PATH_NOT_FOUND) return undefined;
      throw error;
    }
  }

  /** The directory at a path of the store, without knowledge of what is above it. */
  async at(path: BackendPath): Promise<Directory> {
    const stat = await this.#backend.stat(path);
    const name = shownName(nameOf(path));
    return { path, key: this.#keyOf(stat.fileId), stat, name, ancestors: NONE, above: undefined };
  }

  child(above: Directory, entry: Entry, stat: BackendStat): Directory {
    const name = shownName(entry.stored);
    const ancestors = ancestorsIn(above);
    return { path: entry.path, key: this.#keyOf(stat.fileId), stat, name, ancestors, above };
  }

  /** What `name` is in `directory`: the exact name first, then any that differs in case only. */
  entry(directory: Directory, name: string): MaybePromise<Entry> {
    const exact = this.#look(directory, storedName(name));
    if (this.#backend.isCaseSensitive === false) return exact;
    return exact instanceof Promise
      ? this.#inAnyCase(directory, name, exact)
      : this.#orInOtherCase(directory, name, exact);
  }

  async #inAnyCase(directory: Directory, name: string, exact: Promise<Entry>): Promise<Entry> {
    return this.#orInOtherCase(directory, name, await exact);
  }

  #orInOtherCase(directory: Directory, name: string, exact: Entry): MaybePromise<Entry> {
    return exact.stat === undefined ? this.#inOtherCase(directory, name, exact) : exact;
  }

  #inOtherCase(directory: Directory, name: string, exact: Entry): MaybePromise<Entry> {
    const stored = this.#index.find(directory, name);
    const isNone = stored === undefined || stored === exact.stored;
    return isNone ? exact : this.#lookAs(directory, name, { exact, stored });
  }

  /** What the index says is called `stored`; the index may be late. */
  async #lookAs(
    directory: Directory,
    name: string,
    { exact, stored }: { readonly exact: Entry; readonly stored: MaybePromise<string | undefined> },
  ): Promise<Entry> {
    let wanted = await stored;
    for (let turn = 0; turn < lookTurns; turn++) {
      if (wanted === undefined || wanted === exact.stored) return exact;
      const found = await this.#look(directory, wanted);
      if (found.stat !== undefined) return found;
      await this.#index.removed(directory.path, wanted);
      wanted = await this.#index.find(directory, name);
    }
    return exact;
  }

  #isHidden({ kind }: BackendStat): boolean {
    return kind === 'symlink' && this.#symlinks === 'hide';
  }

  #look(directory: Directory, stored: string): MaybePromise<Entry> {
    const path = join(directory.path, stored);
    try {
      const stat = this.#backend.stat(path);
      return stat instanceof Promise ? this.#lookLater(stored, path, stat) : this.#found(stored, path, stat);
    } catch (error) {
      return absent(stored, path, error);
    }
  }

  #lookLater(stored: string, path: BackendPath, stat: Promise<BackendStat>): Promise<Entry> {
    return stat.then(
      (found) => this.#found(stored, path, found),
      (error: unknown) => absent(stored, path, error),
    );
  }

  #found(stored: string, path: BackendPath, stat: BackendStat): Entry {
    return { stored, path, stat: this.#isHidden(stat) ? undefined : stat };
  }
}

/** Throws `error` unless it says that nothing is there. */
function absent(stored: string, path: BackendPath, error: unknown): Entry {
  if (isAbsent(error)) return { stored, path, stat: undefined };
  throw error;
}

/** The directories down to the children of `directory`. */
export function ancestorsIn({ ancestors, key, name }: Directory): readonly Ancestor[] {
  return [...ancestors, { directory: key, name }];
}

/** Where `name` in `directory` is. */
export function placeIn(directory: Directory, name: string): Place {
  return { ancestors: ancestorsIn(directory), name };
}
