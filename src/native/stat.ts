/**
 * statx(2): everything about a file in one call, with nanoseconds and the time of its birth.
 */
import { type FileTime, fileTimeOfUnix, unixNsOfUnix } from '../base/clock.ts';
import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, cString, type DiskName, type SystemCall } from './system-call.ts';

const AT_EMPTY_PATH = 0x1000;
const AT_SYMLINK_NOFOLLOW = 0x100;
const STATX_BASIC_STATS = 0x7ff;
const STATX_BTIME = 0x800;
const STATX_MNT_ID = 0x1000;
const MASK = STATX_BASIC_STATS | STATX_BTIME | STATX_MNT_ID;

const STATX_ATTR_COMPRESSED = 0x4;
const STATX_ATTR_MOUNT_ROOT = 0x2000;

const BIT_32 = 0x1_0000_0000;
const BLOCK_BYTES = 512;

const S_IFMT = 0o170000;
const S_IFREG = 0o100000;
const S_IFDIR = 0o040000;
const S_IFLNK = 0o120000;

/** How much of struct statx is used, in words of 32 bits: up to the id of the mount. */
export const STATX_WORDS = 38;

/** How many words {@link StatxRecord.stateInto} takes: the number, the change time, when it was born and the device. */
export const STATE_WORDS = 8;

/**
 * What statx told, read from its buffer when asked for; to be used again for the next call. The names are those of
 * node:fs, so that code for its BigIntStats serves for both.
 */
export class StatxRecord {
  /** struct statx */
  readonly bytes: Buffer = Buffer.from(new ArrayBuffer(256));
  readonly #words = new Uint32Array(this.bytes.buffer);
  readonly #longs = new BigUint64Array(this.bytes.buffer);

  /** Puts a copy of all that was told at `position` of `target`, which takes {@link STATX_WORDS} words. */
  copyTo(target: Uint32Array, position: number): void {
    const words = this.#words;
    for (let index = 0; index < STATX_WORDS; index++) target[position + index] = words[index] ?? 0;
  }

  /** Whether what was told is all the same as what stands at `position` of `other`. */
  equals(other: Uint32Array, position: number): boolean {
    const words = this.#words;
    for (let index = 0; index < STATX_WORDS; index++) {
      if (words[index] !== other[position + index]) return false;
    }
    return true;
  }

  /** The lower half of {@link ino}. */
  get inoLow(): number {
    return this.#word(32);
  }

  get mode(): number {
    return this.#word(28) & 0xffff;
  }

  get nlink(): number {
    return this.#word(16);
  }

  get uid(): number {
    return this.#word(20);
  }

  get gid(): number {
    return this.#word(24);
  }

  get ino(): bigint {
    return this.#long(32);
  }

  get size(): bigint {
    return this.#long(40);
  }

  /** Of 512 bytes. */
  get blocks(): bigint {
    return this.#long(48);
  }

  get blksize(): number {
    return this.#word(4);
  }

  /** As in st_dev. */
  get dev(): bigint {
    return deviceNumber(this.#word(136), this.#word(140));
  }

  get atimeNs(): bigint {
    return this.#time(64);
  }

  /** 0 where the file system keeps none. */
  get birthtimeNs(): bigint {
    return this.knowsBirthTime ? this.#time(80) : 0n;
  }

  get ctimeNs(): bigint {
    return this.#time(96);
  }

  get mtimeNs(): bigint {
    return this.#time(112);
  }

  get knowsBirthTime(): boolean {
    return (this.#word(0) & STATX_BTIME) !== 0;
  }

  /** Differs between mounts, also between those of one device; 0 before Linux 5.8. */
  get mountId(): bigint {
    return (this.#word(0) & STATX_MNT_ID) === 0 ? 0n : this.#long(144);
  }

  /** Whether something is mounted here. */
  get isMountRoot(): boolean {
    return (this.#word(8) & STATX_ATTR_MOUNT_ROOT) !== 0;
  }

  /** Whether the file system compresses the file. */
  get isCompressed(): boolean {
    return (this.#word(8) & STATX_ATTR_COMPRESSED) !== 0;
  }

  isFile(): boolean {
    return (this.mode & S_IFMT) === S_IFREG;
  }

  isDirectory(): boolean {
    return (this.mode & S_IFMT) === S_IFDIR;
  }

  isSymbolicLink(): boolean {
    return (this.mode & S_IFMT) === S_IFLNK;
  }

  /** Size in bytes, as a number. */
  get sizeBytes(): number {
    return this.#word(44) * BIT_32 + this.#word(40);
  }

  /** Space taken, in bytes. */
  get allocatedBytes(): number {
    return (this.#word(52) * BIT_32 + this.#word(48)) * BLOCK_BYTES;
  }

  get accessTime(): FileTime {
    return this.#fileTime(64);
  }

  get birthTime(): FileTime {
    return this.#fileTime(80);
  }

  get changeTime(): FileTime {
    return this.#fileTime(96);
  }

  get writeTime(): FileTime {
    return this.#fileTime(112);
  }

  /** {@link dev}, of which Linux uses 32 bits. */
  get device(): number {
    const [major, minor] = [this.#word(136), this.#word(140)];
    return (((major & 0xfff) << 8) | (minor & 0xff) | ((minor & ~0xff) << 12)) >>> 0;
  }

  /** Puts what tells this state of the file from all others into the first {@link STATE_WORDS} of `target`. */
  stateInto(target: Uint32Array): void {
    target[0] = this.#word(32);
    target[1] = this.#word(36);
    target[2] = this.#word(96);
    target[3] = this.#word(100);
    target[4] = this.#word(104);
    target[5] = this.knowsBirthTime ? this.#word(80) : 0;
    target[6] = this.knowsBirthTime ? this.#word(88) : 0;
    target[7] = this.device;
  }

  #word(position: number): number {
    return this.#words[position >> 2] ?? 0;
  }

  #long(position: number): bigint {
    return this.#longs[position >> 3] ?? 0n;
  }

  #seconds(position: number): number {
    return (this.#word(position + 4) | 0) * BIT_32 + this.#word(position);
  }

  #time(position: number): bigint {
    return unixNsOfUnix(this.#seconds(position), this.#word(position + 8));
  }

  #fileTime(position: number): FileTime {
    return fileTimeOfUnix(this.#seconds(position), this.#word(position + 8));
  }
}

/** As makedev(3) makes it. */
function deviceNumber(major: number, minor: number): bigint {
  const low = BigInt((((major & 0xfff) << 8) | (minor & 0xff)) >>> 0);
  if (major < 0x1000 && minor < 0x100) return low;
  return low | (BigInt(major & ~0xfff) << 32n) | (BigInt(minor & ~0xff) << 12n);
}

/**
 * Looks at `name` in the directory open as `directory`, or with an empty name at what is open as `directory` itself
 * (O_PATH suffices), and fills `into`. A symbolic link is not followed.
 */
export interface Statx {
  (directory: number, name: DiskName, into: StatxRecord): void;
  /** The same, but answers the number of the error, or 0. */
  attempt(directory: number, name: DiskName, into: StatxRecord): number;
  /** The same in the thread pool. */
  later(directory: number, name: DiskName, into: StatxRecord): Promise<void>;
}

type Call = SystemCall<[directory: number, name: DiskName, flags: number, mask: number, into: Buffer]>;

/** `undefined` where libc has no statx. */
export function bindStatx(ffi: Ffi): Statx | undefined {
  const call: Call | undefined = bindCall(ffi, 'statx', ['int', 'int', 'str', 'int', 'uint32', 'void *']);
  if (call === undefined) return undefined;
  const flags = AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW;
  const statx = (directory: number, name: DiskName, into: StatxRecord): void => {
    const answer = call.raw(checkedFd(directory, 'statx'), cString(name, 'statx'), flags, MASK, into.bytes);
    call.checked(answer);
  };
  const attempt = (directory: number, name: DiskName, into: StatxRecord): number => {
    const answer = call.raw(checkedFd(directory, 'statx'), cString(name, 'statx'), flags, MASK, into.bytes);
    return answer < 0 ? call.errno() : 0;
  };
  const later = (directory: number, name: DiskName, into: StatxRecord): Promise<void> =>
    call.later([checkedFd(directory, 'statx'), cString(name, 'statx'), flags, MASK, into.bytes], (answer) => {
      call.checked(answer);
    });
  return Object.assign(statx, { attempt, later });
}
