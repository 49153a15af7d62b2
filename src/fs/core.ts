/**
 * The file-system core: one object that owns sharing, oplocks, leases, byte-range locks, deletion, durable opens and
 * change notification. The rules stand in the other files of this folder; here each call finds its state, breaks what
 * the operation breaks, and answers.
 */

import { defaultLimits } from '../base/limits.ts';
import { NtStatus } from '../base/status.ts';
import { FileAction } from '../wire/flags.ts';
import { closeOpen } from './closing.ts';
import type { CoreCensus, CoreSettings, CoreSnapshot, FileCore } from './contract.ts';
import { applyDisposition, isDeletePending } from './deletion.ts';
import { disconnect, expireDurables, makeResilient, reclaim } from './durable.ts';
import {
  type Cache,
  type CoreState,
  cacheOwnerOf,
  createNameOf,
  leaseOwnerOf,
  newState,
  type OpenState,
  opensOfFile,
  sparedBy,
  stateOf,
  touch,
} from './file-object.ts';
import { requestLocks } from './lock-requests.ts';
import { report, reportLoss, watch } from './notify.ts';
import { openFile } from './opening.ts';
import {
  acknowledgeLease,
  acknowledgeOplock,
  type BreakScope,
  breakCaches,
  expireBreaks,
  repeatBreak,
} from './oplock-breaks.ts';
import { checkLeaseKey, grantOf, leftTo, nothingHeld } from './oplock-grants.ts';
import type { BreakingOperation } from './oplock-table.ts';
import {
  followRename,
  type Obstacle,
  obstacleToLink,
  obstacleToRename,
  obstacleToStreamRename,
} from './rename.ts';
import { type RecordChange, restoreSnapshot, takeChanges, takeSnapshot } from './snapshot.ts';
import { cancelTicket, waitForBreaks } from './tickets.ts';
import type * as api from './types.ts';

const done: api.Done = Object.freeze({ kind: 'done' });
const closed: api.Denied = Object.freeze({ kind: 'denied', status: NtStatus.FILE_CLOSED });
const lockConflict: api.Denied = Object.freeze({ kind: 'denied', status: NtStatus.FILE_LOCK_CONFLICT });

const defaults: CoreSettings = {
  breakTimeoutMs: defaultLimits.breakTimeoutMs,
  durableTimeoutMs: defaultLimits.durableTimeoutMs,
  durableTimeoutMaxMs: defaultLimits.durableTimeoutMs,
  durableCountPerUser: defaultLimits.durableCountPerUser,
  lockCountPerOpen: defaultLimits.lockCountPerOpen,
  notifyBytes: defaultLimits.notifyBytes,
};

/** A core without any open. */
export function createCore(settings: Partial<CoreSettings> = {}): FileCore {
  return new FileSystemCore({ ...defaults, ...settings });
}

class FileSystemCore implements FileCore {
  readonly #state: CoreState;

  constructor(settings: CoreSettings) {
    this.#state = newState(settings);
  }

  configure(settings: Partial<CoreSettings>): void {
    this.#state.settings = { ...this.#state.settings, ...settings };
  }

  takeEffects(): api.CoreEffects {
    const { effects } = this.#state;
    if (effects.length > 0) this.#state.effects = [];
    return effects;
  }

  open(intent: api.OpenIntent, nowMs: number): api.OpenOutcome {
    return openFile(this.#state, intent, nowMs);
  }

  checkLeaseKey(
    owner: api.Owner,
    cache: api.CacheRequest,
    file: api.FileKey | undefined,
    stream = '',
  ): NtStatus {
    const target = file === undefined ? undefined : { file, stream };
    return checkLeaseKey(this.#state, owner, cache, target);
  }

  abandon(open: api.CoreOpen, _nowMs: number): void {
    const found = stateOf(this.#state, open);
    if (found !== undefined) closeOpen(this.#state, found, { isReal: false, isExpiry: false });
  }

  close(open: api.CoreOpen, _nowMs: number): void {
    const found = stateOf(this.#state, open);
    if (found !== undefined) closeOpen(this.#state, found, { isReal: true, isExpiry: false });
  }

  acknowledgeOplock(
    open: api.CoreOpen,
    level: number,
    nowMs: number,
  ): api.Denied | { kind: 'done'; level: number } {
    const found = stateOf(this.#state, open);
    return found === undefined ? closed : acknowledgeOplock(this.#state, found, level, nowMs);
  }

  acknowledgeLease(
    lease: { readonly clientGuid: api.Guid; readonly key: api.Guid; readonly state: number },
    nowMs: number,
  ): api.Denied | { kind: 'done'; state: number } {
    return acknowledgeLease(this.#state, lease, nowMs);
  }

  repeatBreaks(opens: readonly api.CoreOpen[]): void {
    const caches = new Set(opens.flatMap((open) => stateOf(this.#state, open)?.cache ?? []));
    for (const cache of caches) if (cache.lease !== undefined) repeatBreak(this.#state, cache);
  }

  cacheOf(open: api.CoreOpen): api.CacheGrant {
    const found = stateOf(this.#state, open);
    return found === undefined ? nothingHeld : grantOf(found);
  }

  leftTo(open: api.CoreOpen): api.CacheGrant {
    const found = stateOf(this.#state, open);
    return found === undefined ? nothingHeld : leftTo(found);
  }

  lock(
    open: api.CoreOpen,
    elements: readonly api.LockElement[],
    nowMs: number,
    sequence?: api.LockSequence,
  ): api.LockOutcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    const breakOthers = () => this.#breakFor(found, 'lock', nowMs);
    return requestLocks(this.#state, { open: found, elements, sequence, breakOthers });
  }

  read(open: api.CoreOpen, offset: bigint, length: bigint, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    const { streamObject: stream } = found;
    if (stream.locks.blocksRead(found.id, { offset, length })) return lockConflict;
    return this.#breakFor(found, 'read', nowMs);
  }

  write(open: api.CoreOpen, offset: bigint, length: bigint, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    const { streamObject: stream } = found;
    if (stream.locks.blocksWrite(found.id, { offset, length })) return lockConflict;
    return this.#breakFor(found, 'write', nowMs);
  }

  wrote(open: api.CoreOpen, nowMs: number): void {
    const found = stateOf(this.#state, open);
    if (found === undefined || !found.streamObject.caches?.size) return;
    const scope = { ...this.#scope(nowMs), spared: cacheOwnerOf(found) };
    breakCaches(this.#state, found.streamObject, 'write', scope);
  }

  flush(open: api.CoreOpen, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    return found === undefined ? closed : this.#breakFor(found, 'flush', nowMs);
  }

  truncate(open: api.CoreOpen, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    return found === undefined ? closed : this.#breakFor(found, 'truncate', nowMs);
  }

  setDisposition(open: api.CoreOpen, disposition: api.Disposition, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    const outcome = disposition.isDelete ? this.#breakFor(found, 'handle', nowMs) : done;
    if (outcome.kind === 'done') applyDisposition(this.#state, found, disposition);
    return outcome;
  }

  isDeletePending(file: api.FileKey, stream: string): boolean {
    return isDeletePending(this.#state, file, stream);
  }

  rename(open: api.CoreOpen, request: api.RenameRequest, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    return this.#outcomeOf(obstacleToRename(this.#state, found, request, this.#scope(nowMs)));
  }

  renameStream(open: api.CoreOpen, to: string, replaceIfExists: boolean, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    const request = { to, replaceIfExists };
    return this.#outcomeOf(obstacleToStreamRename(this.#state, found, request, this.#scope(nowMs)));
  }

  link(open: api.CoreOpen, request: api.RenameRequest, nowMs: number): api.Outcome {
    const found = stateOf(this.#state, open);
    if (found === undefined) return closed;
    return this.#outcomeOf(obstacleToLink(this.#state, found, request, this.#scope(nowMs)));
  }

  renamed(open: api.CoreOpen, to: api.Place, _nowMs: number): void {
    const found = stateOf(this.#state, open);
    if (found !== undefined) followRename(this.#state, found, to);
  }

  streamRenamed(open: api.CoreOpen, to: string): void {
    const stream = stateOf(this.#state, open)?.streamObject;
    if (stream === undefined) return;
    stream.file.streams.delete(stream.name);
    stream.name = to;
    stream.file.streams.set(to, stream);
    for (const other of stream.opens) {
      other.stream = to;
      touch(this.#state, other);
    }
  }

  watch(open: api.CoreOpen, request: api.WatchRequest, _nowMs: number): api.WatchOutcome {
    const found = stateOf(this.#state, open);
    return found === undefined ? closed : watch(this.#state, found, request);
  }

  changed(change: api.Change, nowMs: number): void {
    this.#breakDirectory(change, change.place, nowMs);
    const { newPlace } = change;
    const isMove = newPlace?.ancestors.at(-1)?.directory !== change.place.ancestors.at(-1)?.directory;
    if (newPlace !== undefined && isMove && change.action === FileAction.RENAMED_OLD_NAME) {
      this.#breakDirectory(change, newPlace, nowMs);
    }
    report(this.#state, change);
  }

  changesLost(directory: api.FileKey): void {
    reportLoss(this.#state, directory);
  }

  createdAnew(file: api.FileKey, createdAt: string): void {
    const object = this.#state.files.get(file);
    for (const open of object === undefined ? [] : opensOfFile(object)) {
      open.createdAt = createdAt;
      touch(this.#state, open);
    }
  }

  changedOutside(file: api.FileKey, nowMs: number): void {
    const stream = this.#state.files.get(file)?.streams.get('');
    if (stream !== undefined) breakCaches(this.#state, stream, 'write', this.#scope(nowMs));
  }

  get hasWatches(): boolean {
    return this.#state.watchers.size > 0;
  }

  disconnect(open: api.CoreOpen, nowMs: number, keepDurable = true): 'kept' | 'closed' {
    const found = stateOf(this.#state, open);
    if (found === undefined) return 'closed';
    if (keepDurable) return disconnect(this.#state, found, nowMs);
    closeOpen(this.#state, found, { isReal: true, isExpiry: false });
    return 'closed';
  }

  reclaim(request: api.ReclaimRequest, _nowMs: number): api.ReclaimOutcome {
    return reclaim(this.#state, request);
  }

  makeResilient(
    open: api.CoreOpen,
    resiliency: { readonly persistentId: number; readonly timeoutMs: number },
  ): void {
    const found = stateOf(this.#state, open);
    if (found !== undefined) makeResilient(this.#state, found, resiliency);
  }

  findByCreateGuid(clientGuid: api.Guid, createGuid: api.Guid): api.CoreOpen | undefined {
    return this.#state.byCreateGuid.get(createNameOf(clientGuid, createGuid));
  }

  cancelTicket(ticket: api.Ticket, _nowMs: number): boolean {
    return cancelTicket(this.#state, ticket);
  }

  nextDeadline(): number | undefined {
    const { breaking, disconnected, nextExpiryMs } = this.#state;
    let deadline: number | undefined;
    // Breaks stand in the order of their deadlines.
    for (const cache of breaking) {
      deadline = cache.deadlineMs;
      break;
    }
    if (disconnected.size === 0) return deadline;
    return deadline === undefined ? nextExpiryMs : Math.min(deadline, nextExpiryMs);
  }

  advance(nowMs: number): void {
    expireBreaks(this.#state, nowMs);
    expireDurables(this.#state, nowMs);
  }

  opensOf(file: api.FileKey): readonly api.CoreOpen[] {
    const object = this.#state.files.get(file);
    return object === undefined ? [] : [...opensOfFile(object)];
  }

  get openCount(): number {
    return this.#state.opens.size;
  }

  census(): CoreCensus {
    const { opens, files, leases, tickets, breaking, watchers, disconnected } = this.#state;
    return {
      opens: opens.size,
      files: files.size,
      leases: leases.size,
      tickets: tickets.size,
      breaks: breaking.size,
      watchedDirectories: watchers.size,
      disconnectedOpens: disconnected.size,
      locks: sumOf(opens.values(), ({ lockCount }) => lockCount),
    };
  }

  snapshot(): CoreSnapshot {
    return takeSnapshot(this.#state);
  }

  takeChanges(): readonly RecordChange[] {
    return takeChanges(this.#state);
  }

  restore(snapshot: CoreSnapshot, nowMs: number): readonly api.CoreOpen[] {
    return restoreSnapshot(this.#state, snapshot, nowMs);
  }

  #scope(nowMs: number): BreakScope {
    const purge = (open: OpenState) => closeOpen(this.#state, open, { isReal: true, isExpiry: true });
    return { purge, nowMs };
  }

  /** Breaks what work through `open` breaks on its stream, and waits where it must. */
  #breakFor(open: OpenState, operation: BreakingOperation, nowMs: number): api.Outcome {
    if (!open.streamObject.caches?.size) return done;
    const scope = { ...this.#scope(nowMs), spared: cacheOwnerOf(open) };
    return this.#waitFor(breakCaches(this.#state, open.streamObject, operation, scope));
  }

  #waitFor(caches: readonly Cache[]): api.Outcome {
    return caches.length === 0 ? done : waitForBreaks(this.#state, caches);
  }

  #outcomeOf(obstacle: Obstacle): api.Outcome {
    if (obstacle.kind === 'free') return done;
    return obstacle.kind === 'denied' ? obstacle : this.#waitFor(obstacle.caches);
  }

  /** [MS-FSA] 2.1.4.12 with PARENT_OBJECT: leases on the directory break, but for the one the change was made under. */
  #breakDirectory(change: api.Change, place: api.Place, nowMs: number): void {
    if (change.sparesLeases === true) return;
    const directory = this.#state.files.get(place.ancestors.at(-1)?.directory ?? '');
    const stream = directory?.streams.get('');
    if (!stream?.caches?.size) return;
    const name = change.by === undefined ? undefined : sparedBy(change.by);
    const isSpared = (cache: Cache) =>
      name === undefined ? cache.lease?.key === change.parentKey : cache.owner === leaseOwnerOf(name);
    const only = (cache: Cache) => !isSpared(cache);
    breakCaches(this.#state, stream, 'entry', { ...this.#scope(nowMs), only });
  }
}

function sumOf<T>(items: Iterable<T>, of: (item: T) => number): number {
  let sum = 0;
  for (const item of items) sum += of(item);
  return sum;
}
