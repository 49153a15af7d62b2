/**
 * The operations of the local store on paths, as tasks. Every one ends in a system call relative to the descriptor of
 * the directory that holds the name.
 *
 * Files are opened by reference first (O_PATH), which touches neither devices nor FIFOs; only a regular file is then
 * opened in earnest, through that same reference.
 */

import fs from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Libc } from '../native/libc.ts';
import type { Place } from '../native/names.ts';
import type { BackendHandle, BackendPath, BackendStat, OpenOptions } from './contract.ts';
import type { DescriptorPool } from './descriptor-pool.ts';
import type { DirectoryCache, OpenDirectory } from './directory-cache.ts';
import { DirtyDirectories } from './dirty-directories.ts';
import type { DiskStat } from './disk-stat.ts';
import { BackendError, codeOf } from './error.ts';
import { calls, pathOf } from './local-calls.ts';
import {
  LocalDirectoryHandle,
  LocalFileHandle,
  type LocalOpen,
  type LocalShared,
  LocalStreamHandle,
  nothingKnown,
  syncedDirectory,
} from './local-handle.ts';
import { diskName, nameOnDisk } from './local-name.ts';
import { type Opened, Opening } from './local-open.ts';
import { Reopening } from './local-reopen.ts';
import { kindOf, type LocalStats } from './local-stat.ts';
import { LocalWatch, type OpenedPlace } from './local-watch.ts';
import type { LocalMetadata } from './metadata-local.ts';
import type { LocalFile } from './metadata-store.ts';
import { OpenFiles } from './open-files.ts';
import { modification } from './own-changes.ts';
import { checkedName, namesOf, parentOf } from './path.ts';
import type { NewPermissions } from './posix-permissions.ts';
import type { Carried } from './recent-attributes.ts';
import { DescriptorUse } from './shared-descriptor.ts';
import type { Pace, Task } from './task.ts';
import { CachedReads } from './transfer.ts';
import type { Turns } from './turn.ts';

const { REFERENCE, READ, WRITE } = DescriptorUse;

/** Of a file that this store has made just now. */
const nothingCarried: Carried = Object.freeze({
  attributes: undefined,
  creationTime: undefined,
  hasEas: undefined,
});

export interface LocalTreeOptions {
  readonly directories: DirectoryCache;
  readonly stats: LocalStats;
  readonly metadata: LocalMetadata;
  readonly clock: Clock;
  readonly permissions: NewPermissions;
  readonly handleCountMax: number;
  readonly descriptors: DescriptorPool;
  readonly libc: Libc | undefined;
  readonly log: Log;
  readonly pace: Pace;
  readonly turns: Turns;
  readonly syncDirectory: (path: BackendPath) => Promise<void>;
}

export class LocalTree {
  readonly directories: DirectoryCache;
  readonly stats: LocalStats;
  readonly files: OpenFiles;
  readonly dirty: DirtyDirectories;
  /** What others do; what this store does goes through {@link LocalWatch.own}. */
  readonly changes: LocalWatch;
  readonly turns: Turns;
  readonly #options: LocalTreeOptions;
  readonly #shared: LocalShared;
  readonly #reopening: Reopening;
  readonly #opening: Opening;
  #handleCount = 0;

  constructor(options: LocalTreeOptions) {
    const { directories, stats, metadata, turns, libc, clock, log, pace } = options;
    this.#options = options;
    this.directories = directories;
    this.stats = stats;
    this.turns = turns;
    this.#opening = new Opening(this, libc?.openAt);
    this.#reopening = new Reopening({
      libc,
      root: directories.root.fd,
      stats,
      reference: (path) => this.#opening.reference(path),
    });
    this.files = new OpenFiles({
      forget: (file) => metadata.forget(file),
      descriptors: {
        pool: options.descriptors,
        clock,
        cachedReads: new CachedReads(libc?.readNow),
        remember: (file, fd) => this.#reopening.remember(file, fd),
        reopen: (file, use) => this.#reopening.reopen(file, use),
      },
    });
    this.dirty = new DirtyDirectories(options.syncDirectory);
    this.changes = new LocalWatch({ libc, clock, log, pace, turns, open: (path) => this.#place(path) });
    this.#shared = {
      clock,
      stats,
      metadata,
      files: this.files,
      directories: this.dirty,
      changes: this.changes,
      turns,
      closed: () => {
        this.#handleCount -= 1;
      },
    };
  }

  /**
   * Runs `use` with the descriptor of the directory that has the name, whatever happens to the directories above, and the name
   * there. EBUSY for the root.
   */
  *at<T>(path: BackendPath, use: (place: Place) => Task<T>): Task<T> {
    if (path === '') throw new BackendError('EBUSY', 'open', path);
    if (path.startsWith('/')) throw new BackendError('EINVAL', 'open', path);
    const name = diskName(checkedName(path));
    const above = parentOf(path);
    const directory = this.directories.reachNow(above) ?? (yield* this.directories.reach(above));
    try {
      return yield* use({ directory: directory.fd, name });
    } finally {
      this.directories.release(directory);
    }
  }

  /** EACCES for what does not belong to the store: devices, FIFOs, sockets, mount points. */
  check(stat: DiskStat): DiskStat {
    if (kindOf(stat) === undefined || !this.directories.isOwnDevice(stat.dev)) {
      throw new BackendError('EACCES', 'open');
    }
    return stat;
  }

  *look(path: BackendPath): Task<DiskStat> {
    const { look } = this.stats;
    if (path === '') return yield* look.open(this.directories.root.fd);
    return this.check(yield* this.at(path, ({ directory, name }) => look.at(directory, name)));
  }

  /** As {@link found}, for what changes the file's metadata. */
  changed<T>(path: BackendPath, use: (file: LocalFile) => Task<T>): Task<T> {
    const { changes } = this;
    return this.found(path, (file) => changes.own([modification(path, file.reference.fileId)], use(file)));
  }

  /** Runs `use` with what is found at the path; a link at its end is itself. */
  found<T>(path: BackendPath, use: (file: LocalFile) => Task<T>): Task<T> {
    if (path === '') return this.#foundRoot(use);
    return this.at(path, (place) => this.#foundAt(path, place, use));
  }

  *#foundRoot<T>(use: (file: LocalFile) => Task<T>): Task<T> {
    const { fd } = this.directories.root;
    return yield* use(this.stats.file(yield* this.stats.look.open(fd), { directory: fd, name: '.' }));
  }

  /** What was found at the path in this moment. */
  #seenNow(path: BackendPath): DiskStat | undefined {
    const told = this.directories.knownNow(path)?.told;
    return told?.moment === this.turns.moment ? told.seen : this.#opening.seenNow(path);
  }

  /** Looked at once a moment. By its descriptor where it is open, which spares the way to it. */
  *#foundAt<T>(path: BackendPath, place: Place, use: (file: LocalFile) => Task<T>): Task<T> {
    const { directory, name } = place;
    const stat = this.#seenNow(path) ?? this.check(yield* this.stats.look.at(directory, name));
    const file = this.stats.file(stat, place);
    const descriptor = this.files.find(file.reference)?.descriptor;
    if (!descriptor?.isData) return yield* use(file);
    return yield* descriptor.held(READ, (fd) => use({ ...file, fd, isData: true }));
  }

  /** As {@link stat}, if one look suffices; `absent` where there is no such name. */
  statNow(path: BackendPath): BackendStat | 'absent' | undefined {
    const { look } = this.stats;
    if (path.startsWith('/') || !look.isQuick) return undefined;
    const known = this.directories.knownNow(path);
    if (known !== undefined) return this.#directoryNow(known);
    const name = diskName(checkedName(path));
    const above = parentOf(path);
    const directory = this.directories.reachNow(above) ?? look.also(this.directories.reach(above));
    try {
      const stat = look.again(directory.fd, name);
      if (stat === undefined || stat === 'absent') return stat;
      const isDirectory = this.check(stat).isDirectory();
      const open = isDirectory ? this.directories.confirm(path, stat) : undefined;
      if (!isDirectory) this.#opening.saw(path, stat);
      const described = this.stats.describeAt(stat, directory.fd, name);
      if (open !== undefined) open.told = { seen: stat, stat: described, moment: this.turns.moment };
      return described;
    } finally {
      this.directories.release(directory);
    }
  }

  /** What a directory that was seen in this turn is like; looked at once a moment. */
  #directoryNow(directory: OpenDirectory): BackendStat | undefined {
    const { moment } = this.turns;
    if (directory.told?.moment === moment) return directory.told.stat;
    const seen = this.stats.look.again(directory.fd, '');
    if (seen === undefined || seen === 'absent') return undefined;
    const stat = this.stats.describeAt(seen, directory.fd, '.');
    directory.told = { seen, stat, moment };
    return stat;
  }

  stat(path: BackendPath): Task<BackendStat> {
    return this.found(path, (file) => this.stats.describe(file));
  }

  /** As {@link open}, for what takes one call; `undefined` where only the task can tell. */
  openNow(path: BackendPath, { write = false, create, stream }: OpenOptions): BackendHandle | undefined {
    const { handleCountMax, descriptors } = this.#options;
    const isFull = this.#handleCount >= handleCountMax || !descriptors.hasRoom;
    if (isFull || create || stream !== undefined) return undefined;
    const found = this.#opening.dataNow(path, write ? WRITE : READ);
    return found && new LocalFileHandle(this.#opened(path, found, { isWritable: write, known: found }));
  }

  *open(path: BackendPath, options: OpenOptions): Task<BackendHandle> {
    if (this.#handleCount >= this.#options.handleCountMax) throw new BackendError('EMFILE', 'open', path);
    if (!this.#options.descriptors.hasRoom) yield* this.#options.descriptors.room();
    const { stream } = options;
    if (stream !== undefined) return yield* this.#openStream(path, stream, options);
    if (options.create) return yield* this.#create(path, options.write ?? false);
    const isWritable = options.write ?? false;
    const found = yield* this.#opening.data(path, isWritable ? WRITE : READ);
    const opened = this.#opened(path, found, { isWritable, known: nothingKnown });
    return found.use === REFERENCE ? new LocalDirectoryHandle(opened) : new LocalFileHandle(opened);
  }

  /** Calls that Node does not have. */
  get libc(): Libc | undefined {
    return this.#options.libc;
  }

  close(): void {
    this.changes.close();
    this.#reopening.close();
  }

  *makeDirectory(path: BackendPath): Task<void> {
    if (path === '') throw new BackendError('EEXIST', 'mkdir', path);
    const { permissions, metadata } = this.#options;
    const stat = yield* this.changes.own(
      [{ kind: 'created', path }],
      this.at(path, (place) => permissions.makeDirectory(place)),
    );
    this.dirty.add(parentOf(path));
    metadata.forget(this.stats.reference(stat));
  }

  *link(from: BackendPath, to: BackendPath): Task<void> {
    const stat = yield* this.look(from);
    if (stat.isDirectory()) throw new BackendError('EPERM', 'link', from);
    const { fileId } = this.stats.reference(stat);
    yield* this.changes.own(
      [{ kind: 'created', path: to }, modification(from, fileId)],
      this.at(from, (source) => this.at(to, (target) => calls.link(pathOf(source), pathOf(target)))),
    );
    this.dirty.add(parentOf(to));
  }

  *readLink(path: BackendPath): Task<string> {
    if (!(yield* this.look(path)).isSymbolicLink()) throw new BackendError('EINVAL', 'readlink', path);
    const target = nameOnDisk(yield* this.at(path, (place) => calls.readlink(pathOf(place))));
    if (target === undefined) throw new BackendError('EINVAL', 'readlink', path);
    return target;
  }

  *makeLink(path: BackendPath, target: string): Task<void> {
    yield* this.changes.own(
      [{ kind: 'created', path }],
      this.at(path, (place) => calls.symlink(diskName(target), pathOf(place))),
    );
    this.dirty.add(parentOf(path));
  }

  /** Puts the names in the directory on stable storage; one that is gone needs none of it. */
  *syncDirectory(path: BackendPath): Task<void> {
    try {
      const directory = yield* this.directories.acquire(namesOf(path, 'fsync'));
      try {
        yield* syncedDirectory(directory.fd);
      } finally {
        this.directories.release(directory);
      }
    } catch (error) {
      if (!['ENOENT', 'ENOTDIR', 'ELOOP'].includes(codeOf(error) ?? '')) throw error;
    }
  }

  /** A name of the file is gone; `before` is what it was like with the name. */
  unlinked(before: DiskStat): void {
    if (before.nlink <= 1n) this.files.removed(this.stats.reference(before));
  }

  /** Runs what takes the last name of the file away: from then on it is reached by its descriptor only. */
  *losingName<T>(before: DiskStat, work: Task<T>): Task<T> {
    const isLast = before.nlink <= 1n || before.isDirectory();
    const file = isLast ? this.files.find(this.stats.reference(before)) : undefined;
    if (file === undefined) return yield* work;
    yield* file.descriptor.pin();
    try {
      return yield* work;
    } catch (error) {
      file.descriptor.unpin();
      throw error;
    }
  }

  *#create(path: BackendPath, isWritable: boolean): Task<BackendHandle> {
    if (path === '') throw new BackendError('EEXIST', 'open', path);
    const { permissions, metadata } = this.#options;
    const turn = this.turns.current;
    const { fd, stat } = yield* this.changes.own(
      [{ kind: 'created', path }],
      this.at(path, (place) => permissions.createFile(place)),
    );
    this.dirty.add(parentOf(path));
    try {
      // A file that others removed may have left something under this id.
      metadata.forget(this.stats.reference(stat));
      const known = this.turns.current === turn ? { stat, carried: nothingCarried } : nothingKnown;
      return new LocalFileHandle(this.#opened(path, { fd, stat, use: WRITE }, { isWritable, known }));
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  *#openStream(path: BackendPath, stream: string, options: OpenOptions): Task<BackendHandle> {
    const { fd, stat } = yield* this.#opening.reference(path);
    try {
      const { streams } = this.#options.metadata;
      const file = this.stats.openFile(stat, fd);
      const content = yield* streams.open(file, stream, options.create ?? false);
      const isWritable = options.write ?? false;
      const opened = this.#opened(path, { fd, stat, use: REFERENCE }, { isWritable, known: nothingKnown });
      return new LocalStreamHandle(opened, content);
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  *#place(path: BackendPath): Task<OpenedPlace> {
    const { fd, stat } = yield* this.#opening.reference(path);
    return { fd, isDirectory: stat.isDirectory(), fileId: this.stats.reference(stat).fileId };
  }

  #opened(
    path: BackendPath,
    { fd, stat, use }: Opened,
    { isWritable, known }: Pick<LocalOpen, 'isWritable' | 'known'>,
  ): LocalOpen {
    const file = this.files.enter(this.stats.reference(stat), path);
    file.descriptor.adopt(fd, use);
    this.#handleCount += 1;
    return { shared: this.#shared, file, isWritable, known };
  }
}
