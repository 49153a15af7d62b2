/**
 * Metadata of a local file: what the disk says, completed by what the disk cannot say.
 *
 * Node passes times to the kernel as seconds in a double, which is exact to a quarter of a microsecond, and disks hold
 * only part of the range of a FileTime. So a time that a client sets is kept beside, with the time that the disk
 * holds in its place, and told as long as the disk has not moved on.
 */
import type { BigIntStats } from 'node:fs';
import { type FileTime, fileTimeOfUnixNs, unixNsOfFileTime } from '../base/clock.ts';
import { FileAttribute } from '../wire/flags.ts';
import type { BackendStat, NodeKind, StatChange } from './contract.ts';
import { calls, type DiskPath } from './local-calls.ts';
import type { FileMetadata, FileReference, MetadataStore, ToldTime } from './metadata-store.ts';
import type { Task } from './task.ts';

const OWNER_WRITE = 0o200;
const ANY_WRITE = 0o222;
const BLOCK_BYTES = 512n;
const PERMISSIONS = 0o7777;

/** The kind of a file; `undefined` for devices, FIFOs and sockets. */
export function kindOf(stat: BigIntStats): NodeKind | undefined {
  if (stat.isFile()) return 'file';
  if (stat.isDirectory()) return 'directory';
  return stat.isSymbolicLink() ? 'symlink' : undefined;
}

export interface LocalStatOptions {
  readonly metadata: MetadataStore;
  /** The device of the folder; ids of files on others carry their device's number in their upper bits. */
  readonly device: bigint;
  /** False where the kernel tells the change time in place of the birth time. */
  readonly knowsBirthTime: boolean;
}

export class LocalStats {
  readonly #options: LocalStatOptions;

  constructor(options: LocalStatOptions) {
    this.#options = options;
  }

  reference(stat: BigIntStats): FileReference {
    const { device, knowsBirthTime } = this.#options;
    const fileId = stat.dev === device ? stat.ino : BigInt.asUintN(64, stat.ino ^ (stat.dev << 44n));
    return { fileId, generation: knowsBirthTime ? stat.birthtimeNs : 0n };
  }

  describe(stat: BigIntStats): BackendStat {
    const reference = this.reference(stat);
    const kept = this.#options.metadata.read(reference);
    const kind = kindOf(stat) ?? 'file';
    const isDirectory = kind === 'directory';
    return {
      fileId: reference.fileId,
      kind,
      sizeBytes: isDirectory ? 0 : Number(stat.size),
      allocatedBytes: isDirectory ? 0 : Number(stat.blocks * BLOCK_BYTES),
      linkCount: isDirectory ? Math.min(1, Number(stat.nlink)) : Number(stat.nlink),
      creationTime: kept.creationTime ?? fileTimeOfUnixNs(birthTimeNs(stat)),
      lastAccessTime: told(kept.lastAccessTime, stat.atimeNs),
      lastWriteTime: told(kept.lastWriteTime, stat.mtimeNs),
      changeTime: told(kept.changeTime, stat.ctimeNs),
      attributes: attributesOf(stat, kept),
    };
  }

  /** Changes what `path` (of an open descriptor) leads to. */
  *change(path: DiskPath, before: BigIntStats, change: StatChange): Task<void> {
    const { metadata } = this.#options;
    const reference = this.reference(before);
    const former = this.describe(before);
    let kept: FileMetadata = metadata.read(reference);
    if (change.creationTime !== undefined) kept = { ...kept, creationTime: change.creationTime };
    if (change.attributes !== undefined) {
      yield* setReadOnly(path, before, change.attributes);
      kept = { ...kept, attributes: keptAttributes(before, change.attributes) };
    }
    if (change.lastWriteTime !== undefined || change.lastAccessTime !== undefined) {
      kept = { ...kept, ...(yield* setTimes(path, { ...former, ...definedTimes(change) })) };
    }
    if (change.changeTime !== undefined) {
      // No call sets it: it is told in place of what the disk says after all the rest.
      const { ctimeNs } = yield* calls.stat(path);
      kept = { ...kept, changeTime: toldTime(ctimeNs, change.changeTime) };
    }
    if (kept !== metadata.read(reference)) metadata.write(reference, kept);
  }
}

/** Where the disk knows no birth time, the oldest time it knows. */
function birthTimeNs(stat: BigIntStats): bigint {
  if (stat.birthtimeNs > 0n) return stat.birthtimeNs;
  const [oldest = 0n] = [stat.mtimeNs, stat.ctimeNs].sort((a, b) => (a < b ? -1 : 1));
  return oldest;
}

function told(time: ToldTime | undefined, disk: bigint): FileTime {
  return time?.disk === disk ? time.told : fileTimeOfUnixNs(disk);
}

/** READONLY of a file is the owner's write permission, as other servers and `chmod` have it; of a directory it is kept. */
function attributesOf(stat: BigIntStats, kept: FileMetadata): number {
  const attributes = kept.attributes ?? 0;
  const isReadOnly = stat.isFile() && (stat.mode & BigInt(OWNER_WRITE)) === 0n;
  return isReadOnly ? attributes | FileAttribute.READONLY : attributes;
}

function keptAttributes(stat: BigIntStats, attributes: number): number {
  return stat.isFile() ? attributes & ~FileAttribute.READONLY : attributes;
}

function* setReadOnly(path: DiskPath, stat: BigIntStats, attributes: number): Task<void> {
  const mode = Number(stat.mode) & PERMISSIONS;
  const wanted = attributes & FileAttribute.READONLY ? mode & ~ANY_WRITE : mode | OWNER_WRITE;
  const isReadOnly = (mode & OWNER_WRITE) === 0;
  const shallBe = (attributes & FileAttribute.READONLY) !== 0;
  if (stat.isFile() && isReadOnly !== shallBe) yield* calls.chmod(path, wanted);
}

function definedTimes({ lastWriteTime, lastAccessTime }: StatChange): Partial<BackendStat> {
  return {
    ...(lastWriteTime === undefined ? {} : { lastWriteTime }),
    ...(lastAccessTime === undefined ? {} : { lastAccessTime }),
  };
}

/** Sets both times, as the kernel wants them, and says what has to be kept beside. */
function* setTimes(path: DiskPath, times: BackendStat): Task<FileMetadata> {
  const { lastAccessTime, lastWriteTime } = times;
  yield* calls.utimes(path, { access: unixSeconds(lastAccessTime), write: unixSeconds(lastWriteTime) });
  const after = yield* calls.stat(path);
  return {
    lastAccessTime: toldTime(after.atimeNs, lastAccessTime),
    lastWriteTime: toldTime(after.mtimeNs, lastWriteTime),
  };
}

function toldTime(disk: bigint, wanted: FileTime): ToldTime | undefined {
  return fileTimeOfUnixNs(disk) === wanted ? undefined : { disk, told: wanted };
}

/** Times before 1970 become 1970 on disk: Node takes a negative number for now. */
function unixSeconds(time: FileTime): number {
  return Math.max(0, Number(unixNsOfFileTime(time)) / 1e9);
}
