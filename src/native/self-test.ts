/**
 * Each ability is tried before anybody relies on it, with answers that are known from elsewhere: a wrong number, layout or
 * calling convention shows here, as does a kernel or a container's filter that refuses the call. Nothing is written to disk:
 * the file that is changed lives in memory.
 */
import fs from 'node:fs';
import { visitEntries } from './dirent.ts';
import { tellsChanges } from './inotify.ts';
import type { Libc } from './libc.ts';
import { O_PATH } from './names.ts';
import { sends } from './socket.ts';
import { StatxRecord } from './stat.ts';
import { SystemCallError } from './system-call.ts';

type Trial = (libc: Libc, memory: number | undefined) => boolean;

const MEGABYTE = 1024 * 1024;

/** True when the ability does what it should; an error means no, except those that only a file system decides. */
const trials: Readonly<Record<keyof Libc, Trial>> = {
  statx({ statx }) {
    const record = new StatxRecord();
    const same = (): boolean => {
      const stat = fs.statSync('/proc', { bigint: true });
      return record.ino === stat.ino && record.dev === stat.dev && BigInt(record.mode) === stat.mode;
    };
    return withFd('/proc', O_PATH, (fd) => {
      statx?.(fd, '', record);
      return same() && record.isDirectory() && codeOf(() => statx?.(fd, 'no-such', record)) === 'ENOENT';
    });
  },
  xattr({ xattr }) {
    return withFd('/', fs.constants.O_RDONLY, (fd) => {
      const code = codeOf(() => xattr?.read(fd, 'user.smbkit.no-such'));
      return (
        (code === undefined || code === 'ENOTSUP') && codeOf(() => xattr?.list('/no-such/')) === 'ENOENT'
      );
    });
  },
  xattrAt({ xattrAt }) {
    return withFd('/', O_PATH, (directory) => {
      const read = (name: string): string | undefined =>
        codeOf(() => xattrAt?.read({ directory, name }, 'user.smbkit.no-such'));
      const code = read('.');
      return (code === undefined || code === 'ENOTSUP') && read('no-such') === 'ENOENT';
    });
  },
  readEntries({ readEntries }) {
    return withFd('/proc/self/task', fs.constants.O_RDONLY, (fd) => {
      const buffer = Buffer.alloc(32_768);
      const names: string[] = [];
      visitEntries(buffer, readEntries?.(fd, buffer) ?? 0, (name) => names.push(name));
      return names.includes(String(process.pid));
    });
  },
  openAt({ openAt }) {
    return withFd('/proc/self', O_PATH, (fd) => isOwnStat(openAt?.(fd, 'stat', fs.constants.O_RDONLY)));
  },
  unlinkAt({ unlinkAt }) {
    return withFd('/proc/self', O_PATH, (fd) => codeOf(() => unlinkAt?.(fd, 'no-such')) === 'ENOENT');
  },
  renameAt2({ renameAt2 }) {
    return withFd('/proc/self', O_PATH, (directory) => {
      const place = { directory, name: 'no-such' };
      return codeOf(() => renameAt2?.(place, place, 'noReplace')) !== 'ENOSYS';
    });
  },
  setTimes({ setTimes }, memory = -1) {
    setTimes?.(memory, '', { writeNs: -1n });
    setTimes?.(memory, '', { accessNs: 1_234_567_890_123_456_789n });
    const stat = fs.fstatSync(memory, { bigint: true });
    return stat.mtimeNs === -1n && stat.atimeNs === 1_234_567_890_123_456_789n;
  },
  holes({ holes }, memory = -1) {
    fs.writeSync(memory, Buffer.alloc(3 * MEGABYTE, 1), 0, 3 * MEGABYTE, 0);
    holes?.punchHole(memory, MEGABYTE, MEGABYTE);
    const byte = Buffer.alloc(1, 2);
    fs.readSync(memory, byte, 0, 1, MEGABYTE);
    return byte[0] === 0 && fs.fstatSync(memory).size === 3 * MEGABYTE;
  },
  search({ search }, memory = -1) {
    fs.ftruncateSync(memory, 0);
    fs.writeSync(memory, Buffer.alloc(1, 1), 0, 1, 2 ** 33);
    const data = search?.nextData(memory, 0);
    return data === 2 ** 33 && search?.nextHole(memory, data) === 2 ** 33 + 1;
  },
  copies({ copies }, memory = -1) {
    fs.ftruncateSync(memory, 0);
    fs.writeSync(memory, 'abc', 0);
    const range = { source: memory, sourceOffset: 0, target: memory, targetOffset: 3, length: 3 };
    return copies?.copyRange(range) === 3 && fs.fstatSync(memory).size === 6;
  },
  clones({ clones }, memory = -1) {
    const range = { source: memory, sourceOffset: 0, target: memory, targetOffset: 4096, length: 0 };
    const code = codeOf(() => clones?.cloneRange(range));
    return code === undefined || code === 'ENOTSUP' || code === 'EINVAL' || code === 'EXDEV';
  },
  readNow({ readNow }, memory = -1) {
    fs.ftruncateSync(memory, 0);
    fs.writeSync(memory, 'abc', 0);
    const target = Buffer.alloc(2);
    let count: number | undefined;
    const code = codeOf(() => {
      count = readNow?.(memory, target, 1);
    });
    return code === 'ENOTSUP' || (code === undefined && count === 2 && target.toString() === 'bc');
  },
  fileHandles({ fileHandles }, memory = -1) {
    const handle = fileHandles?.handleOf(memory);
    // Whether this process may open by it, and a folder's file system knows it, is for the folder to find out.
    return handle !== undefined && handle.length > 8;
  },
  inotify({ inotify }) {
    return inotify !== undefined && tellsChanges(inotify);
  },
  sockets({ sockets }) {
    return sockets !== undefined && sends(sockets);
  },
};

/** `bound` without the abilities that failed their trial; `memory` is an empty file in memory. */
export function proven(bound: Libc, memory: number | undefined): Libc {
  const works = (name: keyof Libc): boolean => {
    try {
      return bound[name] !== undefined && trials[name](bound, memory);
    } catch {
      return false;
    }
  };
  const only = <T>(name: keyof Libc, ability: T): T | undefined => (works(name) ? ability : undefined);
  return {
    xattr: only('xattr', bound.xattr),
    statx: only('statx', bound.statx),
    xattrAt: only('xattrAt', bound.xattrAt),
    readEntries: only('readEntries', bound.readEntries),
    openAt: only('openAt', bound.openAt),
    unlinkAt: only('unlinkAt', bound.unlinkAt),
    renameAt2: only('renameAt2', bound.renameAt2),
    setTimes: only('setTimes', bound.setTimes),
    holes: only('holes', bound.holes),
    search: only('search', bound.search),
    copies: only('copies', bound.copies),
    clones: only('clones', bound.clones),
    readNow: only('readNow', bound.readNow),
    fileHandles: only('fileHandles', bound.fileHandles),
    inotify: only('inotify', bound.inotify),
    sockets: only('sockets', bound.sockets),
  };
}

/** Calls `use` with `path` open. */
function withFd<T>(path: string, flags: number, use: (fd: number) => T): T {
  const fd = fs.openSync(path, flags);
  try {
    return use(fd);
  } finally {
    fs.closeSync(fd);
  }
}

/** Whether `fd` is open on this process's own `stat`; closes it. */
function isOwnStat(fd: number | undefined): boolean {
  if (fd === undefined) return false;
  try {
    return fs.readFileSync(fd, 'latin1').startsWith(`${process.pid} `);
  } finally {
    fs.closeSync(fd);
  }
}

/** The code of the error that `call` throws. */
function codeOf(call: () => void): string | undefined {
  try {
    call();
    return undefined;
  } catch (error) {
    return error instanceof SystemCallError ? error.code : 'unknown';
  }
}
