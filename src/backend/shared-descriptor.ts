/**
 * The descriptor of an open file, one for all its handles: positional reads and writes need no more. It may be given up
 * while nothing uses it, and is got back by the file's identity, never by a name alone. It is closed only when nothing uses
 * it any more: the number may then mean another file.
 */
import fs from 'node:fs';
import { present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { MaybePromise } from './contract.ts';
import { truncation } from './descriptor.ts';
import type { DescriptorPool, Evictable } from './descriptor-pool.ts';
import { calls } from './local-calls.ts';
import type { OpenFile } from './open-files.ts';
import { Pace, run, type Task } from './task.ts';
import { type CachedReads, QUICK_BYTES, readLater, readNow, writeLater, writeNow } from './transfer.ts';

/** What a descriptor serves for: as a reference for metadata only, for reading as well, for writing as well. */
export const DescriptorUse = Object.freeze({ REFERENCE: 0, READ: 1, WRITE: 2 });
export type DescriptorUse = (typeof DescriptorUse)[keyof typeof DescriptorUse];

export interface SharedDescriptorOptions {
  readonly pool: DescriptorPool;
  readonly clock: Clock;
  readonly cachedReads: CachedReads;
  /** Takes note of what the file can be found by; false when it cannot. */
  readonly remember: (file: OpenFile, fd: number) => boolean;
  /** Opens the file again, the same and no other; ESTALE when it is gone. */
  readonly reopen: (file: OpenFile, use: DescriptorUse) => Task<number>;
}

export class SharedDescriptor implements Evictable {
  readonly #options: SharedDescriptorOptions;
  readonly #file: OpenFile;
  readonly #pace: Pace;
  #fd: number | undefined;
  #use: DescriptorUse = DescriptorUse.REFERENCE;
  #userCount = 0;
  #isClosed = false;
  #wasUsed = false;
  /** The file was written to since the last sync: only this descriptor is told of what cannot be stored. */
  #isDirty = false;
  #isPinned = false;
  /** Descriptors that served for less, until nothing uses them. */
  #retired: number[] | undefined;
  #onIdle: (() => void) | undefined;

  constructor(options: SharedDescriptorOptions, file: OpenFile) {
    this.#options = options;
    this.#file = file;
    this.#pace = new Pace(options.clock);
  }

  get standing(): 'idle' | 'busy' | 'kept' {
    if (this.#userCount > 0) return 'busy';
    return this.#isPinned ? 'kept' : 'idle';
  }

  /** A descriptor is open at the moment. */
  get isOpen(): boolean {
    return this.#fd !== undefined;
  }

  /** The descriptor, if one is open; for use at once, before anything else can happen. */
  get fd(): number | undefined {
    return this.#fd;
  }

  /** Whether {@link fd} is open for data, not only by reference. */
  get isData(): boolean {
    return this.#fd !== undefined && this.#use > DescriptorUse.REFERENCE;
  }

  takeUse(): boolean {
    const wasUsed = this.#wasUsed;
    this.#wasUsed = false;
    return wasUsed;
  }

  /** Takes over a descriptor that was just opened. */
  adopt(fd: number, use: DescriptorUse): void {
    const former = this.#fd;
    const serves = former !== undefined && this.#use >= use;
    if (!serves) {
      this.#fd = fd;
      this.#use = use;
    }
    if (former === undefined) this.#options.pool.opened(this);
    else this.#retire(serves ? fd : former);
  }

  /** From now on the descriptor is kept, since the file could not be opened again. */
  *pin(): Task<void> {
    this.#isPinned = true;
    if (this.#fd === undefined) yield* this.held(this.#use, nothing);
  }

  unpin(): void {
    this.#isPinned = false;
    this.#options.pool.freed();
  }

  /** Keeps the descriptor while `work` goes on, opening it before if need be; `isHolding` as for {@link DescriptorPool.room}. */
  *held<T>(use: DescriptorUse, work: (fd: number) => Task<T>, isHolding = false): Task<T> {
    this.#userCount += 1;
    this.#wasUsed = true;
    try {
      const fd =
        this.#fd !== undefined && this.#use >= use ? this.#fd : yield* this.#reopened(use, isHolding);
      return yield* work(fd);
    } finally {
      this.#leave();
    }
  }

  /** Runs {@link held} at the file's own pace. */
  run<T>(use: DescriptorUse, work: (fd: number) => Task<T>): MaybePromise<T> {
    return run(this.held(use, work), this.#pace);
  }

  /** Fills `target`; fewer bytes only at the end of the file. */
  read(target: Buffer, position: number): MaybePromise<number> {
    const fd = this.#fd;
    if (fd === undefined || this.#use < DescriptorUse.READ) return this.#afterOpening(target, position);
    this.#wasUsed = true;
    if (target.length <= QUICK_BYTES) {
      const { cachedReads } = this.#options;
      const count = cachedReads.read(fd, target, position);
      if (count !== undefined) return count;
      const mayWait = !cachedReads.isKnown && this.#pace.isQuick;
      if (mayWait) return this.#pace.timed(readNow, fd, target, position);
    }
    return this.#busy(() => readLater(fd, this.#pace, target, position));
  }

  /** Writes all of `source`. */
  write(source: Buffer, position: number): MaybePromise<void> {
    const fd = this.#fd;
    if (fd === undefined || this.#use < DescriptorUse.WRITE)
      return this.#afterOpeningToWrite(source, position);
    this.#wasUsed = true;
    this.#isDirty = true;
    if (source.length <= QUICK_BYTES && this.#pace.isQuick) {
      return this.#pace.timed(writeNow, fd, source, position);
    }
    return this.#busy(() => writeLater(fd, this.#pace, source, position));
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    this.#isDirty = true;
    return this.run(DescriptorUse.WRITE, (fd) => truncation(fd, sizeBytes));
  }

  /** The file was changed by a call on its descriptor. */
  touched(): void {
    this.#isDirty = true;
  }

  sync(): MaybePromise<void> {
    return run(this.#synced(), this.#pace);
  }

  *evict(): Task<void> {
    const fd = this.#fd;
    if (fd === undefined) return;
    if (this.#isDirty) {
      try {
        yield* this.#synced();
      } catch (error) {
        // The kernel says so only once, and here is where it did.
        this.#file.syncError ??= error;
        this.#isPinned = true;
        return;
      }
    }
    if (this.standing !== 'idle' || this.#isDirty || this.#fd !== fd) return;
    if (this.#options.remember(this.#file, fd)) this.#giveUp();
    else this.#isPinned = true;
  }

  /** Closes as soon as nothing is under way. */
  close(): MaybePromise<void> {
    this.#isClosed = true;
    if (this.#userCount === 0) return this.#giveUp();
    return new Promise((resolve, reject) => {
      this.#onIdle = () => {
        const fd = this.#forgotten();
        if (fd === undefined) resolve();
        else fs.close(fd, (error) => (error ? reject(error) : resolve()));
      };
    });
  }

  *#synced(): Task<void> {
    this.#isDirty = false;
    try {
      yield* this.held(DescriptorUse.READ, (fd) => calls.fsync(fd));
    } catch (error) {
      this.#isDirty = true;
      throw error;
    }
  }

  *#reopened(use: DescriptorUse, isHolding: boolean): Task<number> {
    yield* this.#options.pool.room(isHolding);
    const wanted = use > this.#use ? use : this.#use;
    this.adopt(yield* this.#options.reopen(this.#file, wanted), wanted);
    return present(this.#fd, 'descriptor');
  }

  async #afterOpening(target: Buffer, position: number): Promise<number> {
    return this.#busy(async () => {
      await this.run(DescriptorUse.READ, nothing);
      return this.read(target, position);
    });
  }

  async #afterOpeningToWrite(source: Buffer, position: number): Promise<void> {
    return this.#busy(async () => {
      await this.run(DescriptorUse.WRITE, nothing);
      return this.write(source, position);
    });
  }

  async #busy<T>(use: () => Promise<T>): Promise<T> {
    this.#userCount += 1;
    try {
      return await use();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#userCount -= 1;
    if (this.#userCount > 0) return;
    const retired = this.#retired;
    this.#retired = undefined;
    for (const fd of retired ?? []) fs.closeSync(fd);
    if (this.#isClosed) this.#onIdle?.();
    else this.#options.pool.freed();
  }

  #retire(fd: number): void {
    if (this.#userCount === 0) fs.closeSync(fd);
    else {
      this.#retired ??= [];
      this.#retired.push(fd);
    }
  }

  #giveUp(): void {
    const fd = this.#forgotten();
    if (fd !== undefined) fs.closeSync(fd);
  }

  #forgotten(): number | undefined {
    const fd = this.#fd;
    this.#fd = undefined;
    if (fd !== undefined) this.#options.pool.closed(this);
    return fd;
  }
}

function* nothing(): Task<void> {}
