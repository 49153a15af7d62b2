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

/** A directory on the way. */
export interface Directory {
  readonly path: BackendPath;
  readonly key: FileKey;
  readonly stat: BackendStat;
  /** As clients see it; `''` for the root. */
  readonly name: string;
  readonly ancestors: readonly Ancestor[];
}

/** What a name stands for. */
export interface Entry {
  /** The name in the store; for a free name the one it would get. */
  readonly stored: string;
  readonly path: BackendPath;
  /** Absent: nothing has the name. */
  readonly stat: BackendStat | undefined;
}

/** A component on the way: as the client wrote it, or as the store keeps it. */
interface PendingName {
  readonly name: string;
  readonly isStored: boolean;
}

/** A walk from one directory to another. */
interface Walk {
  /** The directories from the root down to where it has come. */
  readonly stack: Directory[];
  readonly pending: PendingName[];
  /** The name that is looked for where the walk ends. */
  readonly last: string | undefined;
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
    return chain(this.#backend.stat(''), (stat) => {
      const { fileId } = stat;
      // Every path begins here: the key is made once.
      if (this.#rootKey.fileId !== fileId) this.#rootKey = { fileId, key: this.#keyOf(fileId) };
      return { path: '', key: this.#rootKey.key, stat, name: '', ancestors: NONE };
    });
  }

  /**
   * Walks down `components`; throws OBJECT_PATH_NOT_FOUND where one is missing or no directory. `last` is the name that is
   * looked for there.
   */
  directory(components: readonly string[], last?: string): MaybePromise<Directory> {
    if (components.length === 0) return this.root();
    const pending = components.map((name): PendingName => ({ name, isStored: false }));
    return chain(this.root(), (root) => this.#walk({ stack: [root], pending, last, hops: 0 }));
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
      const stack = await this.#stackOf(from.parent.path);
      const last = names.at(-1);
      const isName = last !== undefined && last !== '..';
      const above = (isName ? names.slice(0, -1) : names).map(
        (name): PendingName => ({ name, isStored: true }),
      );
      const parent = await this.#walk({ stack, pending: above, last: undefined, hops: 0 });
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
    return { parent: (await this.#stackOf(parentOf(path))).at(-1), entry };
  }

  /** The directories from the root down to the real directory `path`. */
  async #stackOf(path: BackendPath): Promise<Directory[]> {
    const stack = [await this.root()];
    const names = path === '' ? [] : path.split('/');
    for (const name of names) {
      const above = present(stack.at(-1), 'directory above');
      const entry = await this.#look(above, name);
      demand(entry.stat?.kind === 'directory', NtStatus.OBJECT_PATH_NOT_FOUND);
      stack.push(this.child(above, entry, entry.stat));
    }
    return stack;
  }

  /** Goes through the names from the last directory of the walk, following links that stay inside. */
  #walk(walk: Walk): MaybePromise<Directory> {
    const { stack, pending } = walk;
    for (let next = pending.shift(); next !== undefined; next = pending.shift()) {
      const directory = present(stack.at(-1), 'directory');
      if (next.isStored && next.name === '..') {
        demand(stack.length > 1, NtStatus.OBJECT_PATH_NOT_FOUND, 'a link leads out of the share');
        stack.pop();
        continue;
      }
      const found = next.isStored ? this.#look(directory, next.name) : this.entry(directory, next.name);
      const stepped = chain(found, (entry) => this.#step(walk, directory, entry));
      if (stepped instanceof Promise) return stepped.then(() => this.#walk(walk));
    }
    return present(stack.at(-1), 'directory');
  }

  /** Enters the directory `entry`, or puts the names behind the link `entry` in front of those to come. */
  #step(walk: Walk, directory: Directory, entry: Entry): MaybePromise<void> {
    const { stack, pending, last } = walk;
    if (entry.stat?.kind === 'symlink') {
      demand(walk.hops++ < hopsMax, NtStatus.OBJECT_PATH_NOT_FOUND, 'too many symbolic links');
      return this.#namesBehind(entry, pending, last).then((names) => {
        pending.unshift(...names);
      });
    }
    demand(entry.stat?.kind === 'directory', NtStatus.OBJECT_PATH_NOT_FOUND);
    stack.push(this.child(directory, entry, entry.stat));
  }

  /** The names that the link `entry` stands for; what comes after it is told where the client has to go on. */
  async #namesBehind(
    entry: Entry,
    pending: readonly PendingName[],
    last: string | undefined,
  ): Promise<readonly PendingName[]> {
    const target = await readTarget(this.#backend, entry.path);
    const names = this.#namesIn(target);
    if (names !== undefined) return names.map((name) => ({ name, isStored: true }));
    const ofLinks = pending.filter(({ isStored }) => isStored).map(({ name }) => name);
    const ofClient = pending.filter(({ isStored }) => !isStored).map(({ name }) => name);
    const unparsed = last === undefined ? ofClient : [...ofClient, last];
    throw stoppedOnSymlink([target, ...ofLinks].join('/'), unparsed);
  }

  /** The names that a link stands for, if it is followed here. */
  #namesIn(target: string): readonly string[] | undefined {
    return this.#symlinks === 'follow' ? relativeNames(target) : undefined;
  }

  /** The directory at a path of the store; undefined when there is none. */
  async realDirectory(path: BackendPath): Promise<Directory | undefined> {
    try {
      return (await this.#stackOf(path)).at(-1);
    } catch (error) {
      if (statusOf(error) === NtStatus.OBJECT_PATH_NOT_FOUND) return undefined;
      throw error;
    }
  }

  /** The directory at a path of the store, without knowledge of what is above it. */
  async at(path: BackendPath): Promise<Directory> {
    const stat = await this.#backend.stat(path);
    return { path, key: this.#keyOf(stat.fileId), stat, name: shownName(nameOf(path)), ancestors: [] };
  }

  child(directory: Directory, entry: Entry, stat: BackendStat): Directory {
    const name = shownName(entry.stored);
    return { path: entry.path, key: this.#keyOf(stat.fileId), stat, name, ancestors: ancestorsIn(directory) };
  }

  /** What `name` is in `directory`: the exact name first, then any that differs in case only. */
  entry(directory: Directory, name: string): MaybePromise<Entry> {
    const wanted = storedName(name);
    return chain(this.#look(directory, wanted), (exact) =>
      exact.stat !== undefined || this.#backend.isCaseSensitive === false
        ? exact
        : this.#inOtherCase(directory, name, exact),
    );
  }

  #inOtherCase(directory: Directory, name: string, exact: Entry): MaybePromise<Entry> {
    return chain(this.#index.find(directory, name), (stored) =>
      stored === undefined || stored === exact.stored
        ? exact
        : this.#lookAs(directory, name, { exact, stored }),
    );
  }

  /** What the index says is called `stored`; the index may be late. */
  async #lookAs(
    directory: Directory,
    name: string,
    { exact, stored }: { readonly exact: Entry; readonly stored: string },
  ): Promise<Entry> {
    let wanted: string | undefined = stored;
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
    const existing = (stat: BackendStat): Entry => ({
      stored,
      path,
      stat: this.#isHidden(stat) ? undefined : stat,
    });
    const absent = (error: unknown): Entry => {
      if (isAbsent(error)) return { stored, path, stat: undefined };
      throw error;
    };
    try {
      const stat = this.#backend.stat(path);
      return stat instanceof Promise ? stat.then(existing, absent) : existing(stat);
    } catch (error) {
      return absent(error);
    }
  }
}

/** The directories down to the children of `directory`. */
export function ancestorsIn(directory: Directory): readonly Ancestor[] {
  return [...directory.ancestors, { directory: directory.key, name: directory.name }];
}

/** Where `name` in `directory` is. */
export function placeIn(directory: Directory, name: string): Place {
  return { ancestors: ancestorsIn(directory), name };
}
