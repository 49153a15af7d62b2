/**
 * Watches in the store what clients hold oplocks and leases on, so that a change that somebody else makes there takes their
 * caching rights from them. [MS-FSA] 2.1.4.12
 *
 * A file is watched from the first open with such rights to the close of the last, a directory likewise with what is in it.
 */
import type { BackendPath } from '../backend/contract.ts';
import { Table } from '../base/table.ts';
import type { FileKey } from '../fs/types.ts';
import { OplockLevel } from '../wire/flags.ts';
import type { OpenFile } from './open-file.ts';
import { PathTree } from './path-tree.ts';
import type { Volume } from './volume.ts';

interface Watched {
  readonly key: FileKey;
  path: BackendPath;
  count: number;
  end: () => void;
}

export class CacheWatch {
  readonly #volume: Volume;
  readonly #watched = new Table<FileKey, Watched>();
  readonly #byPath = new PathTree<Watched>();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Files and directories that are watched for their caches. */
  get size(): number {
    return this.#watched.size;
  }

  /** `file` was opened. Returns what ends its part in the watch; undefined where nothing is to be watched. */
  begin(file: OpenFile): (() => void) | undefined {
    const { backend, driver } = this.#volume;
    if (backend.watch === undefined) return undefined;
    const cache = driver.core.cacheOf(file.core);
    if (cache.kind === 'oplock' && cache.level === OplockLevel.NONE) return undefined;
    const { file: key } = file.core;
    const watched = this.#watched.get(key) ?? this.#add(file);
    watched.count++;
    return () => {
      watched.count--;
      if (watched.count > 0) return;
      this.#watched.delete(key);
      this.#byPath.delete(watched.path, watched);
      watched.end();
    };
  }

  /** A name moved in the store, and what is watched below it. */
  moved(from: BackendPath, to: BackendPath): void {
    for (const watched of this.#byPath.within(from)) {
      const { key } = watched;
      watched.end();
      this.#byPath.delete(watched.path, watched);
      watched.path = to + watched.path.slice(from.length);
      this.#byPath.add(watched.path, watched);
      const isDirectory = this.#volume.driver.core.opensOf(key).some((open) => open.isDirectory);
      watched.end = this.#watch(watched.path, key, { isDirectory, isFile: false });
    }
  }

  #add({ core, link, handle }: OpenFile): Watched {
    const stat = core.isDirectory ? undefined : handle.stat();
    const isFile = stat !== undefined && !(stat instanceof Promise) && stat.linkCount === 1;
    const end = this.#watch(link.path, core.file, { isDirectory: core.isDirectory, isFile });
    const watched: Watched = { key: core.file, path: link.path, count: 0, end };
    this.#watched.set(core.file, watched);
    this.#byPath.add(link.path, watched);
    return watched;
  }

  #watch(
    path: BackendPath,
    key: FileKey,
    { isDirectory, isFile }: { readonly isDirectory: boolean; readonly isFile: boolean },
  ): () => void {
    const { outside, backend, driver, log } = this.#volume;
    if (isDirectory) return outside.watch(path, false, key);
    const ending = new AbortController();
    const report = (): void => driver.call((core, nowMs) => core.changedOutside(key, nowMs));
    try {
      backend.watch?.watch(path, report, ending.signal, { isRecursive: false, isFile });
    } catch (error) {
      // The system watches no more: clients keep their rights, as where a store cannot watch at all.
      log.write('debug', 'cache-not-watched', { error: String(error) });
    }
    // With a reason of its own: the usual one is an error with its stack.
    return () => ending.abort(null);
  }
}
