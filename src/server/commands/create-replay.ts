/**
 * CREATE sent again after a channel was lost: the open that the first one made is answered once more. [MS-SMB2] 3.3.5.9,
 * 3.3.5.9.10
 */
import { demand, NtStatus } from '../../base/status.ts';
import type { CacheGrant } from '../../fs/types.ts';
import type { ServerState } from '../../session/server-state.ts';
import type { Volume } from '../../vfs/volume.ts';
import { OplockLevel } from '../../wire/flags.ts';
import type { CreateRequest } from '../../wire/smb2/create.ts';
import { HeaderFlags } from '../../wire/smb2/header.ts';
import type { CreateContext } from '../command.ts';
import type { RequestContexts } from './create-contexts.ts';
import type { Opened } from './create-response.ts';

/** Creations with a CreateGuid that are being worked on, by client and GUID. */
const underWay = new WeakMap<ServerState, Set<string>>();

function clientGuidOf({ connection, session }: CreateContext): string {
  return connection.negotiated?.clientGuid ?? session.clientGuid;
}

/** Runs `work`, during which the same creation sent again is refused with FILE_NOT_AVAILABLE, for the client to try later. */
export async function once<T>(
  context: CreateContext,
  { durable }: RequestContexts,
  work: () => Promise<T>,
): Promise<T> {
  if (durable?.createGuid === undefined) return work();
  const names = underWay.get(context.server) ?? new Set();
  underWay.set(context.server, names);
  const name = `${clientGuidOf(context)}/${durable.createGuid}`;
  demand(!names.has(name), NtStatus.FILE_NOT_AVAILABLE, 'the creation is under way');
  names.add(name);
  try {
    return await work();
  } finally {
    names.delete(name);
  }
}

/** True when the answer to a replay speaks of a durable open: only where this request could have got one. */
export function mayBeDurable({ requestedOplockLevel }: CreateRequest): boolean {
  return requestedOplockLevel === OplockLevel.LEASE || requestedOplockLevel === OplockLevel.BATCH;
}

/** What the first creation with the request's CreateGuid made; undefined when this is the first. */
export async function replayed(
  volume: Volume,
  context: CreateContext,
  { request, asked }: { request: CreateRequest; asked: RequestContexts },
): Promise<Opened | undefined> {
  const createGuid = asked.durable?.createGuid;
  if (createGuid === undefined) return undefined;
  const { core } = volume.driver;
  const found = core.findByCreateGuid(clientGuidOf(context), createGuid);
  if (found === undefined || found.isDisconnected) return undefined;
  const isReplay = (context.header.flags & HeaderFlags.REPLAY_OPERATION) !== 0;
  const file = volume.driver.fileOf(found);
  const open = file && context.server.opensByTarget.get(file);
  // [MS-SMB2] 3.3.1.10: once something was done with the open, the client has its answer.
  if (file === undefined || open?.isReplayEligible !== true) return undefined;
  demand(isReplay, NtStatus.DUPLICATE_OBJECTID, 'CreateGuid in use');
  demand(open.tree.session === context.session, NtStatus.ACCESS_DENIED, 'open of another session');
  const held = core.cacheOf(found);
  checkCache(held, request, asked);
  // Of an oplock the client is told the level that it asks for this time, whatever the open holds.
  const cache =
    held.kind === 'lease' ? held : { kind: 'oplock' as const, level: request.requestedOplockLevel };
  context.carryOpen(open);
  return { file, fileId: open.fileId, action: file.createAction, cache, stat: await file.stat() };
}

/** [MS-SMB2] 3.3.5.9.10: the replay names the lease that the open has, or none where it has none. */
function checkCache(cache: CacheGrant, request: CreateRequest, { lease }: RequestContexts): void {
  const asksForLease = request.requestedOplockLevel === OplockLevel.LEASE && lease !== undefined;
  const isSame = cache.kind === 'lease' ? asksForLease && lease.key === cache.key : !asksForLease;
  demand(isSame, NtStatus.ACCESS_DENIED, 'another lease than the one the open has');
}
