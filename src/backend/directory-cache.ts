/**
 * Directories of a local folder, reached without ever leaving it.
 *
 * A path is walked one name at a time from the root's descriptor, each step relative to the descriptor of the one before
 * (`/proc/self/fd/N/name` with O_PATH | O_DIRECTORY | O_NOFOLLOW). `..` is not a name, a symbolic link is refused by the
 * kernel at the moment of the step, and a mount point by its device number: so each step ends in a child of a directory
 * that was inside, and swapping links underneath changes what is found but cannot lead outside.
 *
 * Descriptors are kept, up to a number, because the walk costs a system call or two for each name. A descriptor stays
 * with its directory when that is moved, so before its use in a turn of the event loop the kernel's own path of it
 * (`readlink /proc/self/fd/N`) must be what it was right after the walk: a directory that was renamed, removed or moved away, by whomever, has
 * another, and the path is walked again. The same is known where its name, looked at for another reason, was just found to stand for it. What remains is a directory moved out of the folder between that look and the
 * use: the same as one moved in the middle of a walk, which openat2(RESOLVE_BENEATH) allows as well. It is a directory
 * that was inside a moment ago, moved by someone who may write both inside and outside; neither its parent nor anything
 * else outside becomes reachable through it.
 */
import fs from 'node:fs';
import type { BackendStat } from './contract.ts';
import type { DiskStat, NativeStat } from './disk-stat.ts';
import { BackendError, codeOf } from './error.ts';
import { calls, childPath, descriptorPath, OpenFlags } from './local-calls.ts';
import { diskName } from './local-name.ts';
import { isWithin, namesOf } from './path.ts';
import type { Task } from './task.ts';
import type { Turns } from './turn.ts';

/** Levels above a directory that are looked for in the cache; bounds the work for absurdly deep paths. */
const LOOKUP_LEVELS = 32;

/** A directory that is open; {@link DirectoryCache.release} it after use. */
export interface OpenDirectory {
  readonly fd: number;
  readonly dev: bigint;
  readonly ino: bigint;
  /** Where the kernel says it is, one character per byte; `undefined` for a path too long to be told. */
  readonly diskPath: string | undefined;
  users: number;
  isCached: boolean;
  /** The turn of the event loop in which it was last seen to be where it was. */
  turn: number;
  /** What it was seen to be and described as, at a moment of the store's. */
  told: { readonly seen: NativeStat; readonly stat: BackendStat; readonly moment: number } | undefined;
}

export class DirectoryCache {
  readonly root: OpenDirectory;
  readonly device: bigint;
  readonly #mayCrossMounts: boolean;
  readonly #countMax: number;
  /** By path, least recently used first. */
  readonly #entries = new Map<string, OpenDirectory>();
  readonly #turns: Turns;

  /** Opens the folder `root`; the only path that is resolved by the kernel as it stands. */
  constructor(root: string, options: { countMax: number; mayCrossMounts: boolean; turns: Turns }) {
    const fd = fs.openSync(root, OpenFlags.root);
    const { dev, ino } = fs.fstatSync(fd, { bigint: true });
    this.root = { fd, dev, ino, diskPath: undefined, users: 1, isCached: true, turn: 0, told: undefined };
    this.device = dev;
    this.#countMax = options.countMax;
    this.#turns = options.turns;
    this.#mayCrossMounts = options.mayCrossMounts;
  }

  /** True when what has this device number belongs to the folder. */
  isOwnDevice(device: bigint): boolean {
    return this.#mayCrossMounts || device === this.device;
  }

  /**
   * The directory at `path`. One that was seen to be there in this turn of the event loop is not looked at again: what happens
   * in one turn happens at one time, as far as others can tell.
   */
  *reach(path: string): Task<OpenDirectory> {
    return this.reachNow(path) ?? (yield* this.acquire(namesOf(path, 'open')));
  }

  /** As {@link reach}, if the directory was seen to be there in this turn. */
  reachNow(path: string): OpenDirectory | undefined {
    const entry = this.knownNow(path);
    if (entry !== undefined) entry.users += 1;
    return entry;
  }

  /** As {@link reachNow}, for a look at the entry at once: it is not to be released. */
  knownNow(path: string): OpenDirectory | undefined {
    if (path === '') return this.root;
    const entry = this.#entries.get(path);
    return entry?.turn === this.#turns.current ? entry : undefined;
  }

  /**
   * A directory was just found at `path`, its parent being where it was: if it is the one that is open, that is where it was,
   * too, and is answered. As long as it is open, nothing else gets its number.
   */
  confirm(path: string, { dev, ino }: DiskStat): OpenDirectory | undefined {
    const entry = this.#entries.get(path);
    if (entry === undefined || entry.ino !== ino || entry.dev !== dev) return undefined;
    this.#seen(path, entry);
    return entry;
  }

  /** The directory at `names` below the root. */
  *acquire(names: readonly string[]): Task<OpenDirectory> {
    let { directory, depth } = yield* this.#deepestKnown(names);
    for (const name of names.slice(depth)) {
      const parent = directory;
      try {
        directory = yield* this.#step(parent, name);
      } finally {
        this.release(parent);
      }
      depth += 1;
      if (directory.diskPath !== undefined) this.#keep(names.slice(0, depth).join('/'), directory);
    }
    return directory;
  }

  release(directory: OpenDirectory): void {
    directory.users -= 1;
    this.#closeIfIdle(directory);
  }

  /** Forgets the directory at `path` and all below, so that their descriptors do not keep them alive. */
  forget(path: string): void {
    for (const [key, entry] of this.#entries) {
      if (isWithin(key, path)) this.#drop(key, entry);
    }
  }

  close(): void {
    this.forget('');
    fs.closeSync(this.root.fd);
  }

  *#deepestKnown(names: readonly string[]): Task<{ directory: OpenDirectory; depth: number }> {
    for (let depth = names.length; depth > Math.max(0, names.length - LOOKUP_LEVELS); depth--) {
      const directory = yield* this.#known(names.slice(0, depth).join('/'));
      if (directory !== undefined) return { directory, depth };
    }
    this.root.users += 1;
    return { directory: this.root, depth: 0 };
  }

  *#known(path: string): Task<OpenDirectory | undefined> {
    const entry = this.#entries.get(path);
    if (entry === undefined) return undefined;
    entry.users += 1;
    if ((yield* pathTold(entry.fd)) === entry.diskPath) {
      if (entry.isCached) this.#seen(path, entry);
      return entry;
    }
    if (entry.isCached) this.#drop(path, entry);
    this.release(entry);
    return undefined;
  }

  /** The directory is where it was, and was used just now. */
  #seen(path: string, entry: OpenDirectory): void {
    if (entry.turn === this.#turns.current) return;
    entry.turn = this.#turns.current;
    this.#entries.delete(path);
    this.#entries.set(path, entry);
  }

  *#step(parent: OpenDirectory, name: string): Task<OpenDirectory> {
    const fd = yield* this.#openDirectory(childPath(parent.fd, diskName(name)));
    try {
      const { dev, ino } = yield* calls.fstat(fd);
      if (!this.isOwnDevice(dev)) throw new BackendError('EACCES', 'open', name);
      const diskPath = yield* pathTold(fd);
      return { fd, dev, ino, diskPath, users: 1, isCached: false, turn: 0, told: undefined };
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  *#openDirectory(path: string | Buffer): Task<number> {
    try {
      return yield* calls.open(path, OpenFlags.directory);
    } catch (error) {
      if (codeOf(error) !== 'ENOTDIR') throw error;
      const stat = yield* calls.lstat(path);
      throw stat.isSymbolicLink() ? new BackendError('ELOOP', 'open') : error;
    }
  }

  #keep(path: string, entry: OpenDirectory): void {
    const former = this.#entries.get(path);
    if (former !== undefined) this.#drop(path, former);
    entry.isCached = true;
    entry.turn = this.#turns.current;
    this.#entries.set(path, entry);
    for (const [oldest, idle] of this.#entries) {
      if (this.#entries.size <= this.#countMax) break;
      if (idle.users === 0) this.#drop(oldest, idle);
    }
  }

  #drop(path: string, entry: OpenDirectory): void {
    this.#entries.delete(path);
    entry.isCached = false;
    this.#closeIfIdle(entry);
  }

  #closeIfIdle(entry: OpenDirectory): void {
    if (entry.users === 0 && !entry.isCached) fs.closeSync(entry.fd);
  }
}

/** The kernel's path of the directory; `undefined` when it is longer than the kernel tells. */
function* pathTold(fd: number): Task<string | undefined> {
  try {
    return yield* calls.readlink(descriptorPath(fd));
  } catch (error) {
    if (codeOf(error) === 'ENAMETOOLONG') return undefined;
    throw error;
  }
}
