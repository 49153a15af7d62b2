/**
 * The system calls of the local store, as steps of a task. Paths are always `/proc/self/fd/N` or one name below it: the
 * only way that Node has to say openat, mkdirat, renameat and their like.
 */
import fs, { type BigIntStats } from 'node:fs';
import type { Place } from '../native/names.ts';
import { call, slowCall, type Task } from './task.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_NOFOLLOW, O_NONBLOCK, O_DIRECTORY } = fs.constants;
/** Not among Node's constants; the value is the same on every Linux that Node runs on. */
const O_PATH = 0o10000000;

export const OpenFlags = Object.freeze({
  /** A reference to whatever stands there, link or device included, without opening it. */
  reference: O_PATH | O_NOFOLLOW,
  directory: O_PATH | O_NOFOLLOW | O_DIRECTORY,
  /** The folder itself, as its owner names it. */
  root: O_PATH | O_DIRECTORY,
  /** A directory for fsync. */
  directoryForSync: O_RDONLY | O_DIRECTORY | O_NONBLOCK,
  create: O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_NONBLOCK,
  read: O_RDONLY | O_NONBLOCK,
  write: O_RDWR | O_NONBLOCK,
});

/** The path of an open descriptor itself. */
export function descriptorPath(fd: number): string {
  return `/proc/self/fd/${fd}`;
}

/** The path of a name in the directory open as `fd`. */
export function childPath(fd: number, name: string | Buffer): string | Buffer {
  if (typeof name === 'string') return `/proc/self/fd/${fd}/${name}`;
  return Buffer.concat([Buffer.from(`/proc/self/fd/${fd}/`), name]);
}

/** As {@link childPath}. */
export function pathOf({ directory, name }: Place): DiskPath {
  return childPath(directory, name);
}

export type DiskPath = string | Buffer;

const big = { bigint: true } as const;
const latin1 = { encoding: 'latin1' } as const;

export const calls = {
  open: (path: DiskPath, flags: number, mode = 0o666): Task<number> =>
    call(
      () => fs.openSync(path, flags, mode),
      (done) => fs.open(path, flags, mode, done),
    ),
  fstat: (fd: number): Task<BigIntStats> =>
    call(
      () => fs.fstatSync(fd, big),
      (done) => fs.fstat(fd, big, done),
    ),
  lstat: (path: DiskPath): Task<BigIntStats> =>
    call(
      () => fs.lstatSync(path, big),
      (done) => fs.lstat(path, big, done),
    ),
  /** Only for `/proc/self/fd/N`: follows links. */
  stat: (path: DiskPath): Task<BigIntStats> =>
    call(
      () => fs.statSync(path, big),
      (done) => fs.stat(path, big, done),
    ),
  readlink: (path: DiskPath): Task<string> =>
    call(
      () => fs.readlinkSync(path, latin1),
      (done) => fs.readlink(path, latin1, done),
    ),
  mkdir: (path: DiskPath, mode: number): Task<unknown> =>
    call<unknown>(
      () => fs.mkdirSync(path, mode),
      (done) => fs.mkdir(path, mode, (error) => done(error, undefined)),
    ),
  symlink: (target: DiskPath, path: DiskPath): Task<void> =>
    call(
      () => fs.symlinkSync(target, path),
      (done) => fs.symlink(target, path, (error) => done(error, undefined)),
    ),
  link: (from: DiskPath, to: DiskPath): Task<void> =>
    call(
      () => fs.linkSync(from, to),
      (done) => fs.link(from, to, (error) => done(error, undefined)),
    ),
  rename: (from: DiskPath, to: DiskPath): Task<void> =>
    call(
      () => fs.renameSync(from, to),
      (done) => fs.rename(from, to, (error) => done(error, undefined)),
    ),
  rmdir: (path: DiskPath): Task<void> =>
    call(
      () => fs.rmdirSync(path),
      (done) => fs.rmdir(path, (error) => done(error, undefined)),
    ),
  /** Removing a large file frees many blocks and takes its time. */
  unlink: (path: DiskPath, isLarge: boolean): Task<void> =>
    isLarge
      ? slowCall((done) => fs.unlink(path, (error) => done(error, undefined)))
      : call(
          () => fs.unlinkSync(path),
          (done) => fs.unlink(path, (error) => done(error, undefined)),
        ),
  chmod: (path: DiskPath, mode: number): Task<void> =>
    call(
      () => fs.chmodSync(path, mode),
      (done) => fs.chmod(path, mode, (error) => done(error, undefined)),
    ),
  chown: (path: DiskPath, owner: number, group: number): Task<void> =>
    call(
      () => fs.chownSync(path, owner, group),
      (done) => fs.chown(path, owner, group, (error) => done(error, undefined)),
    ),
  /** Times in seconds since 1970. */
  utimes: (path: DiskPath, times: { access: number; write: number }): Task<void> =>
    call(
      () => fs.utimesSync(path, times.access, times.write),
      (done) => fs.utimes(path, times.access, times.write, (error) => done(error, undefined)),
    ),
  ftruncate: (fd: number, sizeBytes: number, isLarge: boolean): Task<void> =>
    isLarge
      ? slowCall((done) => fs.ftruncate(fd, sizeBytes, (error) => done(error, undefined)))
      : call(
          () => fs.ftruncateSync(fd, sizeBytes),
          (done) => fs.ftruncate(fd, sizeBytes, (error) => done(error, undefined)),
        ),
  fsync: (fd: number): Task<void> => slowCall((done) => fs.fsync(fd, (error) => done(error, undefined))),
};
