/**
 * The file-system core as the shell sees it. `createCore` in core.ts makes one.
 */
import type { NtStatus } from '../base/status.ts';
import type { OpenRecord, RecordChange } from './snapshot.ts';
import type {
  CacheGrant,
  CacheRequest,
  Change,
  CoreEffects,
  CoreOpen,
  Denied,
  Disposition,
  FileKey,
  Guid,
  LockElement,
  LockOutcome,
  LockSequence,
  OpenIntent,
  OpenOutcome,
  Outcome,
  Owner,
  Place,
  ReclaimOutcome,
  ReclaimRequest,
  RenameRequest,
  Ticket,
  WatchOutcome,
  WatchRequest,
} from './types.ts';

/** Numbers that the composition root hands in; defaults from base/limits.ts. */
export interface CoreSettings {
  readonly breakTimeoutMs: number;
  /** Time-out granted when a durable request names none. [MS-SMB2] 3.3.5.9.10: 60 s; v1: 960 s in Windows. */
  readonly durableTimeoutMs: number;
  readonly durableTimeoutMaxMs: number;
  readonly durableCountPerUser: number;
  readonly lockCountPerOpen: number;
  readonly notifyBytes: number;
}

/** Persistent opens as JSON-able data. */
export interface CoreSnapshot {
  readonly format: 1;
  readonly opens: readonly OpenRecord[];
}

/** How much there is of what; all zero when everything is closed. */
export interface CoreCensus {
  readonly opens: number;
  readonly files: number;
  readonly leases: number;
  /** Requests that wait. */
  readonly tickets: number;
  /** Breaks without their acknowledgement. */
  readonly breaks: number;
  readonly watchedDirectories: number;
  readonly disconnectedOpens: number;
  /** Byte-range locks that are held. */
  readonly locks: number;
}

export interface FileCore {
  /** Other numbers from now on; what was granted and what waits stays as it is. */
  configure(settings: Partial<CoreSettings>): void;
  /** Effects since the last call, in order. */
  takeEffects(): CoreEffects;

  /** See {@link OpenIntent}. A `granted` open that the backend then refuses is taken back with {@link abandon}. */
  open(intent: OpenIntent, nowMs: number): OpenOutcome;
  /** Before a file is created: may this lease key be used for it? INVALID_PARAMETER when it names another file. */
  checkLeaseKey(owner: Owner, cache: CacheRequest, file: FileKey | undefined, stream?: string): NtStatus;
  /** Takes a grant back as if it had never been: nothing is deleted, nothing notified. */
  abandon(open: CoreOpen, nowMs: number): void;
  /** Emits `delete` when the last close of a file or stream to be deleted; counts as every missing acknowledgement. */
  close(open: CoreOpen, nowMs: number): void;

  /** OPLOCK_BREAK acknowledgement; `done` carries the level that stays. [MS-SMB2] 3.3.5.22.1 */
  acknowledgeOplock(open: CoreOpen, level: number, nowMs: number): Denied | { kind: 'done'; level: number };
  /** Lease break acknowledgement. [MS-SMB2] 3.3.5.22.2 */
  acknowledgeLease(
    lease: { readonly clientGuid: Guid; readonly key: Guid; readonly state: number },
    nowMs: number,
  ): Denied | { kind: 'done'; state: number };
  /** The channel is gone that lease breaks were sent on: those of these opens that nobody acknowledged are sent again. */
  repeatBreaks(opens: readonly CoreOpen[]): void;
  /** What the open holds now. */
  cacheOf(open: CoreOpen): CacheGrant;
  /** The same, less what is being taken from an oplock: what a CREATE sent again is told. */
  leftTo(open: CoreOpen): CacheGrant;

  /** [MS-SMB2] 3.3.5.14: all elements or none. Give `sequence` only where it must be verified. */
  lock(open: CoreOpen, elements: readonly LockElement[], nowMs: number, sequence?: LockSequence): LockOutcome;
  /** Before reading: lock conflicts (FILE_LOCK_CONFLICT) and caches of others that must be written back. */
  read(open: CoreOpen, offset: bigint, length: bigint, nowMs: number): Outcome;
  /** Before writing or zeroing: lock conflicts; read caches of others break. */
  write(open: CoreOpen, offset: bigint, length: bigint, nowMs: number): Outcome;
  /**
   * After a write that took the store its time: caches of others break that were given meanwhile, since their holders may have
   * read what was there before.
   */
  wrote(open: CoreOpen, nowMs: number): void;
  /** Before FLUSH. */
  flush(open: CoreOpen, nowMs: number): Outcome;
  /** Before setting end of file, allocation or valid data length: read caches of others break. */
  truncate(open: CoreOpen, nowMs: number): Outcome;

  /**
   * Disposition information. The shell has checked DELETE access, the read-only attribute and (given here) whether a
   * directory is empty. Breaks handle caches of others and waits for them.
   */
  setDisposition(open: CoreOpen, disposition: Disposition, nowMs: number): Outcome;
  /** True when the file (or the stream, or its file) is to be deleted. */
  isDeletePending(file: FileKey, stream: string): boolean;
  /** Checks and breaks before a rename. Run again after `retry`; then rename in the backend, then {@link renamed}. */
  rename(open: CoreOpen, request: RenameRequest, nowMs: number): Outcome;
  /** The same for a stream's name: `to` in upper case; refused when that stream is open. */
  renameStream(open: CoreOpen, to: string, replaceIfExists: boolean, nowMs: number): Outcome;
  /** The same before a hard link is made with `open`. */
  link(open: CoreOpen, request: RenameRequest, nowMs: number): Outcome;
  /** The rename happened: opens, watches and pending deletions follow. */
  renamed(open: CoreOpen, to: Place, nowMs: number): void;
  /** The stream's rename happened. */
  streamRenamed(open: CoreOpen, to: string): void;

  /** CHANGE_NOTIFY on a directory open. */
  watch(open: CoreOpen, request: WatchRequest, nowMs: number): WatchOutcome;
  /** Tells watchers and breaks directory leases, after a change. */
  changed(change: Change, nowMs: number): void;
  /** Changes in a directory or below it were missed: its watchers are told to read it again. */
  changesLost(directory: FileKey): void;
  /** The file's time of creation was set, which its opens are known by after a restart. */
  createdAnew(file: FileKey, createdAt: string): void;
  /** Somebody changed the file in the store itself: nobody may go on caching it. */
  changedOutside(file: FileKey, nowMs: number): void;
  /** True when any open watches, so that the shell need not gather what nobody wants. */
  readonly hasWatches: boolean;

  /** The connection is gone (or the session logged off with `keepDurable` false): the open is kept or closed. */
  disconnect(open: CoreOpen, nowMs: number, keepDurable?: boolean): 'kept' | 'closed';
  /** Durable reconnect: OBJECT_NAME_NOT_FOUND, ACCESS_DENIED, INVALID_PARAMETER or the open again. */
  reclaim(request: ReclaimRequest, nowMs: number): ReclaimOutcome;
  /** FSCTL_LMR_REQUEST_RESILIENCY. [MS-SMB2] 3.3.5.15.9 */
  makeResilient(
    open: CoreOpen,
    resiliency: { readonly persistentId: number; readonly timeoutMs: number },
  ): void;
  /** The open of a replayed CREATE, durable or not. [MS-SMB2] 3.3.5.9 */
  findByCreateGuid(clientGuid: Guid, createGuid: Guid): CoreOpen | undefined;

  /** Gives up what waits under `ticket` (CANCEL, disconnect). True when it was waiting; then no effect follows. */
  cancelTicket(ticket: Ticket, nowMs: number): boolean;
  /** The next moment at which {@link advance} has something to do. */
  nextDeadline(): number | undefined;
  /** Acts on every time-out up to `nowMs`. */
  advance(nowMs: number): void;

  /** Every open of a file, of all streams (for refusing, listing and counting). */
  opensOf(file: FileKey): readonly CoreOpen[];
  /** Number of opens in all. */
  readonly openCount: number;
  /** For metrics, and for the proof that nothing is left over. */
  census(): CoreCensus;

  /** The persistent opens, with their locks, leases and deletion state. */
  snapshot(): CoreSnapshot;
  /** How the snapshot differs from what it was when this was last called: what is to be stored now. */
  takeChanges(): readonly RecordChange[];
  /** Opens of a snapshot, disconnected and waiting for their reclaim from `nowMs` on. */
  restore(snapshot: CoreSnapshot, nowMs: number): readonly CoreOpen[];
}
