/**
 * Deleted files are kept for a while, in a folder of the share.
 */
import { type Clock, type FileTime, systemClock } from '../base/clock.ts';
import type { Backend, BackendPath } from './contract.ts';
import { codeOf } from './error.ts';
import { isWithin, join, nameOf, parentOf } from './path.ts';
import { walk } from './walk.ts';
import { delegateTo } from './wrap.ts';

const DAY: FileTime = 864_000_000_000n;
/** Between two looks for what is too old. */
const PURGE_EVERY_MS = 10 * 60_000;
/** Files that one purge removes, so that a bin of any size takes little memory; the next one goes on. */
const PURGE_COUNT_MAX = 10_000;
/** Versions of one name in one folder of the bin; beyond it the file is removed for good. */
const VERSION_COUNT_MAX = 10_000;
/** DOS attribute hidden. [MS-FSCC] 2.6 */
const HIDDEN = 0x2;

export interface RecycleOptions {
  /** The bin, in the root of the store; default `.recycle`. What is deleted there is gone. */
  readonly folder?: string;
  /** Days after which a deleted file is removed for good; without it: never. */
  readonly days?: number;
  /** Bytes that the bin may hold: beyond it the files deleted first go first, and larger ones are not kept at all. */
  readonly sizeBytesMax?: number;
  /** Names of files that are not worth keeping: `namesMatching(['*.tmp'])`. */
  readonly isIgnored?: (name: string) => boolean;
  readonly clock?: Clock;
}

/**
 * `store` whose deleted files go to a bin, in the directories where they were; a second `a.txt` becomes `a (2).txt`.
 * Directories and links are not kept, nor names of files that have others. Limits are looked after at deletions.
 */
export function recycle(store: Backend, options: RecycleOptions = {}): Backend {
  const bin = new Bin(store, options);
  return { ...delegateTo(store), removeFile: (path) => bin.remove(path) };
}

interface Kept {
  readonly path: BackendPath;
  readonly sizeBytes: number;
  readonly deletedAt: FileTime;
}

class Bin {
  readonly #store: Backend;
  readonly #folder: string;
  readonly #options: RecycleOptions;
  readonly #clock: Clock;
  #purgedAtMs: number | undefined;
  /** At least what the bin holds: counted at the last purge, with all that came since. */
  #heldBytes = 0;
  #purging: Promise<void> = Promise.resolve();

  constructor(store: Backend, options: RecycleOptions) {
    this.#store = store;
    this.#options = options;
    this.#folder = options.folder ?? '.recycle';
    this.#clock = options.clock ?? systemClock;
  }

  async remove(path: BackendPath): Promise<void> {
    const { kind, sizeBytes, linkCount } = await this.#store.stat(path);
    const { sizeBytesMax = Number.POSITIVE_INFINITY, isIgnored } = this.#options;
    const isKept =
      kind === 'file' &&
      linkCount <= 1 &&
      !isWithin(path, this.#folder) &&
      sizeBytes <= sizeBytesMax &&
      !(isIgnored?.(nameOf(path)) ?? false);
    if (!isKept || !(await this.#keep(path))) return this.#store.removeFile(path);
    this.#heldBytes += sizeBytes;
    await this.#purgeIfDue();
  }

  /** Moves the file into the bin; false where the bin has no room for its name. */
  async #keep(path: BackendPath): Promise<boolean> {
    const directory = join(this.#folder, parentOf(path)).replace(/\/$/, '');
    if (!(await this.#makeDirectories(directory))) return false;
    for (let version = 1; version <= VERSION_COUNT_MAX; version++) {
      try {
        await this.#store.rename(path, join(directory, versionOf(nameOf(path), version)), false);
        return true;
      } catch (error) {
        const code = codeOf(error);
        if (code === 'ENAMETOOLONG') return false;
        if (code !== 'EEXIST') throw error;
      }
    }
    return false;
  }

  /** False where a file is in the way, or the path would be too long. */
  async #makeDirectories(directory: BackendPath): Promise<boolean> {
    const names = directory.split('/');
    for (let depth = 1; depth <= names.length; depth++) {
      const path = names.slice(0, depth).join('/');
      try {
        await this.#store.makeDirectory(path);
        if (depth === 1) await this.#hide(path);
      } catch (error) {
        if (codeOf(error) === 'ENAMETOOLONG') return false;
        if (codeOf(error) !== 'EEXIST') throw error;
        if ((await this.#store.stat(path)).kind !== 'directory') return false;
      }
    }
    return true;
  }

  async #hide(path: BackendPath): Promise<void> {
    const handle = await this.#store.open(path, {});
    try {
      await handle.setStat({ attributes: HIDDEN });
    } finally {
      await handle.close();
    }
  }

  async #purgeIfDue(): Promise<void> {
    const { days, sizeBytesMax = Number.POSITIVE_INFINITY } = this.#options;
    const now = this.#clock.monotonicMs();
    const isFirst = this.#purgedAtMs === undefined;
    const isLate = days !== undefined && now - (this.#purgedAtMs ?? 0) >= PURGE_EVERY_MS;
    const isLimited = days !== undefined || Number.isFinite(sizeBytesMax);
    if (!isLimited || !(isFirst || isLate || this.#heldBytes > sizeBytesMax)) return;
    this.#purgedAtMs = now;
    // The deletion is done; that an old file could not be removed is nothing its client could mend.
    const purge = this.#purging.then(() => this.#purge()).catch(() => {});
    this.#purging = purge;
    await purge;
  }

  async #purge(): Promise<void> {
    const { days, sizeBytesMax = Number.POSITIVE_INFINITY } = this.#options;
    const oldest =
      days === undefined ? 0n : this.#clock.now() - BigInt(Math.round(days * 86_400)) * (DAY / 86_400n);
    const kept = await this.#deletedFirst();
    for (const { path, sizeBytes, deletedAt } of kept) {
      if (deletedAt >= oldest && this.#heldBytes <= sizeBytesMax) break;
      await this.#store.removeFile(path);
      this.#heldBytes -= sizeBytes;
      await this.#removeEmpty(parentOf(path));
    }
  }

  /** Counts what the bin holds, and tells what was deleted first: not more than one purge removes. */
  async #deletedFirst(): Promise<readonly Kept[]> {
    let first: Kept[] = [];
    let heldBytes = 0;
    for await (const { path, stat } of walk(this.#store, this.#folder)) {
      if (stat.kind === 'directory') continue;
      heldBytes += stat.sizeBytes;
      // A move changes the change time, and nothing changes it in the bin: it tells when the file was deleted.
      first.push({ path, sizeBytes: stat.sizeBytes, deletedAt: stat.changeTime });
      if (first.length >= 2 * PURGE_COUNT_MAX) first = byDeletion(first);
    }
    this.#heldBytes = heldBytes;
    return byDeletion(first);
  }

  async #removeEmpty(directory: BackendPath): Promise<void> {
    try {
      for (let at = directory; at !== this.#folder; at = parentOf(at)) await this.#store.removeDirectory(at);
    } catch (error) {
      if (codeOf(error) !== 'ENOTEMPTY') throw error;
    }
  }
}

const byDeletion = (kept: readonly Kept[]): Kept[] =>
  kept.toSorted((a, b) => (a.deletedAt < b.deletedAt ? -1 : 1)).slice(0, PURGE_COUNT_MAX);

/** `a.txt`, `a (2).txt`, `a (3).txt`. */
function versionOf(name: string, version: number): string {
  if (version === 1) return name;
  const dot = name.lastIndexOf('.');
  const cut = dot > 0 ? dot : name.length;
  return `${name.slice(0, cut)} (${version})${name.slice(cut)}`;
}
