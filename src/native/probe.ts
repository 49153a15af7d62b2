/**
 * What the file system of a folder can do, found out on a file without a name, which leaves nothing behind.
 */
import fs from 'node:fs';
import type { Libc } from './libc.ts';
import { O_TMPFILE } from './names.ts';

const { O_RDONLY, O_RDWR, O_CREAT, O_EXCL, O_DIRECTORY, O_NOFOLLOW } = fs.constants;

/** What a folder's file system can do; `undefined` where it cannot be told: not writable, or no native call for it. */
export interface FolderAbilities {
  /** As `df -T` says it; the number in hexadecimal for a rare one. */
  readonly fileSystem: string;
  readonly isWritable: boolean;
  /** Whether `A` and `a` are two names. */
  readonly isCaseSensitive: boolean | undefined;
  /** The largest value of an attribute `user.…`, in bytes; 0 where there are none. */
  readonly userXattrBytesMax: number | undefined;
  /** Whether this process may write attributes `security.…`, where Samba keeps Windows permissions. */
  readonly hasSecurityXattr: boolean | undefined;
  /** Whether a range of a file can be made a hole. */
  readonly hasHoles: boolean | undefined;
  /** Whether files can share blocks, so that a copy costs nothing. */
  readonly hasReflinks: boolean | undefined;
  /** Whether reads can be told to take only what is in memory. */
  readonly hasReadNow: boolean | undefined;
}

const MEGABYTE = 1024 * 1024;
const XATTR_BYTES_MAX = 65_536;

/** Looks at `folder`, which must exist; throws what node:fs throws when it cannot be opened. */
export function probeFolder(folder: string, libc: Libc | undefined): FolderAbilities {
  const directory = fs.openSync(folder, O_RDONLY | O_DIRECTORY);
  const path = `/proc/self/fd/${directory}`;
  const file = temporaryFile(path);
  try {
    return {
      fileSystem: fileSystemOf(path),
      isWritable: file !== undefined,
      isCaseSensitive: distinguishesCase(path),
      userXattrBytesMax: file === undefined ? undefined : userXattrBytesMax(libc, file),
      ...(file === undefined ? nothing : abilitiesOf(file, path, libc)),
    };
  } finally {
    if (file !== undefined) fs.closeSync(file);
    fs.closeSync(directory);
  }
}

const nothing = {
  hasSecurityXattr: undefined,
  hasHoles: undefined,
  hasReflinks: undefined,
  hasReadNow: undefined,
};

function abilitiesOf(file: number, path: string, libc: Libc | undefined): typeof nothing | Tried {
  const { xattr, holes, search, readNow } = libc ?? {};
  return {
    hasSecurityXattr: xattr && succeeds(() => xattr.write(file, 'security.smbkit', Buffer.from('probe'))),
    hasHoles: holes && search && succeeds(() => punch(file, holes.punchHole, search.nextHole)),
    hasReflinks: libc?.clones && reflinks(libc, file, path),
    hasReadNow: readNow && succeeds(() => readNow(file, Buffer.alloc(1), 0)),
  };
}

type Tried = { readonly [name in keyof typeof nothing]: boolean | undefined };

/** A file that is gone when it is closed; `undefined` where none can be made. */
function temporaryFile(path: string): number | undefined {
  try {
    return fs.openSync(path, O_TMPFILE | O_RDWR, 0o600);
  } catch {
    return unlinkedFile(`${path}/.smbkit-probe-${process.pid}`);
  }
}

/** For file systems without O_TMPFILE. */
function unlinkedFile(path: string): number | undefined {
  try {
    const fd = fs.openSync(path, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, 0o600);
    fs.unlinkSync(path);
    return fd;
  } catch {
    return undefined;
  }
}

function succeeds(call: () => unknown): boolean {
  try {
    return call() !== false;
  } catch {
    return false;
  }
}

type Punch = (fd: number, offset: number, length: number) => void;
type NextHole = (fd: number, offset: number) => number | undefined;

function punch(file: number, punchHole: Punch, nextHole: NextHole): boolean {
  fs.writeSync(file, Buffer.alloc(MEGABYTE, 1), 0, MEGABYTE, 0);
  punchHole(file, 0, MEGABYTE / 2);
  return nextHole(file, 0) === 0;
}

function reflinks(libc: Libc, source: number, path: string): boolean {
  const target = temporaryFile(path);
  if (target === undefined) return false;
  try {
    fs.writeSync(source, Buffer.alloc(MEGABYTE, 1), 0, MEGABYTE, 0);
    const range = { source, sourceOffset: 0, target, targetOffset: 0, length: 0 };
    return succeeds(() => libc.clones?.cloneRange(range));
  } finally {
    fs.closeSync(target);
  }
}

/** By halves; a value that is too large is refused with E2BIG, ERANGE or ENOSPC. */
function userXattrBytesMax(libc: Libc | undefined, file: number): number | undefined {
  const xattr = libc?.xattr;
  if (xattr === undefined) return undefined;
  const fits = (sizeBytes: number): boolean =>
    succeeds(() => xattr.write(file, 'user.smbkit', Buffer.alloc(sizeBytes, 1)));
  if (!fits(1)) return 0;
  let fitting = 1;
  let tooLarge = XATTR_BYTES_MAX + 1;
  while (tooLarge - fitting > 1) {
    const middle = Math.floor((fitting + tooLarge) / 2);
    if (fits(middle)) fitting = middle;
    else tooLarge = middle;
  }
  return fitting;
}

/** Seen by a name that is there already; `undefined` in a folder without one that has letters. */
function distinguishesCase(path: string): boolean | undefined {
  const directory = fs.opendirSync(path);
  try {
    for (let entry = directory.readSync(); entry !== null; entry = directory.readSync()) {
      const other = otherCase(entry.name);
      if (other !== entry.name) return !isSame(`${path}/${entry.name}`, `${path}/${other}`);
    }
    return undefined;
  } finally {
    directory.closeSync();
  }
}

/** Only ASCII letters, whose case every file system knows. */
function otherCase(name: string): string {
  return name.replace(/[a-z]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) - 32));
}

function isSame(one: string, other: string): boolean {
  try {
    return fs.lstatSync(one, { bigint: true }).ino === fs.lstatSync(other, { bigint: true }).ino;
  } catch {
    return false;
  }
}

function fileSystemOf(path: string): string {
  const { type } = fs.statfsSync(path, { bigint: true });
  const number = BigInt.asUintN(32, type).toString(16);
  return fileSystems.get(number) ?? `0x${number}`;
}

/** statfs(2) */
const fileSystems = new Map([
  ['ef53', 'ext4'],
  ['58465342', 'xfs'],
  ['9123683e', 'btrfs'],
  ['1021994', 'tmpfs'],
  ['858458f6', 'ramfs'],
  ['2fc12fc1', 'zfs'],
  ['f2f52010', 'f2fs'],
  ['ca451a4e', 'bcachefs'],
  ['794c7630', 'overlay'],
  ['6969', 'nfs'],
  ['fe534d42', 'smb2'],
  ['ff534d42', 'cifs'],
  ['65735546', 'fuse'],
  ['4d44', 'vfat'],
  ['2011bab0', 'exfat'],
  ['5346544e', 'ntfs'],
  ['7366746e', 'ntfs3'],
  ['9660', 'iso9660'],
  ['73717368', 'squashfs'],
  ['c36400', 'ceph'],
  ['1021997', '9p'],
  ['6a656a63', 'virtiofs'],
]);
