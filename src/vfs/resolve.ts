/**
 * From a path to the directory that holds its last name, and to what is there. Symbolic links in the store are followed
 * by this server where the share says so and as far as they stay inside; otherwise the client is told about them.
 */
import type { Backend, BackendPath, BackendStat } from '../backend/contract.ts';
import { join, nameOf } from '../backend/path.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import type { Ancestor, FileKey, Place } from '../fs/types.ts';
import type { NameIndex } from './name-index.ts';
import { shownName, storedName } from './name-mapping.ts';
import { isAbsent } from './status-of-error.ts';

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

export interface ResolverOptions {
  readonly backend: Backend;
  readonly index: NameIndex;
  readonly keyOf: (fileId: bigint) => FileKey;
}

export class Resolver {
  readonly #backend: Backend;
  readonly #index: NameIndex;
  readonly #keyOf: (fileId: bigint) => FileKey;

  constructor(options: ResolverOptions) {
    this.#backend = options.backend;
    this.#index = options.index;
    this.#keyOf = options.keyOf;
  }

  async root(): Promise<Directory> {
    const stat = await this.#backend.stat('');
    return { path: '', key: this.#keyOf(stat.fileId), stat, name: '', ancestors: [] };
  }

  /** Walks down `components`; throws OBJECT_PATH_NOT_FOUND where one is missing or no directory. */
  async directory(components: readonly string[]): Promise<Directory> {
    let directory = await this.root();
    for (const [at, component] of components.entries()) {
      const entry = await this.entry(directory, component);
      if (entry.stat?.kind === 'symlink') throw await this.#stopped(entry, components.slice(at + 1));
      demand(entry.stat?.kind === 'directory', NtStatus.OBJECT_PATH_NOT_FOUND);
      directory = this.child(directory, entry, entry.stat);
    }
    return directory;
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
  async entry(directory: Directory, name: string): Promise<Entry> {
    const wanted = storedName(name);
    const exact = await this.#look(directory, wanted);
    if (exact.stat !== undefined || this.#backend.isCaseSensitive === false) return exact;
    const stored = await this.#index.find(directory.path, name);
    return stored === undefined || stored === wanted ? exact : this.#look(directory, stored);
  }

  async #look(directory: Directory, stored: string): Promise<Entry> {
    const path = join(directory.path, stored);
    try {
      return { stored, path, stat: await this.#backend.stat(path) };
    } catch (error) {
      if (isAbsent(error)) return { stored, path, stat: undefined };
      throw error;
    }
  }

  async #stopped(entry: Entry, unparsed: readonly string[]): Promise<NtStatusError> {
    return stoppedOnSymlink(await readTarget(this.#backend, entry.path), unparsed);
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

/** What the symbolic link at `path` says. */
export async function readTarget(backend: Backend, path: BackendPath): Promise<string> {
  demand(backend.symlinks, NtStatus.ACCESS_DENIED, 'symbolic links are not served');
  return backend.symlinks.readLink(path);
}

/** STOPPED_ON_SYMLINK: the client goes on by itself. [MS-SMB2] 2.2.2.2.1 */
export function stoppedOnSymlink(_target: string, _unparsed: readonly string[]): NtStatusError {
  return new NtStatusError(NtStatus.STOPPED_ON_SYMLINK);
}
