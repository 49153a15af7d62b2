/**
 * An open file descriptor with positional reads and writes: at once while the file is quick, in the thread pool while it
 * is not. It is closed only when nothing uses it any more: the number may then mean another file.
 */
import fs from 'node:fs';
import type { Clock } from '../base/clock.ts';
import type { MaybePromise } from './contract.ts';
import { BackendError } from './error.ts';
import { calls } from './local-calls.ts';
import { Pace, run, type Task } from './task.ts';
import { QUICK_BYTES, readLater, readNow, writeLater, writeNow } from './transfer.ts';

/** Freeing more than this in one truncation takes its time. */
const LARGE_TRUNCATION_BYTES = 64 * 1024 * 1024;

export class Descriptor {
  readonly fd: number;
  readonly #pace: Pace;
  #useCount = 0;
  #isClosed = false;
  #onIdle: (() => void) | undefined;

  constructor(fd: number, clock: Clock) {
    this.fd = fd;
    this.#pace = new Pace(clock);
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  /** Fills `target`; fewer bytes only at the end of the file. */
  read(target: Buffer, position: number): MaybePromise<number> {
    this.check('read');
    if (target.length > QUICK_BYTES || !this.#pace.isQuick)
      return this.#held(() => readLater(this.fd, this.#pace, target, position));
    return this.#pace.timed(readNow, this.fd, target, position);
  }

  /** Writes all of `source`. */
  write(source: Buffer, position: number): MaybePromise<void> {
    this.check('write');
    if (source.length > QUICK_BYTES || !this.#pace.isQuick)
      return this.#held(() => writeLater(this.fd, this.#pace, source, position));
    return this.#pace.timed(writeNow, this.fd, source, position);
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    return this.run(truncation(this.fd, sizeBytes), 'truncate');
  }

  /** Always in the pool. */
  sync(): MaybePromise<void> {
    return this.run(calls.fsync(this.fd), 'fsync');
  }

  /** Runs a task that uses the descriptor. */
  run<T>(task: Task<T>, operation: string): MaybePromise<T> {
    this.check(operation);
    this.#useCount += 1;
    try {
      const answer = run(task, this.#pace);
      if (!(answer instanceof Promise)) return answer;
      return this.#held(() => answer);
    } finally {
      this.#leave();
    }
  }

  /** Closes as soon as nothing is under way. */
  close(): MaybePromise<void> {
    this.check('close');
    this.#isClosed = true;
    if (this.#useCount === 0) return fs.closeSync(this.fd);
    return new Promise((resolve, reject) => {
      this.#onIdle = () => fs.close(this.fd, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** EBADF once closed. */
  check(operation: string): void {
    if (this.#isClosed) throw new BackendError('EBADF', operation);
  }

  async #held<T>(use: () => Promise<T>): Promise<T> {
    this.#useCount += 1;
    try {
      return await use();
    } finally {
      this.#leave();
    }
  }

  #leave(): void {
    this.#useCount -= 1;
    if (this.#useCount === 0) this.#onIdle?.();
  }
}

/** Cuts or lengthens the file open as `fd`. */
export function* truncation(fd: number, sizeBytes: number): Task<void> {
  const { size } = yield* calls.fstat(fd);
  const isLarge = Number(size) - sizeBytes > LARGE_TRUNCATION_BYTES;
  yield* calls.ftruncate(fd, sizeBytes, isLarge);
}
