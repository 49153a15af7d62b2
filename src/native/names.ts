/**
 * Names relative to an open directory: opening, renaming, times, and reading a directory.
 */
import { constants } from 'node:fs';
import type { Ffi } from './ffi.ts';
import {
  bindCall,
  checkedFd,
  cString,
  type DiskName,
  Errno,
  type SystemCall,
  SystemCallError,
} from './system-call.ts';

/** Never inherited by a program that is started. */
const O_CLOEXEC = 0o2000000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const AT_EMPTY_PATH = 0x1000;
const RENAME_NOREPLACE = 1;
const RENAME_EXCHANGE = 2;

/** openat(2); closed on exec. */
export interface OpenAt {
  (directory: number, name: DiskName, flags: number, mode?: number): number;
  later(directory: number, name: DiskName, flags: number, mode?: number): Promise<number>;
}

type OpenAtCall = SystemCall<[directory: number, name: DiskName, flags: number, mode: number]>;

/** `undefined` where libc has no openat. */
export function bindOpenAt(ffi: Ffi): OpenAt | undefined {
  const bound: OpenAtCall | undefined = bindCall(ffi, 'openat', ['int', 'int', 'str', 'int', 'uint32']);
  if (bound === undefined) return undefined;
  const call = bound;
  const args = (
    directory: number,
    name: DiskName,
    flags: number,
    mode: number,
  ): Parameters<OpenAtCall['raw']> => [
    checkedFd(directory, 'openat'),
    cString(name, 'openat'),
    flags | O_CLOEXEC,
    mode & 0o7777,
  ];
  const openAt = (directory: number, name: DiskName, flags: number, mode = 0o666): number =>
    call.checked(call.raw(...args(directory, name, flags, mode)));
  const later = (directory: number, name: DiskName, flags: number, mode = 0o666): Promise<number> =>
    call.later(args(directory, name, flags, mode), (answer) => call.checked(answer));
  return Object.assign(openAt, { later });
}

/** What the kernel may pass through on the way to a name; openat2(2). */
export const Resolve = Object.freeze({
  /** No mount point is crossed. EXDEV */
  NO_XDEV: 0x01,
  /** No link of the kind that /proc has. ELOOP */
  NO_MAGICLINKS: 0x02,
  /** No symbolic link at all. ELOOP */
  NO_SYMLINKS: 0x04,
  /** Nothing outside the directory, by `..`, link or absolute path. EXDEV; EAGAIN when something was moved meanwhile */
  BENEATH: 0x08,
  /** The directory counts as the root. */
  IN_ROOT: 0x10,
  /** Only what is known without asking the disk. EAGAIN */
  CACHED: 0x20,
});

/** How a path is opened. */
export interface OpenHow {
  readonly flags: number;
  /** Permissions of a file that is made. */
  readonly mode?: number;
  /** {@link Resolve} flags. */
  readonly resolve: number;
}

/** openat2(2): several names in one call, without leaving the directory; closed on exec. */
export interface OpenAt2 {
  (directory: number, path: DiskName, how: OpenHow): number;
  later(directory: number, path: DiskName, how: OpenHow): Promise<number>;
}

type OpenAt2Call = SystemCall<
  [number: number, directory: number, path: DiskName, how: Buffer, sizeBytes: number]
>;

/** libc has no function for it yet; the number is the same on every processor. */
const SYS_openat2 = 437;
const OPEN_HOW_BYTES = 24;

/** Whether the kernel, or the container's filter, knows openat2 is seen by calling it. */
export function bindOpenAt2(ffi: Ffi): OpenAt2 | undefined {
  const signature = ['int64', 'int64', 'int64', 'str', 'void *', 'size_t'] as const;
  const bound: OpenAt2Call | undefined = bindCall(ffi, 'syscall', signature);
  if (bound === undefined) return undefined;
  const call = bound;
  const filled = (how: OpenHow, into: Buffer): Buffer => {
    into.writeUInt32LE((how.flags | O_CLOEXEC) >>> 0, 0);
    // The kernel refuses a mode where nothing can be made.
    const makes = (how.flags & (constants.O_CREAT | O_TMPFILE_BIT)) !== 0;
    into.writeUInt32LE(makes ? (how.mode ?? 0o666) & 0o7777 : 0, 8);
    into.writeUInt32LE(how.resolve, 16);
    return into;
  };
  const own = Buffer.alloc(OPEN_HOW_BYTES);
  const openAt2 = (directory: number, path: DiskName, how: OpenHow): number => {
    const at = checkedFd(directory, 'openat2');
    return call.checked(
      call.raw(SYS_openat2, at, cString(path, 'openat2'), filled(how, own), OPEN_HOW_BYTES),
    );
  };
  const later = (directory: number, path: DiskName, how: OpenHow): Promise<number> => {
    const at = checkedFd(directory, 'openat2');
    const asked = filled(how, Buffer.alloc(OPEN_HOW_BYTES));
    return call.later([SYS_openat2, at, cString(path, 'openat2'), asked, OPEN_HOW_BYTES], (answer) =>
      call.checked(answer),
    );
  };
  return Object.assign(openAt2, { later });
}

/** The bit of O_TMPFILE besides O_DIRECTORY. */
const O_TMPFILE_BIT = 0o20000000;

/** A file without a name, which is gone when it is closed. open(2) */
export const O_TMPFILE = O_TMPFILE_BIT | constants.O_DIRECTORY;

/** A reference to what stands there, without opening it. open(2) */
export const O_PATH = 0o10000000;

/** `noReplace`: EEXIST when the new name exists; `exchange`: both names exist and change places. */
export type RenameMode = 'noReplace' | 'exchange';

/** A name in an open directory. */
export interface Place {
  readonly directory: number;
  readonly name: DiskName;
}

/** renameat2(2). EINVAL where the file system does not know the mode. */
export interface RenameAt2 {
  (from: Place, to: Place, mode: RenameMode): void;
  later(from: Place, to: Place, mode: RenameMode): Promise<void>;
}

type RenameCall = SystemCall<[from: number, fromName: DiskName, to: number, toName: DiskName, flags: number]>;

/** `undefined` where libc has no renameat2. */
export function bindRenameAt2(ffi: Ffi): RenameAt2 | undefined {
  const bound: RenameCall | undefined = bindCall(ffi, 'renameat2', [
    'int',
    'int',
    'str',
    'int',
    'str',
    'uint32',
  ]);
  if (bound === undefined) return undefined;
  const call = bound;
  const args = (from: Place, to: Place, mode: RenameMode): Parameters<RenameCall['raw']> => [
    checkedFd(from.directory, 'renameat2'),
    cString(from.name, 'renameat2'),
    checkedFd(to.directory, 'renameat2'),
    cString(to.name, 'renameat2'),
    mode === 'noReplace' ? RENAME_NOREPLACE : RENAME_EXCHANGE,
  ];
  const rename = (from: Place, to: Place, mode: RenameMode): void => {
    call.checked(call.raw(...args(from, to, mode)));
  };
  const later = (from: Place, to: Place, mode: RenameMode): Promise<void> =>
    call.later(args(from, to, mode), (answer) => {
      call.checked(answer);
    });
  return Object.assign(rename, { later });
}

/** Nanoseconds since 1970, possibly before it; a time that is absent stays as it is. */
export interface FileTimes {
  readonly accessNs?: bigint | undefined;
  readonly writeNs?: bigint | undefined;
}

/**
 * Sets the times of `name` in the directory open as `directory`, or with an empty name of what is open as `directory` itself
 * (O_PATH suffices). A symbolic link is not followed. utimensat(2)
 */
export interface SetTimes {
  (directory: number, name: DiskName, times: FileTimes): void;
  later(directory: number, name: DiskName, times: FileTimes): Promise<void>;
}

type TimesCall = SystemCall<[directory: number, name: DiskName, times: BigInt64Array, flags: number]>;

const UTIME_OMIT = 0x3fff_fffen;
const NS_PER_SECOND = 1_000_000_000n;

/** `undefined` where libc has no utimensat. */
export function bindSetTimes(ffi: Ffi): SetTimes | undefined {
  const bound: TimesCall | undefined = bindCall(ffi, 'utimensat', ['int', 'int', 'str', 'void *', 'int']);
  if (bound === undefined) return undefined;
  const call = bound;
  const own = new BigInt64Array(4);
  const flags = AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH;
  const setTimes = (directory: number, name: DiskName, times: FileTimes): void => {
    const at = checkedFd(directory, 'utimensat');
    call.checked(call.raw(at, cString(name, 'utimensat'), timesIn(own, times), flags));
  };
  const later = (directory: number, name: DiskName, times: FileTimes): Promise<void> => {
    const at = checkedFd(directory, 'utimensat');
    const asked = timesIn(new BigInt64Array(4), times);
    return call.later([at, cString(name, 'utimensat'), asked, flags], (answer) => {
      call.checked(answer);
    });
  };
  return Object.assign(setTimes, { later });
}

/** Fills two struct timespec. */
function timesIn(target: BigInt64Array, { accessNs, writeNs }: FileTimes): BigInt64Array {
  writeTime(target, 0, accessNs);
  writeTime(target, 2, writeNs);
  return target;
}

function writeTime(target: BigInt64Array, position: number, ns: bigint | undefined): void {
  if (ns !== undefined && BigInt.asIntN(64, ns / NS_PER_SECOND) !== ns / NS_PER_SECOND) {
    throw new SystemCallError(Errno.EINVAL, 'utimensat');
  }
  const rest = ns === undefined ? UTIME_OMIT : ((ns % NS_PER_SECOND) + NS_PER_SECOND) % NS_PER_SECOND;
  target[position] = ns === undefined ? 0n : (ns - rest) / NS_PER_SECOND;
  target[position + 1] = rest;
}
