/**
 * What a client asks for in CREATE so that it may cache and come back, what it was given, and how it tells that it has been
 * taken back: leases of both versions, oplocks, durable handles of both versions. [MS-SMB2] 3.2.4.3.5, 3.2.4.3.8, 3.2.5.7
 */
import { nilGuid } from '../wire/dtyp/guid.ts';
import { LeaseState, OplockLevel } from '../wire/flags.ts';
import type { CreateResponse } from '../wire/smb2/create.ts';
import {
  type CreateContext,
  CreateContextName,
  DurableHandleFlags,
  DurableHandleReconnect,
  DurableHandleReconnectV2,
  DurableHandleRequest,
  DurableHandleRequestV2,
  LeaseFlags,
  QueryOnDiskIdResponse,
  RequestLease,
  RequestLeaseV2,
} from '../wire/smb2/create-context.ts';
import type { FileId } from '../wire/smb2/file-id.ts';
import { DialectRevision } from '../wire/smb2/negotiate.ts';
import type { OpenOptions } from './client-tree.ts';

type Context = Pick<CreateContext, 'name' | 'data'>;

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;
/** All that can be cached. */
export const RWH: number = R | W | H;

/** How an open is to be cached. */
export interface CacheWish {
  /** `none`, an oplock, or a lease, where the dialect has them. */
  readonly kind: 'none' | 'oplock' | 'lease';
  readonly isDurable: boolean;
  /** The open is to outlive the server's process; from dialect 3.0 on, with or without a cache. */
  readonly isPersistent?: boolean;
  /** LeaseKey: new for every open that does not share another one's cache. */
  readonly leaseKey: string;
  /** CreateGuid: new for every open. */
  readonly createGuid: string;
  /** The LeaseState bits that are asked for; default: all. */
  readonly leaseState?: number;
  /** LeaseKey of the lease on the directory, where the client has one: what changes through this open leaves that lease alone. */
  readonly parentLeaseKey?: string | undefined;
  /** CREATE carries its CreateGuid even if the open is not to be durable, so that it can be sent again on another channel. */
  readonly isReplayable?: boolean;
}

/** What an open was given. */
export interface CacheGrant {
  /** LeaseState bits, also for oplocks. */
  readonly state: number;
  /** Epoch of a lease of version 2, otherwise 0. */
  readonly epoch: number;
  /** Some of it is being taken back; how much is not known yet. */
  readonly isBreaking: boolean;
  readonly isDurable: boolean;
}

const hasLeases = (dialect: number): boolean => dialect >= DialectRevision.SMB_2_1;
const isVersion2 = (dialect: number): boolean => dialect >= DialectRevision.SMB_3_0;

/** The part of a CREATE that asks for caching. */
export function wishOptions(wish: CacheWish, dialect: number): Pick<OpenOptions, 'oplockLevel' | 'contexts'> {
  const asks = mayBeDurable(wish) || isReplayable(wish, dialect);
  const durable = asks ? [durableRequest(wish, dialect)] : [];
  return {
    oplockLevel: levelOf(wish, dialect),
    contexts: [...leaseContexts(wish, dialect, wish.leaseState ?? RWH), ...durable],
  };
}

function mayBeDurable({ isDurable, isPersistent, kind }: CacheWish): boolean {
  return isDurable && (kind !== 'none' || isPersistent === true);
}

/** CREATE carries a CreateGuid, by which the server knows it when it comes again. [MS-SMB2] 3.3.5.9.10 */
export function isReplayable(wish: CacheWish, dialect: number): boolean {
  return isVersion2(dialect) && (wish.isReplayable === true || mayBeDurable(wish));
}

/** The part of a CREATE that takes a durable open up again. */
export function reconnectOptions(
  wish: CacheWish,
  dialect: number,
  former: { readonly fileId: FileId; readonly state: number },
): Pick<OpenOptions, 'oplockLevel' | 'contexts'> {
  const { fileId, state } = former;
  const reconnect = isVersion2(dialect)
    ? {
        name: CreateContextName.DURABLE_HANDLE_RECONNECT_V2,
        data: DurableHandleReconnectV2.encode({ fileId, createGuid: wish.createGuid, flags: flagsOf(wish) }),
      }
    : {
        name: CreateContextName.DURABLE_HANDLE_RECONNECT,
        data: DurableHandleReconnect.encode({ fileId }),
      };
  return {
    oplockLevel: levelOf(wish, dialect),
    contexts: [...leaseContexts(wish, dialect, state), reconnect],
  };
}

function levelOf({ kind }: CacheWish, dialect: number): number {
  if (kind === 'none') return OplockLevel.NONE;
  return kind === 'lease' && hasLeases(dialect) ? OplockLevel.LEASE : OplockLevel.BATCH;
}

function leaseContexts(wish: CacheWish, dialect: number, leaseState: number): Context[] {
  const { kind, leaseKey, parentLeaseKey } = wish;
  if (kind !== 'lease' || !hasLeases(dialect)) return [];
  const name = CreateContextName.REQUEST_LEASE;
  if (!isVersion2(dialect))
    return [{ name, data: RequestLease.encode({ leaseKey, leaseState, leaseFlags: 0 }) }];
  const lease = {
    leaseKey,
    leaseState,
    leaseFlags: parentLeaseKey === undefined ? 0 : LeaseFlags.PARENT_LEASE_KEY_SET,
    parentLeaseKey: parentLeaseKey ?? nilGuid,
    epoch: 0,
  };
  return [{ name, data: RequestLeaseV2.encode(lease) }];
}

const flagsOf = ({ isPersistent }: CacheWish): number =>
  isPersistent === true ? DurableHandleFlags.PERSISTENT : 0;

function durableRequest(wish: CacheWish, dialect: number): Context {
  if (!isVersion2(dialect)) {
    return { name: CreateContextName.DURABLE_HANDLE_REQUEST, data: DurableHandleRequest.encode({}) };
  }
  const data = DurableHandleRequestV2.encode({
    timeout: 0,
    flags: flagsOf(wish),
    createGuid: wish.createGuid,
  });
  return { name: CreateContextName.DURABLE_HANDLE_REQUEST_V2, data };
}

/** Reads what CREATE gave. */
export function grantOf(created: CreateResponse, dialect: number): CacheGrant {
  const contexts = new Map(created.createContexts.map(({ name, data }) => [name, data]));
  const lease = contexts.get(CreateContextName.REQUEST_LEASE);
  const isDurable =
    contexts.has(CreateContextName.DURABLE_HANDLE_REQUEST) ||
    contexts.has(CreateContextName.DURABLE_HANDLE_REQUEST_V2);
  if (lease === undefined) {
    return { state: stateOfOplock(created.oplockLevel), epoch: 0, isBreaking: false, isDurable };
  }
  const is2 = isVersion2(dialect);
  const { leaseState, leaseFlags } = is2 ? RequestLeaseV2.decode(lease) : RequestLease.decode(lease);
  const epoch = is2 ? RequestLeaseV2.decode(lease).epoch : 0;
  const isBreaking = (leaseFlags & LeaseFlags.BREAK_IN_PROGRESS) !== 0;
  return { state: leaseState, epoch, isBreaking, isDurable };
}

/** What an oplock lets its holder cache. [MS-SMB2] 3.2.5.19.1 */
export function stateOfOplock(level: number): number {
  if (level === OplockLevel.BATCH) return RWH;
  if (level === OplockLevel.EXCLUSIVE) return R | W;
  return level === OplockLevel.LEVEL_II ? R : 0;
}

/** The part of a CREATE that asks for the FileId of what is opened. [MS-SMB2] 2.2.13.2.9 */
export const wantsDiskId: Context = { name: CreateContextName.QUERY_ON_DISK_ID, data: Buffer.alloc(0) };

/** The FileId that CREATE gave, as listings have it; 0n when it gave none. */
export function diskIdOf(created: CreateResponse): bigint {
  const context = created.createContexts.find(({ name }) => name === CreateContextName.QUERY_ON_DISK_ID);
  return context === undefined ? 0n : QueryOnDiskIdResponse.decode(context.data).diskFileId;
}
