/**
 * Positional reads and writes of an open file, whole: at once, or in the thread pool.
 */
import fs from 'node:fs';
import type { ReadNow } from '../native/range.ts';
import { codeOf } from './error.ts';
import type { Pace } from './task.ts';

/** Reads and writes up to this size may run on the event loop. */
export const QUICK_BYTES = 1024 * 1024;

/** Fills `target`; fewer bytes only at the end of the file. */
export function readNow(fd: number, target: Buffer, position: number): number {
  let done = 0;
  while (done < target.length) {
    const count = fs.readSync(fd, target, done, target.length - done, position + done);
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** Reads what is in memory, where the disk's file system can say what that is. */
export class CachedReads {
  #call: ReadNow | undefined;

  constructor(call: ReadNow | undefined) {
    this.#call = call;
  }

  /** False where that cannot be found out: then who reads may have to wait for the disk. */
  get isKnown(): boolean {
    return this.#call !== undefined;
  }

  /** As {@link readNow}; `undefined` when some of it would have to come from the disk. */
  read(fd: number, target: Buffer, position: number): number | undefined {
    let done = 0;
    try {
      while (done < target.length) {
        const rest = done === 0 ? target : target.subarray(done);
        const count = this.#call?.(fd, rest, position + done);
        if (count === undefined) return undefined;
        if (count === 0) break;
        done += count;
      }
      return done;
    } catch (error) {
      if (!CANNOT_SAY.has(codeOf(error) ?? '')) throw error;
      this.#call = undefined;
      return undefined;
    }
  }
}

const CANNOT_SAY = new Set(['ENOTSUP', 'EOPNOTSUPP', 'EINVAL', 'ENOSYS']);

/** Writes all of `source`. */
export function writeNow(fd: number, source: Buffer, position: number): void {
  let done = 0;
  while (done < source.length) {
    done += fs.writeSync(fd, source, done, source.length - done, position + done);
  }
}

/** As {@link readNow}, in the thread pool. */
export async function readLater(fd: number, pace: Pace, target: Buffer, position: number): Promise<number> {
  let done = 0;
  while (done < target.length) {
    const at = done;
    const count = await transferred(pace, (finished) =>
      fs.read(fd, target, at, target.length - at, position + at, finished),
    );
    if (count === 0) break;
    done += count;
  }
  return done;
}

/** As {@link writeNow}, in the thread pool. */
export async function writeLater(fd: number, pace: Pace, source: Buffer, position: number): Promise<void> {
  let done = 0;
  while (done < source.length) {
    const at = done;
    done += await transferred(pace, (finished) =>
      fs.write(fd, source, at, source.length - at, position + at, finished),
    );
  }
}

function transferred(
  pace: Pace,
  begin: (finished: (error: Error | null, count: number) => void) => void,
): Promise<number> {
  return pace.pooled(
    () =>
      new Promise((resolve, reject) => {
        begin((error, count) => (error ? reject(error) : resolve(count)));
      }),
  );
}
