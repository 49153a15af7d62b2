/**
 * Looking at what is on the disk: by statx where there is a native call for it, which takes a quarter of the time of Node's.
 */
import type { BigIntStats } from 'node:fs';
import { type Statx, StatxRecord } from '../native/stat.ts';
import { calls, childPath } from './local-calls.ts';
import { promisedCall, type Task } from './task.ts';

/** What is used of a file's metadata; those of Node fit. */
export type DiskStat = Pick<
  BigIntStats,
  | 'dev'
  | 'ino'
  | 'mode'
  | 'nlink'
  | 'uid'
  | 'gid'
  | 'size'
  | 'blocks'
  | 'atimeNs'
  | 'mtimeNs'
  | 'ctimeNs'
  | 'birthtimeNs'
  | 'isFile'
  | 'isDirectory'
  | 'isSymbolicLink'
>;

const KIND = 0o170000;
const FILE = 0o100000;
const DIRECTORY = 0o040000;
const SYMLINK = 0o120000;

class NativeStat implements DiskStat {
  readonly dev: bigint;
  readonly ino: bigint;
  readonly mode: bigint;
  readonly nlink: bigint;
  readonly uid: bigint;
  readonly gid: bigint;
  readonly size: bigint;
  readonly blocks: bigint;
  readonly atimeNs: bigint;
  readonly mtimeNs: bigint;
  readonly ctimeNs: bigint;
  readonly birthtimeNs: bigint;
  readonly #kind: number;

  constructor(record: StatxRecord) {
    this.#kind = record.mode & KIND;
    this.dev = record.dev;
    this.ino = record.ino;
    this.mode = BigInt(record.mode);
    this.nlink = BigInt(record.nlink);
    this.uid = BigInt(record.uid);
    this.gid = BigInt(record.gid);
    this.size = record.size;
    this.blocks = record.blocks;
    this.atimeNs = record.atimeNs;
    this.mtimeNs = record.mtimeNs;
    this.ctimeNs = record.ctimeNs;
    this.birthtimeNs = record.birthtimeNs;
  }

  isFile(): boolean {
    return this.#kind === FILE;
  }

  isDirectory(): boolean {
    return this.#kind === DIRECTORY;
  }

  isSymbolicLink(): boolean {
    return this.#kind === SYMLINK;
  }
}

/** Filled and read within one call. */
const scratch = new StatxRecord();

export class DiskLook {
  readonly #statx: Statx | undefined;

  constructor(statx: Statx | undefined) {
    this.#statx = statx;
  }

  /** At a name in the directory open as `directory`; a link is itself. */
  at(directory: number, name: string | Buffer): Task<DiskStat> {
    const statx = this.#statx;
    return statx === undefined ? calls.lstat(childPath(directory, name)) : looked(statx, directory, name);
  }

  /** At what is open as `fd`. */
  open(fd: number): Task<DiskStat> {
    const statx = this.#statx;
    return statx === undefined ? calls.fstat(fd) : looked(statx, fd, '');
  }
}

function looked(statx: Statx, directory: number, name: string | Buffer): Task<DiskStat> {
  return promisedCall(
    () => {
      statx(directory, name, scratch);
      return new NativeStat(scratch);
    },
    async () => {
      const record = new StatxRecord();
      await statx.later(directory, name, record);
      return new NativeStat(record);
    },
  );
}
