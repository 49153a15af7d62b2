/**
 * Persistent opens as data that survives a restart of the server. [MS-SMB2] 3.3.1.10 (Open.IsPersistent)
 */
import { assert } from '../base/assert.ts';
import type { CoreSnapshot } from './contract.ts';
import {
  type Cache,
  type CoreState,
  enterPending,
  isLinkPending,
  type LeaseName,
  leaseOwnerOf,
  linkKeyOf,
  type OpenState,
  openOwnerOf,
  register,
  streamFor,
} from './file-object.ts';
import type { DurableGrant, Owner, Place } from './types.ts';

/** One open. Numbers that do not fit a JSON number are decimal text. */
export interface OpenRecord {
  readonly file: string;
  readonly stream: string;
  readonly place: Place;
  readonly isDirectory: boolean;
  readonly grantedAccess: number;
  readonly desiredAccess: number;
  readonly shareAccess: number;
  readonly createOptions: number;
  readonly owner: Owner;
  readonly deleteOnClose: boolean;
  readonly isDeletePending: boolean;
  readonly durable: DurableGrant;
  readonly createGuid: string | null;
  readonly parentKey: string | null;
  readonly createdAt: string | null;
  readonly appInstance: string | null;
  readonly appVersion: string | null;
  readonly cache: CacheRecord | null;
  readonly locks: readonly LockRecord[];
  readonly lockSequences: readonly number[] | null;
}

interface CacheRecord {
  readonly lease: LeaseName | null;
  readonly version: 1 | 2;
  readonly state: number;
  readonly epoch: number;
}

interface LockRecord {
  readonly offset: string;
  readonly length: string;
  readonly isExclusive: boolean;
}

/** What is to be kept of a persistent open from now on; nothing when it is gone. */
export interface RecordChange {
  readonly persistentId: number;
  readonly record: OpenRecord | undefined;
}

const none: readonly RecordChange[] = Object.freeze([]);

/** What changed since this was last asked. */
export function takeChanges(state: CoreState): readonly RecordChange[] {
  if (state.touched.size === 0) return none;
  const changes = [...state.touched].flatMap((open) => {
    const persistentId = open.durable?.persistentId;
    if (persistentId === undefined) return [];
    return { persistentId, record: open.isClosed ? undefined : recordOf(open) };
  });
  state.touched.clear();
  return changes;
}

export function takeSnapshot(state: CoreState): CoreSnapshot {
  const opens: OpenRecord[] = [];
  for (const open of state.opens.values()) {
    const record = recordOf(open);
    if (record !== undefined) opens.push(record);
  }
  return { format: 1, opens };
}

function recordOf(open: OpenState): OpenRecord | undefined {
  const { durable, cache, streamObject: stream } = open;
  if (durable === undefined || !durable.isPersistent) return undefined;
  const isPending = stream.isDeletePending || isLinkPending(open);
  return {
    file: open.file,
    stream: stream.name,
    place: open.place,
    isDirectory: open.isDirectory,
    grantedAccess: open.grantedAccess,
    desiredAccess: open.desiredAccess,
    shareAccess: open.shareAccess,
    createOptions: open.createOptions,
    owner: open.owner,
    deleteOnClose: open.deleteOnClose,
    isDeletePending: isPending,
    durable,
    createGuid: open.createGuid ?? null,
    parentKey: open.parentKey ?? null,
    createdAt: open.createdAt ?? null,
    appInstance: open.appInstance ?? null,
    appVersion: open.appVersion?.toString() ?? null,
    cache: cache === undefined ? null : cacheRecordOf(cache),
    locks: stream.locks.locksOf(open.id).map(({ offset, length, isExclusive }) => {
      return { offset: offset.toString(), length: length.toString(), isExclusive };
    }),
    lockSequences: open.lockSequences ?? null,
  };
}

function cacheRecordOf(cache: NonNullable<OpenState['cache']>): CacheRecord {
  // What was being broken is not granted again: the holder learns of it when it comes back.
  return { lease: cache.lease ?? null, version: cache.version, state: cache.required, epoch: cache.epoch };
}

/** Brings opens back, disconnected from `nowMs` on. */
export function restoreSnapshot(state: CoreState, snapshot: CoreSnapshot, nowMs: number): OpenState[] {
  assert(snapshot.format === 1, 'a snapshot of another format');
  return snapshot.opens.map((record) => restoreOpen(state, record, nowMs));
}

function restoreOpen(state: CoreState, record: OpenRecord, nowMs: number): OpenState {
  const stream = streamFor(state, record);
  const open: OpenState = {
    id: state.nextOpenId++,
    file: record.file,
    stream: record.stream,
    place: record.place,
    isDirectory: record.isDirectory,
    grantedAccess: record.grantedAccess,
    desiredAccess: record.desiredAccess,
    shareAccess: record.shareAccess,
    createOptions: record.createOptions,
    owner: record.owner,
    deleteOnClose: record.deleteOnClose,
    isClosed: false,
    isDisconnected: true,
    durable: record.durable,
    createGuid: record.createGuid ?? undefined,
    streamObject: stream,
    cache: undefined,
    parentKey: record.parentKey ?? undefined,
    createdAt: record.createdAt ?? undefined,
    appInstance: record.appInstance ?? undefined,
    appVersion: record.appVersion === null ? undefined : BigInt(record.appVersion),
    isPosixDelete: false,
    lockCount: record.locks.length,
    lockSequences: record.lockSequences === null ? undefined : [...record.lockSequences],
    watch: undefined,
    expiresMs: nowMs + record.durable.timeoutMs,
  };
  register(state, open);
  state.durables.set(record.durable.persistentId, open);
  state.disconnected.add(open);
  state.nextExpiryMs = Math.min(state.nextExpiryMs, open.expiresMs);
  state.disconnectedByUser.set(open.owner.user, (state.disconnectedByUser.get(open.owner.user) ?? 0) + 1);
  if (record.cache !== null) restoreCache(state, open, record.cache);
  restoreLocks(open, record.locks);
  if (record.isDeletePending) restorePending(open);
  return open;
}

function restoreCache(state: CoreState, open: OpenState, record: CacheRecord): void {
  const stream = open.streamObject;
  const owner = record.lease === null ? openOwnerOf(open.id) : leaseOwnerOf(record.lease);
  const known = record.lease === null ? undefined : state.leases.get(owner);
  const kind: Cache['kind'] = record.lease === null ? 'oplock' : 'lease';
  const cache: Cache = known ?? {
    kind,
    owner,
    lease: record.lease ?? undefined,
    version: record.version,
    stream,
    opens: new Set(),
    state: record.state,
    epoch: record.epoch,
    breakingTo: undefined,
    required: record.state,
    deadlineMs: 0,
    waiters: new Set(),
  };
  if (record.lease !== null) state.leases.set(owner, cache);
  stream.caches ??= new Set();
  stream.caches.add(cache);
  cache.opens.add(open);
  open.cache = cache;
}

function restoreLocks(open: OpenState, locks: readonly LockRecord[]): void {
  const group = open.cache?.owner ?? openOwnerOf(open.id);
  for (const { offset, length, isExclusive } of locks) {
    const lock = { open: open.id, group, offset: BigInt(offset), length: BigInt(length), isExclusive };
    open.streamObject.locks.add(lock);
  }
}

function restorePending(open: OpenState): void {
  const stream = open.streamObject;
  if (stream.name !== '') stream.isDeletePending = true;
  else {
    const { place, isDirectory } = open;
    enterPending(stream.file, { linkKey: linkKeyOf(place), place, isDirectory, spared: undefined });
  }
}
