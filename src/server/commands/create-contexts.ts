/**
 * The create contexts of a request, decoded and checked against each other. [MS-SMB2] 3.3.5.9
 */
import type { Limits } from '../../base/limits.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { AppInstance, DurableRequest, LeaseRequest } from '../../fs/types.ts';
import type { Dialect } from '../../session/dialect.ts';
import type { EaEntry } from '../../vfs/extended-attributes.ts';
import type { Codec } from '../../wire/codec.ts';
import { type SecurityDescriptor, SecurityDescriptorCodec } from '../../wire/dtyp/security-descriptor.ts';
import { FileFullEaInformationList } from '../../wire/fscc/extended-attributes.ts';
import {
  AppInstanceId,
  AppInstanceVersion,
  CreateAllocationSize,
  type CreateContext,
  DurableHandleFlags,
  DurableHandleReconnect,
  DurableHandleReconnectV2,
  DurableHandleRequest,
  DurableHandleRequestV2,
  LeaseFlags,
  CreateContextName as Name,
  QueryMaximalAccessRequest,
  RequestLease,
  RequestLeaseV2,
  TimewarpToken,
} from '../../wire/smb2/create-context.ts';

/** A durable open to be reclaimed. */
export interface Reconnect {
  readonly version: 1 | 2;
  readonly persistentId: number;
  readonly createGuid?: string;
  readonly isPersistent?: boolean;
}

export interface RequestContexts {
  readonly extendedAttributes: readonly EaEntry[] | undefined;
  readonly securityDescriptor: SecurityDescriptor | undefined;
  readonly allocationBytes: bigint | undefined;
  readonly snapshotTime: bigint | undefined;
  /** The time of the client's copy (0: it has none) where the maximal access is asked for. */
  readonly maximalAccessSince: bigint | undefined;
  readonly wantsDiskId: boolean;
  readonly lease: LeaseRequest | undefined;
  readonly durable: Omit<DurableRequest, 'persistentId'> | undefined;
  readonly reconnect: Reconnect | undefined;
  readonly appInstance: AppInstance | undefined;
}

/** Of a request without contexts. */
const none: RequestContexts = Object.freeze({
  extendedAttributes: undefined,
  securityDescriptor: undefined,
  allocationBytes: undefined,
  snapshotTime: undefined,
  maximalAccessSince: undefined,
  wantsDiskId: false,
  lease: undefined,
  durable: undefined,
  reconnect: undefined,
  appInstance: undefined,
});

const nameBytesMin = 4;

/**
 * Decodes what this server knows and ignores the rest, AAPL and POSIX among it: clients use those extensions only where they are
 * answered. INVALID_PARAMETER for what is malformed. [MS-SMB2] 3.3.5.9
 */
export function decodeContexts(
  contexts: readonly CreateContext[],
  dialect: Dialect,
  limits: Limits,
): RequestContexts {
  if (contexts.length === 0) return none;
  demand(
    contexts.length <= limits.createContextCount,
    NtStatus.INVALID_PARAMETER,
    'too many create contexts',
  );
  const data = new Map<string, Buffer>();
  for (const context of contexts) {
    demand(context.name.length >= nameBytesMin, NtStatus.INVALID_PARAMETER, 'name of a create context');
    data.set(context.name, context.data);
  }
  const read = <T>(name: string, codec: Codec<T>): T | undefined => decode(data.get(name), codec);
  return {
    extendedAttributes: read(Name.EA_BUFFER, FileFullEaInformationList),
    securityDescriptor: read(Name.SD_BUFFER, SecurityDescriptorCodec),
    allocationBytes: read(Name.ALLOCATION_SIZE, CreateAllocationSize)?.allocationSize,
    snapshotTime: read(Name.TIMEWARP_TOKEN, TimewarpToken)?.timestamp || undefined,
    maximalAccessSince: maximalAccessSince(data.get(Name.QUERY_MAXIMAL_ACCESS_REQUEST)),
    wantsDiskId: data.has(Name.QUERY_ON_DISK_ID),
    lease: decodeLease(data.get(Name.REQUEST_LEASE), dialect),
    ...decodeDurability(data, dialect),
    appInstance: dialect.isSmb3 ? decodeAppInstance(data) : undefined,
  };
}

function decode<T>(bytes: Buffer | undefined, codec: Codec<T>): T | undefined {
  return bytes === undefined ? undefined : codec.decode(bytes);
}

/** [MS-SMB2] 2.2.13.2.5: the data may be empty. */
function maximalAccessSince(bytes: Buffer | undefined): bigint | undefined {
  if (bytes === undefined || bytes.length === 0) return bytes && 0n;
  return QueryMaximalAccessRequest.decode(bytes).timestamp;
}

/** [MS-SMB2] 3.3.5.9.8, 3.3.5.9.11: the size tells the version; dialects without it ignore it. */
function decodeLease(bytes: Buffer | undefined, dialect: Dialect): LeaseRequest | undefined {
  if (bytes === undefined || !dialect.hasLeasing) return undefined;
  if (bytes.length === RequestLease.fixedBytes) {
    const { leaseKey, leaseState } = RequestLease.decode(bytes);
    return { kind: 'lease', version: 1, key: leaseKey, state: leaseState, epoch: 0 };
  }
  if (!dialect.hasDirectoryLeasing) return undefined;
  const { leaseKey, leaseState, leaseFlags, parentLeaseKey, epoch } = RequestLeaseV2.decode(bytes);
  const hasParent = (leaseFlags & LeaseFlags.PARENT_LEASE_KEY_SET) !== 0;
  return {
    kind: 'lease',
    version: 2,
    key: leaseKey,
    state: leaseState,
    epoch,
    ...(hasParent ? { parentKey: parentLeaseKey } : {}),
  };
}

function decodeDurability(
  data: ReadonlyMap<string, Buffer>,
  dialect: Dialect,
): Pick<RequestContexts, 'durable' | 'reconnect'> {
  const of = (name: string, isKnown = true): Buffer | undefined => (isKnown ? data.get(name) : undefined);
  const request = of(Name.DURABLE_HANDLE_REQUEST);
  const reconnect = of(Name.DURABLE_HANDLE_RECONNECT);
  const requestV2 = of(Name.DURABLE_HANDLE_REQUEST_V2, dialect.isSmb3);
  const reconnectV2 = of(Name.DURABLE_HANDLE_RECONNECT_V2, dialect.isSmb3);
  const isFirst = request !== undefined || reconnect !== undefined;
  // [MS-SMB2] 3.3.5.9.7, 3.3.5.9.10, 3.3.5.9.12: the versions are not mixed, and version 2 asks for one thing only.
  const isMixed = isFirst && (requestV2 !== undefined || reconnectV2 !== undefined);
  const isDouble = requestV2 !== undefined && reconnectV2 !== undefined;
  demand(!isMixed && !isDouble, NtStatus.INVALID_PARAMETER, 'durable contexts contradict each other');
  if (reconnect !== undefined) {
    const { fileId } = DurableHandleReconnect.decode(reconnect);
    return { durable: undefined, reconnect: { version: 1, persistentId: fileId.persistent } };
  }
  if (reconnectV2 !== undefined) return { durable: undefined, reconnect: decodeReconnectV2(reconnectV2) };
  if (requestV2 !== undefined) return { durable: decodeDurableV2(requestV2), reconnect: undefined };
  if (request !== undefined) DurableHandleRequest.decode(request);
  return { durable: request && { version: 1 }, reconnect: undefined };
}

function decodeDurableV2(bytes: Buffer): Omit<DurableRequest, 'persistentId'> {
  const { timeout, flags, createGuid } = DurableHandleRequestV2.decode(bytes);
  const isPersistent = (flags & DurableHandleFlags.PERSISTENT) !== 0;
  return { version: 2, createGuid, timeoutMs: timeout, isPersistent };
}

function decodeReconnectV2(bytes: Buffer): Reconnect {
  const { fileId, createGuid, flags } = DurableHandleReconnectV2.decode(bytes);
  const isPersistent = (flags & DurableHandleFlags.PERSISTENT) !== 0;
  return { version: 2, persistentId: fileId.persistent, createGuid, isPersistent };
}

function decodeAppInstance(data: ReadonlyMap<string, Buffer>): AppInstance | undefined {
  const id = decode(data.get(Name.APP_INSTANCE_ID), AppInstanceId)?.appInstanceId;
  if (id === undefined) return undefined;
  const version = decode(data.get(Name.APP_INSTANCE_VERSION), AppInstanceVersion);
  if (version === undefined) return { id };
  return { id, version: (version.appInstanceVersionHigh << 64n) | version.appInstanceVersionLow };
}
