/**
 * An open of a file, directory or stream: the core's open and the store's handle together. [MS-FSA] 2.1.1.6
 */
import type { BackendHandle, BackendStat, MaybePromise } from '../backend/contract.ts';
import { randomId } from '../base/entropy.ts';
import { demand, NtStatus } from '../base/status.ts';
import type { CoreOpen } from '../fs/types.ts';
import { AccessMask, CreateAction, CreateOption } from '../wire/flags.ts';
import { attributesOf, withAttributes } from './attributes.ts';
import type { DirectoryListing } from './directory-listing.ts';
import { chain, rescue } from './maybe-promise.ts';
import { shownPath } from './name-mapping.ts';
import { noteModified } from './notes.ts';
import type { Requester } from './security.ts';
import type { Link, OpenShares, StreamState, Volume } from './volume.ts';
import { settleWriteTime, type WriteTime } from './write-time.ts';

/** Why an open ends; the session's CloseReason. */
export type OpenFileEnd = 'close' | 'tree-disconnect' | 'logoff' | 'disconnect' | 'shutdown';

/** Times that this open's own operations leave alone, because its client set them. [MS-FSA] 2.1.1.6 Open.UserSet…Time */
export interface UserSetTimes {
  readonly creationTime: boolean;
  readonly lastAccessTime: boolean;
  readonly lastWriteTime: boolean;
  readonly changeTime: boolean;
}

const noneSet: UserSetTimes = Object.freeze({
  creationTime: false,
  lastAccessTime: false,
  lastWriteTime: false,
  changeTime: false,
});

export interface OpenFileOptions {
  readonly volume: Volume;
  readonly core: CoreOpen;
  readonly handle: BackendHandle;
  readonly shares: OpenShares;
  readonly fileId: bigint;
  /** The stored name of the named stream; `''` for none. */
  readonly streamName: string;
  readonly requester: Requester;
}

export class OpenFile {
  readonly volume: Volume;
  readonly core: CoreOpen;
  /** Replaced when a stream becomes the data of its file. */
  handle: BackendHandle;
  readonly link: Link;
  readonly shared: StreamState;
  readonly writeTime: WriteTime;
  readonly fileId: bigint;
  /** FileId.Persistent, by which a durable open is reclaimed. */
  readonly persistentId: number;
  streamName: string;
  /** Replaced when a durable open is reclaimed. */
  requester: Requester;
  /** [MS-FSA] 2.1.1.6 Open.CurrentByteOffset */
  position = 0n;
  /** The FILE_MODE bits, from the create options. [MS-FSCC] 2.4.31 */
  mode: number;
  listing: DirectoryListing | undefined;
  /** The last of the requests that use {@link listing}, one after the other. */
  listingTurn: Promise<unknown> | undefined;
  /** Where a scan of quotas goes on. */
  quotaPosition = 0;
  /** Ends the watch in the store that began with the first CHANGE_NOTIFY. */
  endWatch: (() => void) | undefined;
  /** Ends the watch of what the client caches. */
  endCacheWatch: (() => void) | undefined;
  /** How it was made, for a CREATE that is answered again. */
  createAction: CreateAction = CreateAction.OPENED;
  /** Bytes were written and LastWriteTime may have to be settled. */
  hasWritten = false;
  /** The data was changed through this open and holders of directory leases were not told yet. */
  isModified = false;
  userSetTimes: UserSetTimes = noneSet;
  #isClosed = false;
  #isReleased = false;
  #released: MaybePromise<void> = undefined;

  constructor(options: OpenFileOptions) {
    this.volume = options.volume;
    this.core = options.core;
    this.handle = options.handle;
    this.link = options.shares.link;
    this.shared = options.shares.shared;
    this.writeTime = options.shares.writeTime;
    this.fileId = options.fileId;
    this.streamName = options.streamName;
    this.persistentId = options.core.durable?.persistentId ?? randomId(options.volume.entropy);
    this.requester = options.requester;
    this.mode = options.core.createOptions & modeBits;
  }

  get isDirectory(): boolean {
    return this.core.isDirectory;
  }

  get isStream(): boolean {
    return this.streamName !== '';
  }

  get isClosed(): boolean {
    return this.#isClosed;
  }

  get isWriteThrough(): boolean {
    // What was written through a persistent open must be there when its client comes back to another server process.
    return (this.mode & CreateOption.WRITE_THROUGH) !== 0 || this.core.durable?.isPersistent === true;
  }

  /** The path from the share's root with backslashes, without one in front; `''` for the root. */
  get shownPath(): string {
    const path = shownPath(this.link.path);
    return this.isStream ? `${path}:${this.streamName}` : path;
  }

  /** Throws ACCESS_DENIED unless one of the rights in `anyOf` was granted, MEDIA_WRITE_PROTECTED to who would change a snapshot. */
  demandAccess(anyOf: number): void {
    demand((this.core.grantedAccess & anyOf) !== 0, NtStatus.ACCESS_DENIED, 'not opened with that right');
    const isChange = (anyOf & ~changing) === 0;
    demand(!(isChange && this.volume.isReadOnly), NtStatus.MEDIA_WRITE_PROTECTED, 'a snapshot');
  }

  /** The metadata as clients see it. */
  stat(): MaybePromise<BackendStat> {
    return chain(this.handle.stat(), seenThrough, this);
  }

  /** The metadata that CLOSE may report: what it is after everything that was done through this open. */
  finalStat(): MaybePromise<BackendStat> {
    return chain(settleWriteTime(this), () => this.stat());
  }

  attributesOf(stat: BackendStat): number {
    // A stream shows its file's attributes, and on a directory still is no directory. [MS-FSCC] 2.4.7
    const added = this.volume.attributesOfName(this.core.place.name);
    return withAttributes(attributesOf(stat, this.isDirectory), added);
  }

  /** The client was told of this open: breaks that had to wait for that follow. */
  announce(): void {
    this.volume.driver.announce(this.core);
  }

  /** Ends the open, or leaves it behind for its client to reclaim when the connection is lost. Idempotent. */
  close(reason: OpenFileEnd): MaybePromise<void> {
    if (this.#isClosed) return;
    return chain(
      rescue<Failure | void, OpenFile>(settleWriteTime, failureOf, this),
      OpenFile.#settled,
      this,
      reason,
    );
  }

  static #settled(failure: Failure | void, self: OpenFile, reason: OpenFileEnd): MaybePromise<void> {
    // Clients send the CLOSE while the listing that they asked for is on its way, and mean to have both.
    const turn = reason === 'close' ? self.listingTurn : undefined;
    return turn === undefined ? self.#end(reason, failure) : self.#endAfter(turn, reason, failure);
  }

  #endAfter(turn: Promise<unknown>, reason: OpenFileEnd, failure: Failure | void): Promise<void> {
    const end = (): MaybePromise<void> => this.#end(reason, failure);
    return turn.then(end, end);
  }

  /** `failure` is what the store said on the way: it is told when everything else is done. */
  #end(reason: OpenFileEnd, failure: Failure | void): MaybePromise<void> {
    if (this.#isClosed) return;
    const { driver } = this.volume;
    // [MS-SMB2] 3.3.5.6: a durable open outlives the session as it outlives the connection.
    if (reason === 'disconnect' || reason === 'logoff') {
      const fate = driver.call((core, nowMs) => core.disconnect(this.core, nowMs));
      if (fate === 'kept') return;
    } else if (reason !== 'shutdown' || this.core.durable?.isPersistent !== true) {
      // A persistent open is left in the store for the next start.
      noteModified(this);
      driver.core.close(this.core, driver.nowMs);
      driver.settle();
    }
    const removed = chain(this.release(), OpenFile.#removed, this);
    return failure === undefined ? removed : chain(removed, throwing, failure);
  }

  static #removed(_released: void, { volume, core }: OpenFile): MaybePromise<void> {
    return volume.driver.removed(core);
  }

  /** Gives back the handle of an open that the core has closed. Idempotent. */
  release(): MaybePromise<void> {
    this.#isClosed = true;
    if (this.#isReleased) return this.#released;
    this.#isReleased = true;
    this.#released = this.#releaseOnce();
    return this.#released;
  }

  #releaseOnce(): MaybePromise<void> {
    this.volume.driver.forget(this.core);
    this.volume.release(this.core, this);
    this.endWatch?.();
    this.endCacheWatch?.();
    if (this.listing === undefined) return this.handle.close();
    return this.listing.close().then(() => this.handle.close());
  }
}

/** Why something did not succeed. */
interface Failure {
  readonly error: unknown;
}

function seenThrough(stat: BackendStat, { writeTime, volume }: OpenFile): BackendStat {
  return writeTime.seen(stat, volume.driver.nowMs);
}

function failureOf(error: unknown): Failure {
  return { error };
}

function throwing(_done: void, { error }: Failure): never {
  throw error;
}

const modeBits =
  CreateOption.WRITE_THROUGH |
  CreateOption.SEQUENTIAL_ONLY |
  CreateOption.NO_INTERMEDIATE_BUFFERING |
  CreateOption.SYNCHRONOUS_IO_ALERT |
  CreateOption.SYNCHRONOUS_IO_NONALERT |
  CreateOption.DELETE_ON_CLOSE;

/** Rights that are asked for only where something is about to change. */
const changing =
  AccessMask.FILE_WRITE_DATA |
  AccessMask.FILE_APPEND_DATA |
  AccessMask.FILE_WRITE_EA |
  AccessMask.FILE_WRITE_ATTRIBUTES |
  AccessMask.DELETE |
  AccessMask.WRITE_DAC |
  AccessMask.WRITE_OWNER;
