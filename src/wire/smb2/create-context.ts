/**
 * The list of create contexts, their names, and what each carries. [MS-SMB2] 2.2.13.2, 2.2.14.2
 */
import { chain } from '../chain.ts';
import { fileTime } from '../dtyp/filetime.ts';
import { GuidCodec } from '../dtyp/guid.ts';
import {
  blob,
  bool,
  type Infer,
  latin1,
  lengthOf,
  next,
  offsetOf,
  reserved,
  size,
  struct,
  u16,
  u32,
  u64,
  utf16Slot,
} from '../struct.ts';
import { FileId } from './file-id.ts';

/** Names of create contexts, one character a byte; some are the 16 bytes of a GUID. [MS-SMB2] 2.2.13.2 */
export const CreateContextName = Object.freeze({
  EA_BUFFER: 'ExtA',
  SD_BUFFER: 'SecD',
  DURABLE_HANDLE_REQUEST: 'DHnQ',
  DURABLE_HANDLE_RECONNECT: 'DHnC',
  ALLOCATION_SIZE: 'AlSi',
  QUERY_MAXIMAL_ACCESS_REQUEST: 'MxAc',
  TIMEWARP_TOKEN: 'TWrp',
  QUERY_ON_DISK_ID: 'QFid',
  REQUEST_LEASE: 'RqLs',
  DURABLE_HANDLE_REQUEST_V2: 'DH2Q',
  DURABLE_HANDLE_RECONNECT_V2: 'DH2C',
  APP_INSTANCE_ID: binary('45bca66aefa7f74a9008fa462e144d74'),
  APP_INSTANCE_VERSION: binary('b982d0b73b56074fa07b524a8116a010'),
  SVHDX_OPEN_DEVICE_CONTEXT: binary('9ccbcf9e04c1e643980e158da1f6ec83'),
  /** Apple's extensions. */
  AAPL: 'AAPL',
  /** The POSIX extensions. */
  POSIX: binary('93ad25509cb411e7b42383de968bcd7c'),
});

function binary(hexText: string): string {
  return Buffer.from(hexText, 'hex').toString('latin1');
}

/** SMB2_CREATE_CONTEXT; `data` is decoded by the structure of its name. [MS-SMB2] 2.2.13.2 */
export const CreateContext = struct('CreateContext', {
  next: next(),
  nameOffset: offsetOf(u16, 'name'),
  nameLength: lengthOf(u16, 'name'),
  reserved: reserved(2),
  dataOffset: offsetOf(u16, 'data'),
  dataLength: lengthOf(u32, 'data'),
  name: latin1(),
  data: blob({ align: 8, emptyOffset: 'zero' }),
});
export type CreateContext = Infer<typeof CreateContext>;

/** SMB2_CREATE_CONTEXT list. [MS-SMB2] 2.2.13.2 */
export const CreateContexts = chain(CreateContext, { align: 8 });

/** SMB2_CREATE_DURABLE_HANDLE_REQUEST. [MS-SMB2] 2.2.13.2.3 */
export const DurableHandleRequest = struct('DurableHandleRequest', { durableRequest: reserved(16) });
export type DurableHandleRequest = Infer<typeof DurableHandleRequest>;

/** SMB2_CREATE_DURABLE_HANDLE_RESPONSE. [MS-SMB2] 2.2.14.2.3 */
export const DurableHandleResponse = struct('DurableHandleResponse', { reserved: reserved(8) });
export type DurableHandleResponse = Infer<typeof DurableHandleResponse>;

/** SMB2_CREATE_DURABLE_HANDLE_RECONNECT. [MS-SMB2] 2.2.13.2.4 */
export const DurableHandleReconnect = struct('DurableHandleReconnect', { fileId: FileId });
export type DurableHandleReconnect = Infer<typeof DurableHandleReconnect>;

/** SMB2_CREATE_QUERY_MAXIMAL_ACCESS_REQUEST, where its data is not empty. [MS-SMB2] 2.2.13.2.5 */
export const QueryMaximalAccessRequest = struct('QueryMaximalAccessRequest', { timestamp: fileTime });
export type QueryMaximalAccessRequest = Infer<typeof QueryMaximalAccessRequest>;

/** SMB2_CREATE_QUERY_MAXIMAL_ACCESS_RESPONSE. [MS-SMB2] 2.2.14.2.5 */
export const QueryMaximalAccessResponse = struct('QueryMaximalAccessResponse', {
  queryStatus: u32,
  maximalAccess: u32,
});
export type QueryMaximalAccessResponse = Infer<typeof QueryMaximalAccessResponse>;

/** SMB2_CREATE_ALLOCATION_SIZE. [MS-SMB2] 2.2.13.2.6 */
export const CreateAllocationSize = struct('CreateAllocationSize', { allocationSize: u64 });
export type CreateAllocationSize = Infer<typeof CreateAllocationSize>;

/** SMB2_CREATE_TIMEWARP_TOKEN. [MS-SMB2] 2.2.13.2.7 */
export const TimewarpToken = struct('TimewarpToken', { timestamp: fileTime });
export type TimewarpToken = Infer<typeof TimewarpToken>;

/** SMB2_CREATE_QUERY_ON_DISK_ID of the response; the request has no data. [MS-SMB2] 2.2.14.2.9 */
export const QueryOnDiskIdResponse = struct('QueryOnDiskIdResponse', {
  diskFileId: u64,
  volumeId: u64,
  reserved: reserved(16),
});
export type QueryOnDiskIdResponse = Infer<typeof QueryOnDiskIdResponse>;

/** LeaseFlags of the lease contexts. [MS-SMB2] 2.2.13.2.10, 2.2.14.2.11 */
export const LeaseFlags = Object.freeze({
  BREAK_IN_PROGRESS: 0x0000_0002,
  PARENT_LEASE_KEY_SET: 0x0000_0004,
});

/** SMB2_CREATE_REQUEST_LEASE, and SMB2_CREATE_RESPONSE_LEASE. [MS-SMB2] 2.2.13.2.8, 2.2.14.2.10 */
export const RequestLease = struct('RequestLease', {
  leaseKey: GuidCodec,
  leaseState: u32,
  leaseFlags: u32,
  leaseDuration: reserved(8),
});
export type RequestLease = Infer<typeof RequestLease>;

/** SMB2_CREATE_REQUEST_LEASE_V2, and SMB2_CREATE_RESPONSE_LEASE_V2. [MS-SMB2] 2.2.13.2.10, 2.2.14.2.11 */
export const RequestLeaseV2 = struct('RequestLeaseV2', {
  leaseKey: GuidCodec,
  leaseState: u32,
  leaseFlags: u32,
  leaseDuration: reserved(8),
  parentLeaseKey: GuidCodec,
  epoch: u16,
  reserved: reserved(2),
});
export type RequestLeaseV2 = Infer<typeof RequestLeaseV2>;

/** Flags of the durable handle contexts of version 2. [MS-SMB2] 2.2.13.2.11 */
export const DurableHandleFlags = Object.freeze({ PERSISTENT: 0x0000_0002 });

/** SMB2_CREATE_DURABLE_HANDLE_REQUEST_V2. [MS-SMB2] 2.2.13.2.11 */
export const DurableHandleRequestV2 = struct('DurableHandleRequestV2', {
  /** Milliseconds. */
  timeout: u32,
  flags: u32,
  reserved: reserved(8),
  createGuid: GuidCodec,
});
export type DurableHandleRequestV2 = Infer<typeof DurableHandleRequestV2>;

/** SMB2_CREATE_DURABLE_HANDLE_RESPONSE_V2. [MS-SMB2] 2.2.14.2.12 */
export const DurableHandleResponseV2 = struct('DurableHandleResponseV2', {
  /** Milliseconds. */
  timeout: u32,
  flags: u32,
});
export type DurableHandleResponseV2 = Infer<typeof DurableHandleResponseV2>;

/** SMB2_CREATE_DURABLE_HANDLE_RECONNECT_V2. [MS-SMB2] 2.2.13.2.12 */
export const DurableHandleReconnectV2 = struct('DurableHandleReconnectV2', {
  fileId: FileId,
  createGuid: GuidCodec,
  flags: u32,
});
export type DurableHandleReconnectV2 = Infer<typeof DurableHandleReconnectV2>;

/** SMB2_CREATE_APP_INSTANCE_ID. [MS-SMB2] 2.2.13.2.13 */
export const AppInstanceId = struct('AppInstanceId', {
  structureSize: size(20),
  reserved: reserved(2),
  appInstanceId: GuidCodec,
});
export type AppInstanceId = Infer<typeof AppInstanceId>;

/** SMB2_CREATE_APP_INSTANCE_VERSION. [MS-SMB2] 2.2.13.2.15 */
export const AppInstanceVersion = struct('AppInstanceVersion', {
  structureSize: size(24),
  reserved: reserved(2),
  padding: reserved(4),
  appInstanceVersionHigh: u64,
  appInstanceVersionLow: u64,
});
export type AppInstanceVersion = Infer<typeof AppInstanceVersion>;

/** SVHDX_OPEN_DEVICE_CONTEXT of version 1, with which version 2 begins. [MS-RSVD] 2.2.4.12, [MS-SMB2] 2.2.13.2.14 */
export const SvhdxOpenDeviceContext = struct('SvhdxOpenDeviceContext', {
  version: u32,
  hasInitiatorId: bool,
  reserved: reserved(3),
  initiatorId: GuidCodec,
  flags: u32,
  originatorFlags: u32,
  openRequestId: u64,
  initiatorHostNameLength: lengthOf(u16, 'initiatorHostName'),
  initiatorHostName: utf16Slot(126),
});
export type SvhdxOpenDeviceContext = Infer<typeof SvhdxOpenDeviceContext>;
