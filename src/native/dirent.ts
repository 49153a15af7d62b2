/**
 * Reading directories, many names in one call. getdents64(2)
 */

import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, type SystemCall } from './system-call.ts';

/** What a directory says of an entry, sparing a look at it; 0 where the file system does not say. */
export const EntryType = Object.freeze({
  UNKNOWN: 0,
  DIRECTORY: 4,
  FILE: 8,
  SYMLINK: 10,
});

/** struct linux_dirent64 */
const RECORD_LENGTH = 16;
const TYPE = 18;
const NAME = 19;

/**
 * Fills `into` (32 KiB or more is worth it) with the next entries of the directory open as `directory` (not O_PATH) and
 * tells how many bytes they take; 0 at the end. {@link visitEntries} reads them.
 */
export interface ReadEntries {
  (directory: number, into: Buffer): number;
  later(directory: number, into: Buffer): Promise<number>;
}

/** Sees an entry: its name, one character for each byte, and its {@link EntryType}. */
export type EntryVisitor = (latin1: string, type: number) => void;

type Call = SystemCall<[directory: number, into: Buffer, size: number]>;

/** `undefined` where libc has no getdents64. */
export function bindReadEntries(ffi: Ffi): ReadEntries | undefined {
  const bound: Call | undefined = bindCall(ffi, 'getdents64', ['int64', 'int', 'void *', 'size_t']);
  if (bound === undefined) return undefined;
  const call = bound;
  const readEntries = (directory: number, into: Buffer): number =>
    call.checked(call.raw(checkedFd(directory, 'getdents64'), into, into.length));
  const later = (directory: number, into: Buffer): Promise<number> =>
    call.later([checkedFd(directory, 'getdents64'), into, into.length], (answer) => call.checked(answer));
  return Object.assign(readEntries, { later });
}

/** Shows `visit` the entries in the first `sizeBytes` bytes of `buffer`, except `.` and `..`. */
export function visitEntries(buffer: Buffer, sizeBytes: number, visit: EntryVisitor): void {
  for (let start = 0; start + NAME < sizeBytes; ) {
    const length = buffer.readUInt16LE(start + RECORD_LENGTH);
    if (length <= NAME || start + length > sizeBytes) throw new RangeError('not a list of entries');
    // The kernel leaves what stands between the zero and the next record as it was.
    let end = start + NAME;
    while (buffer[end] !== 0 && end < start + length) end++;
    const name = buffer.toString('latin1', start + NAME, end);
    if (name !== '.' && name !== '..') visit(name, buffer[start + TYPE] ?? EntryType.UNKNOWN);
    start += length;
  }
}
