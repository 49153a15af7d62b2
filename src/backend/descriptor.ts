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

/** Reads and writes up to this size may run on the event loop. */
const QUICK_BYTES = 1024 * 1024;
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
      return this.#held(() => this.#readLater(target, position));
    return this.#pace.timed(() => {
      let done = 0;
      while (done < target.length) {
        const count = fs.readSync(this.fd, target, done, target.length - done, position + done);
        if (count === 0) break;
        done += count;
      }
      return done;
    });
  }

  /** Writes all of `source`. */
  write(source: Buffer, position: number): MaybePromise<void> {
    this.check('write');
    if (source.length > QUICK_BYTES || !this.#pace.isQuick)
      return this.#held(() => this.#writeLater(source, position));
    return this.#pace.timed(() => {
      let done = 0;
      while (done < source.length) {
        done += fs.writeSync(this.fd, source, done, source.length - done, position + done);
      }
    });
  }

  truncate(sizeBytes: number): MaybePromise<void> {
    return this.run(this.#truncation(sizeBytes), 'truncate');
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

  async #readLater(target: Buffer, position: number): Promise<number> {
    let done = 0;
    while (done < target.length) {
      const at = done;
      const count = await this.#transfer((finished) =>
        fs.read(this.fd, target, at, target.length - at, position + at, finished),
      );
      if (count === 0) break;
      done += count;
    }
    return done;
  }

  async #writeLater(source: Buffer, position: number): Promise<void> {
    let done = 0;
    while (done < source.length) {
      const at = done;
      done += await this.#transfer((finished) =>
        fs.write(this.fd, source, at, source.length - at, position + at, finished),
      );
    }
  }

  #transfer(begin: (finished: (error: Error | null, count: number) => void) => void): Promise<number> {
    return this.#pace.pooled(
      () =>
        new Promise((resolve, reject) => {
          begin((error, count) => (error ? reject(error) : resolve(count)));
        }),
    );
  }

  *#truncation(sizeBytes: number): Task<void> {
    const { size } = yield* calls.fstat(this.fd);
    const isLarge = Number(size) - sizeBytes > LARGE_TRUNCATION_BYTES;
    yield* calls.ftruncate(this.fd, sizeBytes, isLarge);
  }
}
