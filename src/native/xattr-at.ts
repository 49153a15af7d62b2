/**
 * Reading extended attributes of what a name in an open directory stands for, which spares the way through /proc: Linux from 6.13
 * on. getxattrat(2), listxattrat(2)
 *
 * libc has no functions for these calls yet; their numbers are the same on all processors.
 */
import type { Ffi } from './ffi.ts';
import type { Place } from './names.ts';
import { type Answer, checkedFd, cString, type DiskName, Errno, SystemCall } from './system-call.ts';
import { laterWithRoom, XATTR_BYTES_MAX, XATTR_FIRST_BYTES, xattrNamesIn } from './xattr.ts';

const GETXATTRAT = 464;
const LISTXATTRAT = 465;
const AT_SYMLINK_NOFOLLOW = 0x100;

/** A link is meant itself, `.` the directory, which may be open in whatever way. Errors are those of xattr(7). */
export interface XattrAt {
  /** The value in memory of its own; `undefined` when there is no such attribute. */
  read(place: Place, name: DiskName): Buffer | undefined;
  readLater(place: Place, name: DiskName): Promise<Buffer | undefined>;
  /** The names of all attributes, one character for each byte. */
  list(place: Place): string[];
  listLater(place: Place): Promise<string[]>;
}

type Read = SystemCall<
  [call: number, directory: number, path: DiskName, flags: number, name: DiskName, how: Buffer, size: number]
>;
type List = SystemCall<
  [call: number, directory: number, path: DiskName, flags: number, list: Buffer, size: number]
>;

/** struct xattr_args: where the value goes, and how much there is room for. */
const HOW_BYTES = 16;

/** `undefined` where libc has no syscall(2). */
export function bindXattrAt(ffi: Ffi): XattrAt | undefined {
  const [answer, ...head] = ['int64', 'int64', 'int', 'str', 'uint32'] as const;
  const readRaw = ffi.bind<Parameters<Read['raw']>, Answer>('syscall', answer, [
    ...head,
    'str',
    'void *',
    'size_t',
  ]);
  const listRaw = ffi.bind<Parameters<List['raw']>, Answer>('syscall', answer, [...head, 'void *', 'size_t']);
  if (readRaw === undefined || listRaw === undefined) return undefined;
  return callsOf(
    ffi,
    new SystemCall(ffi, 'getxattrat', readRaw),
    new SystemCall(ffi, 'listxattrat', listRaw),
  );
}

function callsOf(ffi: Ffi, read: Read, list: List): XattrAt {
  const scratch = Buffer.from(new ArrayBuffer(XATTR_BYTES_MAX));
  const first = howOf(ffi, scratch, XATTR_FIRST_BYTES);
  const whole = howOf(ffi, scratch, XATTR_BYTES_MAX);
  const reading = ({ directory, name }: Place, attribute: DiskName, how: Buffer): Parameters<Read['raw']> => [
    GETXATTRAT,
    checkedFd(directory, 'getxattrat'),
    cString(name, 'getxattrat'),
    AT_SYMLINK_NOFOLLOW,
    cString(attribute, 'getxattrat'),
    how,
    HOW_BYTES,
  ];
  const listing = ({ directory, name }: Place, into: Buffer, size: number): Parameters<List['raw']> => [
    LISTXATTRAT,
    checkedFd(directory, 'listxattrat'),
    cString(name, 'listxattrat'),
    AT_SYMLINK_NOFOLLOW,
    into,
    size,
  ];
  const isTooLarge = (call: Read | List, told: Answer): boolean => told < 0 && call.errno() === Errno.ERANGE;
  return {
    read(place, name) {
      let told = read.raw(...reading(place, name, first));
      if (isTooLarge(read, told)) told = read.raw(...reading(place, name, whole));
      return copied(read, told, scratch);
    },
    readLater(place, name) {
      // The last function holds the room's memory until the call has ended.
      return laterWithRoom((room) =>
        read.later(reading(place, name, howOf(ffi, room, room.length)), (told) => copied(read, told, room)),
      );
    },
    list(place) {
      let told = list.raw(...listing(place, scratch, XATTR_FIRST_BYTES));
      if (isTooLarge(list, told)) told = list.raw(...listing(place, scratch, XATTR_BYTES_MAX));
      return xattrNamesIn(scratch, list.checked(told));
    },
    listLater(place) {
      return laterWithRoom((room) =>
        list.later(listing(place, room, room.length), (told) => xattrNamesIn(room, list.checked(told))),
      );
    },
  };
}

function howOf(ffi: Ffi, value: Buffer, sizeBytes: number): Buffer {
  const how = Buffer.alloc(HOW_BYTES);
  how.writeBigUInt64LE(ffi.addressOf(value), 0);
  how.writeUInt32LE(sizeBytes, 8);
  return how;
}

function copied(call: Read, told: Answer, from: Buffer): Buffer | undefined {
  if (told < 0 && call.errno() === Errno.ENODATA) return undefined;
  return Buffer.from(from.subarray(0, call.checked(told)));
}
