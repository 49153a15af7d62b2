/**
 * Times of files: what clients set, what they freeze, and what their own operations then leave alone. [MS-FSA] 2.1.1.6
 */
import type { MaybePromise, StatChange } from '../backend/contract.ts';
import type { FileTime } from '../base/clock.ts';
import { demand, NtStatus } from '../base/status.ts';
import { TimeChange } from '../wire/dtyp/filetime.ts';
import type { OpenFile, UserSetTimes } from './open-file.ts';

const fields = ['creationTime', 'lastAccessTime', 'lastWriteTime', 'changeTime'] as const;
type TimeField = (typeof fields)[number];

/** The times of a FileBasicInformation, as they came. */
export type TimesToSet = Readonly<Record<TimeField, FileTime>>;

/** Takes note of what `times` say and returns the change to be stored. Throws INVALID_PARAMETER for times before 1601. */
export function applyTimes(file: OpenFile, times: TimesToSet): StatChange {
  const change: { -readonly [K in TimeField]?: FileTime } = {};
  for (const field of fields) {
    const value = times[field];
    if (value === TimeChange.KEEP) continue;
    demand(value >= TimeChange.RESUME, NtStatus.INVALID_PARAMETER, 'time before 1601');
    file.userSetTimes = { ...file.userSetTimes, [field]: value !== TimeChange.RESUME };
    if (value > 0n) change[field] = value;
  }
  return change;
}

/** Runs `work`, which changes the file, and puts back the times that this open's client has set or frozen. */
export function keepingTimes<T>(file: OpenFile, work: () => MaybePromise<T>): MaybePromise<T> {
  return hasSetTimes(file) ? puttingBack(file, work) : work();
}

/** The client has set or frozen some time through this open. */
export function hasSetTimes({ userSetTimes }: OpenFile): boolean {
  const { creationTime, lastAccessTime, lastWriteTime, changeTime } = userSetTimes;
  return creationTime || lastAccessTime || lastWriteTime || changeTime;
}

async function puttingBack<T>(file: OpenFile, work: () => MaybePromise<T>): Promise<T> {
  const before = await file.handle.stat();
  try {
    return await work();
  } finally {
    await file.handle.setStat(restoring(before, await file.handle.stat(), file.userSetTimes));
  }
}

/** The times of `before` where they are kept, else those of `after`. */
function restoring(before: TimesToSet, after: TimesToSet, kept: UserSetTimes): StatChange {
  const pick = (field: TimeField): FileTime => (kept[field] ? before : after)[field];
  return {
    creationTime: pick('creationTime'),
    lastAccessTime: pick('lastAccessTime'),
    lastWriteTime: pick('lastWriteTime'),
    changeTime: pick('changeTime'),
  };
}
