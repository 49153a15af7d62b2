/**
 * What libc can do for this process that node:fs cannot: each ability is there if it worked when it was tried at start.
 */
import fs from 'node:fs';
import { bindReadEntries, type ReadEntries } from './dirent.ts';
import { type Ffi, type NativeAbsence, sharedFfi } from './ffi.ts';
import { bindFileHandles, type FileHandles } from './file-handle.ts';
import { bindInotify, type Inotify } from './inotify.ts';
import {
  bindOpenAt,
  bindRenameAt2,
  bindSetTimes,
  bindUnlinkAt,
  type OpenAt,
  type RenameAt2,
  type SetTimes,
  type UnlinkAt,
} from './names.ts';
import {
  bindClones,
  bindCopies,
  bindHoles,
  bindReadNow,
  bindSearch,
  type Clones,
  type Holes,
  type RangeCopies,
  type RangeSearch,
  type ReadNow,
} from './range.ts';
import { proven } from './self-test.ts';
import { bindSockets, type Sockets } from './socket.ts';
import { bindStatx, type Statx } from './stat.ts';
import { bindXattr, type Xattr } from './xattr.ts';
import { bindXattrAt, type XattrAt } from './xattr-at.ts';

/**
 * The abilities; `undefined` where the call is missing, refused by the kernel or a container's filter, or gave a wrong answer
 * when it was tried. Whether a folder's file system can do it too, `probeFolder` in `probe.ts` tells.
 */
export interface Libc {
  readonly xattr: Xattr | undefined;
  readonly xattrAt: XattrAt | undefined;
  readonly statx: Statx | undefined;
  readonly readEntries: ReadEntries | undefined;
  readonly openAt: OpenAt | undefined;
  readonly unlinkAt: UnlinkAt | undefined;
  readonly renameAt2: RenameAt2 | undefined;
  readonly setTimes: SetTimes | undefined;
  readonly holes: Holes | undefined;
  readonly search: RangeSearch | undefined;
  readonly copies: RangeCopies | undefined;
  readonly clones: Clones | undefined;
  readonly readNow: ReadNow | undefined;
  readonly fileHandles: FileHandles | undefined;
  readonly inotify: Inotify | undefined;
  readonly sockets: Sockets | undefined;
}

/** Binds everything, tried or not. */
export function bindLibc(ffi: Ffi): Libc {
  return {
    xattr: bindXattr(ffi),
    xattrAt: bindXattrAt(ffi),
    statx: bindStatx(ffi),
    readEntries: bindReadEntries(ffi),
    openAt: bindOpenAt(ffi),
    unlinkAt: bindUnlinkAt(ffi),
    renameAt2: bindRenameAt2(ffi),
    setTimes: bindSetTimes(ffi),
    holes: bindHoles(ffi),
    search: bindSearch(ffi),
    copies: bindCopies(ffi),
    clones: bindClones(ffi),
    readNow: bindReadNow(ffi),
    fileHandles: bindFileHandles(ffi),
    inotify: bindInotify(ffi),
    sockets: bindSockets(ffi),
  };
}

let loaded: Libc | NativeAbsence | undefined;

/** The abilities, or why there are none; found out once for the process. */
export function libcOrAbsence(): Libc | NativeAbsence {
  if (loaded !== undefined) return loaded;
  const ffi = sharedFfi();
  loaded = typeof ffi === 'string' ? ffi : tried(ffi);
  return loaded;
}

/** Tries the abilities on a file in memory. */
function tried(ffi: Ffi): Libc {
  const memory = memoryFile(ffi);
  try {
    return proven(bindLibc(ffi), memory);
  } finally {
    if (memory !== undefined) fs.closeSync(memory);
  }
}

/** An empty file that has no name and no disk; `undefined` where the kernel has none. memfd_create(2) */
function memoryFile(ffi: Ffi): number | undefined {
  const create = ffi.bind<[name: string, flags: number]>('memfd_create', 'int', ['str', 'uint32']);
  const fd = create?.('smbkit', MFD_CLOEXEC) ?? -1;
  return fd < 0 ? undefined : fd;
}

const MFD_CLOEXEC = 1;

/** The abilities; `undefined` without koffi, elsewhere than on Linux, or with `SMBKIT_NATIVE=off`. */
export function loadLibc(): Libc | undefined {
  const libc = libcOrAbsence();
  return typeof libc === 'string' ? undefined : libc;
}
