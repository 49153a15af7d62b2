/**
 * Durable, resilient and persistent opens: kept without a connection, reclaimed by their owner, ended by time.
 * [MS-SMB2] 3.3.5.9.6, 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12, 3.3.7.1, 3.3.2.2
 */
import { NtStatus } from '../base/status.ts';
import { nilGuid } from '../wire/dtyp/guid.ts';
import { LeaseState } from '../wire/flags.ts';
import { closeOpen, endDisconnection } from './closing.ts';
import { type CoreState, enterCreateGuid, leaveCreateGuid, type OpenState, touch } from './file-object.ts';
import { endWaitingLocks } from './lock-requests.ts';
import { endWatch } from './notify.ts';
import { newestConnected, repeatBreak } from './oplock-breaks.ts';
import { grantOf } from './oplock-grants.ts';
import type { DurableRequest, ReclaimOutcome, ReclaimRequest } from './types.ts';

/** Grants durability to an open with handle caching, or to any file of a continuously available share. */
export function grantDurable(state: CoreState, open: OpenState, request: DurableRequest | undefined): void {
  if (request === undefined || open.isDirectory) return;
  const isPersistent = request.isPersistent === true;
  if (!isPersistent && !hasHandleCaching(open)) return;
  const { durableTimeoutMs, durableTimeoutMaxMs } = state.settings;
  const wanted = request.version === 2 && request.timeoutMs ? request.timeoutMs : durableTimeoutMs;
  open.durable = {
    version: request.version,
    persistentId: request.persistentId,
    timeoutMs: Math.min(wanted, durableTimeoutMaxMs),
    isPersistent,
    isResilient: false,
  };
  state.durables.set(request.persistentId, open);
  touch(state, open);
}

function hasHandleCaching(open: OpenState): boolean {
  return ((open.cache?.state ?? 0) & LeaseState.HANDLE_CACHING) !== 0;
}

/** FSCTL_LMR_REQUEST_RESILIENCY. [MS-SMB2] 3.3.5.15.9 */
export function makeResilient(
  state: CoreState,
  open: OpenState,
  request: Omit<DurableRequest, 'version'>,
): void {
  const version = open.durable?.version ?? 1;
  const persistentId = open.durable?.persistentId ?? request.persistentId;
  const timeoutMs = Math.min(request.timeoutMs ?? 0, state.settings.durableTimeoutMaxMs);
  const isPersistent = open.durable?.isPersistent === true;
  open.durable = { version, persistentId, timeoutMs, isPersistent, isResilient: true };
  state.durables.set(persistentId, open);
  touch(state, open);
}

/** The connection is gone. [MS-SMB2] 3.3.7.1 */
export function disconnect(state: CoreState, open: OpenState, nowMs: number): 'kept' | 'closed' {
  endWaitingLocks(state, open, NtStatus.CANCELLED);
  endWatch(state, open, NtStatus.NOTIFY_CLEANUP);
  const { cache } = open;
  const wasTold = cache?.lease !== undefined && newestConnected(cache) === open;
  const fate = keepOrClose(state, open, nowMs);
  // [MS-SMB2] 3.3.4.7: a break that this session was told of may reach the client through another one's open of the lease.
  if (wasTold) repeatBreak(state, cache);
  return fate;
}

function keepOrClose(state: CoreState, open: OpenState, nowMs: number): 'kept' | 'closed' {
  const { user } = open.owner;
  const count = state.disconnectedByUser.get(user) ?? 0;
  if (open.durable === undefined || !isKept(open) || count >= state.settings.durableCountPerUser) {
    closeOpen(state, open, { isReal: true, isExpiry: false });
    return 'closed';
  }
  open.isDisconnected = true;
  open.expiresMs = nowMs + open.durable.timeoutMs;
  state.disconnected.add(open);
  state.nextExpiryMs = Math.min(state.nextExpiryMs, open.expiresMs);
  state.disconnectedByUser.set(user, count + 1);
  return 'kept';
}

/** Kept: resilient and persistent opens always, durable ones while they hold handle caching that nobody is breaking. */
function isKept(open: OpenState): boolean {
  if (open.durable?.isPersistent || open.durable?.isResilient) return true;
  return hasHandleCaching(open) && open.cache?.breakingTo === undefined;
}

/** Durable reconnect. */
export function reclaim(state: CoreState, request: ReclaimRequest): ReclaimOutcome {
  const open = state.durables.get(request.persistentId);
  const status = open === undefined ? NtStatus.OBJECT_NAME_NOT_FOUND : reclaimStatus(open, request);
  if (open === undefined || status !== NtStatus.SUCCESS) return { kind: 'denied', status };
  endDisconnection(state, open);
  open.isDisconnected = false;
  leaveCreateGuid(state, open);
  open.owner = request.owner;
  enterCreateGuid(state, open);
  touch(state, open);
  if (open.cache !== undefined) repeatBreak(state, open.cache);
  return { kind: 'granted', open, cache: grantOf(open) };
}

/** The checks of [MS-SMB2] 3.3.5.9.7 and 3.3.5.9.12, in their order. */
function reclaimStatus(open: OpenState, request: ReclaimRequest): NtStatus {
  const { durable, cache } = open;
  const lease = cache?.lease;
  const notFound = NtStatus.OBJECT_NAME_NOT_FOUND;
  if (durable === undefined || !open.isDisconnected) return notFound;
  // The older reconnect finds opens of either version; to the newer one an open of version 1 has the nil CreateGuid.
  if (request.version === 2 && (open.createGuid ?? nilGuid) !== request.createGuid) return notFound;
  if (request.isPersistent && !durable.isPersistent) return notFound;
  if (open.owner.share !== request.owner.share) return notFound;
  if ((lease === undefined) !== (request.lease === undefined)) return notFound;
  if (lease !== undefined) {
    if (lease.clientGuid !== request.owner.clientGuid || lease.key !== request.lease?.key) return notFound;
    if (!request.isSameName(open)) return NtStatus.INVALID_PARAMETER;
  }
  return open.owner.user === request.owner.user ? NtStatus.SUCCESS : NtStatus.ACCESS_DENIED;
}

/** Closes what nobody came back for. [MS-SMB2] 3.3.6.2, 3.3.6.3 */
export function expireDurables(state: CoreState, nowMs: number): void {
  if (nowMs < state.nextExpiryMs) return;
  let next = Number.POSITIVE_INFINITY;
  for (const open of [...state.disconnected]) {
    if (open.expiresMs <= nowMs) closeOpen(state, open, { isReal: true, isExpiry: true });
    else next = Math.min(next, open.expiresMs);
  }
  state.nextExpiryMs = next;
}
