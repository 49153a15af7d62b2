/**
 * Positional reads and writes of an open file, whole: at once, or in the thread pool.
 */
import fs from 'node:fs';
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
