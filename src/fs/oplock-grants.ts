/**
 * Granting and upgrading oplocks and leases. [MS-FSA] 2.1.5.18; [MS-SMB2] 3.3.5.9.8, 3.3.5.9.11
 */
import { NtStatus } from '../base/status.ts';
import { AccessMask, LeaseState, OplockLevel } from '../wire/flags.ts';
import {
  type Cache,
  type CoreState,
  cacheOwnerOf,
  leaseOwnerOf,
  type OpenState,
  openOwnerOf,
  type StreamObject,
  touchCache,
} from './file-object.ts';
import { levelOf, stateOfLevel } from './oplock-breaks.ts';
import { remainder, validLeaseState } from './oplock-table.ts';
import type { CacheGrant, CacheRequest, FileKey, LeaseRequest, Owner } from './types.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

const oplockStatBits =
  AccessMask.SYNCHRONIZE | AccessMask.FILE_READ_ATTRIBUTES | AccessMask.FILE_WRITE_ATTRIBUTES;
const leaseStatBits = oplockStatBits | AccessMask.READ_CONTROL;

/**
 * True for an open of attributes only, which neither breaks caches nor stands in their way. Towards leases, reading the
 * security descriptor counts as such too. [MS-FSA] 2.1.4.12
 */
export function isStatAccess(access: number, kind: 'oplock' | 'lease'): boolean {
  return (access & ~(kind === 'lease' ? leaseStatBits : oplockStatBits)) === 0;
}

/** The owner that a CREATE's caching rights will have; undefined when only the open itself can own them. */
export function requestedOwner(owner: Owner, request: CacheRequest): string | undefined {
  return request.kind === 'lease'
    ? leaseOwnerOf({ clientGuid: owner.clientGuid, key: request.key })
    : undefined;
}

/** A lease key names one stream of one file. [MS-SMB2] 3.3.5.9.8 */
export function checkLeaseKey(
  state: CoreState,
  owner: Owner,
  request: CacheRequest,
  target: { readonly file: FileKey; readonly stream: string } | undefined,
): NtStatus {
  const key = requestedOwner(owner, request);
  const cache = key === undefined ? undefined : state.leases.get(key);
  if (cache === undefined) return NtStatus.SUCCESS;
  const { stream } = cache;
  const isSame = stream.file.key === target?.file && stream.name === target.stream;
  return isSame ? NtStatus.SUCCESS : NtStatus.INVALID_PARAMETER;
}

/** Gives `open` what it asked for, or as much as others leave. */
export function grantCache(state: CoreState, open: OpenState, request: CacheRequest): void {
  if (request.kind === 'lease') grantLease(state, open, request);
  else if (request.kind === 'oplock') grantOplock(open, request.level);
}

function grantOplock(open: OpenState, level: number): void {
  const stream = open.streamObject;
  if (open.isDirectory) return;
  const wanted = stateOfLevel(level);
  const owner = openOwnerOf(open.id);
  const candidates = [wanted, wanted & R];
  const granted = candidates.find((held) => isCompatible(stream, { owner, kind: 'oplock' }, held)) ?? 0;
  if (granted === 0) return;
  open.cache = newCache(stream, { kind: 'oplock', owner, lease: undefined, version: 1 });
  join(open, open.cache);
  hold(open.cache, granted);
}

function grantLease(state: CoreState, open: OpenState, request: LeaseRequest): void {
  const name = { clientGuid: open.owner.clientGuid, key: request.key };
  const owner = leaseOwnerOf(name);
  const stream = open.streamObject;
  const wanted = validLeaseState(request.state, open.isDirectory);
  const held = state.leases.get(owner);
  if (held !== undefined) {
    join(open, held);
    upgrade(held, wanted);
    touchCache(state, held);
    return;
  }
  const cache = newCache(stream, { kind: 'lease', owner, lease: name, version: request.version });
  state.leases.set(owner, cache);
  join(open, cache);
  const candidates = [wanted, remainder('lease', wanted, W), remainder('lease', wanted, W | H)];
  hold(cache, candidates.find((rights) => isCompatible(stream, cache, rights)) ?? 0);
  cache.epoch = request.version === 2 ? (request.epoch + 1) & 0xffff : 0;
}

/**
 * A lease only grows: to what is asked for when that is more than is held and nobody stands in the way; otherwise it
 * stays. Nothing grows while it is being broken. [MS-SMB2] 3.3.5.9.8
 */
function upgrade(cache: Cache, wanted: number): void {
  if (cache.breakingTo !== undefined) return;
  const isMore = (wanted & cache.state) === cache.state && wanted !== cache.state;
  if (!isMore || !isCompatible(cache.stream, cache, wanted)) return;
  hold(cache, wanted);
  if (cache.version === 2) cache.epoch = (cache.epoch + 1) & 0xffff;
}

function newCache(stream: StreamObject, fields: Pick<Cache, 'kind' | 'owner' | 'lease' | 'version'>): Cache {
  const cache: Cache = {
    ...fields,
    stream,
    opens: new Set(),
    state: 0,
    epoch: 0,
    breakingTo: undefined,
    required: 0,
    deadlineMs: 0,
    waiters: new Set(),
  };
  stream.caches ??= new Set();
  stream.caches.add(cache);
  return cache;
}

function join(open: OpenState, cache: Cache): void {
  open.cache = cache;
  cache.opens.add(open);
}

function hold(cache: Cache, rights: number): void {
  cache.state = rights;
  cache.required = rights;
}

/** May `cache` hold `rights` beside everyone else on the stream? */
function isCompatible(stream: StreamObject, cache: Pick<Cache, 'owner' | 'kind'>, rights: number): boolean {
  if (rights === 0) return true;
  for (const other of stream.caches ?? []) {
    if (other.owner === cache.owner) continue;
    if (rights & W && other.state !== 0) return false;
    if (other.state & W) return false;
    // LEVEL_II and handle caching of different owners exclude each other. [MS-FSA] 2.1.5.18.2
    if (rights & H && other.kind === 'oplock' && other.state !== 0) return false;
    if (cache.kind === 'oplock' && other.state & H) return false;
  }
  if (rights & W) return isAlone(stream, cache);
  // Reading may not be cached beside byte-range locks. LEVEL_II has no key: its own locks count too.
  return !stream.locks.hasOther(cache.kind === 'lease' ? cache.owner : undefined);
}

function isAlone(stream: StreamObject, cache: Pick<Cache, 'owner' | 'kind'>): boolean {
  for (const open of stream.opens) {
    if (cacheOwnerOf(open) !== cache.owner && !isStatAccess(open.desiredAccess, cache.kind)) return false;
  }
  return true;
}

/** The grant of who may cache nothing. */
export const nothingHeld: CacheGrant = Object.freeze({ kind: 'oplock', level: OplockLevel.NONE });

/**
 * What is left to `open`, as the answer to a CREATE sent again says it. The client may have lost the break with its channel, and an
 * oplock, unlike a lease, cannot say that one is under way: it says what that leaves.
 */
export function leftTo(open: OpenState): CacheGrant {
  const { cache } = open;
  if (cache?.breakingTo === undefined || cache.lease !== undefined) return grantOf(open);
  return { kind: 'oplock', level: levelOf(cache.breakingTo) };
}

/** What `open` holds, as its CREATE response says it. */
export function grantOf(open: OpenState): CacheGrant {
  const { cache } = open;
  if (cache === undefined) return nothingHeld;
  if (cache.lease === undefined) return { kind: 'oplock', level: levelOf(cache.state) };
  return {
    kind: 'lease',
    version: cache.version,
    key: cache.lease.key,
    state: cache.state,
    epoch: cache.epoch,
    isBreaking: cache.breakingTo !== undefined,
    ...(open.parentKey === undefined ? {} : { parentKey: open.parentKey }),
  };
}
