/**
 * Names of directories by what they are without regard to case, for stores that tell `a` from `A`. A directory is read
 * once; after that the index follows this server's own changes, and is dropped when the directory was changed by others.
 */
import type { Backend, BackendPath, BackendStat } from '../backend/contract.ts';
import { isShortName, upper } from '../fs/names.ts';
import { shownName } from './name-mapping.ts';
import { generatedName } from './short-names.ts';

/** Names that all indexes of one volume may hold together, about 100 bytes each. */
const namesMax = 200_000;

interface DirectoryIndex {
  /** Stored names by folded shown name. */
  readonly names: Map<string, string>;
  stamp: string;
}

export class NameIndex {
  readonly #backend: Backend;
  /** In the order of last use. */
  readonly #directories = new Map<BackendPath, DirectoryIndex>();
  readonly #loading = new Map<BackendPath, Promise<DirectoryIndex>>();
  #nameCount = 0;

  constructor(backend: Backend) {
    this.#backend = backend;
  }

  /** The stored name in `directory` that equals `name`, as clients write it, but for case. */
  async find(directory: BackendPath, name: string): Promise<string | undefined> {
    const index = await this.#load(directory);
    const folded = upper(name);
    return index.names.get(folded) ?? (folded.includes('~') ? findShort(index, folded) : undefined);
  }

  /** This server made `stored` in `directory`. */
  async added(directory: BackendPath, stored: string): Promise<void> {
    await this.#changed(directory, (names) => names.set(upper(shownName(stored)), stored));
  }

  /** This server removed `stored` from `directory`. */
  async removed(directory: BackendPath, stored: string): Promise<void> {
    await this.#changed(directory, (names) => {
      const key = upper(shownName(stored));
      if (names.get(key) === stored) names.delete(key);
    });
  }

  /** Forgets `directory` and everything below it, e.g. because it was renamed. */
  forget(directory: BackendPath): void {
    for (const path of this.#directories.keys()) {
      if (path === directory || path.startsWith(`${directory}/`)) this.#drop(path);
    }
  }

  async #changed(directory: BackendPath, apply: (names: Map<string, string>) => void): Promise<void> {
    const index = this.#directories.get(directory);
    if (index === undefined) return;
    const before = index.names.size;
    apply(index.names);
    this.#nameCount += index.names.size - before;
    index.stamp = stampOf(await this.#backend.stat(directory));
  }

  async #load(directory: BackendPath): Promise<DirectoryIndex> {
    const stamp = stampOf(await this.#backend.stat(directory));
    const known = this.#directories.get(directory);
    if (known?.stamp === stamp) {
      this.#directories.delete(directory);
      this.#directories.set(directory, known);
      return known;
    }
    const loading = this.#loading.get(directory) ?? this.#read(directory, stamp);
    this.#loading.set(directory, loading);
    try {
      return await loading;
    } finally {
      this.#loading.delete(directory);
    }
  }

  async #read(directory: BackendPath, stamp: string): Promise<DirectoryIndex> {
    const names = new Map<string, string>();
    for await (const batch of this.#backend.list(directory)) {
      for (const { name } of batch) names.set(upper(shownName(name)), name);
    }
    const index: DirectoryIndex = { names, stamp };
    this.#drop(directory);
    this.#directories.set(directory, index);
    this.#nameCount += names.size;
    for (const path of this.#directories.keys()) {
      if (this.#nameCount <= namesMax || path === directory) break;
      this.#drop(path);
    }
    return index;
  }

  #drop(directory: BackendPath): void {
    this.#nameCount -= this.#directories.get(directory)?.names.size ?? 0;
    this.#directories.delete(directory);
  }
}

/** The stored name whose generated short name is `folded`. */
function findShort({ names }: DirectoryIndex, folded: string): string | undefined {
  if (!isShortName(folded)) return undefined;
  for (const stored of names.values()) if (generatedName(shownName(stored)) === folded) return stored;
  return undefined;
}

function stampOf(stat: BackendStat): string {
  return `${stat.fileId}:${stat.lastWriteTime}:${stat.changeTime}`;
}
