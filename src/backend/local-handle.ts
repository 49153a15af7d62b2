/**
 * Handles of the local store.
 */
import fs from 'node:fs';
import type { Clock } from '../base/clock.ts';
import { FileAttribute } from '../wire/flags.ts';
import type { BackendHandle, BackendStat, MaybePromise, StatChange } from './contract.ts';
import type { DirtyDirectories } from './dirty-directories.ts';
import { NativeStat } from './disk-stat.ts';
import { BackendError } from './error.ts';
import { calls, descriptorPath, OpenFlags } from './local-calls.ts';
import type { KnownNow, LocalStats } from './local-stat.ts';
import type { LocalWatch } from './local-watch.ts';
import type { LocalMetadata } from './metadata-local.ts';
import { checkedOffset } from './offset.ts';
import type { OpenFile, OpenFiles } from './open-files.ts';
import type { Expected } from './own-changes.ts';
import { parentOf } from './path.ts';
import { DescriptorUse } from './shared-descriptor.ts';
import type { Task } from './task.ts';
import type { Turns } from './turn.ts';
import type { LocalStream } from './xattr-streams.ts';
import type { XattrPlace } from './xattr-tasks.ts';

/** What the handles of one store share. */
export interface LocalShared {
  readonly clock: Clock;
  readonly stats: LocalStats;
  readonly metadata: LocalMetadata;
  readonly files: OpenFiles;
  readonly directories: DirtyDirectories;
  readonly changes: LocalWatch;
  readonly turns: Turns;
  /** A handle was closed. */
  readonly closed: () => void;
}

export interface LocalOpen {
  readonly shared: LocalShared;
  readonly file: OpenFile;
  readonly isWritable: boolean;
  /** What is known of it at the moment of opening. */
  readonly known: KnownNow;
}

export const nothingKnown: KnownNow = Object.freeze({});

/** What files, directories and streams have in common: a descriptor of the file that they belong to. */
export abstract class LocalHandle implements BackendHandle {
  protected readonly open: LocalOpen;
  #known: KnownNow;
  /** The moment that {@link #known} belongs to. */
  #knownAt: number;
  #isClosed = false;

  constructor(open: LocalOpen) {
    this.open = open;
    this.#known = open.known;
    this.#knownAt = open.shared.turns.moment;
  }

  /** The file behind the handle. */
  get file(): OpenFile {
    return this.open.file;
  }

  stat(): MaybePromise<BackendStat> {
    this.check('fstat');
    const { fd, isData } = this.open.file.descriptor;
    const { stats } = this.open.shared;
    if (fd !== undefined && stats.look.isQuick) {
      const { stat, carried } = this.#knownNow();
      const seen = stat instanceof NativeStat ? stat : stats.look.again(fd, '');
      if (seen !== undefined && seen !== 'absent') {
        if (carried === undefined) return stats.describeAt(seen, fd, '', isData);
        return stats.describeCarrying(stats.openFile(seen, fd, isData), carried);
      }
    }
    return this.use('fstat', DescriptorUse.REFERENCE, (open) => this.#describe(open));
  }

  setStat(change: StatChange): MaybePromise<void> {
    const known = this.#knownNow();
    const done = this.changing(() =>
      this.use('setStat', DescriptorUse.REFERENCE, (fd) => this.#change(fd, change, known)),
    );
    if (done instanceof Promise) return done.then(() => {});
    this.#known = done;
    this.#knownAt = this.open.shared.turns.moment;
  }

  abstract read(target: Buffer, position: number): MaybePromise<number>;
  abstract write(source: Buffer, position: number): MaybePromise<void>;
  abstract truncate(sizeBytes: number): MaybePromise<void>;

  async sync(): Promise<void> {
    const { file, shared } = this.open;
    this.check('fsync');
    if (file.syncError !== undefined) throw file.syncError;
    try {
      await this.syncData();
    } catch (error) {
      file.syncError = error;
      throw error;
    }
    await shared.metadata.sync();
    if (!file.isRemoved) await shared.directories.syncPath(parentOf(file.path));
  }

  close(): MaybePromise<void> {
    const { file, shared } = this.open;
    this.check('close');
    this.#isClosed = true;
    shared.closed();
    return shared.files.leave(file);
  }

  /** EBADF once closed. */
  check(operation: string): void {
    if (this.#isClosed) throw new BackendError('EBADF', operation);
  }

  /** EBADF once closed, and for a handle that was not opened for writing. */
  checkWritable(operation: string): void {
    this.check(operation);
    if (!this.open.isWritable) throw new BackendError('EBADF', operation);
  }

  /** Runs what needs the descriptor. */
  use<T>(operation: string, use: DescriptorUse, work: (fd: number) => Task<T>): MaybePromise<T> {
    this.check(operation);
    return this.open.file.descriptor.run(use, work);
  }

  /** Runs what changes the file, so that it is not taken for a change by others. */
  changing<T>(work: () => MaybePromise<T>): MaybePromise<T> {
    const { shared, file } = this.open;
    const operation = shared.changes.modifying(file.path, file.reference.fileId);
    shared.turns.changed();
    let answer: MaybePromise<T> | undefined;
    try {
      answer = work();
      return answer instanceof Promise ? answer.finally(() => this.#changed(operation)) : answer;
    } finally {
      if (!(answer instanceof Promise)) this.#changed(operation);
    }
  }

  #changed(operation: readonly Expected[]): void {
    const { turns, changes } = this.open.shared;
    turns.changed();
    changes.modified(operation);
  }

  protected abstract syncData(): Promise<void>;

  #knownNow(): KnownNow {
    return this.#knownAt === this.open.shared.turns.moment ? this.#known : nothingKnown;
  }

  *#describe(fd: number): Task<BackendStat> {
    const { file, shared } = this.open;
    const { isData } = file.descriptor;
    const stat = yield* shared.stats.look.open(fd);
    return yield* shared.stats.describe(shared.stats.openFile(stat, fd, isData));
  }

  *#change(fd: number, change: StatChange, known: KnownNow): Task<KnownNow> {
    const { file, shared } = this.open;
    const { reference, descriptor } = file;
    const { isData } = descriptor;
    // What may no longer be opened for writing must not have to be.
    if ((change.attributes ?? 0) & FileAttribute.READONLY) yield* descriptor.pin();
    return { carried: yield* shared.stats.change({ fd, reference, isData, known }, change) };
  }
}

export class LocalFileHandle extends LocalHandle {
  read(target: Buffer, position: number): MaybePromise<number> {
    this.check('read');
    return this.open.file.descriptor.read(target, checkedOffset(position, 'read'));
  }

  write(source: Buffer, position: number): MaybePromise<void> {
    this.checkWritable('write');
    const to = checkedOffset(position, 'write');
    return this.changing(() => this.open.file.descriptor.write(source, to));
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    this.checkWritable('truncate');
    const size = checkedOffset(sizeBytes, 'truncate');
    return this.changing(() => this.open.file.descriptor.truncate(size));
  }

  protected async syncData(): Promise<void> {
    await this.open.file.descriptor.sync();
  }
}

/** Open by reference only (O_PATH): enough for metadata, and for directories that may be searched but not read. */
export class LocalDirectoryHandle extends LocalHandle {
  read(): number {
    throw this.#refusal('read');
  }

  write(): void {
    throw this.#refusal('write');
  }

  truncate(): void {
    throw this.#refusal('truncate');
  }

  protected async syncData(): Promise<void> {
    const { file, shared } = this.open;
    await this.use('fsync', DescriptorUse.REFERENCE, syncedDirectory);
    if (!file.isRemoved) await shared.directories.syncPath(file.path);
  }

  #refusal(operation: string): BackendError {
    this.check(operation);
    return new BackendError('EISDIR', operation);
  }
}

/** A named stream: the bytes are its own, the rest is the file's. */
export class LocalStreamHandle extends LocalHandle {
  readonly #stream: LocalStream;

  constructor(open: LocalOpen, stream: LocalStream) {
    super(open);
    this.#stream = stream;
  }

  override async stat(): Promise<BackendStat> {
    const file = await super.stat();
    const size = await this.#use('fstat', (place) => this.#stream.size(place));
    return { ...file, kind: 'file', ...size };
  }

  read(target: Buffer, position: number): MaybePromise<number> {
    const from = checkedOffset(position, 'read');
    return this.#use('read', (place) => this.#stream.read(place, target, from));
  }

  write(source: Buffer, position: number): MaybePromise<void> {
    this.checkWritable('write');
    if (source.length === 0) return;
    const to = checkedOffset(position, 'write');
    return this.#touched(
      this.changing(() => this.#use('write', (place) => this.#stream.write(place, source, to))),
    );
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    this.checkWritable('truncate');
    const size = checkedOffset(sizeBytes, 'truncate');
    return this.#touched(
      this.changing(() => this.#use('truncate', (place) => this.#stream.truncate(place, size))),
    );
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#stream.close();
  }

  protected async syncData(): Promise<void> {
    await this.#use('fsync', (place) => this.#stream.sync(place));
  }

  #use<T>(operation: string, work: (place: XattrPlace) => Task<T>): MaybePromise<T> {
    return this.use(operation, DescriptorUse.REFERENCE, (fd) => work({ fd }));
  }

  /** [MS-FSA] 2.1.5.4: the file has one last write time, which a write to any of its streams moves on. */
  #touched(written: MaybePromise<void>): MaybePromise<void> {
    const lastWriteTime = this.open.shared.clock.now();
    if (written instanceof Promise) return written.then(() => this.setStat({ lastWriteTime }));
    return this.setStat({ lastWriteTime });
  }
}

/** Puts the names in a directory, open as `fd` in whatever way, on stable storage. */
export function* syncedDirectory(fd: number): Task<void> {
  const readable = yield* calls.open(descriptorPath(fd), OpenFlags.directoryForSync);
  try {
    yield* calls.fsync(readable);
  } finally {
    fs.closeSync(readable);
  }
}

/** The local handle behind `handle`; EINVAL for a handle of another store. */
export function localHandle(handle: BackendHandle, operation: string): LocalHandle {
  if (!(handle instanceof LocalHandle)) throw new BackendError('EINVAL', operation);
  handle.check(operation);
  return handle;
}
