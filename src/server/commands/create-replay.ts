/**
 * CREATE sent again after a channel was lost: the open that the first one made is answered once more. [MS-SMB2] 3.3.5.9,
 * 3.3.5.9.10
 */
import type { MaybePromise } from '../../backend/contract.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { CacheGrant } from '../../fs/types.ts';
import type { ServerState } from '../../session/server-state.ts';
import { chain, lastly } from '../../vfs/maybe-promise.ts';
import { reclaimFile } from '../../vfs/reclaim.ts';
import type { Volume } from '../../vfs/volume.ts';
import { OplockLevel } from '../../wire/flags.ts';
import type { CreateRequest } from '../../wire/smb2/create.ts';
import { HeaderFlags } from '../../wire/smb2/header.ts';
import type { CreateContext } from '../command.ts';
import type { RequestContexts } from './create-contexts.ts';
import type { Opened } from './create-response.ts';
import { requesterOf } from './open-target.ts';

/** A CREATE that is being worked on. */
export interface Creation {
  /** It waits for others to close what it may not stand beside; there will be no open if they do not. */
  isOpposed: boolean;
}

/** A request with its contexts, and the note that it is being worked on. */
export interface Work {
  readonly volume: Volume;
  readonly context: CreateContext;
  readonly request: CreateRequest;
  readonly asked: RequestContexts;
  readonly creation: Creation;
}

/** Creations with a CreateGuid that are being worked on, by client and GUID. */
const underWay = new WeakMap<ServerState, Map<string, Creation>>();

function clientGuidOf({ connection, session }: CreateContext): string {
  return connection.negotiated?.clientGuid ?? session.clientGuid;
}

/**
 * Runs `work` by `run`, during which the same creation sent again is refused, and which the loss of the channel does not end: the
 * client looks for its outcome on another one.
 */
export function once<T>(work: Work, run: (work: Work) => MaybePromise<T>): MaybePromise<T> {
  const { context, asked, creation } = work;
  const { durable } = asked;
  if (durable?.createGuid === undefined) return run(work);
  const creations = underWay.get(context.server) ?? new Map<string, Creation>();
  underWay.set(context.server, creations);
  const name = `${clientGuidOf(context)}/${durable.createGuid}`;
  const first = creations.get(name);
  // As Windows does: there is no open yet that a replay could be compared with, only one that may not come to be.
  if (first?.isOpposed === true && isReplay(context)) return run(work);
  demand(first === undefined, isReplay(context) ? NtStatus.ACCESS_DENIED : NtStatus.FILE_NOT_AVAILABLE);
  creations.set(name, creation);
  context.outlivesChannel = true;
  return lastly(
    () => run(work),
    (key) => creations.delete(key),
    name,
  );
}

function isReplay({ header }: CreateContext): boolean {
  return (header.flags & HeaderFlags.REPLAY_OPERATION) !== 0;
}

/**
 * True when the answer to a replay speaks of a durable open: only where this request could have got one. A persistent open needs
 * no cache. [MS-SMB2] 3.3.5.9.10
 */
export function mayBeDurable({ requestedOplockLevel }: CreateRequest, { file }: Opened): boolean {
  const { LEASE, BATCH } = OplockLevel;
  const mayCache = requestedOplockLevel === LEASE || requestedOplockLevel === BATCH;
  return mayCache || file.core.durable?.isPersistent === true;
}

/** What the first creation with the request's CreateGuid made; undefined when this is the first. */
export function replayed({ volume, context, request, asked }: Work): MaybePromise<Opened | undefined> {
  const createGuid = asked.durable?.createGuid;
  if (createGuid === undefined) return undefined;
  const { core } = volume.driver;
  const found = core.findByCreateGuid(clientGuidOf(context), createGuid);
  if (found === undefined || found.isDisconnected) return undefined;
  const file = volume.driver.fileOf(found);
  const open = file && context.server.opensByTarget.get(file);
  // [MS-SMB2] 3.3.1.10: once something was done with the open, the client has its answer.
  if (file === undefined || open?.isReplayEligible !== true) return undefined;
  demand(isReplay(context), NtStatus.DUPLICATE_OBJECTID, 'CreateGuid in use');
  demand(open.tree.session === context.session, NtStatus.ACCESS_DENIED, 'open of another session');
  const held = core.leftTo(found);
  checkCache(held, request, asked);
  // As Windows does, no more of an oplock than is asked for this time; what was taken back meanwhile the client never heard of.
  const cache =
    held.kind === 'lease' ? held : { ...held, level: Math.min(held.level, request.requestedOplockLevel) };
  context.carryOpen(open);
  return chain(file.stat(), (stat) => ({
    file,
    fileId: open.fileId,
    action: file.createAction,
    cache,
    stat,
  }));
}

/**
 * The persistent open that the first creation made and whose connection is lost: a replay gets it back, anything else is
 * refused. Undefined when there is none.
 */
export function broughtBack({
  volume,
  context,
  request,
  asked,
}: Work): MaybePromise<Omit<Opened, 'fileId'> | undefined> {
  const { durable, lease } = asked;
  if (durable?.createGuid === undefined) return undefined;
  const found = volume.driver.core.findByCreateGuid(clientGuidOf(context), durable.createGuid);
  if (found?.isDisconnected !== true || found.durable?.isPersistent !== true) return undefined;
  demand(isReplay(context), NtStatus.DUPLICATE_OBJECTID, 'CreateGuid in use');
  const reclaiming = reclaimFile(volume, {
    version: 2,
    persistentId: found.durable.persistentId,
    createGuid: durable.createGuid,
    ...(lease === undefined ? {} : { lease }),
    requester: requesterOf(context),
    path: request.name,
  });
  return reclaiming.then((reclaimed) => ({ ...reclaimed, action: reclaimed.file.createAction }));
}

/** [MS-SMB2] 3.3.5.9.10: the replay names the lease that the open has, or none where it has none. */
function checkCache(cache: CacheGrant, request: CreateRequest, { lease }: RequestContexts): void {
  const asksForLease = request.requestedOplockLevel === OplockLevel.LEASE && lease !== undefined;
  const isSame = cache.kind === 'lease' ? asksForLease && lease.key === cache.key : !asksForLease;
  demand(isSame, NtStatus.ACCESS_DENIED, 'another lease than the one the open has');
}
