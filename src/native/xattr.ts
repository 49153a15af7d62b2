/**
 * Extended attributes. xattr(7)
 *
 * A target is a descriptor opened for reading or writing, or a path; a descriptor opened with O_PATH is reached as
 * `/proc/self/fd/N`. Names are UTF-8 text or bytes when handed in, and one character for each byte when listed.
 */
import type { Ffi } from './ffi.ts';
import {
  type Answer,
  bindCall,
  checkedFd,
  cString,
  type DiskName,
  Errno,
  type SystemCall,
  SystemCallError,
} from './system-call.ts';

/** Linux takes no larger value and tells no longer list. */
export const XATTR_BYTES_MAX = 65_536;
const XATTR_CREATE = 1;
const XATTR_REPLACE = 2;

export type XattrTarget = number | DiskName;

/** `create`: EEXIST if it exists; `replace`: ENODATA if it does not. */
export type XattrMode = 'create' | 'replace';

/** What can be done with a target; in the thread pool where the name says `Later`. Errors are those of xattr(7). */
export interface XattrCalls {
  /** The value in memory of its own; `undefined` when there is no such attribute. */
  read(target: XattrTarget, name: DiskName): Buffer | undefined;
  readLater(target: XattrTarget, name: DiskName): Promise<Buffer | undefined>;
  write(target: XattrTarget, name: DiskName, value: Buffer, mode?: XattrMode): void;
  /** `value` must not change until the call has ended. */
  writeLater(target: XattrTarget, name: DiskName, value: Buffer, mode?: XattrMode): Promise<void>;
  /** False when there was no such attribute. */
  remove(target: XattrTarget, name: DiskName): boolean;
  removeLater(target: XattrTarget, name: DiskName): Promise<boolean>;
  /** The names of all attributes, one character for each byte. */
  list(target: XattrTarget): string[];
  listLater(target: XattrTarget): Promise<string[]>;
}

/** Paths that end in a symbolic link mean what it leads to; with {@link Xattr.link} they mean the link. */
export interface Xattr extends XattrCalls {
  readonly link: XattrCalls;
}

type Read = SystemCall<[target: XattrTarget, name: DiskName, value: Buffer, size: number]>;
type Write = SystemCall<[target: XattrTarget, name: DiskName, value: Buffer, size: number, flags: number]>;
type Remove = SystemCall<[target: XattrTarget, name: DiskName]>;
type List = SystemCall<[target: XattrTarget, list: Buffer, size: number]>;

/** The four functions for one kind of target. */
interface Functions {
  readonly read: Read;
  readonly write: Write;
  readonly remove: Remove;
  readonly list: List;
}

/** `undefined` where libc has no such functions. */
export function bindXattr(ffi: Ffi): Xattr | undefined {
  const byFd = functions(ffi, 'f', 'int');
  const byPath = functions(ffi, '', 'str');
  const byLink = functions(ffi, 'l', 'str');
  if (byFd === undefined || byPath === undefined || byLink === undefined) return undefined;
  return { ...callsOf(byFd, byPath), link: callsOf(byFd, byLink) };
}

function functions(ffi: Ffi, prefix: string, target: string): Functions | undefined {
  const read: Read | undefined = bindCall(ffi, `${prefix}getxattr`, [
    'int64',
    target,
    'str',
    'void *',
    'size_t',
  ]);
  const write: Write | undefined = bindCall(ffi, `${prefix}setxattr`, [
    'int',
    target,
    'str',
    'void *',
    'size_t',
    'int',
  ]);
  const remove: Remove | undefined = bindCall(ffi, `${prefix}removexattr`, ['int', target, 'str']);
  const list: List | undefined = bindCall(ffi, `${prefix}listxattr`, ['int64', target, 'void *', 'size_t']);
  if (read === undefined || write === undefined || remove === undefined || list === undefined)
    return undefined;
  return { read, write, remove, list };
}

/** Where a call on the event loop puts its answer; nothing else runs between the call and the copy. */
const scratch = Buffer.alloc(XATTR_BYTES_MAX);

/** Most values and lists are smaller, and the kernel makes and clears as much memory as it is offered: 64 KiB take 2 µs. */
export const XATTR_FIRST_BYTES = 1024;

/**
 * Runs a call in the thread pool with little room for its answer, and again with all that there can be where that is not enough:
 * thousands of calls may wait for the pool, each with its room.
 */
export function laterWithRoom<T>(attempt: (room: Buffer) => Promise<T>): Promise<T> {
  return attempt(Buffer.from(new ArrayBuffer(XATTR_FIRST_BYTES))).catch((error: unknown) => {
    if (!(error instanceof SystemCallError) || error.code !== 'ERANGE') throw error;
    return attempt(Buffer.from(new ArrayBuffer(XATTR_BYTES_MAX)));
  });
}

function callsOf(byFd: Functions, byPath: Functions): XattrCalls {
  const of = (target: XattrTarget): Functions => (typeof target === 'number' ? byFd : byPath);
  return {
    read(target, name) {
      const { read } = of(target);
      const from = checkedTarget(target);
      const own = cString(name, 'getxattr');
      let answer = read.raw(from, own, scratch, XATTR_FIRST_BYTES);
      if (answer < 0 && read.errno() === Errno.ERANGE) answer = read.raw(from, own, scratch, XATTR_BYTES_MAX);
      return copied(read, answer, scratch);
    },
    readLater(target, name) {
      const { read } = of(target);
      const from = checkedTarget(target);
      const own = cString(name, 'getxattr');
      return laterWithRoom((room) =>
        read.later([from, own, room, room.length], (answer) => copied(read, answer, room)),
      );
    },
    write(target, name, value, mode) {
      const { write } = of(target);
      const own = cString(name, 'setxattr');
      write.checked(write.raw(checkedTarget(target), own, value, value.length, flagsOf(mode)));
    },
    writeLater(target, name, value, mode) {
      const { write } = of(target);
      const own = cString(name, 'setxattr');
      return write.later([checkedTarget(target), own, value, value.length, flagsOf(mode)], (answer) => {
        write.checked(answer);
      });
    },
    remove(target, name) {
      const { remove } = of(target);
      return wasThere(remove, remove.raw(checkedTarget(target), cString(name, 'removexattr')));
    },
    removeLater(target, name) {
      const { remove } = of(target);
      return remove.later([checkedTarget(target), cString(name, 'removexattr')], (answer) =>
        wasThere(remove, answer),
      );
    },
    list(target) {
      const { list } = of(target);
      const from = checkedTarget(target);
      let answer = list.raw(from, scratch, XATTR_FIRST_BYTES);
      if (answer < 0 && list.errno() === Errno.ERANGE) answer = list.raw(from, scratch, XATTR_BYTES_MAX);
      return xattrNamesIn(scratch, list.checked(answer));
    },
    listLater(target) {
      const { list } = of(target);
      const from = checkedTarget(target);
      return laterWithRoom((room) =>
        list.later([from, room, room.length], (answer) => xattrNamesIn(room, list.checked(answer))),
      );
    },
  };
}

function checkedTarget(target: XattrTarget): XattrTarget {
  return typeof target === 'number' ? checkedFd(target, 'xattr') : cString(target, 'xattr');
}

function flagsOf(mode: XattrMode | undefined): number {
  if (mode === undefined) return 0;
  return mode === 'create' ? XATTR_CREATE : XATTR_REPLACE;
}

function copied(call: Read, answer: Answer, from: Buffer): Buffer | undefined {
  if (answer < 0 && call.errno() === Errno.ENODATA) return undefined;
  return Buffer.from(from.subarray(0, call.checked(answer)));
}

function wasThere(call: Remove, answer: Answer): boolean {
  if (answer < 0 && call.errno() === Errno.ENODATA) return false;
  call.checked(answer);
  return true;
}

/** A list of names, each with a zero behind it. */
export function xattrNamesIn(list: Buffer, size: number): string[] {
  if (size === 0) return [];
  return list.toString('latin1', 0, size - 1).split('\0');
}
