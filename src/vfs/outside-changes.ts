/**
 * Changes that somebody else made in the store, for those who watch directories here. [MS-FSA] 2.1.4.1
 *
 * A watched directory is watched in the store from its first CHANGE_NOTIFY until that open is closed. Where one watched
 * directory lies in another, the outer one reports for both.
 */
import type { BackendChange, BackendPath, BackendStat } from '../backend/contract.ts';
import { isWithin, nameOf, parentOf } from '../backend/path.ts';
import type { Change, Place } from '../fs/types.ts';
import { CompletionFilter, FileAction } from '../wire/flags.ts';
import { shownName } from './name-mapping.ts';
import { placeIn } from './resolve.ts';
import { isAbsent } from './status-of-error.ts';
import type { Volume } from './volume.ts';

const { FILE_NAME, DIR_NAME, ATTRIBUTES, SIZE, LAST_WRITE, EA, SECURITY } = CompletionFilter;
/** What the store calls modified may be any of these. */
const anyModification = ATTRIBUTES | SIZE | LAST_WRITE | EA | SECURITY;

interface Watched {
  count: number;
  readonly end: AbortController;
}

export class OutsideChanges {
  readonly #volume: Volume;
  readonly #watched = new Map<BackendPath, Watched>();
  /** Changes are told in the order in which they were reported. */
  #told: Promise<void> = Promise.resolve();

  constructor(volume: Volume) {
    this.#volume = volume;
  }

  /** Directories that are watched in the store. */
  get size(): number {
    return this.#watched.size;
  }

  /** Begins to watch; the function that it returns ends that. */
  watch(path: BackendPath): () => void {
    const watched = this.#watched.get(path) ?? this.#begin(path);
    watched.count++;
    return () => {
      watched.count--;
      if (watched.count > 0) return;
      this.#watched.delete(path);
      watched.end.abort();
    };
  }

  /** Resolves when everything that was reported has been told. */
  settled(): Promise<void> {
    return this.#told;
  }

  #begin(path: BackendPath): Watched {
    const watched = { count: 0, end: new AbortController() };
    this.#watched.set(path, watched);
    const report = (change: BackendChange): void => {
      if (this.#isCovered(path)) return;
      this.#told = this.#told.then(() => this.#tell(change)).catch((error: unknown) => this.#log(error));
    };
    this.#volume.backend.watch?.watch(path, report, watched.end.signal);
    return watched;
  }

  #isCovered(path: BackendPath): boolean {
    for (const other of this.#watched.keys()) if (other !== path && isWithin(path, other)) return true;
    return false;
  }

  async #tell(change: BackendChange): Promise<void> {
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
