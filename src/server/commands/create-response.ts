/**
 * The answer to CREATE, with the create contexts that answer those of the request. [MS-SMB2] 2.2.14, 3.3.5.9
 */
import type { BackendStat, MaybePromise } from '../../backend/contract.ts';
import { EMPTY } from '../../base/bytes.ts';
import { NtStatus } from '../../base/status.ts';
import type { CacheGrant } from '../../fs/types.ts';
import type { FileIdValue } from '../../session/open.ts';
import { allocationOf } from '../../vfs/attributes.ts';
import { chain } from '../../vfs/maybe-promise.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { maximumAccessOfOpen } from '../../vfs/security-information.ts';
import { nilGuid } from '../../wire/dtyp/guid.ts';
import { type CreateAction, FileAttribute, OplockLevel } from '../../wire/flags.ts';
import { CreateFlags, type CreateResponse } from '../../wire/smb2/create.ts';
import {
  type CreateContext,
  DurableHandleFlags,
  DurableHandleResponse,
  DurableHandleResponseV2,
  LeaseFlags,
  CreateContextName as Name,
  QueryMaximalAccessResponse,
  QueryOnDiskIdResponse,
  RequestLease,
  RequestLeaseV2,
} from '../../wire/smb2/create-context.ts';
import type { RequestContexts } from './create-contexts.ts';

/** What there is to tell of a new or reclaimed open. */
export interface Opened {
  readonly file: OpenFile;
  readonly fileId: FileIdValue;
  readonly action: CreateAction;
  readonly cache: CacheGrant;
  readonly stat: BackendStat;
  /** It is one that the client had before, and keeps should it not learn that it has it again. */
  readonly isReclaimed?: boolean;
}

export function createResponse(opened: Opened, asked: RequestContexts): MaybePromise<CreateResponse> {
  return chain(contextsFor(opened, asked), responseWith, opened);
}

function contextsFor(opened: Opened, asked: RequestContexts): MaybePromise<readonly CreateContext[]> {
  const { file, cache } = opened;
  const isLeased = cache.kind === 'lease';
  const isDurable = file.core.durable !== undefined && asked.durable !== undefined;
  const contexts = isLeased || isDurable ? [...leaseContext(cache), ...durableContext(file, asked)] : NONE;
  const { maximalAccessSince: since, wantsDiskId } = asked;
  return since === undefined && !wantsDiskId ? contexts : withMore(contexts, opened, asked);
}

function withMore(
  contexts: readonly CreateContext[],
  opened: Opened,
  { maximalAccessSince: since, wantsDiskId }: RequestContexts,
): MaybePromise<readonly CreateContext[]> {
  const access = since === undefined ? NONE : maximalAccessContext(opened, since);
  return chain(access, (ofAccess) =>
    chain(wantsDiskId ? diskIdContext(opened.file) : NONE, (ofDisk) => [...contexts, ...ofAccess, ...ofDisk]),
  );
}

const NONE: readonly CreateContext[] = Object.freeze([]);

function responseWith(createContexts: readonly CreateContext[], opened: Opened): CreateResponse {
  const { file, stat, cache } = opened;
  const fileAttributes = file.attributesOf(stat);
  return {
    oplockLevel: cache.kind === 'lease' ? OplockLevel.LEASE : cache.level,
    flags: fileAttributes & FileAttribute.REPARSE_POINT ? CreateFlags.REPARSEPOINT : 0,
    createAction: opened.action,
    creationTime: stat.creationTime,
    lastAccessTime: stat.lastAccessTime,
    lastWriteTime: stat.lastWriteTime,
    changeTime: stat.changeTime,
    allocationSize: file.isDirectory ? 0n : allocationOf(stat, file.shared.reservedBytes),
    endOfFile: file.isDirectory ? 0n : BigInt(stat.sizeBytes),
    fileAttributes,
    fileId: opened.fileId,
    createContexts,
  };
}

function context(name: string, data: Buffer = EMPTY): CreateContext {
  return { name, data };
}

function leaseContext(cache: CacheGrant): CreateContext[] {
  if (cache.kind !== 'lease') return [];
  const { key: leaseKey, state: leaseState, epoch, parentKey } = cache;
  const breaking = cache.isBreaking ? LeaseFlags.BREAK_IN_PROGRESS : 0;
  if (cache.version === 1) {
    return [context(Name.REQUEST_LEASE, RequestLease.encode({ leaseKey, leaseState, leaseFlags: breaking }))];
  }
  const leaseFlags = breaking | (parentKey === undefined ? 0 : LeaseFlags.PARENT_LEASE_KEY_SET);
  const parentLeaseKey = parentKey ?? nilGuid;
  const lease = { leaseKey, leaseState, leaseFlags, parentLeaseKey, epoch };
  return [context(Name.REQUEST_LEASE, RequestLeaseV2.encode(lease))];
}

/** [MS-SMB2] 3.3.5.9.6, 3.3.5.9.10: answered only where it was asked for and granted. */
function durableContext(file: OpenFile, asked: RequestContexts): CreateContext[] {
  const { durable } = file.core;
  if (durable === undefined || asked.durable === undefined) return [];
  if (durable.version === 1) return [context(Name.DURABLE_HANDLE_REQUEST, DurableHandleResponse.encode({}))];
  const flags = durable.isPersistent ? DurableHandleFlags.PERSISTENT : 0;
  const data = DurableHandleResponseV2.encode({ timeout: durable.timeoutMs, flags });
  return [context(Name.DURABLE_HANDLE_REQUEST_V2, data)];
}

/** [MS-SMB2] 3.3.5.9.5: a client whose copy is as new as the file keeps what it knows. */
function maximalAccessContext({ file, stat }: Opened, since: bigint): MaybePromise<CreateContext[]> {
  const isKnown = since !== 0n && since === stat.lastWriteTime;
  const queryStatus = isKnown ? NtStatus.NONE_MAPPED : NtStatus.SUCCESS;
  return chain(isKnown ? 0 : maximumAccessOfOpen(file), (maximalAccess) => {
    const data = QueryMaximalAccessResponse.encode({ queryStatus, maximalAccess });
    return [context(Name.QUERY_MAXIMAL_ACCESS_REQUEST, data)];
  });
}

function diskIdContext(file: OpenFile): MaybePromise<CreateContext[]> {
  return chain(file.volume.serialNumber(), (serialNumber) => {
    const data = QueryOnDiskIdResponse.encode({
      diskFileId: BigInt.asUintN(64, file.fileId),
      volumeId: BigInt(serialNumber >>> 0),
    });
    return [context(Name.QUERY_ON_DISK_ID, data)];
  });
}
