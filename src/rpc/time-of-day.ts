/**
 * TIME_OF_DAY_INFO. [MS-SRVS] 2.2.4.105
 */
import { type FileTime, unixNsOfFileTime } from '../base/clock.ts';
import type { NdrWriter } from './ndr.ts';

const secondsPerDay = 86_400;
/** Clock tick in units of 100 µs, as Windows reports it. */
const tickInterval = 310;

/** The civil date of a day counted from 1970-01-01. */
export function civilDate(day: number): { year: number; month: number; day: number } {
  // Eras of 400 years that begin on 1 March, so that a leap day is the last of its year.
  const shifted = day + 719_468;
  const era = Math.floor(shifted / 146_097);
  const dayOfEra = shifted - era * 146_097;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const marchMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9;
  return {
    year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0),
    month,
    day: dayOfYear - Math.floor((153 * marchMonth + 2) / 5) + 1,
  };
}

/** Writes the structure for `time`, in UTC. */
export function writeTimeOfDay(writer: NdrWriter, time: FileTime): void {
  const unixMs = Number(unixNsOfFileTime(time) / 1_000_000n);
  const seconds = Math.floor(unixMs / 1000);
  const day = Math.floor(seconds / secondsPerDay);
  const secondOfDay = seconds - day * secondsPerDay;
  const date = civilDate(day);
  writer.u32(seconds);
  writer.u32(unixMs % 0x1_0000_0000);
  writer.u32(Math.floor(secondOfDay / 3600));
  writer.u32(Math.floor(secondOfDay / 60) % 60);
  writer.u32(secondOfDay % 60);
  writer.u32(Math.floor((unixMs - seconds * 1000) / 10));
  writer.u32(0);
  writer.u32(tickInterval);
  writer.u32(date.day);
  writer.u32(date.month);
  writer.u32(date.year);
  // 1970-01-01 was a Thursday.
  writer.u32((((day + 4) % 7) + 7) % 7);
}
