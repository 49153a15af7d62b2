/**
 * The storage contract. An author of a backend needs to know nothing of SMB: paths are slash-separated, errors are
 * Node errors with a `code` (ENOENT, EEXIST, ENOTEMPTY, EACCES, EROFS, ENOSPC, …), times are FileTimes.
 *
 * Share modes, oplocks, locks, delete-on-close, wildcards and case-insensitive names are supplied by the layers above.
 * What a backend can do beyond the required methods it says by having the optional interface; what it cannot, the layer
 * above keeps elsewhere or answers as a volume without that feature would.
 */
import type { FileTime } from '../base/clock.ts';
import type { Sid } from '../wire/dtyp/sid.ts';

/** An answer now or later. Quick answers should be given directly: a promise costs more than a page-cache read. */
export type MaybePromise<T> = T | Promise<T>;

/**
 * A place in the backend: names joined by `/`, no leading or trailing slash; the root is `''`. Names are exactly those
 * the backend lists; they hold any character but `/` and NUL and are never empty, `.` or `..`.
 */
export type BackendPath = string;

export type NodeKind = 'file' | 'directory' | 'symlink';

export interface BackendStat {
  /** Identity of the file: unique in this backend, stable across renames and restarts. Non-zero. */
  readonly fileId: bigint;
  readonly kind: NodeKind;
  /** Length of the data (or of the named stream), in bytes. */
  readonly sizeBytes: number;
  /** Space taken on the store, in bytes. */
  readonly allocatedBytes: number;
  readonly linkCount: number;
  readonly creationTime: FileTime;
  readonly lastAccessTime: FileTime;
  readonly lastWriteTime: FileTime;
  readonly changeTime: FileTime;
  /**
   * Another number whenever anything of the file changed in the store, its metadata included: the change time of the disk in
   * nanoseconds since 1970, say. What was read beside the file stays true as long as this stays. Absent: nothing is told.
   */
  readonly version?: bigint;
  /**
   * The version is another one after every change, however soon; otherwise only a version of some age tells for sure that it is
   * the last one.
   */
  readonly isVersionExact?: boolean;
  /** False where the store knows that the file has no extended attributes, which spares asking for them. Absent: ask. */
  readonly hasExtendedAttributes?: boolean;
  /** DOS attributes ([MS-FSCC] 2.6) that the backend keeps; the kind is not among them. Absent: none are kept. */
  readonly attributes?: number;
  /** Whose the file is as long as no security descriptor says so. Absent: nobody's in particular. */
  readonly owner?: Sid;
  readonly group?: Sid;
}

export interface DirectoryEntry {
  readonly name: string;
  readonly stat: BackendStat;
}

/** What {@link BackendHandle.setStat} may change; absent fields stay as they are. */
export interface StatChange {
  readonly creationTime?: FileTime;
  readonly lastAccessTime?: FileTime;
  readonly lastWriteTime?: FileTime;
  readonly changeTime?: FileTime;
  readonly attributes?: number;
}

export interface VolumeStat {
  readonly label: string;
  readonly serialNumber: number;
  readonly totalBytes: number;
  readonly freeBytes: number;
  readonly sectorBytes: number;
  readonly clusterBytes: number;
}

export interface OpenOptions {
  /** The handle will be written to. */
  readonly write?: boolean;
  /** Create the file (with `stream`: the stream of an existing file); fails with EEXIST when the name is taken. */
  readonly create?: boolean;
  /** Open the named stream instead of the data; needs {@link Backend.streams}. ENOENT when there is none. */
  readonly stream?: string;
  /** Given up (ECANCELED) when it fires. */
  readonly signal?: AbortSignal;
}

/**
 * An open file, directory or stream. It stays usable after its name was changed or removed. A directory answers `read`,
 * `write` and `truncate` with EISDIR; a handle opened without `write` answers the latter two with EBADF.
 */
export interface BackendHandle {
  /** Of a stream: the metadata of its file, with the sizes of the stream and kind `file`. */
  stat(): MaybePromise<BackendStat>;
  /** Times and attributes, also through a handle opened without `write`. Unsupported fields are ignored. */
  setStat(change: StatChange): MaybePromise<void>;
  /** Fills `target` from `position`; returns the bytes read, fewer only at the end of the file. */
  read(target: Buffer, position: number): MaybePromise<number>;
  /** Writes all of `source` at `position`; the file grows, the gap reads as zeros. */
  write(source: Buffer, position: number): MaybePromise<void>;
  truncate(sizeBytes: number): MaybePromise<void>;
  /** Returns when data and metadata (and, for a directory, its entries) are on stable storage. */
  sync(): MaybePromise<void>;
  close(): MaybePromise<void>;
}

/**
 * Answers ENOENT where a component is missing, ENOTDIR where one is a file, ELOOP where one is a symbolic link (links are
 * never followed), EINVAL for a path that is none, ENAMETOOLONG for a name the store cannot hold, EBUSY for an
 * operation that the root cannot undergo.
 */
export interface Backend {
  /** For messages, e.g. the folder's path. */
  readonly name: string;
  /** Metadata of a name; a symbolic link is not followed. ENOENT when absent. */
  stat(path: BackendPath): MaybePromise<BackendStat>;
  /** Opens (or creates) a file, or opens a directory (`write` means nothing then). ELOOP for a symbolic link. */
  open(path: BackendPath, options: OpenOptions): MaybePromise<BackendHandle>;
  /**
   * The entries of a directory, in batches, in any order, without `.` and `..`. Unbounded directories stream; names that
   * come, go or change meanwhile may or may not be seen, the others are seen once.
   */
  list(path: BackendPath, signal?: AbortSignal): AsyncIterable<readonly DirectoryEntry[]>;
  /** As {@link list}, names only, for a store that tells them for much less. They may include what `list` hides. */
  readonly listNames?: (path: BackendPath, signal?: AbortSignal) => AsyncIterable<readonly string[]>;
  makeDirectory(path: BackendPath): MaybePromise<void>;
  /** Removes a file or symbolic link (EISDIR otherwise). */
  removeFile(path: BackendPath): MaybePromise<void>;
  /** Removes an empty directory (ENOTEMPTY, ENOTDIR otherwise). */
  removeDirectory(path: BackendPath): MaybePromise<void>;
  /**
   * Moves a name. Without `replace` a taken `to` is EEXIST; with it an existing file or link at `to` is replaced in one
   * step. A directory at `to` is never replaced (EISDIR for a file, EEXIST for a directory), a file at `to` not by a
   * directory (ENOTDIR). Moving a directory below itself is EINVAL; a name onto itself does nothing. Afterwards `from` is
   * gone, even where both were names of one file.
   */
  rename(from: BackendPath, to: BackendPath, replace: boolean): MaybePromise<void>;
  volume(): MaybePromise<VolumeStat>;
  /** Releases what the backend holds. Handles are closed before. */
  close(): MaybePromise<void>;

  /** A second name for a file (EPERM for a directory, EEXIST when `to` is taken). */
  readonly link?: (from: BackendPath, to: BackendPath) => MaybePromise<void>;
  /** True when `a` and `A` may both exist; the layer above then matches names without regard to case. Default true. */
  readonly isCaseSensitive?: boolean;
  readonly symlinks?: SymlinkAbility;
  readonly streams?: StreamAbility;
  readonly extendedAttributes?: ExtendedAttributeAbility;
  readonly security?: SecurityAbility;
  readonly sparse?: SparseAbility;
  readonly copyRange?: CopyRangeAbility;
  readonly watch?: WatchAbility;
  readonly snapshots?: SnapshotAbility;
  readonly quota?: QuotaAbility;
}

export interface SymlinkAbility {
  readLink(path: BackendPath): MaybePromise<string>;
  makeLink(path: BackendPath, target: string): MaybePromise<void>;
}

export interface StreamInfo {
  readonly name: string;
  readonly sizeBytes: number;
  readonly allocatedBytes: number;
}

/** Named data streams of files and directories; opened by {@link OpenOptions.stream}. */
export interface StreamAbility {
  list(path: BackendPath): MaybePromise<readonly StreamInfo[]>;
  remove(path: BackendPath, stream: string): MaybePromise<void>;
  rename(path: BackendPath, from: string, to: string, replace: boolean): MaybePromise<void>;
}

/** Extended attributes as Windows knows them: names in upper case, up to 64 KiB in all. [MS-FSCC] 2.4.15 */
export interface ExtendedAttributeAbility {
  read(path: BackendPath): MaybePromise<ReadonlyMap<string, Buffer>>;
  write(path: BackendPath, attributes: ReadonlyMap<string, Buffer>): MaybePromise<void>;
}

/** Self-relative security descriptors, kept as bytes. [MS-DTYP] 2.4.6 */
export interface SecurityAbility {
  read(path: BackendPath): MaybePromise<Buffer | undefined>;
  write(path: BackendPath, descriptor: Buffer): MaybePromise<void>;
}

export interface ByteRange {
  readonly offset: number;
  readonly length: number;
}

export interface SparseAbility {
  /** Frees the range; it reads as zeros. The size stays. */
  punch(handle: BackendHandle, range: ByteRange): MaybePromise<void>;
  /** The parts of `range` that hold data. */
  allocatedRanges(handle: BackendHandle, range: ByteRange): MaybePromise<readonly ByteRange[]>;
}

export interface CopyRangeAbility {
  /** Copies within the store; returns the bytes copied. */
  copy(source: BackendHandle, from: ByteRange, target: BackendHandle, position: number): MaybePromise<number>;
}

export interface BackendChange {
  readonly path: BackendPath;
  /** The former path of something renamed, where the store knows it. */
  readonly from?: BackendPath;
  /** `lost`: anything at or below `path` may have changed, the store could not follow. */
  readonly kind: 'created' | 'removed' | 'modified' | 'renamed' | 'lost';
}

export interface WatchOptions {
  /** Also what lies below the directories in `path`. Default true. */
  readonly isRecursive?: boolean;
  /** `path` is a file that has no other name: the store may watch its directory instead. Default false. */
  readonly isFile?: boolean;
}

export interface WatchAbility {
  /**
   * Reports changes made by others at or below `path`, until the signal fires. Throws where the store cannot watch: what
   * is not there, or as much as the system allows is watched already (ENOSPC, EMFILE).
   */
  watch(
    path: BackendPath,
    report: (change: BackendChange) => void,
    signal: AbortSignal,
    options?: WatchOptions,
  ): void;
  /** Returns when every change made before the call has been reported; absent where reports are never late. */
  readonly settled?: () => MaybePromise<void>;
}

/** Earlier states of the store, which clients see as previous versions. */
export interface SnapshotAbility {
  /** When the snapshots were taken that may hold `path`, newest first; times of whole seconds. */
  list(path: BackendPath): MaybePromise<readonly FileTime[]>;
  /** The store as it was then, read-only; ENOENT when there is no such snapshot. It lives as long as this store. */
  at(time: FileTime): MaybePromise<Backend>;
}

/** What one owner uses and may use. [MS-FSCC] 2.4.41 */
export interface QuotaEntry {
  readonly owner: Sid;
  readonly usedBytes: bigint;
  /** Where a warning is due; -1 means never. */
  readonly thresholdBytes: bigint;
  /** Where writing ends with EDQUOT; -1 means never. */
  readonly limitBytes: bigint;
}

/** Space accounted by owner. */
export interface QuotaAbility {
  /** All entries, in an order that does not change. */
  read(): MaybePromise<readonly QuotaEntry[]>;
  /** Sets threshold and limit of the owners named; `usedBytes` is ignored. */
  write(entries: readonly QuotaEntry[]): MaybePromise<void>;
  /** Forgets an owner's limits. */
  remove(owner: Sid): MaybePromise<void>;
  /** True while somebody has a limit: what is made then is given a security descriptor that says whose it is. */
  readonly needsOwners?: () => boolean;
}
