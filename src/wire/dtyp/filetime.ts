/**
 * FILETIME. [MS-DTYP] 2.3.3
 */
import { type BigField, i64 } from '../struct.ts';

/**
 * A field that holds a FileTime, signed so that -1 and -2 read as such. Values before 1601 do not occur otherwise.
 */
export const fileTime: BigField = i64;

/** What a time in FileBasicInformation may say instead of a time. [MS-FSCC] 2.4.7 */
export const TimeChange = Object.freeze({
  /** The time stays as it is. */
  KEEP: 0n,
  /** Operations through this handle no longer update the time. */
  SUSPEND: -1n,
  /** Operations through this handle update the time again. */
  RESUME: -2n,
});
