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
/** RENAME_NOREPLACE and RENAME_EXCHANGE. */
const renameFlags: Readonly<Record<RenameMode, number>> = { replace: 0, noReplace: 1, exchange: 2 };

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

/** A reference to what stands there, without opening it. open(2) */
export const O_PATH = 0o10000000;

/** Removes the name of what is no directory. unlinkat(2) */
export interface UnlinkAt {
  (directory: number, name: DiskName): void;
  later(directory: number, name: DiskName): Promise<void>;
}

type UnlinkCall = SystemCall<[directory: number, name: DiskName, flags: number]>;

/** `undefined` where libc has no unlinkat. */
export function bindUnlinkAt(ffi: Ffi): UnlinkAt | undefined {
  const bound: UnlinkCall | undefined = bindCall(ffi, 'unlinkat', ['int', 'int', 'str', 'int']);
  if (bound === undefined) return undefined;
  const call = bound;
  const args = (directory: number, name: DiskName): Parameters<UnlinkCall['raw']> => [
    checkedFd(directory, 'unlinkat'),
    cString(name, 'unlinkat'),
    0,
  ];
  const unlinkAt = (directory: number, name: DiskName): void => {
    call.checked(call.raw(...args(directory, name)));
  };
  const later = (directory: number, name: DiskName): Promise<void> =>
    call.later(args(directory, name), (answer) => {
      call.checked(answer);
    });
  return Object.assign(unlinkAt, { later });
}

/** `replace`: whatever file has the new name is gone; `noReplace`: EEXIST when the new name exists; `exchange`: both names exist and change places. */
export type RenameMode = 'replace' | 'noReplace' | 'exchange';

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
    renameFlags[mode],
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

/** A file without a name, which is gone when it is closed. open(2) */
export const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY;
