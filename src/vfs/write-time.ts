/**
 * LastWriteTime as clients see it while a file is being written. As on Windows it does not move with every write: the first
 * write shows after two seconds, later ones when the file is closed; flushing, setting the size or any attribute shows it at
 * once. [MS-FSA] 2.1.5.4, 2.1.4.17
 */
import type { BackendStat, MaybePromise } from '../backend/contract.ts';
import type { FileTime } from '../base/clock.ts';
import { chain } from './maybe-promise.ts';
import type { OpenFile } from './open-file.ts';

/** How long the first write stays unseen. */
const delayMs = 2000;

/** The step of the clock by which Windows stamps files: a write within the same step leaves the time alone. 15.6 ms. */
const resolution = 156_250n;

/** The state of one file, shared by its opens. */
export class WriteTime {
  count = 0;
  /** What is shown instead of the store's time. */
  #shown: FileTime | undefined;
  /** `first`: the first write waits for its delay; `later`: others wait for the close. */
  #pending: 'none' | 'first' | 'later' = 'none';
  #hasShownFirst = false;
  #deadlineMs = 0;

  /** True when the next write must tell the time before it. */
  isSettled(nowMs: number): boolean {
    this.#expire(nowMs);
    return this.#pending === 'none';
  }

  /** A write is about to move the time from `before`. */
  begin(before: FileTime, nowMs: number): void {
    this.#shown = before;
    this.#pending = this.#hasShownFirst ? 'later' : 'first';
    this.#deadlineMs = nowMs + delayMs;
  }

  /** The store's time is shown from now on. */
  show(): void {
    this.#shown = undefined;
    this.#pending = 'none';
  }

  /** `stat` with the time that clients are to see. */
  seen(stat: BackendStat, nowMs: number): BackendStat {
    this.#expire(nowMs);
    return this.#shown === undefined ? stat : { ...stat, lastWriteTime: this.#shown };
  }

  /** What the store is to keep when a writer closes; undefined when it is right already. */
  final(stat: BackendStat, now: FileTime, nowMs: number): FileTime | undefined {
    this.#expire(nowMs);
    const [pending, shown] = [this.#pending, this.#shown];
    this.show();
    const sinceWrite = now - stat.lastWriteTime;
    if (pending === 'later') return sinceWrite >= 0n && sinceWrite < resolution ? undefined : now;
    const isSameStep = pending === 'first' && shown !== undefined && stat.lastWriteTime - shown < resolution;
    return isSameStep && shown !== stat.lastWriteTime ? shown : undefined;
  }

  #expire(nowMs: number): void {
    if (this.#pending !== 'first' || nowMs < this.#deadlineMs) return;
    this.#hasShownFirst = true;
    this.show();
  }
}

/** To be called before each write: keeps the time that clients see. */
export function beginWriteTime(file: OpenFile): MaybePromise<void> {
  const { writeTime, volume, userSetTimes } = file;
  file.hasWritten = true;
  const { nowMs } = volume.driver;
  if (userSetTimes.lastWriteTime || !writeTime.isSettled(nowMs)) return;
  return chain(file.handle.stat(), begun, writeTime, nowMs);
}

function begun({ lastWriteTime }: BackendStat, writeTime: WriteTime, nowMs: number): void {
  writeTime.begin(lastWriteTime, nowMs);
}

/** A writer closes: what was not shown yet is settled in the store. */
export function settleWriteTime(file: OpenFile): MaybePromise<void> {
  const { writeTime, volume, userSetTimes } = file;
  if (!file.hasWritten || userSetTimes.lastWriteTime) return;
  file.hasWritten = false;
  return chain(file.handle.stat(), (stat) => {
    const lastWriteTime = writeTime.final(stat, volume.clock.now(), volume.driver.nowMs);
    if (lastWriteTime === undefined) return;
    return file.handle.setStat(
      userSetTimes.changeTime ? { lastWriteTime, changeTime: stat.changeTime } : { lastWriteTime },
    );
  });
}
