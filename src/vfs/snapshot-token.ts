/**
 * Times of snapshots as clients write them: `@GMT-2026.01.31-13.05.59`. [MS-SMB2] 2.2.32.2
 */
import { type FileTime, UNIX_EPOCH } from '../base/clock.ts';

const second = 10_000_000n;
const secondsOfDay = 86_400;
const token = /^@GMT-(\d{4})\.(\d{2})\.(\d{2})-(\d{2})\.(\d{2})\.(\d{2})$/i;

/** UTF-16 units of a token. */
export const snapshotTokenChars = 24;

/** The token of a time of whole seconds. */
export function snapshotToken(time: FileTime): string {
  const seconds = Number((time - UNIX_EPOCH) / second);
  const days = Math.floor(seconds / secondsOfDay);
  const clock = seconds - days * secondsOfDay;
  const { year, month, day } = dateOfDays(days);
  const [h, m, s] = [Math.floor(clock / 3600), Math.floor(clock / 60) % 60, clock % 60].map(two);
  return `@GMT-${String(year).padStart(4, '0')}.${two(month)}.${two(day)}-${h}.${m}.${s}`;
}

/** The time of a token; undefined for anything else. */
export function parseSnapshotToken(text: string): FileTime | undefined {
  const fields = token.exec(text)?.slice(1).map(Number);
  if (fields === undefined) return undefined;
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, secondOfMinute = 0] = fields;
  const seconds = daysOf(year, month, day) * secondsOfDay + hour * 3600 + minute * 60 + secondOfMinute;
  const time = UNIX_EPOCH + BigInt(seconds) * second;
  // A day that no month has comes back as another.
  return time >= 0n && snapshotToken(time) === text.toUpperCase() ? time : undefined;
}

function two(value: number): string {
  return String(value).padStart(2, '0');
}

/** Days of 400 years; years begin in March here, so that the leap day is the last. */
const eraDays = 146_097;
const epochDays = 719_468;

/** Days since 1970 of a date of the Gregorian calendar. */
function daysOf(year: number, month: number, day: number): number {
  const marchYear = month > 2 ? year : year - 1;
  const era = Math.floor(marchYear / 400);
  const yearOfEra = marchYear - era * 400;
  const dayOfYear = Math.floor((153 * ((month + 9) % 12) + 2) / 5) + day - 1;
  const dayOfEra = yearOfEra * 365 + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100) + dayOfYear;
  return era * eraDays + dayOfEra - epochDays;
}

function dateOfDays(days: number): { year: number; month: number; day: number } {
  const shifted = days + epochDays;
  const era = Math.floor(shifted / eraDays);
  const dayOfEra = shifted - era * eraDays;
  const leaps = Math.floor(dayOfEra / 1460) - Math.floor(dayOfEra / 36_524) + Math.floor(dayOfEra / 146_096);
  const yearOfEra = Math.floor((dayOfEra - leaps) / 365);
  const dayOfYear = dayOfEra - (365 * yearOfEra + Math.floor(yearOfEra / 4) - Math.floor(yearOfEra / 100));
  const shiftedMonth = Math.floor((5 * dayOfYear + 2) / 153);
  const day = dayOfYear - Math.floor((153 * shiftedMonth + 2) / 5) + 1;
  const month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9;
  return { year: yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month, day };
}
