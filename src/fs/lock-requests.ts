/**
 * LOCK: arrays of locks and unlocks, waiting, sequence numbers. [MS-SMB2] 3.3.5.14; [MS-FSA] 2.1.5.8, 2.1.5.9
 */
import { NtStatus } from '../base/status.ts';
import { AccessMask } from '../wire/flags.ts';
import { isValidRange, type RangeLock } from './byte-range-locks.ts';
import {
  type CoreState,
  cacheOwnerOf,
  type OpenState,
  type StreamObject,
  type TicketState,
  touch,
} from './file-object.ts';
import { endTicket, issueTicket } from './tickets.ts';
import type { Denied, LockElement, LockOutcome, LockSequence } from './types.ts';

/** Flags of one element. [MS-SMB2] 2.2.26.1 */
const shared = 0x01;
const exclusive = 0x02;
const unlock = 0x04;
const failImmediately = 0x10;

const lockFlags: ReadonlySet<number> = new Set([
  shared,
  exclusive,
  shared | failImmediately,
  exclusive | failImmediately,
]);

const done: LockOutcome = Object.freeze({ kind: 'done' });

function denied(status: NtStatus): Denied {
  return { kind: 'denied', status };
}

/** One LOCK request. `breakOthers` breaks what locking breaks, once the request is known to be valid. */
export interface LockRequest {
  readonly open: OpenState;
  readonly elements: readonly LockElement[];
  readonly sequence: LockSequence | undefined;
  readonly breakOthers: () => LockOutcome;
}

export function requestLocks(state: CoreState, request: LockRequest): LockOutcome {
  const { open, elements, sequence } = request;
  const [first] = elements;
  if (first === undefined || open.isDirectory) return denied(NtStatus.INVALID_PARAMETER);
  if (!(open.grantedAccess & (AccessMask.FILE_READ_DATA | AccessMask.FILE_WRITE_DATA))) {
    return denied(NtStatus.ACCESS_DENIED);
  }
  if (sequence !== undefined && isReplay(open, sequence)) return done;
  const outcome =
    first.flags === unlock ? unlockAll(state, open, elements) : lockAll(state, request, elements);
  if (outcome.kind === 'done') recordSequence(open, sequence);
  touch(state, open);
  return outcome;
}

const sequenceIndexMax = 64;

function isVerified(sequence: LockSequence): boolean {
  return sequence.index > 0 && sequence.index <= sequenceIndexMax;
}

/** [MS-SMB2] 3.3.5.14: the same number again was done before; any other makes the entry invalid until it succeeds. */
function isReplay(open: OpenState, sequence: LockSequence): boolean {
  if (!isVerified(sequence)) return false;
  const held = open.lockSequences?.[sequence.index];
  if (held === sequence.number + 1) return true;
  if (open.lockSequences !== undefined) open.lockSequences[sequence.index] = 0;
  return false;
}

function recordSequence(open: OpenState, sequence: LockSequence | undefined): void {
  if (sequence === undefined || !isVerified(sequence)) return;
  open.lockSequences ??= new Array<number>(sequenceIndexMax + 1).fill(0);
  open.lockSequences[sequence.index] = sequence.number + 1;
}

/** Unlocks in order; what was unlocked before a failing element stays so. [MS-SMB2] 3.3.5.14.1 */
function unlockAll(state: CoreState, open: OpenState, elements: readonly LockElement[]): LockOutcome {
  const { locks } = open.streamObject;
  let outcome: LockOutcome = done;
  for (const element of elements) {
    if (element.flags !== unlock) outcome = denied(NtStatus.INVALID_PARAMETER);
    else if (!isValidRange(element)) outcome = denied(NtStatus.INVALID_LOCK_RANGE);
    else if (!locks.remove(open.id, element)) outcome = denied(NtStatus.RANGE_NOT_LOCKED);
    else open.lockCount -= 1;
    if (outcome.kind === 'denied') break;
  }
  serveWaitingLocks(state, open.streamObject);
  return outcome;
}

/** Locks all elements or none. [MS-SMB2] 3.3.5.14.2 */
function lockAll(state: CoreState, request: LockRequest, elements: readonly LockElement[]): LockOutcome {
  const { open } = request;
  for (const { flags } of elements) {
    const mayWait = !(flags & failImmediately);
    if (!lockFlags.has(flags) || (mayWait && elements.length > 1)) return denied(NtStatus.INVALID_PARAMETER);
  }
  if (open.lockCount + elements.length > state.settings.lockCountPerOpen) {
    return denied(NtStatus.INSUFFICIENT_RESOURCES);
  }
  const broken = request.breakOthers();
  if (broken.kind !== 'done') return broken;
  const { locks } = open.streamObject;
  const taken: RangeLock[] = [];
  let outcome: LockOutcome = done;
  for (const element of elements) {
    const lock = rangeLockOf(open, element);
    if (!isValidRange(element)) outcome = denied(NtStatus.INVALID_LOCK_RANGE);
    else if (!locks.conflicts(lock)) {
      locks.add(lock);
      taken.push(lock);
    } else if (element.flags & failImmediately) outcome = denied(NtStatus.LOCK_NOT_GRANTED);
    else return waitForLock(state, open, { lock, sequence: request.sequence });
    if (outcome.kind === 'denied') break;
  }
  if (outcome.kind === 'done') open.lockCount += taken.length;
  else for (const lock of taken.reverse()) locks.release(lock);
  return outcome;
}

function rangeLockOf(open: OpenState, { offset, length, flags }: LockElement): RangeLock {
  return { open: open.id, group: cacheOwnerOf(open), offset, length, isExclusive: (flags & exclusive) !== 0 };
}

/** A blocking lock in the queue of its stream, first come first served. */
export interface WaitingLock {
  readonly open: OpenState;
  readonly lock: RangeLock;
  readonly sequence: LockSequence | undefined;
  readonly ticket: TicketState;
}

function waitForLock(
  state: CoreState,
  open: OpenState,
  wanted: Pick<WaitingLock, 'lock' | 'sequence'>,
): LockOutcome {
  const stream = open.streamObject;
  stream.waitingLocks ??= new Set();
  const queue = stream.waitingLocks;
  const ticket = issueTicket(state, () => queue.delete(waiting));
  const waiting: WaitingLock = { ...wanted, open, ticket };
  queue.add(waiting);
  return { kind: 'wait', ticket: ticket.ticket };
}

/** Something was released: grants what waits and now can be had, in the order of arrival. */
export function serveWaitingLocks(state: CoreState, stream: StreamObject): void {
  const queue = stream.waitingLocks;
  if (queue === undefined) return;
  for (const waiting of [...queue]) {
    if (!queue.has(waiting) || stream.locks.conflicts(waiting.lock)) continue;
    stream.locks.add(waiting.lock);
    waiting.open.lockCount += 1;
    recordSequence(waiting.open, waiting.sequence);
    touch(state, waiting.open);
    for (const same of replaysOf(queue, waiting)) finish(state, queue, same, NtStatus.SUCCESS);
    finish(state, queue, waiting, NtStatus.SUCCESS);
  }
}

/**
 * The same request sent again while the first one waits, because its channel is lost and nobody here knows that yet: what is done
 * for one is done for both, or the second would wait for the lock of the first. [MS-SMB2] 3.3.5.14
 */
function replaysOf(queue: Set<WaitingLock>, { open, sequence, ticket }: WaitingLock): WaitingLock[] {
  if (sequence === undefined || !isVerified(sequence)) return [];
  const { index, number } = sequence;
  return [...queue].filter(
    (other) =>
      other.open === open &&
      other.ticket !== ticket &&
      other.sequence?.index === index &&
      other.sequence.number === number,
  );
}

/** The open goes: its waiting locks end with RANGE_NOT_LOCKED, its locks are released. [MS-FSA] 2.1.5.5 */
export function releaseLocks(state: CoreState, open: OpenState): void {
  const stream = open.streamObject;
  endWaitingLocks(state, open, NtStatus.RANGE_NOT_LOCKED);
  const count = stream.locks.releaseAll(open.id);
  open.lockCount = 0;
  if (count > 0) serveWaitingLocks(state, stream);
}

/** Ends the waiting locks of one open. */
export function endWaitingLocks(state: CoreState, open: OpenState, status: NtStatus): void {
  const queue = open.streamObject.waitingLocks;
  if (queue === undefined) return;
  for (const waiting of [...queue]) {
    if (waiting.open === open) finish(state, queue, waiting, status);
  }
}

function finish(state: CoreState, queue: Set<WaitingLock>, waiting: WaitingLock, status: NtStatus): void {
  queue.delete(waiting);
  endTicket(state, waiting.ticket);
  state.effects.push({ kind: 'lock', ticket: waiting.ticket.ticket, status });
}
