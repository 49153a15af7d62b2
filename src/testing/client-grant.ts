/**
 * What a client asks for in CREATE so that it may cache and come back, what it was given, and how it tells that it has been
 * taken back: leases of both versions, oplocks, durable handles of both versions. [MS-SMB2] 3.2.4.3.5, 3.2.4.3.8, 3.2.5.7
 */
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
}

/** What an open was given. */
export interface CacheGrant {
  /** LeaseState bits, also for oplocks. */
  readonly state: number;
  /** Epoch of a lease of version 2, otherwise 0. */
  readonly epoch: number;
  readonly isDurable: boolean;
}

const hasLeases = (dialect: number): boolean => dialect >= DialectRevision.SMB_2_1;
const isVersion2 = (dialect: number): boolean => dialect >= DialectRevision.SMB_3_0;

/** The part of a CREATE that asks for caching. */
export function wishOptions(wish: CacheWish, dialect: number): Pick<OpenOptions, 'oplockLevel' | 'contexts'> {
  const mayBeDurable = wish.isDurable && (wish.kind !== 'none' || wish.isPersistent === true);
  const durable = mayBeDurable ? [durableRequest(wish, dialect)] : [];
  return {
    oplockLevel: levelOf(wish, dialect),
    contexts: [...leaseContexts(wish, dialect, RWH), ...durable],
  };
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

function leaseContexts({ kind, leaseKey }: CacheWish, dialect: number, leaseState: number): Context[] {
  if (kind !== 'lease' || !hasLeases(dialect)) return [];
  const name = CreateContextName.REQUEST_LEASE;
  if (!isVersion2(dialect))
    return [{ name, data: RequestLease.encode({ leaseKey, leaseState, leaseFlags: 0 }) }];
  const parentLeaseKey = '00000000-0000-0000-0000-000000000000';
  return [
    { name, data: RequestLeaseV2.encode({ leaseKey, leaseState, leaseFlags: 0, parentLeaseKey, epoch: 0 }) },
  ];
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
  if (lease === undefined) return { state: stateOfOplock(created.oplockLevel), epoch: 0, isDurable };
  const is2 = isVersion2(dialect);
  const { leaseState, leaseFlags } = is2 ? RequestLeaseV2.decode(lease) : RequestLease.decode(lease);
  const epoch = is2 ? RequestLeaseV2.decode(lease).epoch : 0;
  // [MS-SMB2] 3.2.5.7.5: while a break is in progress the notification says what remains.
  const isBreaking = (leaseFlags & LeaseFlags.BREAK_IN_PROGRESS) !== 0;
  return { state: isBreaking ? leaseState & R : leaseState, epoch, isDurable };
}

/** What an oplock lets its holder cache. [MS-SMB2] 3.2.5.19.1 */
export function stateOfOplock(level: number): number {
  if (level === OplockLevel.BATCH) return RWH;
  if (level === OplockLevel.EXCLUSIVE) return R | W;
  return level === OplockLevel.LEVEL_II ? R : 0;
}
