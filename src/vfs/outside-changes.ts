/**
 * Changes that somebody else made in the store, for those who watch directories here. [MS-FSA] 2.1.4.1
 *
 * A watched directory is watched in the store from its first CHANGE_NOTIFY until that open is closed. Where one watched
 * directory lies in a tree that is watched, the outer one reports for both.
 */
import type { BackendChange, BackendPath, BackendStat } from '../backend/contract.ts';
import { isWithin, nameOf, parentOf } from '../backend/path.ts';
import { Table } from '../base/table.ts';
import type { Change, FileKey, Place } from '../fs/types.ts';
import { CompletionFilter, FileAction } from '../wire/flags.ts';
import { shownName } from './name-mapping.ts';
import { placeIn } from './resolve.ts';
import { isAbsent } from './status-of-error.ts';
import type { Volume } from './volume.ts';

const { FILE_NAME, DIR_NAME, ATTRIBUTES, SIZE, LAST_WRITE, EA, SECURITY } = CompletionFilter;
/** What the store calls modified may be any of these. */
const anyModification = ATTRIBUTES | SIZE | LAST_WRITE | EA | SECURITY;

interface Watched {
  readonly path: BackendPath;
  readonly isRecursive: boolean;
  readonly directory: FileKey;
  count: number;
  readonly end: AbortController;
}

export class OutsideChanges {
  readonly #volume: Volume;
  readonly #watched = new Table<string, Watched>();
  /** Changes are told in the order in which they were reported. */
  #told: Promise<void> = Promise.resolve();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Directories that are watched in the store. */
  get size(): number {
    return this.#watched.size;
  }

  /** Begins to watch `directory`, which is at `path`; the function that it returns ends that. */
  watch(path: BackendPath, isRecursive: boolean, directory: FileKey): () => void {
    const key = `${isRecursive ? 'tree' : 'directory'}:${path}`;
    const watched = this.#watched.get(key) ?? this.#begin(key, { path, isRecursive, directory });
    watched.count++;
    return () => {
      watched.count--;
      if (watched.count > 0) return;
      this.#watched.delete(key);
      watched.end.abort();
    };
  }

  /** Resolves when everything that was reported has been told. */
  settled(): Promise<void> {
    return this.#told;
  }

  #begin(key: string, place: Pick<Watched, 'path' | 'isRecursive' | 'directory'>): Watched {
    const watched: Watched = { ...place, count: 0, end: new AbortController() };
    this.#watched.set(key, watched);
    const report = (change: BackendChange): void => {
      if (this.#isCovered(watched)) return;
      this.#told = this.#told.then(() => this.#tell(change)).catch((error: unknown) => this.#log(error));
    };
    const { path, isRecursive } = place;
    try {
      this.#volume.backend.watch?.watch(path, report, watched.end.signal, { isRecursive });
    } catch (error) {
      // Whoever watches hears of this server's own changes all the same.
      this.#log(error);
    }
    return watched;
  }

  /** Another watch of the store reports the same. */
  #isCovered(watched: Watched): boolean {
    for (const other of this.#watched.values()) {
      if (other === watched || !other.isRecursive || !isWithin(watched.path, other.path)) continue;
      if (other.path !== watched.path || !watched.isRecursive) return true;
    }
    return false;
  }

  /** Everyone whose directory is concerned has to read it again. */
  #tellLoss(path: BackendPath): void {
    const { driver } = this.#volume;
    for (const watched of this.#watched.values()) {
      const isConcerned =
        isWithin(watched.path, path) || (watched.isRecursive && isWithin(path, watched.path));
      if (isConcerned) driver.call((core) => core.changesLost(watched.directory));
    }
  }

  async #tell(change: BackendChange): Promise<void> {
    if (change.kind === 'lost') {
      this.#tellLoss(change.path);
      return;
    }
    for (const told of await this.#asTold(change)) this.#volume.changed(told);
  }

  async #asTold({ path, from, kind }: BackendChange): Promise<readonly Change[]> {
    if (path === '') return [];
    const place = await this.#placeOf(path);
    const stat = kind === 'removed' ? undefined : await this.#statOf(path);
    const filter = nameFilterOf(stat);
    if (kind === 'renamed' && from !== undefined) return this.#asMove(from, { place, filter });
    if (place === undefined) return [];
    if (kind === 'modified') return [{ place, action: FileAction.MODIFIED, filter: anyModification }];
    return [{ place, action: kind === 'removed' ? FileAction.REMOVED : FileAction.ADDED, filter }];
  }

  async #asMove(
    from: BackendPath,
    { place: newPlace, filter }: { readonly place: Place | undefined; readonly filter: number },
  ): Promise<readonly Change[]> {
    const place = await this.#placeOf(from);
    if (place === undefined) {
      return newPlace === undefined ? [] : [{ place: newPlace, action: FileAction.ADDED, filter }];
    }
    if (newPlace === undefined) return [{ place, action: FileAction.REMOVED, filter }];
    return [{ place, action: FileAction.RENAMED_OLD_NAME, filter, newPlace }];
  }

  /** Where `path` is or was; undefined when its directory is gone too. */
  async #placeOf(path: BackendPath): Promise<Place | undefined> {
    const parent = await this.#volume.resolver.realDirectory(parentOf(path));
    return parent === undefined ? undefined : placeIn(parent, shownName(nameOf(path)));
  }

  async #statOf(path: BackendPath): Promise<BackendStat | undefined> {
    try {
      return await this.#volume.backend.stat(path);
    } catch (error) {
      if (isAbsent(error)) return undefined;
      throw error;
    }
  }

  #log(error: unknown): void {
    const reason = error instanceof Error ? error.message : String(error);
    this.#volume.log.write('warn', 'outside-change-lost', { volume: this.#volume.id, reason });
  }
}

/** Whose name came or went: for something that is gone already, maybe a directory's, maybe another file's. */
function nameFilterOf(stat: BackendStat | undefined): number {
  if (stat === undefined) return FILE_NAME | DIR_NAME;
  return stat.kind === 'directory' ? DIR_NAME : FILE_NAME;
}
