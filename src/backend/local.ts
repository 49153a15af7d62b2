/**
 * A local folder as a store (Linux). Nothing outside the folder is reachable through it, whatever others do to it
 * meanwhile; see directory-cache.ts for why.
 *
 * Symbolic links are shown and never followed. FIFOs, sockets, devices and mount points do not show in listings and answer
 * EACCES.
 */
import fs from 'node:fs';
import path from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import { crc32 } from 'node:zlib';
import { type Clock, systemClock } from '../base/clock.ts';
import { type Log, silentLog } from '../base/log.ts';
import { type Libc, loadLibc } from '../native/libc.ts';
import { tellsEveryChange } from './change-times.ts';
import type {
  Backend,
  BackendHandle,
  BackendPath,
  BackendStat,
  CopyRangeAbility,
  DirectoryEntry,
  ExtendedAttributeAbility,
  MaybePromise,
  OpenOptions,
  SecurityAbility,
  SparseAbility,
  StreamAbility,
  SymlinkAbility,
  VolumeStat,
  WatchAbility,
} from './contract.ts';
import { DescriptorPool, sharedDescriptorPool } from './descriptor-pool.ts';
import { DirectoryCache } from './directory-cache.ts';
import { DiskLook } from './disk-stat.ts';
import { BackendError, codeOf, throwIfAborted } from './error.ts';
import { type EntryReader, readEntries } from './local-entries.ts';
import { listed } from './local-list.ts';
import { nameOnDisk } from './local-name.ts';
import { copyAbility, sparseAbility } from './local-ranges.ts';
import { directoryRemoved, fileRemoved } from './local-remove.ts';
import { renamed } from './local-rename.ts';
import { LocalStats } from './local-stat.ts';
import { LocalTree } from './local-tree.ts';
import type { LocalMetadata } from './metadata-local.ts';
import { type MetadataOptions, metadataOf } from './metadata-place.ts';
import type { LocalFile } from './metadata-store.ts';
import { namesOf } from './path.ts';
import { type OwnerOptions, PosixOwners } from './posix-owners.ts';
import { NewPermissions, type PermissionOptions } from './posix-permissions.ts';
import { Pace, run, type Task } from './task.ts';
import { Turns } from './turn.ts';

export interface LocalOptions extends MetadataOptions, PermissionOptions, OwnerOptions {
  /** Label of the volume; default the folder's name. */
  readonly label?: string;
  /** Default derived from the folder's path. */
  readonly serialNumber?: number;
  /** Directories on other devices belong to the folder, too. Default false. */
  readonly mayCrossMounts?: boolean;
  /** READONLY of a file is also the missing write permission of its owner, both ways. Default true. */
  readonly mapsReadOnly?: boolean;
  /** Files and directories open at a time; EMFILE beyond. Default 250,000. */
  readonly handleCountMax?: number;
  /**
   * Descriptors that open files may take; beyond it those unused for longest lose theirs until they are used again.
   * Default half of what the system allows the process, for all stores together.
   */
  readonly descriptorCountMax?: number;
  /** Directories whose descriptors are kept. Default 256. */
  readonly directoryCountMax?: number;
  /** Calls of libc that Node does not have; default those that work in this process, `none` does without. */
  readonly libc?: Libc | 'none';
  readonly clock?: Clock;
  readonly log?: Log;
}

/** The folder `root` as a store. ENOSYS where the system is not Linux or has no /proc. */
export function localBackend(root: string, options: LocalOptions = {}): Backend {
  if (process.platform !== 'linux') throw new BackendError('ENOSYS', 'serving a local folder needs Linux');
  if (!fs.existsSync('/proc/self/fd')) throw new BackendError('ENOSYS', 'serving a local folder needs /proc');
  const folder = fs.realpathSync(root);
  const turns = new Turns();
  const directories = new DirectoryCache(folder, {
    countMax: options.directoryCountMax ?? 256,
    mayCrossMounts: options.mayCrossMounts ?? false,
    turns,
  });
  try {
    return new LocalBackend(folder, { directories, turns }, options);
  } catch (error) {
    directories.close();
    throw error;
  }
}

function libcFor({ libc = loadLibc() }: LocalOptions): Libc | undefined {
  return libc === 'none' ? undefined : libc;
}

function descriptorsFor({ descriptorCountMax }: LocalOptions): DescriptorPool {
  return descriptorCountMax === undefined ? sharedDescriptorPool() : new DescriptorPool(descriptorCountMax);
}

/** Where statx is not allowed, Node tells change times as birth times: of everything. */
function knowsBirthTime(folder: string): boolean {
  return ['/', '/proc/self/exe', folder].some((place) => {
    const stat = fs.statSync(place, { bigint: true });
    return stat.birthtimeNs !== stat.ctimeNs;
  });
}

/** What completes the disk's metadata, and all of it together. */
function statsOf(
  folder: string,
  { directories, look, libc }: { directories: DirectoryCache; look: DiskLook; libc: Libc | undefined },
  options: LocalOptions,
): { metadata: LocalMetadata; stats: LocalStats } {
  const { root, device } = directories;
  const exactDevice = tellsEveryChange(root.fd) ? device : undefined;
  const calls = { xattr: libc?.xattr, xattrAt: libc?.xattrAt };
  const metadata = metadataOf(folder, root.fd, { ...options, ...calls, exactDevice });
  const stats = new LocalStats({
    metadata,
    device,
    exactDevice,
    knowsBirthTime: knowsBirthTime(folder),
    mapsReadOnly: options.mapsReadOnly ?? true,
    owners: new PosixOwners(options),
    setTimes: libc?.setTimes,
    look,
  });
  return { metadata, stats };
}

class LocalBackend implements Backend {
  readonly name: string;
  readonly isCaseSensitive = true;
  readonly symlinks: SymlinkAbility;
  readonly streams: StreamAbility;
  readonly extendedAttributes: ExtendedAttributeAbility;
  readonly security: SecurityAbility;
  readonly sparse?: SparseAbility;
  readonly copyRange: CopyRangeAbility;
  readonly watch: WatchAbility;
  readonly #options: LocalOptions;
  readonly #directories: DirectoryCache;
  readonly #metadata: LocalMetadata;
  readonly #pace: Pace;
  readonly #libc: Libc | undefined;
  readonly #tree: LocalTree;

  constructor(
    folder: string,
    { directories, turns }: { directories: DirectoryCache; turns: Turns },
    options: LocalOptions,
  ) {
    this.name = folder;
    this.#options = options;
    this.#directories = directories;
    const clock = options.clock ?? systemClock;
    this.#pace = new Pace(clock);
    const libc = libcFor(options);
    this.#libc = libc;
    const look = new DiskLook(libc?.statx, this.#pace);
    const { metadata, stats } = statsOf(folder, { directories, look, libc }, options);
    this.#metadata = metadata;
    const tree: LocalTree = new LocalTree({
      directories,
      turns,
      stats,
      metadata,
      clock,
      permissions: new NewPermissions(options, { look, openAt: libc?.openAt }),
      handleCountMax: options.handleCountMax ?? 250_000,
      descriptors: descriptorsFor(options),
      libc,
      log: options.log ?? silentLog,
      pace: this.#pace,
      syncDirectory: async (at) => this.#run('fsync', at, tree.syncDirectory(at)),
    });
    this.#tree = tree;
    this.symlinks = {
      readLink: (at) => this.#run('readlink', at, tree.readLink(at)),
      makeLink: (at, target) => this.#run('symlink', at, tree.makeLink(at, target)),
    };
    const sparse = sparseAbility(libc, directories.root.fd);
    if (sparse !== undefined) this.sparse = sparse;
    this.copyRange = copyAbility(libc);
    this.watch = tree.changes;
    const { streams, extendedAttributes } = this.#metadata;
    const withFile = <T>(operation: string, at: BackendPath, use: (file: LocalFile) => Task<T>) =>
      this.#run(operation, at, tree.found(at, use));
    const changing = <T>(operation: string, at: BackendPath, use: (file: LocalFile) => Task<T>) =>
      this.#run(operation, at, tree.changed(at, use));
    this.streams = {
      list: (at) => withFile('streams', at, (file) => streams.list(file)),
      remove: (at, name) => changing('streams', at, (file) => streams.remove(file, name)),
      rename: (at, from, to, replace) =>
        changing('streams', at, (file) => streams.rename(file, { from, to, replace })),
    };
    this.extendedAttributes = {
      read: (at) => withFile('getxattr', at, (file) => extendedAttributes.read(file)),
      write: (at, attributes) => {
        const copy = new Map([...attributes].map(([name, value]) => [name, Buffer.from(value)]));
        return changing('setxattr', at, (file) => extendedAttributes.write(file, copy));
      },
    };
    this.security = {
      read: (at) => withFile('getsecurity', at, (file) => this.#metadata.readSecurity(file)),
      write: (at, descriptor) => {
        const copy = Buffer.from(descriptor);
        return changing('setsecurity', at, (file) => this.#metadata.writeSecurity(file, copy));
      },
    };
  }

  stat(at: BackendPath): MaybePromise<BackendStat> {
    let now: BackendStat | 'absent' | undefined;
    try {
      now = this.#tree.statNow(at);
    } catch (error) {
      return this.#fail(error, 'stat', at);
    }
    if (now === 'absent') throw new BackendError('ENOENT', 'stat', at);
    return now ?? this.#run('stat', at, this.#tree.stat(at));
  }

  open(at: BackendPath, options: OpenOptions): MaybePromise<BackendHandle> {
    throwIfAborted(options.signal, 'open', at);
    try {
      const handle = this.#tree.openNow(at, options);
      if (handle !== undefined) return handle;
    } catch (error) {
      return this.#fail(error, 'open', at);
    }
    return this.#run('open', at, this.#tree.open(at, options));
  }

  async *list(at: BackendPath, signal?: AbortSignal): AsyncGenerator<readonly DirectoryEntry[]> {
    throwIfAborted(signal, 'scandir', at);
    const names = namesOf(at, 'scandir');
    const directory = await this.#run('scandir', at, this.#directories.acquire(names));
    try {
      const { fd } = directory;
      const { stats } = this.#tree;
      const isOwn = (device: bigint): boolean => this.#directories.isOwnDevice(device);
      const entries = listed({ fd, libc: this.#libc, pace: this.#pace, stats, isOwn });
      for await (const batch of entries) {
        throwIfAborted(signal, 'scandir', at);
        yield batch;
      }
    } catch (error) {
      throw relabeled(error, 'scandir', at);
    } finally {
      this.#directories.release(directory);
    }
  }

  async *listNames(at: BackendPath, signal?: AbortSignal): AsyncGenerator<readonly string[]> {
    throwIfAborted(signal, 'scandir', at);
    const directory = await this.#run('scandir', at, this.#directories.acquire(namesOf(at, 'scandir')));
    let reader: EntryReader | undefined;
    try {
      reader = await this.#run('scandir', at, readEntries(directory.fd, this.#libc));
      for (let count = 0; ; count++) {
        const batch = await this.#run('scandir', at, reader.next());
        if (batch === undefined) return;
        if (count > 0) await nextTurn();
        throwIfAborted(signal, 'scandir', at);
        yield batch.map(({ latin1 }) => nameOnDisk(latin1)).filter((name) => name !== undefined);
      }
    } finally {
      reader?.close();
      this.#directories.release(directory);
    }
  }

  makeDirectory(at: BackendPath): MaybePromise<void> {
    return this.#run('mkdir', at, this.#tree.makeDirectory(at));
  }

  removeFile(at: BackendPath): MaybePromise<void> {
    return this.#run('unlink', at, fileRemoved(this.#tree, at));
  }

  removeDirectory(at: BackendPath): MaybePromise<void> {
    return this.#run('rmdir', at, directoryRemoved(this.#tree, at));
  }

  rename(from: BackendPath, to: BackendPath, replace: boolean): MaybePromise<void> {
    return this.#run('rename', from, renamed(this.#tree, { from, to, replace }));
  }

  link(from: BackendPath, to: BackendPath): MaybePromise<void> {
    return this.#run('link', from, this.#tree.link(from, to));
  }

  async volume(): Promise<VolumeStat> {
    const { bsize, blocks, bavail } = await fs.promises.statfs(`/proc/self/fd/${this.#directories.root.fd}`);
    return {
      label: this.#options.label ?? path.basename(this.name),
      serialNumber: this.#options.serialNumber ?? crc32(this.name),
      totalBytes: blocks * bsize,
      freeBytes: bavail * bsize,
      sectorBytes: 512,
      clusterBytes: bsize,
    };
  }

  async close(): Promise<void> {
    this.#tree.close();
    this.#directories.close();
    await this.#metadata.close();
  }

  #run<T>(operation: string, at: BackendPath, task: Task<T>): MaybePromise<T> {
    try {
      const answer = run(task, this.#pace);
      if (!(answer instanceof Promise)) return answer;
      return answer.catch((error: unknown) => this.#fail(error, operation, at));
    } catch (error) {
      return this.#fail(error, operation, at);
    }
  }

  #fail(error: unknown, operation: string, at: BackendPath): never {
    // Descriptors kept for speed must not be what others lack.
    if (codeOf(error) === 'EMFILE') this.#directories.forget('');
    throw relabeled(error, operation, at);
  }
}

/** The error as it concerns the caller: with the path in the store, not that of a descriptor. */
function relabeled(error: unknown, operation: string, at: BackendPath): unknown {
  const code = codeOf(error);
  if (code === undefined || code.startsWith('ERR_')) return error;
  return new BackendError(code, operation, at);
}
