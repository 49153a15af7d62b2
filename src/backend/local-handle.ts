/**
 * Handles of the local store.
 */
import fs from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { BackendHandle, BackendStat, MaybePromise, StatChange } from './contract.ts';
import type { Descriptor } from './descriptor.ts';
import type { DirtyDirectories } from './dirty-directories.ts';
import { BackendError } from './error.ts';
import { calls, descriptorPath, OpenFlags } from './local-calls.ts';
import type { LocalStats } from './local-stat.ts';
import type { MetadataStore, StreamContent } from './metadata-store.ts';
import { checkedOffset } from './offset.ts';
import type { OpenFile, OpenFiles } from './open-files.ts';
import { parentOf } from './path.ts';
import type { Task } from './task.ts';

/** What the handles of one store share. */
export interface LocalShared {
  readonly clock: Clock;
  readonly stats: LocalStats;
  readonly metadata: MetadataStore;
  readonly files: OpenFiles;
  readonly directories: DirtyDirectories;
  /** A handle was closed. */
  readonly closed: () => void;
}

export interface LocalOpen {
  readonly shared: LocalShared;
  readonly descriptor: Descriptor;
  readonly file: OpenFile;
  readonly isWritable: boolean;
}

/** What files, directories and streams have in common: a descriptor of the file that they belong to. */
abstract class LocalHandle implements BackendHandle {
  protected readonly open: LocalOpen;

  constructor(open: LocalOpen) {
    this.open = open;
  }

  stat(): MaybePromise<BackendStat> {
    return this.open.descriptor.run(this.#describe(), 'fstat');
  }

  setStat(change: StatChange): MaybePromise<void> {
    return this.open.descriptor.run(this.#change(change), 'setStat');
  }

  abstract read(target: Buffer, position: number): MaybePromise<number>;
  abstract write(source: Buffer, position: number): MaybePromise<void>;
  abstract truncate(sizeBytes: number): MaybePromise<void>;

  async sync(): Promise<void> {
    const { descriptor, file, shared } = this.open;
    descriptor.check('fsync');
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
    const { descriptor, file, shared } = this.open;
    descriptor.check('close');
    shared.closed();
    try {
      shared.files.leave(file);
    } catch (error) {
      descriptor.close();
      throw error;
    }
    return descriptor.close();
  }

  protected abstract syncData(): Promise<void>;

  protected checkWritable(operation: string): void {
    this.open.descriptor.check(operation);
    if (!this.open.isWritable) throw new BackendError('EBADF', operation);
  }

  *#describe(): Task<BackendStat> {
    const { descriptor, shared } = this.open;
    return shared.stats.describe(yield* calls.fstat(descriptor.fd));
  }

  *#change(change: StatChange): Task<void> {
    const { descriptor, shared } = this.open;
    const before = yield* calls.fstat(descriptor.fd);
    yield* shared.stats.change(descriptorPath(descriptor.fd), before, change);
  }
}

export class LocalFileHandle extends LocalHandle {
  read(target: Buffer, position: number): MaybePromise<number> {
    return this.open.descriptor.read(target, checkedOffset(position, 'read'));
  }

  write(source: Buffer, position: number): MaybePromise<void> {
    this.checkWritable('write');
    return this.open.descriptor.write(source, checkedOffset(position, 'write'));
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    this.checkWritable('truncate');
    return this.open.descriptor.truncate(checkedOffset(sizeBytes, 'truncate'));
  }

  protected async syncData(): Promise<void> {
    await this.open.descriptor.sync();
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
    const { descriptor, file, shared } = this.open;
    await descriptor.run(syncedDirectory(descriptor.fd), 'fsync');
    if (!file.isRemoved) await shared.directories.syncPath(file.path);
  }

  #refusal(operation: string): BackendError {
    this.open.descriptor.check(operation);
    return new BackendError('EISDIR', operation);
  }
}

/** A named stream: bytes from the metadata store, the rest from the file. */
export class LocalStreamHandle extends LocalHandle {
  readonly #content: StreamContent;

  constructor(open: LocalOpen, content: StreamContent) {
    super(open);
    this.#content = content;
  }

  override async stat(): Promise<BackendStat> {
    return { ...(await super.stat()), kind: 'file', ...this.#content.size() };
  }

  read(target: Buffer, position: number): MaybePromise<number> {
    this.open.descriptor.check('read');
    return this.#content.read(target, checkedOffset(position, 'read'));
  }

  write(source: Buffer, position: number): MaybePromise<void> {
    this.checkWritable('write');
    if (source.length === 0) return;
    return this.#touched(this.#content.write(source, checkedOffset(position, 'write')));
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    this.checkWritable('truncate');
    return this.#touched(this.#content.truncate(checkedOffset(sizeBytes, 'truncate')));
  }

  override async close(): Promise<void> {
    await super.close();
    await this.#content.close();
  }

  protected async syncData(): Promise<void> {
    await this.#content.sync();
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
