/**
 * Any object like `node:fs/promises` as a store: memfs, unionfs, `fs.promises` itself.
 *
 * Symbolic links are never followed below the root: every name on the way is looked at first. Whoever can change the tree
 * behind the store's back can swap a directory for a link between look and use; for a real folder that others write to,
 * `localBackend` is the safe choice, and the faster one.
 */
import { constants } from 'node:fs';
import { type Clock, systemClock } from '../base/clock.ts';
import { Table } from '../base/table.ts';
import type {
  Backend,
  BackendHandle,
  BackendPath,
  BackendStat,
  DirectoryEntry,
  OpenOptions,
  VolumeStat,
} from './contract.ts';
import { DirtyDirectories } from './dirty-directories.ts';
import { BackendError, codeOf, throwIfAborted } from './error.ts';
import { type NamedNode, NameTree } from './name-tree.ts';
import { NodeFsHandle } from './node-fs-handle.ts';
import { moveSymbolicLink } from './node-fs-link.ts';
import { checkedNames } from './node-fs-name.ts';
import {
  checkedFileHandle,
  type NodeFileHandle,
  type NodeFsPromises,
  type NodeFsSource,
  type NodeStats,
  nodeFsPromises,
} from './node-fs-source.ts';
import { inodeOf, kindOf, statOf } from './node-fs-stat.ts';
import { isWithin, join, parentOf } from './path.ts';
import { checkReplaceable } from './rename.ts';

const BATCH_COUNT = 64;
/** Told of a file system that does not tell its size. */
const UNKNOWN_VOLUME_BYTES = 2 ** 40;
/** What opening a directory is refused with where only files can be opened. */
const NOT_OPENED_CODES = new Set(['EISDIR', 'EINVAL', 'EPERM', 'EACCES', 'ENOSYS', 'ENOTSUP']);

export interface NodeFsOptions {
  /** The directory to serve, as the object names it; default `/`. It must exist. */
  readonly root?: string;
  /** For messages and as the label of the volume; default `node-fs`. */
  readonly name?: string;
  /**
   * How files are told apart. `inode`, the default: by `ino` and `dev` of their stats; where `ino` is missing or 0, by name.
   * `name`: always by name, for unions of file systems that use the same numbers. Identity by name follows renames made
   * through this store, and begins anew with the process.
   */
  readonly identity?: 'inode' | 'name';
  /** False where `a` and `A` are the same file; default true. */
  readonly isCaseSensitive?: boolean;
  readonly clock?: Clock;
}

/** Serves what `source` holds below `root`. Throws TypeError when methods are missing, and names them. */
export function fromNodeFs(source: NodeFsSource, options: NodeFsOptions = {}): Backend {
  return new NodeFsBackend(nodeFsPromises(source), options);
}

class NodeFsBackend implements Backend {
  readonly name: string;
  readonly isCaseSensitive: boolean;
  readonly link?: NonNullable<Backend['link']>;
  readonly symlinks?: NonNullable<Backend['symlinks']>;
  readonly #fs: NodeFsPromises;
  readonly #root: string;
  readonly #identifiesByName: boolean;
  readonly #names = new NameTree();
  /** Handles by file id. */
  readonly #openCounts = new Table<bigint, number>();
  readonly #dirty = new DirtyDirectories((path) => this.#syncDirectory(path));
  #nextFileId: bigint;
  /** The last change of names that was asked for. */
  #lastChange: Promise<unknown> = Promise.resolve();

  constructor(fs: NodeFsPromises, options: NodeFsOptions) {
    const { root = '/', name = 'node-fs', identity = 'inode', clock = systemClock } = options;
    this.name = name;
    this.isCaseSensitive = options.isCaseSensitive ?? true;
    this.#fs = fs;
    this.#root = root.endsWith('/') ? root.slice(0, -1) : root;
    this.#identifiesByName = identity === 'name';
    // Clients remember file ids: those of the next run must not repeat those of this one.
    this.#nextFileId = ((clock.now() / 10_000_000n) << 24n) + 1n;
    // By name alone, a second name would be another file.
    if (fs.link !== undefined && !this.#identifiesByName)
      this.link = (from, to) => this.#inOrder(() => this.#link(from, to));
    if (fs.symlink !== undefined && fs.readlink !== undefined) {
      this.symlinks = {
        readLink: (path) => this.#readLink(path),
        makeLink: (path, target) => this.#inOrder(() => this.#makeLink(path, target)),
      };
    }
  }

  async stat(path: BackendPath): Promise<BackendStat> {
    const { stats, kind } = await this.#look(path, 'stat');
    return statOf(stats, kind, this.#fileIdOf(stats, path));
  }

  async open(path: BackendPath, options: OpenOptions): Promise<BackendHandle> {
    throwIfAborted(options.signal, 'open', path);
    if (options.stream !== undefined) throw new BackendError('ENOTSUP', 'open', path);
    if (options.create) return this.#inOrder(() => this.#create(path, options));
    const { stats, kind } = await this.#look(path, 'open');
    if (kind === 'symlink') throw new BackendError('ELOOP', 'open', path);
    throwIfAborted(options.signal, 'open', path);
    if (kind === 'directory') {
      const file = await this.#openDirectory(path);
      return this.#handle(path, { file, kind, stats, isWritable: false });
    }
    const isWritable = options.write ?? false;
    const flags = isWritable ? constants.O_RDWR : constants.O_RDONLY;
    const file = await this.#openFile(path, flags);
    return this.#handle(path, { file, kind, stats: await file.stat({ bigint: true }), isWritable });
  }

  async *list(path: BackendPath, signal?: AbortSignal): AsyncGenerator<readonly DirectoryEntry[]> {
    const { kind } = await this.#look(path, 'scandir');
    if (kind === 'symlink') throw new BackendError('ELOOP', 'scandir', path);
    if (kind === 'file') throw new BackendError('ENOTDIR', 'scandir', path);
    const names = (await this.#fs.readdir(this.#full(path))).map(String);
    for (let at = 0; at < names.length; at += BATCH_COUNT) {
      throwIfAborted(signal, 'scandir', path);
      const batch = names.slice(at, at + BATCH_COUNT).map((name) => this.#entry(path, name));
      const entries = (await Promise.all(batch)).filter((entry) => entry !== undefined);
      if (entries.length > 0) yield entries;
    }
    throwIfAborted(signal, 'scandir', path);
  }

  makeDirectory(path: BackendPath): Promise<void> {
    return this.#inOrder(async () => {
      await this.#demandFree(path, 'mkdir');
      await this.#fs.mkdir(this.#full(path));
      this.#made(path, await this.#fs.lstat(this.#full(path), { bigint: true }));
    });
  }

  async removeFile(path: BackendPath): Promise<void> {
    const { kind } = await this.#look(path, 'unlink');
    if (kind === 'directory') throw new BackendError('EISDIR', 'unlink', path);
    await this.#fs.unlink(this.#full(path));
    this.#names.remove(path);
    this.#dirty.add(parentOf(path));
  }

  async removeDirectory(path: BackendPath): Promise<void> {
    const { kind } = await this.#look(path, 'rmdir');
    if (path === '') throw new BackendError('EBUSY', 'rmdir', path);
    if (kind !== 'directory') throw new BackendError('ENOTDIR', 'rmdir', path);
    await this.#fs.rmdir(this.#full(path));
    this.#names.remove(path);
    this.#dirty.remove(path);
    this.#dirty.add(parentOf(path));
  }

  rename(from: BackendPath, to: BackendPath, replace: boolean): Promise<void> {
    return this.#inOrder(() => this.#rename(from, { to, replace }));
  }

  async volume(): Promise<VolumeStat> {
    const told = await this.#fs.statfs?.(this.#full(''));
    const clusterBytes = Math.max(512, Number(told?.bsize ?? 4096));
    return {
      label: this.name,
      serialNumber: 0x4e4f_4445,
      totalBytes: told === undefined ? UNKNOWN_VOLUME_BYTES : Number(told.blocks) * clusterBytes,
      freeBytes: told === undefined ? UNKNOWN_VOLUME_BYTES : Number(told.bavail) * clusterBytes,
      sectorBytes: 512,
      clusterBytes,
    };
  }

  close(): void {}

  /** One change of names at a time: between looking whether a name is free and taking it, nobody else may. */
  #inOrder<T>(change: () => Promise<T>): Promise<T> {
    const outcome = this.#lastChange.then(change, change);
    this.#lastChange = outcome.catch(() => {});
    return outcome;
  }

  async #rename(from: BackendPath, { to, replace }: { to: BackendPath; replace: boolean }): Promise<void> {
    checkedNames(to, 'rename');
    const moved = await this.#look(from, 'rename');
    if (from === '' || to === '') throw new BackendError('EBUSY', 'rename', from);
    const taken = await this.#lookIfThere(to, 'rename');
    if (from === to) return;
    if (moved.kind === 'directory' && isWithin(to, from)) throw new BackendError('EINVAL', 'rename', to);
    if (taken !== undefined) checkReplaceable(moved, taken, { replace, to });
    if (moved.kind === 'symlink') await this.#moveLink(from, to, taken !== undefined);
    else if (taken !== undefined && Number(taken.stats.nlink ?? 1) > 1) await this.#renameOverLink(from, to);
    else await this.#fs.rename(this.#full(from), this.#full(to));
    const replaced = taken && this.#names.find(to);
    if (replaced !== undefined) replaced.linkCountMax = Number(taken?.stats.nlink ?? 1) - 1;
    this.#names.move(from, to);
    if (moved.kind === 'directory') this.#dirty.move(from, to);
    this.#dirty.add(parentOf(from));
    this.#dirty.add(parentOf(to));
  }

  async #moveLink(from: BackendPath, to: BackendPath, isTaken: boolean): Promise<void> {
    if (isTaken) await this.#fs.unlink(this.#full(to));
    await moveSymbolicLink(this.#fs, this.#full(from), this.#full(to));
  }

  /** The name is removed first: some file systems forget to count the link that a rename takes away. */
  async #renameOverLink(from: BackendPath, to: BackendPath): Promise<void> {
    await this.#fs.unlink(this.#full(to));
    await this.#fs.rename(this.#full(from), this.#full(to));
  }

  async #create(path: BackendPath, options: OpenOptions): Promise<BackendHandle> {
    await this.#demandFree(path, 'open');
    throwIfAborted(options.signal, 'open', path);
    const { O_RDWR, O_CREAT, O_EXCL } = constants;
    const file = await this.#openFile(path, O_RDWR | O_CREAT | O_EXCL);
    const stats = await file.stat({ bigint: true });
    this.#made(path, stats);
    return this.#handle(path, { file, kind: 'file', stats, isWritable: options.write ?? false });
  }

  #made(path: BackendPath, stats: NodeStats): void {
    // Whatever had the name is gone, and so is what was known of it.
    this.#names.remove(path);
    this.#dirty.add(parentOf(path));
    // Some file systems give the number of a removed file to the next, though the former is still open.
    const inode = inodeOf(stats);
    if (inode !== undefined && this.#openCounts.has(inode)) this.#ownFileId(path);
  }

  #ownFileId(path: BackendPath): bigint {
    const node = this.#names.at(path);
    if (node.fileId !== undefined) return node.fileId;
    node.fileId = this.#nextFileId;
    this.#nextFileId += 1n;
    return node.fileId;
  }

  async #link(from: BackendPath, to: BackendPath): Promise<void> {
    const { kind } = await this.#look(from, 'link');
    if (kind === 'directory') throw new BackendError('EPERM', 'link', from);
    await this.#demandFree(to, 'link');
    await this.#fs.link?.(this.#full(from), this.#full(to));
    this.#dirty.add(parentOf(to));
  }

  async #readLink(path: BackendPath): Promise<string> {
    const { kind } = await this.#look(path, 'readlink');
    if (kind !== 'symlink') throw new BackendError('EINVAL', 'readlink', path);
    return String(await this.#fs.readlink?.(this.#full(path)));
  }

  async #makeLink(path: BackendPath, target: string): Promise<void> {
    await this.#demandFree(path, 'symlink');
    await this.#fs.symlink?.(target, this.#full(path));
    this.#dirty.add(parentOf(path));
  }

  /** The path as the object below names it. */
  #full(path: BackendPath): string {
    if (path === '') return this.#root === '' ? '/' : this.#root;
    return `${this.#root}/${path}`;
  }

  /** Metadata of a name, once every name on the way has proved to be a directory. */
  async #look(
    path: BackendPath,
    operation: string,
  ): Promise<{ stats: NodeStats; kind: 'file' | 'directory' | 'symlink' }> {
    const names = checkedNames(path, operation);
    for (let depth = 1; depth < names.length; depth++) {
      const stats = await this.#fs.lstat(this.#full(names.slice(0, depth).join('/')), { bigint: true });
      if (stats.isSymbolicLink()) throw new BackendError('ELOOP', operation, path);
      if (!stats.isDirectory()) throw new BackendError('ENOTDIR', operation, path);
    }
    const stats = await this.#fs.lstat(this.#full(path), { bigint: true });
    const kind = kindOf(stats);
    if (kind === undefined) throw new BackendError('EACCES', operation, path);
    return { stats, kind };
  }

  /** As {@link #look}; undefined when the last name is free. */
  async #lookIfThere(path: BackendPath, operation: string) {
    const { kind } = await this.#look(parentOf(path), operation);
    if (kind === 'file') throw new BackendError('ENOTDIR', operation, path);
    if (kind === 'symlink') throw new BackendError('ELOOP', operation, path);
    try {
      return await this.#look(path, operation);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  async #demandFree(path: BackendPath, operation: string): Promise<void> {
    const names = checkedNames(path, operation);
    const isTaken = names.length === 0 || (await this.#lookIfThere(path, operation)) !== undefined;
    if (isTaken) throw new BackendError('EEXIST', operation, path);
  }

  async #entry(directory: BackendPath, name: string): Promise<DirectoryEntry | undefined> {
    const path = join(directory, name);
    try {
      const stats = await this.#fs.lstat(this.#full(path), { bigint: true });
      const kind = kindOf(stats);
      if (kind === undefined) return undefined;
      return { name, stat: statOf(stats, kind, this.#fileIdOf(stats, path)) };
    } catch (error) {
      // Gone since it was listed.
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }

  #fileIdOf(stats: NodeStats, path: BackendPath): bigint {
    const inode = this.#identifiesByName ? undefined : inodeOf(stats);
    return this.#names.find(path)?.fileId ?? inode ?? this.#ownFileId(path);
  }

  async #openFile(path: BackendPath, flags: number): Promise<NodeFileHandle> {
    const unfollowed = constants.O_NOFOLLOW ?? 0;
    return checkedFileHandle(await this.#fs.open(this.#full(path), flags | unfollowed));
  }

  async #openDirectory(path: BackendPath): Promise<NodeFileHandle | undefined> {
    try {
      return await this.#openFile(path, constants.O_RDONLY);
    } catch (error) {
      if (NOT_OPENED_CODES.has(codeOf(error) ?? '')) return undefined;
      throw error;
    }
  }

  #handle(
    path: BackendPath,
    opened: {
      file: NodeFileHandle | undefined;
      kind: 'file' | 'directory';
      stats: NodeStats;
      isWritable: boolean;
    },
  ): NodeFsHandle {
    const { file, kind, stats, isWritable } = opened;
    const node = this.#names.at(path);
    node.handleCount += 1;
    const fileId = this.#fileIdOf(stats, path);
    this.#openCounts.set(fileId, (this.#openCounts.get(fileId) ?? 0) + 1);
    return new NodeFsHandle({
      file,
      kind,
      node,
      isWritable,
      fileId,
      statByName: () => this.stat(this.#pathOf(node)),
      syncNames: () => this.#syncNames(node, kind),
      release: () => this.#release(node, fileId),
    });
  }

  #release(node: NamedNode, fileId: bigint): void {
    node.handleCount -= 1;
    this.#names.prune(node);
    const count = (this.#openCounts.get(fileId) ?? 1) - 1;
    if (count === 0) this.#openCounts.delete(fileId);
    else this.#openCounts.set(fileId, count);
  }

  #pathOf(node: NamedNode): BackendPath {
    const path = this.#names.pathOf(node);
    if (path === undefined) throw new BackendError('ESTALE', 'stat');
    return path;
  }

  /** A name that is gone needs no directory to survive. */
  async #syncNames(node: NamedNode, kind: 'file' | 'directory'): Promise<void> {
    const path = this.#names.pathOf(node);
    if (path !== undefined) await this.#dirty.syncPath(kind === 'directory' ? path : parentOf(path));
  }

  async #syncDirectory(path: BackendPath): Promise<void> {
    const file = await this.#openDirectory(path);
    if (file === undefined) return;
    try {
      await file.sync?.();
    } finally {
      await file.close();
    }
  }
}
