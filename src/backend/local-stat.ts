/**
 * Metadata of a local file: what the disk says, completed by what the disk cannot say.
 *
 * Disks hold only part of the range of a FileTime, change times cannot be set, and Node passes times to the kernel as
 * seconds in a double, which is exact to a quarter of a microsecond. So where the disk does not hold exactly what a client
 * set, that is kept beside, with the time that the disk has in its place, and told as long as the disk has not moved on.
 */

import { type FileTime, fileTimeOfUnixNs, UNIX_EPOCH, unixNsOfFileTime } from '../base/clock.ts';
import type { Place, SetTimes } from '../native/names.ts';
import type { StatxRecord } from '../native/stat.ts';
import { FileAttribute } from '../wire/flags.ts';
import type { BackendStat, NodeKind, StatChange } from './contract.ts';
import type { DiskLook, DiskStat, NativeStat } from './disk-stat.ts';
import { calls, descriptorPath } from './local-calls.ts';
import { type KnownMetadata, type LocalMetadata, MAPPED_READONLY, type ToldTimes } from './metadata-local.ts';
import type { FileReference, LocalFile, ToldTime } from './metadata-store.ts';
import type { PosixOwners } from './posix-owners.ts';
import type { Carried } from './recent-attributes.ts';
import { promisedCall, type Task } from './task.ts';
import { filePath } from './xattr-tasks.ts';

const OWNER_WRITE = 0o200;
const ANY_WRITE = 0o222;
const BLOCK_BYTES = 512n;
const PERMISSIONS = 0o7777;

/** The kind of a file; `undefined` for devices, FIFOs and sockets. */
export function kindOf(stat: DiskStat): NodeKind | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'symlink' : undefined;
}

/** What is known of an open file without asking the disk, as long as the store's moment lasts. */
export interface KnownNow {
  readonly stat?: DiskStat | undefined;
  readonly carried?: Carried | undefined;
}

/** A file that is open as `fd`; `isData` as in {@link LocalFile}. */
export interface OpenReference {
  readonly fd: number;
  readonly reference: FileReference;
  readonly isData: boolean;
  readonly known: KnownNow;
}

export interface LocalStatOptions {
  readonly metadata: LocalMetadata;
  /** The device of the folder; ids of files on others carry their device's number in their upper bits. */
  readonly device: bigint;
  /** False where the kernel tells the change time in place of the birth time. */
  readonly knowsBirthTime: boolean;
  /** READONLY of a file takes the permission to write away, and is shown where its owner has none. */
  readonly mapsReadOnly: boolean;
  /** Whose files those of another account are. */
  readonly owners: PosixOwners;
  /** Sets times to the nanosecond; absent where only Node's call is there. */
  readonly setTimes?: SetTimes | undefined;
  readonly look: DiskLook;
  /** The device whose change times tell every change. */
  readonly exactDevice: bigint | undefined;
}

export class LocalStats {
  /** How the disk is looked at. */
  readonly look: DiskLook;
  readonly #options: LocalStatOptions;

  constructor(options: LocalStatOptions) {
    this.#options = options;
    this.look = options.look;
  }

  reference(stat: DiskStat): FileReference {
    const { device, knowsBirthTime } = this.#options;
    const fileId = stat.dev === device ? stat.ino : BigInt.asUintN(64, stat.ino ^ (stat.dev << 44n));
    return { fileId, generation: knowsBirthTime ? stat.birthtimeNs : 0n };
  }

  /** What was found at the place; a link is meant itself. */
  file(stat: DiskStat, place: Place): LocalFile {
    return { reference: this.reference(stat), stat, place };
  }

  /** What is open as `fd`; `isData` as in {@link LocalFile}. */
  openFile(stat: DiskStat, fd: number, isData = false): LocalFile {
    return { reference: this.reference(stat), stat, fd, isData };
  }

  /**
   * As {@link describeNow}, for `name` in the directory open as `directory`, or what is open as it, `isData`, where the name is
   * empty.
   */
  describeAt(stat: NativeStat, directory: number, name: string | Buffer, isData = false): BackendStat {
    const { metadata, exactDevice } = this.#options;
    const former = stat.described;
    const reference = former?.reference ?? this.reference(stat);
    const aside = metadata.aside(reference);
    if (former !== undefined && former.aside === aside) return former.stat;
    const file = name === '' ? this.openFile(stat, directory, isData) : this.file(stat, { directory, name });
    const told = this.describeNow(file);
    // The attributes were read after the look: they belong to this change time, or to a later one that is another.
    if (stat.dev === exactDevice) stat.described = { reference, aside, stat: told };
    return told;
  }

  /** As {@link describe}, for what was looked at just now. */
  describeNow(file: LocalFile): BackendStat {
    const { metadata } = this.#options;
    const kept = metadata.recentStat(file) ?? this.look.also(metadata.readStat(file));
    return this.#described(file, kept);
  }

  /**
   * As {@link describe}, of a file that is known to carry this. Not to be remembered: it is true of the moment, and what others
   * set right afterwards need not show in the change time.
   */
  describeCarrying(file: LocalFile, carried: Carried): BackendStat {
    return this.#described(file, this.#options.metadata.completed(file.reference, carried));
  }

  *describe(file: LocalFile): Task<BackendStat> {
    return this.#described(file, yield* this.#options.metadata.readStat(file));
  }

  /** As {@link describeEntry}, for what was looked at just now. */
  describeEntryNow(file: LocalFile): BackendStat {
    return this.#described(file, this.look.also(this.#options.metadata.readEntry(file)));
  }

  /** As {@link describe}, for a listing, which tells of EAs too. */
  *describeEntry(file: LocalFile): Task<BackendStat> {
    return this.#described(file, yield* this.#options.metadata.readEntry(file));
  }

  /**
   * As {@link describeEntryNow}, with what the record of a look tells and nothing else, which makes no more values than the answer
   * has; `undefined` where that does not suffice.
   */
  describeRecord(record: StatxRecord): BackendStat | undefined {
    const { metadata, device, mapsReadOnly, owners, exactDevice, knowsBirthTime } = this.#options;
    const kind = record.isFile() ? 'file' : record.isDirectory() ? 'directory' : undefined;
    if (kind === undefined || record.device !== Number(device) || !record.knowsBirthTime) return undefined;
    const fileId = record.ino;
    let kept = metadata.recentEntry(record);
    if (kept === undefined) {
      const generation = knowsBirthTime ? record.birthtimeNs : 0n;
      kept = metadata.completeEntry({ fileId, generation }, record);
    }
    const creationTime = kept?.creationTime ?? record.birthTime;
    if (kept === undefined || creationTime === UNIX_EPOCH) return undefined;
    const isDirectory = kind === 'directory';
    const isUnwritable = !isDirectory && (record.mode & OWNER_WRITE) === 0;
    return {
      fileId,
      kind,
      sizeBytes: isDirectory ? 0 : record.sizeBytes,
      allocatedBytes: isDirectory ? 0 : record.allocatedBytes,
      linkCount: isDirectory ? Math.min(1, record.nlink) : record.nlink,
      creationTime,
      lastAccessTime: record.accessTime,
      lastWriteTime: record.writeTime,
      changeTime: kept.changeTime ?? record.changeTime,
      version: record.ctimeNs,
      isVersionExact: device === exactDevice,
      hasExtendedAttributes: kept.hasEas ?? true,
      attributes: shownAttributes(kept.attributes ?? 0, mapsReadOnly && isUnwritable),
      ...owners.of(record),
    };
  }

  #described(file: LocalFile, kept: KnownMetadata): BackendStat {
    const { stat } = file;
    const kind = kindOf(stat) ?? 'file';
    const isDirectory = kind === 'directory';
    const attributes = shownAttributes(
      kept.attributes ?? 0,
      this.#options.mapsReadOnly && isUnwritable(stat),
    );
    return {
      fileId: file.reference.fileId,
      kind,
      sizeBytes: isDirectory ? 0 : Number(stat.size),
      allocatedBytes: isDirectory ? 0 : Number(stat.blocks * BLOCK_BYTES),
      linkCount: isDirectory ? Math.min(1, Number(stat.nlink)) : Number(stat.nlink),
      creationTime: kept.creationTime ?? fileTimeOfUnixNs(birthTimeNs(stat)),
      lastAccessTime: told(kept.lastAccessTime, stat.atimeNs),
      lastWriteTime: told(kept.lastWriteTime, stat.mtimeNs),
      changeTime: told(kept.changeTime, stat.ctimeNs),
      version: stat.ctimeNs,
      isVersionExact: stat.dev === this.#options.exactDevice,
      ...(kept.hasExtendedAttributes !== undefined && { hasExtendedAttributes: kept.hasExtendedAttributes }),
      attributes,
      ...this.#options.owners.of(stat),
    };
  }

  /** Changes what is open; answers what the file carries from now on, if that was set. */
  *change({ fd, reference, isData, known }: OpenReference, change: StatChange): Task<Carried | undefined> {
    const { metadata, look } = this.#options;
    let carried: Carried | undefined;
    if (change.creationTime !== undefined || change.attributes !== undefined) {
      const file = this.openFile(known.stat ?? (yield* look.open(fd)), fd, isData);
      carried = yield* this.#changeDos(file, change, known.carried);
    }
    const { lastAccessTime, lastWriteTime, changeTime } = change;
    let toldTimes: ToldTimes | undefined;
    if (lastAccessTime !== undefined || lastWriteTime !== undefined) {
      toldTimes = yield* this.#setTimes(fd, reference, change);
    }
    if (changeTime !== undefined) {
      // No call sets it: it is told in place of what the disk says after all the rest.
      const { ctimeNs } = yield* look.open(fd);
      toldTimes = { ...toldTimes, changeTime: toldTime(ctimeNs, changeTime) };
    }
    if (toldTimes !== undefined) metadata.writeTold(reference, toldTimes);
    return carried;
  }

  *#changeDos(file: LocalFile, change: StatChange, carried?: Carried): Task<Carried | undefined> {
    const { metadata, mapsReadOnly } = this.#options;
    const kept =
      carried === undefined ? yield* metadata.readStat(file) : metadata.completed(file.reference, carried);
    const shallBe = ((change.attributes ?? 0) & FileAttribute.READONLY) !== 0;
    const isMapped = mapsReadOnly && change.attributes !== undefined && file.stat.isFile();
    const mark = isMapped && shallBe ? MAPPED_READONLY : 0;
    const attributes = (change.attributes ?? kept.attributes ?? 0) | mark;
    if (isMapped && isUnwritable(file.stat) !== shallBe) {
      const mode = Number(file.stat.mode) & PERMISSIONS;
      const chmod = calls.chmod(filePath(file), shallBe ? mode & ~ANY_WRITE : mode | OWNER_WRITE);
      yield* metadata.changePermissions(file, chmod);
    }
    const creationTime = change.creationTime ?? kept.creationTime ?? fileTimeOfUnixNs(birthTimeNs(file.stat));
    return yield* metadata.writeDos(file, { attributes, creationTime });
  }

  /** Sets one time or both, and says what has to be kept beside. */
  *#setTimes(fd: number, reference: FileReference, change: StatChange): Task<ToldTimes> {
    const { setTimes, look } = this.#options;
    if (setTimes === undefined) return yield* this.#setBothTimes(fd, reference, change);
    const { lastAccessTime, lastWriteTime } = change;
    const times = {
      accessNs: lastAccessTime && unixNsOfFileTime(lastAccessTime),
      writeNs: lastWriteTime && unixNsOfFileTime(lastWriteTime),
    };
    yield* promisedCall(
      () => setTimes(fd, '', times),
      () => setTimes.later(fd, '', times),
    );
    return toldTimes(yield* look.open(fd), change);
  }

  /** As {@link #setTimes} where the one cannot be set without the other. */
  *#setBothTimes(fd: number, reference: FileReference, change: StatChange): Task<ToldTimes> {
    const { look, metadata } = this.#options;
    const [stat, aside] = [yield* look.open(fd), metadata.aside(reference)];
    const lastAccessTime = change.lastAccessTime ?? told(aside.lastAccessTime, stat.atimeNs);
    const lastWriteTime = change.lastWriteTime ?? told(aside.lastWriteTime, stat.mtimeNs);
    const times = { access: unixSeconds(lastAccessTime), write: unixSeconds(lastWriteTime) };
    yield* calls.utimes(descriptorPath(fd), times);
    return toldTimes(yield* look.open(fd), { lastAccessTime, lastWriteTime });
  }
}

/** Where the disk knows no birth time, the oldest time it knows. */
function birthTimeNs(stat: DiskStat): bigint {
  if (stat.birthtimeNs > 0n) return stat.birthtimeNs;
  const [oldest = 0n] = [stat.mtimeNs, stat.ctimeNs].sort((a, b) => (a < b ? -1 : 1));
  return oldest;
}

function told(time: ToldTime | undefined, disk: bigint): FileTime {
  return time?.disk === disk ? time.told : fileTimeOfUnixNs(disk);
}

/** READONLY of the permissions alone where it was set with them, otherwise of either. */
function shownAttributes(kept: number, isUnwritable: boolean): number {
  const isMapped = (kept & MAPPED_READONLY) !== 0;
  const others = isMapped ? kept & ~(MAPPED_READONLY | FileAttribute.READONLY) : kept;
  return isUnwritable ? others | FileAttribute.READONLY : others;
}

/** A file that its owner may not write. */
function isUnwritable(stat: DiskStat): boolean {
  return stat.isFile() && (stat.mode & BigInt(OWNER_WRITE)) === 0n;
}

/** What has to be told in place of the disk's times after they were set. */
function toldTimes(after: DiskStat, { lastAccessTime, lastWriteTime }: StatChange): ToldTimes {
  return {
    ...(lastAccessTime !== undefined && { lastAccessTime: toldTime(after.atimeNs, lastAccessTime) }),
    ...(lastWriteTime !== undefined && { lastWriteTime: toldTime(after.mtimeNs, lastWriteTime) }),
  };
}

function toldTime(disk: bigint, wanted: FileTime): ToldTime | undefined {
  return fileTimeOfUnixNs(disk) === wanted ? undefined : { disk, told: wanted };
}

/** Times before 1970 become 1970 on disk: Node takes a negative number for now. */
function unixSeconds(time: FileTime): number {
  return Math.max(0, Number(unixNsOfFileTime(time)) / 1e9);
}
