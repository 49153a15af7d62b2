/**
 * CREATE on a file whose name is resolved and whose access is checked. [MS-FSA] 2.1.5.1.2; [MS-SMB2] 3.3.5.9
 */
import { NtStatus } from '../base/status.ts';
import { AccessMask, CreateOption } from '../wire/flags.ts';
import { closeOpen } from './closing.ts';
import { isGoing } from './deletion.ts';
import { grantDurable } from './durable.ts';
import {
  type Cache,
  type CoreState,
  collectStream,
  type FileObject,
  type OpenState,
  opensOfFile,
  register,
  type StreamObject,
  streamFor,
} from './file-object.ts';
import { type BreakScope, breakCaches } from './oplock-breaks.ts';
import { checkLeaseKey, grantCache, grantOf, isStatAccess, requestedOwner } from './oplock-grants.ts';
import { type Sharer, violatesSharing } from './sharing.ts';
import { endTicket, issueTicket, waitForBreaks } from './tickets.ts';
import type { OpenIntent, OpenOutcome } from './types.ts';

/** Opens, or says why not, or waits for others to come down. */
export function openFile(state: CoreState, intent: OpenIntent, nowMs: number): OpenOutcome {
  const { file, stream: name, place, owner, cache } = intent;
  if (isGoing(state, file, name, place)) return { kind: 'denied', status: NtStatus.DELETE_PENDING };
  const keyStatus = checkLeaseKey(state, owner, cache, { file, stream: name });
  if (keyStatus !== NtStatus.SUCCESS) return { kind: 'denied', status: keyStatus };
  const effectsBefore = state.effects.length;
  const takenOver = takeOver(state, intent);
  if (takenOver !== NtStatus.SUCCESS) return { kind: 'denied', status: takenOver };
  const outcome = state.files.has(file) ? contendFor(state, intent, nowMs) : clear;
  if (outcome.kind !== 'clear') return outcome;
  // Opens that were closed on the way may have taken the file with them: then the name is looked up again.
  if (isRemovedSince(state, effectsBefore)) return retryAtOnce(state);
  if (isGoing(state, file, name, place)) return { kind: 'denied', status: NtStatus.DELETE_PENDING };
  // They may also have been the last of their stream: join what is in the table now.
  const open = newOpen(state, streamFor(state, intent), intent);
  grantCache(state, open, cache);
  grantDurable(state, open, intent.durable);
  return { kind: 'granted', open, status: outcome.status, cache: grantOf(open) };
}

/** Some name is going since there were so many effects. */
function isRemovedSince({ effects }: CoreState, count: number): boolean {
  return effects.length > count && effects.slice(count).some((effect) => effect.kind === 'delete');
}

function retryAtOnce(state: CoreState): OpenOutcome {
  const ticket = issueTicket(state);
  endTicket(state, ticket);
  state.effects.push({ kind: 'retry', ticket: ticket.ticket });
  return { kind: 'wait', ticket: ticket.ticket };
}

/** [MS-SMB2] 3.3.5.9.13, 3.3.5.9.15: an application instance that fails over closes its opens on the lost node. */
function takeOver(state: CoreState, intent: OpenIntent): NtStatus {
  const { appInstance, owner } = intent;
  const file = state.files.get(intent.file);
  if (appInstance === undefined || file === undefined) return NtStatus.SUCCESS;
  for (const open of [...opensOfFile(file)]) {
    const isSame = open.appInstance === appInstance.id && open.owner.clientGuid !== owner.clientGuid;
    if (!isSame || open.owner.share !== owner.share) continue;
    const isOlder =
      appInstance.version !== undefined &&
      open.appVersion !== undefined &&
      appInstance.version <= open.appVersion;
    if (isOlder) return NtStatus.FILE_FORCED_CLOSED;
    closeOpen(state, open, { isReal: true, isExpiry: true });
  }
  return NtStatus.SUCCESS;
}

type Contention =
  | { readonly kind: 'clear'; readonly status: NtStatus }
  | Exclude<OpenOutcome, { kind: 'granted' }>;

const clear: Contention = Object.freeze({ kind: 'clear', status: NtStatus.SUCCESS });

/** The contention with those who have the file open. */
function contendFor(state: CoreState, intent: OpenIntent, nowMs: number): Contention {
  const stream = streamFor(state, intent);
  const outcome = contend(state, stream, intent, nowMs);
  // Maybe nobody has the stream open yet; whoever is granted it brings it back.
  collectStream(state, stream);
  return outcome;
}

/** Others' share modes, then others' caches. */
function contend(state: CoreState, stream: StreamObject, intent: OpenIntent, nowMs: number): Contention {
  if (intent.isNew) return clear;
  const spared = requestedOwner(intent.owner, intent.cache);
  const scope: BreakScope = {
    ...(spared === undefined ? {} : { spared }),
    purge: (open) => closeOpen(state, open, { isReal: true, isExpiry: true }),
    nowMs,
  };
  // Who replaces the content waits in any case: what a holder writes back late would stand over it.
  const isImpatient =
    (intent.createOptions & CreateOption.COMPLETE_IF_OPLOCKED) !== 0 && intent.replaces === 'nothing';
  const opposing = opposingOpens(stream.file, intent);
  const handles = breakHandlesOf(state, opposing, scope);
  if (handles.length > 0 && !isImpatient) return { ...waitForBreaks(state, handles), isOpposed: true };
  const violation = violationOf(opposing);
  if (violation !== NtStatus.SUCCESS) return { kind: 'denied', status: violation };
  const awaited = [
    ...(isDeletion(intent) ? breakCaches(state, stream, 'handle', scope) : []),
    ...breakForAccess(state, stream, intent, scope),
  ];
  if (awaited.length === 0) return clear;
  if (isImpatient) return { kind: 'clear', status: NtStatus.OPLOCK_BREAK_IN_PROGRESS };
  return waitForBreaks(state, awaited);
}

function isDeletion(intent: OpenIntent): boolean {
  return (intent.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
}

function accessOf(intent: OpenIntent): number {
  const desired = intent.desiredAccess ?? intent.grantedAccess;
  return desired & AccessMask.MAXIMUM_ALLOWED ? intent.grantedAccess : desired;
}

function breakForAccess(
  state: CoreState,
  stream: StreamObject,
  intent: OpenIntent,
  scope: BreakScope,
): Cache[] {
  if (intent.replaces !== 'nothing') return breakCaches(state, stream, 'overwrite', scope);
  const access = accessOf(intent);
  if (isStatAccess(access, 'oplock')) return [];
  const only = (cache: Cache) => !isStatAccess(access, cache.kind);
  return breakCaches(state, stream, 'open', { ...scope, only });
}

/**
 * What is said of opens that are still there after their handle caching was broken: a holder may have closed the file
 * already on its side, and is asked before the violation is final. [MS-FSA] 2.1.5.1.2
 */
function violationOf(opposing: readonly OpenState[]): NtStatus {
  const left = opposing.filter((open) => !open.isClosed);
  if (left.length === 0) return NtStatus.SUCCESS;
  // [MS-SMB2] 3.3.5.9: what waits for the client of a persistent handle to come back is not available meanwhile.
  const isAway = left.some((open) => open.isDisconnected && open.durable?.isPersistent === true);
  return isAway ? NtStatus.FILE_NOT_AVAILABLE : NtStatus.SHARING_VIOLATION;
}

/** The opens of a file, in all its streams, that `sharer` may not stand beside. */
export function opposingOpens(file: FileObject, sharer: Sharer): OpenState[] {
  return [...opensOfFile(file)].filter((open) => violatesSharing(open, sharer));
}

/** Breaks the handle caching of just these opens. */
export function breakHandlesOf(state: CoreState, opens: readonly OpenState[], scope: BreakScope): Cache[] {
  const caches = new Set(opens.flatMap((open) => (open.cache === undefined ? [] : [open.cache])));
  const only = (cache: Cache) => caches.has(cache);
  const streams = new Set(opens.map((open) => open.streamObject));
  return [...streams].flatMap((stream) => breakCaches(state, stream, 'handle', { ...scope, only }));
}

function newOpen(state: CoreState, stream: StreamObject, intent: OpenIntent): OpenState {
  const open: OpenState = {
    id: state.nextOpenId++,
    file: intent.file,
    stream: intent.stream,
    place: intent.place,
    isDirectory: intent.isDirectory,
    grantedAccess: intent.grantedAccess,
    shareAccess: intent.shareAccess,
    createOptions: intent.createOptions,
    owner: intent.owner,
    deleteOnClose: isDeletion(intent),
    isClosed: false,
    isDisconnected: false,
    durable: undefined,
    createGuid: intent.durable?.createGuid,
    streamObject: stream,
    cache: undefined,
    parentKey: intent.cache.kind === 'lease' ? intent.cache.parentKey : undefined,
    desiredAccess: accessOf(intent),
    createdAt: intent.createdAt,
    appInstance: intent.appInstance?.id,
    appVersion: intent.appInstance?.version,
    isPosixDelete: false,
    lockCount: 0,
    lockSequences: undefined,
    watch: undefined,
    expiresMs: 0,
  };
  register(state, open);
  return open;
}
