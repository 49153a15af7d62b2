/**
 * The public vocabulary of the file-system core: what is asked, what is answered, what the shell must do.
 *
 * The core is synchronous and owns no clock: every call that can start or end a wait takes `nowMs`, monotonic
 * milliseconds. After each call the shell drains the effects (`FileCore.takeEffects()`) and carries the effects out
 * before it uses the outcome, so that a holder sees its break before the opener sees its answer.
 */
import type { NtStatus } from '../base/status.ts';
import type { FileAction } from '../wire/flags.ts';

/** Identity of a file or directory: the backend's volume and file id joined by the shell, never a path. */
export type FileKey = string;

/** 32 hex digits: a lease key, client GUID, create GUID or app instance id. */
export type Guid = string;

/** Names work that waits. Unique in the life of a core. */
export type Ticket = number;

/** One directory on the way to a file: its key, and its name in the directory above (`''` for the share's root). */
export interface Ancestor {
  readonly directory: FileKey;
  readonly name: string;
}

/** The name under which a file was reached: the directories from the share's root down, and the last component. */
export interface Place {
  /** Empty for the root itself. The last element is the parent directory. */
  readonly ancestors: readonly Ancestor[];
  readonly name: string;
}

/** Who opens. The core compares these values and never looks into them. */
export interface Owner {
  /** Connection.ClientGuid; leases belong to it. */
  readonly clientGuid: Guid;
  /** Session.SessionId, for the shell's own use (list of open files, closing a session's opens). */
  readonly session: number;
  /** The user's SID. Only the same user may reclaim a durable open. [MS-SMB2] 3.3.5.9.7 */
  readonly user: string;
  /** The share, in upper case. Only there may a durable open be reclaimed. */
  readonly share: string;
}

/** A classic oplock. Levels as in `OplockLevel` of wire/flags.ts, without LEASE. */
export interface OplockRequest {
  readonly kind: 'oplock';
  readonly level: number;
}

/** A lease, version 1 or 2. [MS-SMB2] 2.2.13.2.8, 2.2.13.2.10 */
export interface LeaseRequest {
  readonly kind: 'lease';
  readonly version: 1 | 2;
  readonly key: Guid;
  /** `LeaseState` bits. */
  readonly state: number;
  /** Version 2 only; 0 otherwise. */
  readonly epoch: number;
  /** The key of the directory lease that this file's own changes do not break. Version 2 with PARENT_LEASE_KEY_SET. */
  readonly parentKey?: Guid;
}

export type CacheRequest = { readonly kind: 'none' } | OplockRequest | LeaseRequest;

/** What was granted; the wire's oplock level follows from `kind`. */
export type CacheGrant =
  | { readonly kind: 'oplock'; readonly level: number }
  | {
      readonly kind: 'lease';
      readonly version: 1 | 2;
      readonly key: Guid;
      readonly state: number;
      readonly epoch: number;
      readonly parentKey?: Guid;
      /** SMB2_LEASE_FLAG_BREAK_IN_PROGRESS. */
      readonly isBreaking: boolean;
    };

/** A durable request; the grant may be less. [MS-SMB2] 3.3.5.9.6, 3.3.5.9.10 */
export interface DurableRequest {
  readonly version: 1 | 2;
  /** FileId.Persistent that the shell will answer; the reconnect names it. */
  readonly persistentId: number;
  /** Version 2 only. */
  readonly createGuid?: Guid;
  /** Wanted time-out; 0 or absent: the server's choice. Capped by the core's settings. */
  readonly timeoutMs?: number;
  /** Persistent: asked for, and the share is continuously available. Granted without handle caching too. */
  readonly isPersistent?: boolean;
}

/** [MS-SMB2] 2.2.13.2.13, 2.2.13.2.15 */
export interface AppInstance {
  readonly id: Guid;
  /** AppInstanceVersionHigh × 2^64 + Low; absent without the version context. */
  readonly version?: bigint;
}

/** Everything the core must know of a CREATE whose name was resolved and whose access was checked. */
export interface OpenIntent {
  readonly file: FileKey;
  /** `''` for the data of a file or for a directory, else the stream's name in upper case. */
  readonly stream: string;
  readonly place: Place;
  readonly isDirectory: boolean;
  /** The file (or stream) was created by this very request: nothing can conflict, nothing breaks on it. */
  readonly isNew: boolean;
  /** Content will be replaced: OVERWRITE, OVERWRITE_IF or SUPERSEDE on an existing stream. */
  readonly replaces: 'nothing' | 'overwrite' | 'supersede';
  /** The result of the access check: specific and standard rights only. */
  readonly grantedAccess: number;
  /**
   * What the client asked for after generic mapping, when it differs (MAXIMUM_ALLOWED expands to more). Decides what
   * breaks and whether this is an open of attributes only. Default: `grantedAccess`.
   */
  readonly desiredAccess?: number;
  readonly shareAccess: number;
  /** `CreateOption` bits. DELETE_ON_CLOSE and COMPLETE_IF_OPLOCKED have meaning here (SMB2 clients' use of the latter
   * is ignored by the protocol: clear it before, [MS-SMB2] 2.2.13). */
  readonly createOptions: number;
  readonly cache: CacheRequest;
  readonly owner: Owner;
  /** When the file was made, as the shell writes it: tells it from one that takes over its identity while no server runs. */
  readonly createdAt?: string | undefined;
  readonly durable?: DurableRequest | undefined;
  readonly appInstance?: AppInstance | undefined;
  /** The ticket of the wait after which this very request runs again. */
  readonly retryOf?: Ticket | undefined;
}

/** A granted open. The core changes it; others read it. */
export interface CoreOpen {
  /** Unique in the life of a core, counting up. */
  readonly id: number;
  readonly file: FileKey;
  readonly stream: string;
  /** Changes when the file is renamed through the core. */
  readonly place: Place;
  readonly isDirectory: boolean;
  readonly grantedAccess: number;
  readonly shareAccess: number;
  readonly createOptions: number;
  /** Changes by reclaim. */
  readonly owner: Owner;
  readonly deleteOnClose: boolean;
  readonly isClosed: boolean;
  /** True between the loss of the connection and the reclaim. */
  readonly isDisconnected: boolean;
  readonly durable: DurableGrant | undefined;
  readonly createGuid: Guid | undefined;
  /** The directory lease that changes through this open leave alone. */
  readonly parentKey: Guid | undefined;
  /** See {@link OpenIntent.createdAt}. */
  readonly createdAt: string | undefined;
}

export interface DurableGrant {
  readonly version: 1 | 2;
  readonly persistentId: number;
  readonly timeoutMs: number;
  readonly isPersistent: boolean;
  /** FSCTL_LMR_REQUEST_RESILIENCY was accepted: kept without a lease or batch oplock. */
  readonly isResilient: boolean;
}

/** Refused at once. */
export interface Denied {
  readonly kind: 'denied';
  readonly status: NtStatus;
}

/**
 * Someone must act first. The request is answered by an effect with the same ticket: `retry` (run it again from its
 * start, with `retryOf` for opens), or `lock` for a waiting lock. `FileCore.cancelTicket` gives it up.
 */
export interface Wait {
  readonly kind: 'wait';
  readonly ticket: Ticket;
  /** An open waits for others that its sharing stands against: they may close instead of keeping the file open. */
  readonly isOpposed?: boolean;
}

export interface Done {
  readonly kind: 'done';
}

/** The outcome of everything but an open. `wait` is always answered by a `retry` effect. */
export type Outcome = Done | Denied | Wait;

export type OpenOutcome =
  | {
      readonly kind: 'granted';
      readonly open: CoreOpen;
      /** SUCCESS, or OPLOCK_BREAK_IN_PROGRESS with COMPLETE_IF_OPLOCKED. */
      readonly status: NtStatus;
      readonly cache: CacheGrant;
    }
  | Denied
  | Wait;

/** A lock request either ends at once, or waits for a `lock` effect (blocking), or for `retry` (a break under way). */
export type LockOutcome = Outcome;

/** One element of LOCK. [MS-SMB2] 2.2.26.1 */
export interface LockElement {
  readonly offset: bigint;
  readonly length: bigint;
  /** `LockFlag` bits, unchecked: the core answers INVALID_PARAMETER for bad combinations. */
  readonly flags: number;
}

/** LockSequenceNumber and LockSequenceIndex of a LOCK on an open that verifies them. [MS-SMB2] 3.3.5.14 */
export interface LockSequence {
  readonly index: number;
  readonly number: number;
}

/** What the shell tells of a change to a directory's entry, after it has happened. */
export interface Change {
  readonly place: Place;
  /** MODIFIED for anything but the coming, going and renaming of names. */
  readonly action: FileAction;
  /** `CompletionFilter` bits that this change satisfies. */
  readonly filter: number;
  /** Set with RENAMED_OLD_NAME: the new name; the core reports the pair. `action` of the other half is implied. */
  readonly newPlace?: Place;
  /** Who did it: its parent lease key spares that directory lease. Absent for changes from outside. */
  readonly by?: CoreOpen;
  /** Only watchers hear of it; holders of directory leases do when the open is closed. */
  readonly sparesLeases?: boolean;
  /** The key to spare when there is no open (yet): the requester's `LeaseRequest.parentKey`. */
  readonly parentKey?: Guid;
}

/** One entry of FILE_NOTIFY_INFORMATION. `name` is relative to the watched directory, with backslashes. */
export interface NotifyEntry {
  readonly action: FileAction;
  readonly name: string;
}

export interface WatchRequest {
  readonly filter: number;
  readonly isRecursive: boolean;
  /** OutputBufferLength: what the answer may hold; the first request also fixes the buffer between requests. */
  readonly bytesMax: number;
}

/** The immediate answer, or a ticket answered by a `notify` effect. */
export type WatchOutcome =
  | { readonly kind: 'notified'; readonly status: NtStatus; readonly entries: readonly NotifyEntry[] }
  | Denied
  | Wait;

/** A name that must be removed from the backend. */
export interface Removal {
  readonly file: FileKey;
  /** `''`: the whole file or directory goes; else this stream only. */
  readonly stream: string;
  readonly place: Place;
  readonly isDirectory: boolean;
  /** The open whose close did it. */
  readonly by: CoreOpen;
  /** The parent lease that asker and closer have in common, if any: only then is `by` named in the `changed` that follows. */
  readonly parentKey?: Guid;
}

/** A break to send. [MS-SMB2] 2.2.23 */
export type Break =
  | {
      readonly kind: 'break';
      readonly target: 'oplock';
      readonly open: CoreOpen;
      /** LEVEL_II or NONE. */
      readonly toLevel: number;
      readonly isAckRequired: boolean;
    }
  | {
      readonly kind: 'break';
      readonly target: 'lease';
      readonly clientGuid: Guid;
      readonly key: Guid;
      readonly version: 1 | 2;
      readonly from: number;
      readonly to: number;
      /** NewEpoch of a version 2 lease, else 0. */
      readonly epoch: number;
      readonly isAckRequired: boolean;
      /** The lease's connected opens, newest first: their channels are where the break can be sent. */
      readonly opens: readonly CoreOpen[];
    };

export type CoreEffect =
  | Break
  /** Run the waiting request again from its start. */
  | { readonly kind: 'retry'; readonly ticket: Ticket }
  /** A blocking lock was granted (SUCCESS) or given up (RANGE_NOT_LOCKED when its open closed, CANCELLED). */
  | { readonly kind: 'lock'; readonly ticket: Ticket; readonly status: NtStatus }
  /** CHANGE_NOTIFY is answered: SUCCESS, NOTIFY_ENUM_DIR, NOTIFY_CLEANUP, DELETE_PENDING or CANCELLED. */
  | {
      readonly kind: 'notify';
      readonly ticket: Ticket;
      readonly status: NtStatus;
      readonly entries: readonly NotifyEntry[];
    }
  /** Remove it from the backend, then tell `changed`. */
  | { readonly kind: 'delete'; readonly removal: Removal }
  /**
   * The core closed this open itself (durable time-out, a break that nobody could answer, app instance fail-over):
   * release the backend's handle and forget its FileId.
   */
  | { readonly kind: 'expire'; readonly open: CoreOpen };

export type CoreEffects = readonly CoreEffect[];

/** A durable reconnect. [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12 */
export interface ReclaimRequest {
  readonly version: 1 | 2;
  readonly persistentId: number;
  readonly owner: Owner;
  /** Version 2 only. */
  readonly createGuid?: Guid;
  /** The DH2C flag PERSISTENT. */
  readonly isPersistent?: boolean;
  /** The lease context that came along. */
  readonly lease?: LeaseRequest;
  /** True when the CREATE's name names the open's file (compared by the shell, without case). */
  readonly isSameName: (open: CoreOpen) => boolean;
}

export type ReclaimOutcome =
  | { readonly kind: 'granted'; readonly open: CoreOpen; readonly cache: CacheGrant }
  | Denied;

/** How to rename or link. */
export interface RenameRequest {
  /** Where it will be; `ancestors` of the target directory. */
  readonly to: Place;
  /** A file that exists there already and differs from the open's own; absent when the name is free. */
  readonly target?: { readonly file: FileKey; readonly isDirectory: boolean };
  readonly replaceIfExists: boolean;
  /** FILE_RENAME_POSIX_SEMANTICS: an open target is no obstacle. */
  readonly isPosix?: boolean;
}

/** Extended disposition. [MS-FSCC] 2.4.11, 2.4.12 */
export interface Disposition {
  readonly isDelete: boolean;
  /** FILE_DISPOSITION_POSIX_SEMANTICS: the name goes when this open closes. */
  readonly isPosix?: boolean;
  /** FILE_DISPOSITION_ON_CLOSE: set or clear the open's delete-on-close instead of the file's state. */
  readonly isOnClose?: boolean;
}
