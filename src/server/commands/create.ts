/**
 * CREATE: opens, makes or reclaims a file, directory or pipe. [MS-SMB2] 3.3.5.9
 */
import type { MaybePromise } from '../../backend/contract.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { CacheRequest } from '../../fs/types.ts';
import type { Open } from '../../session/open.ts';
import { createFile } from '../../vfs/create.ts';
import type { OpenRequest, OpenResult } from '../../vfs/create-parameters.ts';
import { chain, rescue } from '../../vfs/maybe-promise.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { reclaimFile } from '../../vfs/reclaim.ts';
import { Volume } from '../../vfs/volume.ts';
import { Waiter } from '../../vfs/waiter.ts';
import { CreateAction, OplockLevel } from '../../wire/flags.ts';
import { CreateRequest, CreateResponse, ImpersonationLevel } from '../../wire/smb2/create.ts';
import { Command } from '../../wire/smb2/header.ts';
import { Capability } from '../../wire/smb2/negotiate.ts';
import { type CreateContext, command, Reply } from '../command.ts';
import { decodeContexts, type Reconnect, type RequestContexts } from './create-contexts.ts';
import { createPipe } from './create-pipe.ts';
import { broughtBack, mayBeDurable, once, replayed, type Work } from './create-replay.ts';
import { createResponse, type Opened } from './create-response.ts';
import { requesterOf } from './open-target.ts';

export const create = command({
  name: 'CREATE',
  code: Command.CREATE,
  needs: 'tree',
  request: CreateRequest,
  response: CreateResponse,
  subject: (request) => request.name,
  interimAfterMs: 500,
  modifies: () => false,
  spec: '[MS-SMB2] 2.2.13, 2.2.14, 3.3.5.9',
  handle(context, request) {
    const { target } = context.tree.share;
    if (target instanceof Volume) return createOn(target, context, request);
    checkRequest({ ...request, name: '' });
    return createPipe(context, request);
  },
});

/** [MS-SMB2] 3.3.5.9: what is refused before anything is looked at. */
function checkRequest(request: CreateRequest): void {
  const isKnownLevel = request.impersonationLevel <= ImpersonationLevel.DELEGATE;
  demand(isKnownLevel, NtStatus.BAD_IMPERSONATION_LEVEL);
  demand(!request.name.startsWith('\\'), NtStatus.INVALID_PARAMETER, 'the name begins with a separator');
}

function createOn(volume: Volume, context: CreateContext, request: CreateRequest): MaybePromise<Created> {
  const { dialect } = context.session;
  const asked = decodeContexts(request.createContexts, dialect, context.limits);
  // [MS-SMB2] 3.3.5.9.7: who reclaims an open need not repeat what was asked for.
  if (asked.reconnect === undefined) checkRequest(request);
  const work = { volume, context, request, asked, creation: { isOpposed: false } };
  const mayBeKnown = asked.durable?.createGuid !== undefined || asked.reconnect !== undefined;
  return mayBeKnown ? once(work, createOnce) : makeOpen(work);
}

type Created = CreateResponse | Reply<CreateResponse>;

/** What may be answered by an open that there is already. */
function createOnce(work: Work): MaybePromise<Created> {
  return chain(replayed(work), (again) => {
    if (again === undefined) return chain(found(work), answerWith, work);
    const { request, asked } = work;
    return createResponse(again, mayBeDurable(request, again) ? asked : { ...asked, durable: undefined });
  });
}

/** What the request means: an open that it gets back, or one that it makes. */
function found(work: Work): MaybePromise<Unregistered> {
  return chain(broughtBack(work), (back) => {
    if (back !== undefined) return { ...back, isReclaimed: true };
    const { reconnect } = work.asked;
    return reconnect === undefined ? openOrWait(work, openRequestOf(work)) : reclaim(work, reconnect);
  });
}

function makeOpen(work: Work): MaybePromise<Created> {
  return chain(openOrWait(work, openRequestOf(work)), answerWith, work);
}

type Unregistered = Omit<Opened, 'fileId'>;

function answerWith(opened: Unregistered, work: Work): MaybePromise<Created> {
  opened.file.createAction = opened.action;
  return chain(register(work.context, opened), answerFor, opened, work);
}

function answerFor({ fileId }: Open, opened: Unregistered, { asked }: Work): MaybePromise<Created> {
  const { file, action, cache, stat } = opened;
  return chain(createResponse({ file, fileId, action, cache, stat }, asked), announcing, file);
}

function announcing(response: CreateResponse, file: OpenFile): Created {
  return new Reply(NtStatus.SUCCESS, response, { afterSend: () => file.announce() });
}

function openRequestOf(work: Work): OpenRequest {
  const { volume, context, request, asked } = work;
  return {
    path: request.name,
    desiredAccess: request.desiredAccess,
    fileAttributes: request.fileAttributes,
    shareAccess: request.shareAccess,
    createDisposition: request.createDisposition,
    createOptions: request.createOptions,
    requester: requesterOf(context),
    cache: cacheRequestOf(request, asked),
    durable: durableRequestOf(volume, context, asked),
    appInstance: asked.appInstance,
    allocationBytes: asked.allocationBytes,
    extendedAttributes: asked.extendedAttributes,
    securityDescriptor: asked.securityDescriptor,
    snapshotTime: asked.snapshotTime,
  };
}

/** [MS-SMB2] 3.3.5.9.10: persistent handles exist on continuously available shares only. */
function durableRequestOf(
  { isContinuouslyAvailable, driver }: Volume,
  { connection }: CreateContext,
  { durable }: RequestContexts,
): OpenRequest['durable'] {
  if (durable === undefined || durable.isPersistent !== true) return durable;
  const capabilities = connection.negotiated?.serverCapabilities ?? 0;
  const isAgreed = (capabilities & Capability.PERSISTENT_HANDLES) !== 0;
  return { ...durable, isPersistent: isContinuouslyAvailable && driver.storesOpens && isAgreed };
}

/** [MS-SMB2] 3.3.5.9: a lease counts only where the level says so. */
function cacheRequestOf({ requestedOplockLevel }: CreateRequest, { lease }: RequestContexts): CacheRequest {
  switch (requestedOplockLevel) {
    case OplockLevel.LEASE:
      return lease ?? uncached;
    case OplockLevel.LEVEL_II:
    case OplockLevel.EXCLUSIVE:
    case OplockLevel.BATCH:
      return { kind: 'oplock', level: requestedOplockLevel };
    default:
      return uncached;
  }
}

const uncached: CacheRequest = Object.freeze({ kind: 'none' });

function openOrWait(work: Work, request: OpenRequest): MaybePromise<OpenResult> {
  return chain(createFile(work.volume, request), orWait, work, request);
}

function orWait(outcome: OpenResult | Waiter, work: Work, request: OpenRequest): MaybePromise<OpenResult> {
  return outcome instanceof Waiter ? openAfter(outcome, work, request) : outcome;
}

async function openAfter(waiter: Waiter, work: Work, request: OpenRequest): Promise<OpenResult> {
  work.creation.isOpposed = waiter.isOpposed;
  await work.context.wait(waiter, { interim: 'now' });
  return openOrWait(work, { ...request, retryOf: waiter.ticket });
}

async function reclaim(
  { volume, context, request, asked }: Work,
  reconnect: Reconnect,
): Promise<Unregistered> {
  const { lease } = asked;
  const reclaimed = await reclaimFile(volume, {
    ...reconnect,
    ...(lease === undefined ? {} : { lease }),
    requester: requesterOf(context),
    path: request.name,
  });
  return { ...reclaimed, action: CreateAction.OPENED, isReclaimed: true };
}

/** Gives the open its FileId. A session that ended meanwhile gets none, and nothing is left open that was not there before. */
function register(context: CreateContext, opened: Unregistered): MaybePromise<Open> {
  return rescue(registerStored, giveUp, { context, opened });
}

interface Registration {
  readonly context: CreateContext;
  readonly opened: Unregistered;
}

function registerStored({ context, opened: { file } }: Registration): MaybePromise<Open> {
  return chain(file.volume.driver.stored(file.core), enter, context, file);
}

function giveUp(error: unknown, { opened: { file, isReclaimed } }: Registration): MaybePromise<never> {
  return chain(file.close(isReclaimed === true ? 'disconnect' : 'close'), () => {
    throw error;
  });
}

function enter(_stored: void, context: CreateContext, file: OpenFile): Open {
  const { session, tree } = context;
  demand(session.trees.get(tree.treeId) === tree, NtStatus.NETWORK_NAME_DELETED, 'the tree is gone');
  demand(!context.connection.isClosed || context.outlivesChannel, NtStatus.CONNECTION_DISCONNECTED);
  const open = session.addOpen(tree, file, file.persistentId);
  // [MS-SMB2] 3.3.5.9: requests from before this CREATE's channel sequence are of the past.
  open.channelSequence = context.header.channelSequence;
  context.carryOpen(open);
  return open;
}
