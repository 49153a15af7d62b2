/**
 * Parts of files: holes, allocation, copies in the kernel, reads of what is in memory already.
 *
 * Offsets and lengths are in bytes, whole numbers below 2^53; others are refused with EINVAL. What runs on the event loop
 * stands first, the same in the thread pool under `later`: a descriptor must stay open until that has ended.
 */
import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, checkedSize, Errno, type SystemCall } from './system-call.ts';

const FALLOC_FL_KEEP_SIZE = 1;
const FALLOC_FL_PUNCH_HOLE = 2;
const FALLOC_FL_ZERO_RANGE = 0x10;
const SEEK_DATA = 3;
const SEEK_HOLE = 4;
/** _IOW(0x94, 13, struct file_clone_range) on the processors that {@link Ffi} admits. */
const FICLONERANGE = 0x4020_940d;
const RWF_NOWAIT = 8;

/** Changes of a range of a file open for writing; fallocate(2). ENOTSUP where the file system cannot. */
export interface RangeChanges<T> {
  /** Makes it a hole, which reads as zeros; the size stays. */
  punchHole(fd: number, offset: number, length: number): T;
  /** Makes it zeros and keeps the space for it; the size stays. */
  zeroRange(fd: number, offset: number, length: number): T;
  /** Sees to it that writing there cannot fail for want of space; the size stays. */
  allocate(fd: number, offset: number, length: number): T;
}

export interface Holes extends RangeChanges<void> {
  readonly later: RangeChanges<Promise<void>>;
}

type Allocate = SystemCall<[fd: number, mode: number, offset: number, length: number]>;

/** `undefined` where libc has no fallocate. */
export function bindHoles(ffi: Ffi): Holes | undefined {
  const bound: Allocate | undefined = bindCall(ffi, 'fallocate', ['int', 'int', 'int', 'int64', 'int64']);
  if (bound === undefined) return undefined;
  const call = bound;
  const now = (mode: number) => (fd: number, offset: number, length: number) => {
    const args = checkedRange(mode, fd, offset, length);
    let answer = call.raw(...args);
    while (answer < 0 && call.errno() === Errno.EINTR) answer = call.raw(...args);
    call.checked(answer);
  };
  const later = (mode: number) => (fd: number, offset: number, length: number) =>
    call.later(checkedRange(mode, fd, offset, length), (answer) => {
      call.checked(answer);
    });
  const calls = <T>(kind: (mode: number) => (fd: number, offset: number, length: number) => T) => ({
    punchHole: kind(FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE),
    zeroRange: kind(FALLOC_FL_ZERO_RANGE | FALLOC_FL_KEEP_SIZE),
    allocate: kind(FALLOC_FL_KEEP_SIZE),
  });
  return { ...calls(now), later: calls(later) };
}

function checkedRange(
  mode: number,
  fd: number,
  offset: number,
  length: number,
): [fd: number, mode: number, offset: number, length: number] {
  const name = 'fallocate';
  return [checkedFd(fd, name), mode, checkedSize(offset, name), checkedSize(length, name)];
}

/**
 * Where data and holes are; lseek(2). The file position that this moves is not used by positional reads and writes.
 * A file system without holes says that all is data and the hole begins at the end.
 */
export interface RangeSearch {
  /** Where data begins at or after `offset`; `undefined` when only a hole follows, or nothing. */
  nextData(fd: number, offset: number): number | undefined;
  /** Where a hole begins at or after `offset`, the end of the file being one; `undefined` from the end on. */
  nextHole(fd: number, offset: number): number | undefined;
}

/** `undefined` where libc has no lseek. */
export function bindSearch(ffi: Ffi): RangeSearch | undefined {
  const bound: SystemCall<[fd: number, offset: number, whence: number]> | undefined = bindCall(ffi, 'lseek', [
    'int64',
    'int',
    'int64',
    'int',
  ]);
  if (bound === undefined) return undefined;
  const call = bound;
  const seek = (whence: number) => (fd: number, offset: number) => {
    const answer = call.raw(checkedFd(fd, 'lseek'), checkedSize(offset, 'lseek'), whence);
    if (answer < 0 && call.errno() === Errno.ENXIO) return undefined;
    return call.checked(answer);
  };
  return { nextData: seek(SEEK_DATA), nextHole: seek(SEEK_HOLE) };
}

/** What to copy where, between two files, or within one if the ranges do not overlap. */
export interface CopyRange {
  readonly source: number;
  readonly sourceOffset: number;
  readonly target: number;
  readonly targetOffset: number;
  readonly length: number;
}

/** Copies without a detour through this process. */
export interface RangeCopies {
  /**
   * Copies at most `length` bytes and tells how many: fewer at the end of the source, and whenever the kernel likes; 0 at the
   * end. Shares the blocks where the file system can. EXDEV, EINVAL or ENOTSUP where it has to be done by reading and
   * writing. copy_file_range(2)
   */
  copyRange(range: CopyRange): number;
  copyRangeLater(range: CopyRange): Promise<number>;
}

type Copy = SystemCall<
  [
    source: number,
    sourceOffset: Uint8Array,
    target: number,
    targetOffset: Uint8Array,
    length: number,
    flags: number,
  ]
>;

/** `undefined` where libc has no copy_file_range. */
export function bindCopies(ffi: Ffi): RangeCopies | undefined {
  const signature = ['int64', 'int', 'void *', 'int', 'void *', 'size_t', 'uint32'] as const;
  const bound: Copy | undefined = bindCall(ffi, 'copy_file_range', signature);
  if (bound === undefined) return undefined;
  const call = bound;
  return {
    copyRange: (range) => call.checked(call.raw(...copyArguments(range))),
    copyRangeLater: (range) => call.later(copyArguments(range), (answer) => call.checked(answer)),
  };
}

function copyArguments(range: CopyRange): Parameters<Copy['raw']> {
  const name = 'copy_file_range';
  return [
    checkedFd(range.source, name),
    long(checkedSize(range.sourceOffset, name)),
    checkedFd(range.target, name),
    long(checkedSize(range.targetOffset, name)),
    checkedSize(range.length, name),
    0,
  ];
}

function long(value: number): Buffer {
  const bytes = Buffer.alloc(8);
  bytes.writeBigInt64LE(BigInt(value));
  return bytes;
}

/** Copies by sharing blocks. */
export interface Clones {
  /**
   * Makes the target's range share the source's blocks; both must be whole blocks, except at the end of the source; a length
   * of 0 means to the end. ENOTSUP or EXDEV where blocks cannot be shared, EINVAL for ranges that do not fit.
   * ioctl_ficlonerange(2)
   */
  cloneRange(range: CopyRange): void;
  cloneRangeLater(range: CopyRange): Promise<void>;
}

/** `undefined` where libc has no ioctl. */
export function bindClones(ffi: Ffi): Clones | undefined {
  const bound: SystemCall<[fd: number, request: number, range: Buffer]> | undefined = bindCall(ffi, 'ioctl', [
    'int',
    'int',
    'uint64',
    'void *',
  ]);
  if (bound === undefined) return undefined;
  const call = bound;
  const args = (range: CopyRange): [fd: number, request: number, range: Buffer] => {
    const name = 'ioctl_ficlonerange';
    const fields = [checkedFd(range.source, name), range.sourceOffset, range.length, range.targetOffset];
    const request = Buffer.concat(fields.map((field) => long(checkedSize(field, name))));
    return [checkedFd(range.target, name), FICLONERANGE, request];
  };
  return {
    cloneRange: (range) => {
      call.checked(call.raw(...args(range)));
    },
    cloneRangeLater: (range) =>
      call.later(args(range), (answer) => {
        call.checked(answer);
      }),
  };
}

/**
 * Reads what is in memory already. Tells how many bytes, possibly fewer than asked for; `undefined` when the disk would have
 * to be waited for. ENOTSUP where the file system cannot say; such a file is read in the ordinary way. preadv2(2)
 */
export type ReadNow = (fd: number, target: Buffer, position: number) => number | undefined;

/** `undefined` where libc has no preadv2. */
export function bindReadNow(ffi: Ffi): ReadNow | undefined {
  const bound:
    | SystemCall<[fd: number, parts: BigUint64Array, count: number, at: number, flags: number, held: Buffer]>
    | undefined = bindCall(ffi, 'preadv2', ['int64', 'int', 'void *', 'int', 'int64', 'int', 'void *']);
  if (bound === undefined) return undefined;
  const call = bound;
  /** struct iovec */
  const part = new BigUint64Array(2);
  return (fd, target, position) => {
    part[0] = ffi.addressOf(target);
    part[1] = BigInt(target.length);
    // The function takes five arguments; the sixth holds the memory during the call and is not looked at.
    const at = checkedSize(position, 'preadv2');
    const answer = call.raw(checkedFd(fd, 'preadv2'), part, 1, at, RWF_NOWAIT, target);
    if (answer < 0 && call.errno() === Errno.EAGAIN) return undefined;
    return call.checked(answer);
  };
}
