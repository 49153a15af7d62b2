/**
 * Breaking oplocks and leases, and the ways a break ends: acknowledgement, close, time-out. [MS-FSA] 2.1.4.12, 2.1.5.19;
 * [MS-SMB2] 3.3.4.6, 3.3.4.7, 3.3.5.22
 */
import { NtStatus } from '../base/status.ts';
import { LeaseState, OplockLevel } from '../wire/flags.ts';
import type { Cache, CoreState, LeaseName, OpenState, StreamObject } from './file-object.ts';
import { leaseOwnerOf, touchCache } from './file-object.ts';
import { type BreakingOperation, BreakTable, needsAcknowledgement, remainder } from './oplock-table.ts';
import { releaseWaiters } from './tickets.ts';
import type { Denied } from './types.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

/** Whose caches an operation breaks. */
export interface BreakScope {
  /** Whose rights are left alone: a cache owner. */
  readonly spared?: string;
  /** Only these; default: every cache of the stream. */
  readonly only?: (cache: Cache) => boolean;
  /** Closes opens that cannot be told: durable ones without a connection. */
  readonly purge: (open: OpenState) => void;
  readonly nowMs: number;
}

/**
 * Breaks what `operation` breaks on `stream`, and returns the caches whose acknowledgement it must wait for.
 */
export function breakCaches(
  state: CoreState,
  stream: StreamObject,
  operation: BreakingOperation,
  scope: BreakScope,
): Cache[] {
  if (!stream.caches?.size) return [];
  const row = BreakTable[operation];
  const awaited: Cache[] = [];
  for (const cache of [...stream.caches]) {
    if (scope.only !== undefined && !scope.only(cache)) continue;
    const isOwn = cache.owner === scope.spared;
    if (isOwn && !(row.breaksOwnLevel2 && isLevel2(cache))) continue;
    if (!(cache.state & row.breaks)) continue;
    if (purgeUnreachable(cache, scope)) continue;
    breakCache(state, cache, row.breaks, scope.nowMs);
    if (cache.breakingTo !== undefined && (cache.state & row.waitsFor) !== 0) awaited.push(cache);
  }
  return awaited;
}

function isLevel2(cache: Cache): boolean {
  return cache.kind === 'oplock' && cache.state === R;
}

/**
 * [MS-SMB2] 3.3.4.6, 3.3.4.7: a break that no connection can carry closes durable opens; persistent and resilient ones
 * have the time-out to come back and acknowledge.
 */
function purgeUnreachable(cache: Cache, scope: BreakScope): boolean {
  const opens = [...cache.opens];
  const isLost = (open: OpenState) =>
    open.isDisconnected && !open.durable?.isPersistent && !open.durable?.isResilient;
  if (opens.length === 0 || !opens.every(isLost)) return false;
  for (const open of opens) scope.purge(open);
  return true;
}

/** Takes `lost` from one cache: at once, or by a break to be acknowledged. */
export function breakCache(state: CoreState, cache: Cache, lost: number, nowMs: number): void {
  touchCache(state, cache);
  if (cache.breakingTo !== undefined) {
    // A break is under way: what more must go is asked for after its acknowledgement.
    cache.required = remainder(cache.kind, cache.required, lost);
    return;
  }
  const target = remainder(cache.kind, cache.state, lost);
  if (target === cache.state) return;
  cache.epoch = nextEpoch(cache);
  cache.required = target;
  startBreak(state, cache, target, nowMs);
}

function nextEpoch(cache: Cache): number {
  return cache.version === 2 ? (cache.epoch + 1) & 0xffff : 0;
}

/** Tells the holder. Without anything to flush or close it holds the new state at once. */
function startBreak(state: CoreState, cache: Cache, target: number, nowMs: number): void {
  const from = cache.state;
  const isAckRequired = needsAcknowledgement(from);
  if (isAckRequired) {
    cache.breakingTo = target;
    cache.deadlineMs = nowMs + state.settings.breakTimeoutMs;
    state.breaking.delete(cache);
    state.breaking.add(cache);
  } else {
    cache.state = target;
  }
  pushBreak(state, cache, { from, to: target, isAckRequired });
}

interface Step {
  readonly from: number;
  readonly to: number;
  readonly isAckRequired: boolean;
}

function pushBreak(state: CoreState, cache: Cache, { from, to, isAckRequired }: Step): void {
  const opens = [...cache.opens].filter((open) => !open.isDisconnected).reverse();
  // Nobody can hear it now; who comes back in time is told then.
  if (opens.length === 0) return;
  if (cache.lease !== undefined) {
    const { clientGuid, key } = cache.lease;
    const { version, epoch } = cache;
    const target = 'lease';
    state.effects.push({
      kind: 'break',
      target,
      clientGuid,
      key,
      version,
      from,
      to,
      epoch,
      isAckRequired,
      opens,
    });
    return;
  }
  const [open] = opens;
  if (open === undefined) return;
  state.effects.push({ kind: 'break', target: 'oplock', open, toLevel: levelOf(to), isAckRequired });
}

/** The open through which the holder of `cache` is told of its breaks. */
export function newestConnected(cache: Cache): OpenState | undefined {
  return [...cache.opens].findLast((open) => !open.isDisconnected);
}

/** A holder came back while its break is under way, or lost the channel that it came on: it is told again. [MS-SMB2] 3.3.5.9.12 */
export function repeatBreak(state: CoreState, cache: Cache): void {
  if (cache.breakingTo === undefined) return;
  pushBreak(state, cache, { from: cache.state, to: cache.breakingTo, isAckRequired: true });
}

/** The level of an oplock that holds `state`. */
export function levelOf(state: number): number {
  if (!(state & R)) return OplockLevel.NONE;
  if (!(state & W)) return OplockLevel.LEVEL_II;
  return state & H ? OplockLevel.BATCH : OplockLevel.EXCLUSIVE;
}

/** What an oplock of `level` may cache. */
export function stateOfLevel(level: number): number {
  switch (level) {
    case OplockLevel.LEVEL_II:
      return R;
    case OplockLevel.EXCLUSIVE:
      return R | W;
    case OplockLevel.BATCH:
      return R | W | H;
    default:
      return 0;
  }
}

/** The holder came down to `kept`; more may have to go. */
function settle(state: CoreState, cache: Cache, kept: number, nowMs: number): void {
  touchCache(state, cache);
  cache.state = kept;
  cache.breakingTo = undefined;
  const left = kept & cache.required;
  if (left === kept) {
    endBreak(state, cache);
    return;
  }
  // What came in between is asked for in steps: handles first, then reading. The epoch stays that of the first break.
  const next = needsAcknowledgement(kept) ? left | (kept & R) : left;
  startBreak(state, cache, remainder(cache.kind, kept, ~next), nowMs);
  if (cache.breakingTo === undefined) endBreak(state, cache);
}

function endBreak(state: CoreState, cache: Cache): void {
  cache.breakingTo = undefined;
  cache.required = cache.state;
  state.breaking.delete(cache);
  releaseWaiters(state, cache);
}

/** Gives up on an acknowledgement: the holder keeps nothing. [MS-SMB2] 3.3.6.1, 3.3.6.4 */
export function expireBreaks(state: CoreState, nowMs: number): void {
  for (const cache of [...state.breaking]) {
    if (cache.deadlineMs > nowMs) return;
    cache.required = 0;
    settle(state, cache, 0, nowMs);
  }
}

/** The cache has no open any more: whatever was awaited from it has happened. */
export function dropCache(state: CoreState, cache: Cache): void {
  cache.state = 0;
  cache.stream.caches?.delete(cache);
  if (cache.lease !== undefined) state.leases.delete(cache.owner);
  endBreak(state, cache);
}

type OplockAnswer = Denied | { kind: 'done'; level: number };

/** OPLOCK_BREAK acknowledgement. [MS-SMB2] 3.3.5.22.1 */
export function acknowledgeOplock(
  state: CoreState,
  open: OpenState,
  level: number,
  nowMs: number,
): OplockAnswer {
  const { cache } = open;
  if (level === OplockLevel.LEASE) return { kind: 'denied', status: NtStatus.INVALID_PARAMETER };
  if (cache === undefined || cache.kind !== 'oplock' || cache.breakingTo === undefined) {
    return { kind: 'denied', status: NtStatus.INVALID_OPLOCK_PROTOCOL };
  }
  const kept = stateOfLevel(level);
  if ((kept & ~cache.breakingTo) !== 0 || (level !== OplockLevel.NONE && kept === 0)) {
    // Such a holder is not to be trusted with any caching.
    cache.required = 0;
    settle(state, cache, 0, nowMs);
    return { kind: 'denied', status: NtStatus.INVALID_OPLOCK_PROTOCOL };
  }
  settle(state, cache, kept, nowMs);
  return { kind: 'done', level };
}

type LeaseAnswer = Denied | { kind: 'done'; state: number };

/** Lease break acknowledgement. [MS-SMB2] 3.3.5.22.2 */
export function acknowledgeLease(
  state: CoreState,
  name: LeaseName & { readonly state: number },
  nowMs: number,
): LeaseAnswer {
  const cache = state.leases.get(leaseOwnerOf(name));
  if (cache === undefined) return { kind: 'denied', status: NtStatus.OBJECT_NAME_NOT_FOUND };
  if (cache.breakingTo === undefined) return { kind: 'denied', status: NtStatus.UNSUCCESSFUL };
  if ((name.state & ~cache.breakingTo) !== 0) {
    return { kind: 'denied', status: NtStatus.REQUEST_NOT_ACCEPTED };
  }
  const kept = remainder('lease', name.state, 0);
  settle(state, cache, kept, nowMs);
  return { kind: 'done', state: kept };
}
