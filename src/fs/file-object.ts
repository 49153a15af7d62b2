/**
 * The state of the core: plain data, one object per file, stream, open and oplock in use, and the tables that find them.
 * The other files of this folder are functions on it, one concern each.
 */
import { assert } from '../base/assert.ts';
import { Table } from '../base/table.ts';
import { ByteRangeLocks } from './byte-range-locks.ts';
import type { CoreSettings } from './contract.ts';
import type { WaitingLock } from './lock-requests.ts';
import { upper } from './names.ts';
import type { WatchState } from './notify.ts';
import type { CoreEffect, CoreOpen, DurableGrant, FileKey, Guid, Owner, Place, Ticket } from './types.ts';

/** A file or directory that is open. [MS-FSA] 2.1.1.3 */
export interface FileObject {
  readonly key: FileKey;
  readonly isDirectory: boolean;
  readonly streams: Map<string, StreamObject>;
  /** Names that go when their last open closes. */
  pendingLinks: readonly PendingDeletion[];
}

/** A stream that is open; of a directory there is one. [MS-FSA] 2.1.1.5 */
export interface StreamObject {
  readonly file: FileObject;
  name: string;
  readonly opens: Set<OpenState>;
  /** Every oplock and lease of this stream that still holds or may hold something; made with the first. */
  caches: Set<Cache> | undefined;
  readonly locks: ByteRangeLocks;
  /** Blocking locks in the order of their arrival; made with the first. */
  waitingLocks: Set<WaitingLock> | undefined;
  /** Set by disposition or delete-on-close on a named stream. */
  isDeletePending: boolean;
}

export interface PendingDeletion {
  /** See {@link linkKeyOf}. */
  readonly linkKey: string;
  /** What goes is a directory; an open of one of its streams, which may be the last to close, is none. */
  readonly isDirectory: boolean;
  readonly place: Place;
  /** The parent lease key and client of who asked for it; spared when the last close agrees. */
  readonly spared: LeaseName | undefined;
}

/** Which lease: a key belongs to a client. */
export interface LeaseName {
  readonly clientGuid: Guid;
  readonly key: Guid;
}

/**
 * An oplock or a lease: one mechanism. An oplock is a lease that belongs to one open; its level is its set of caching
 * rights: LEVEL_II is R, EXCLUSIVE is RW, BATCH is RWH.
 */
export interface Cache {
  readonly kind: 'oplock' | 'lease';
  /** Tells owners apart: the lease's client and key, or the open. */
  readonly owner: string;
  readonly lease: LeaseName | undefined;
  readonly version: 1 | 2;
  /** Moves with a renamed stream's opens. */
  stream: StreamObject;
  readonly opens: Set<OpenState>;
  /** `LeaseState` bits held now; while breaking still the old ones. */
  state: number;
  epoch: number;
  /** What the holder was told to come down to; undefined while nothing is being broken. */
  breakingTo: number | undefined;
  /** What must be left in the end; smaller than `breakingTo` when more was asked for in the meantime. */
  required: number;
  /** When a missing acknowledgement is given up. */
  deadlineMs: number;
  /** Requests that wait for this break to end. */
  readonly waiters: Set<TicketState>;
}

/** An open. The public face is {@link CoreOpen}. */
export interface OpenState extends CoreOpen {
  stream: string;
  place: Place;
  owner: Owner;
  deleteOnClose: boolean;
  isClosed: boolean;
  isDisconnected: boolean;
  durable: DurableGrant | undefined;
  readonly streamObject: StreamObject;
  cache: Cache | undefined;
  readonly desiredAccess: number;
  createdAt: string | undefined;
  readonly appInstance: Guid | undefined;
  readonly appVersion: bigint | undefined;
  isPosixDelete: boolean;
  lockCount: number;
  /** LockSequenceArray. [MS-SMB2] 3.3.1.10: the number last used for each index, 0 for none. */
  lockSequences: number[] | undefined;
  watch: WatchState | undefined;
  /** While disconnected: when it expires. */
  expiresMs: number;
}

/** Work that waits. */
export interface TicketState {
  readonly ticket: Ticket;
  /** Breaks whose end it waits for. */
  readonly breaks: Set<Cache>;
  /** Gives the place in a queue back. */
  cancel: (() => void) | undefined;
}

export interface CoreState {
  settings: CoreSettings;
  readonly files: Table<FileKey, FileObject>;
  readonly opens: Map<number, OpenState>;
  /** Leases by {@link leaseOwnerOf}. */
  readonly leases: Table<string, Cache>;
  readonly tickets: Map<Ticket, TicketState>;
  /** Breaks waiting for an acknowledgement, in the order of their deadlines. */
  readonly breaking: Set<Cache>;
  readonly disconnected: Set<OpenState>;
  readonly disconnectedByUser: Table<string, number>;
  /** No disconnected open expires before this. */
  nextExpiryMs: number;
  /** Opens with a watch, by directory. */
  readonly watchers: Table<FileKey, Set<OpenState>>;
  readonly durables: Map<number, OpenState>;
  /** Opens with a create GUID, by {@link createNameOf}. */
  readonly byCreateGuid: Table<string, OpenState>;
  /** Persistent opens that changed since their records were last taken. */
  readonly touched: Set<OpenState>;
  effects: CoreEffect[];
  nextOpenId: number;
  nextTicket: number;
}

export function newState(settings: CoreSettings): CoreState {
  return {
    settings,
    files: new Table(),
    opens: new Map(),
    leases: new Table(),
    tickets: new Map(),
    breaking: new Set(),
    disconnected: new Set(),
    disconnectedByUser: new Table(),
    nextExpiryMs: Number.POSITIVE_INFINITY,
    watchers: new Table(),
    durables: new Map(),
    byCreateGuid: new Table(),
    touched: new Set(),
    effects: [],
    nextOpenId: 1,
    nextTicket: 1,
  };
}

/** The core's own record of an open that the shell names; undefined when it is closed. */
export function stateOf(state: CoreState, open: CoreOpen): OpenState | undefined {
  const found = state.opens.get(open.id);
  assert(found === undefined || found === open, 'an open of another core');
  return found;
}

/** The name of a link, without regard to case: its directory and its last component. */
export function linkKeyOf(place: Place): string {
  return `${place.ancestors.at(-1)?.directory ?? ''}/${upper(place.name)}`;
}

/** The owner of a lease's caching rights. */
export function leaseOwnerOf(name: LeaseName): string {
  return `${name.clientGuid}/${name.key}`;
}

/** Whose caching rights the work of `open` leaves alone: its lease's, else its own. */
export function cacheOwnerOf(open: OpenState): string {
  return open.cache?.owner ?? openOwnerOf(open.id);
}

export function openOwnerOf(id: number): string {
  return `open/${id}`;
}

/** What names an open to its client for replays and reconnects. [MS-SMB2] 3.3.5.9 */
export function createNameOf(clientGuid: Guid, createGuid: Guid): string {
  return `${clientGuid}/${createGuid}`;
}

/** Enters a new open into the tables that find it. */
export function register(state: CoreState, open: OpenState): void {
  state.opens.set(open.id, open);
  open.streamObject.opens.add(open);
  enterCreateGuid(state, open);
}

/** Makes `open` findable under its client and create GUID, if it has one. */
export function enterCreateGuid(state: CoreState, open: OpenState): void {
  const { createGuid, owner } = open;
  if (createGuid !== undefined) state.byCreateGuid.set(createNameOf(owner.clientGuid, createGuid), open);
}

export function leaveCreateGuid(state: CoreState, open: OpenState): void {
  if (open.createGuid === undefined) return;
  const name = createNameOf(open.owner.clientGuid, open.createGuid);
  if (state.byCreateGuid.get(name) === open) state.byCreateGuid.delete(name);
}

/** Every stream's opens of a file. */
export function* opensOfFile(file: FileObject): Generator<OpenState> {
  for (const stream of file.streams.values()) yield* stream.opens;
}

/** True when some open of a file, in any of its streams, is such a one. */
export function hasOpen(file: FileObject, isSuch: (open: OpenState) => boolean): boolean {
  for (const stream of file.streams.values()) {
    for (const open of stream.opens) if (isSuch(open)) return true;
  }
  return false;
}

/** What is to happen to the link `linkKey` of a file; undefined when it stays. */
export function pendingAt(file: FileObject, linkKey: string): PendingDeletion | undefined {
  return file.pendingLinks.find((pending) => pending.linkKey === linkKey);
}

/** The name of `open` is going. */
export function isLinkPending({ streamObject, place }: OpenState): boolean {
  const { file } = streamObject;
  return file.pendingLinks.length > 0 && pendingAt(file, linkKeyOf(place)) !== undefined;
}

/** The link of `pending` is to go, in place of what was said of it before. */
export function enterPending(file: FileObject, pending: PendingDeletion): void {
  leavePending(file, pending.linkKey);
  file.pendingLinks = file.pendingLinks.concat(pending);
}

export function leavePending(file: FileObject, linkKey: string): void {
  if (file.pendingLinks.length === 0) return;
  file.pendingLinks = file.pendingLinks.filter((pending) => pending.linkKey !== linkKey);
}

const NONE: readonly PendingDeletion[] = Object.freeze([]);

/** True when `open` reached its file through the link `linkKey`. */
export function isThroughLink(open: OpenState, linkKey: string): boolean {
  return linkKeyOf(open.place) === linkKey;
}

/** What is kept of `open` over a restart has changed, if anything is. */
export function touch(state: CoreState, open: OpenState): void {
  if (open.durable?.isPersistent) state.touched.add(open);
}

/** The same for every open under an oplock or lease. */
export function touchCache(state: CoreState, cache: Cache): void {
  for (const open of cache.opens) touch(state, open);
}

/** The same for every open of a file. */
export function touchFile(state: CoreState, file: FileObject): void {
  for (const stream of file.streams.values()) for (const open of stream.opens) touch(state, open);
}

/** The parent directory lease that changes by `open` leave alone. */
export function sparedBy(open: CoreOpen): LeaseName | undefined {
  if (open.parentKey === undefined) return undefined;
  return { clientGuid: open.owner.clientGuid, key: open.parentKey };
}

/** The stream that an open is to join; files and streams exist here while they are open. */
export function streamFor(
  state: CoreState,
  target: { readonly file: FileKey; readonly stream: string; readonly isDirectory: boolean },
): StreamObject {
  const { file: key, stream: name, isDirectory } = target;
  let file = state.files.get(key);
  if (file === undefined) {
    file = { key, isDirectory, streams: new Map(), pendingLinks: NONE };
    state.files.set(key, file);
  }
  let stream = file.streams.get(name);
  if (stream === undefined) {
    const locks = new ByteRangeLocks();
    stream = {
      file,
      name,
      opens: new Set(),
      caches: undefined,
      locks,
      waitingLocks: undefined,
      isDeletePending: false,
    };
    file.streams.set(name, stream);
  }
  return stream;
}

/** Forgets streams and files that nothing refers to. */
export function collectStream(state: CoreState, stream: StreamObject): void {
  if (stream.opens.size > 0) return;
  const { file } = stream;
  if (file.streams.get(stream.name) !== stream) return;
  // The last stream takes its file with it.
  if (file.streams.size > 1) file.streams.delete(stream.name);
  else if (state.files.get(file.key) === file) state.files.delete(file.key);
}
