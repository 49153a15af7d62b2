/**
 * Inputs and outputs of the control codes that are SMB2's own. [MS-SMB2] 2.2.31, 2.2.32
 */
import { chain } from '../chain.ts';
import { GuidCodec } from '../dtyp/guid.ts';
import {
  blob,
  bytes,
  constant,
  countOf,
  type Infer,
  lengthOf,
  list,
  next,
  reserved,
  struct,
  u16,
  u32,
  u64,
  utf16,
} from '../struct.ts';

/** VALIDATE_NEGOTIATE_INFO Request. [MS-SMB2] 2.2.31.4 */
export const ValidateNegotiateInfoRequest = struct('ValidateNegotiateInfoRequest', {
  capabilities: u32,
  guid: GuidCodec,
  securityMode: u16,
  dialectCount: countOf(u16, 'dialects'),
  dialects: list(u16),
});
export type ValidateNegotiateInfoRequest = Infer<typeof ValidateNegotiateInfoRequest>;

/** VALIDATE_NEGOTIATE_INFO Response. [MS-SMB2] 2.2.32.6 */
export const ValidateNegotiateInfoResponse = struct('ValidateNegotiateInfoResponse', {
  capabilities: u32,
  guid: GuidCodec,
  securityMode: u16,
  dialect: u16,
});
export type ValidateNegotiateInfoResponse = Infer<typeof ValidateNegotiateInfoResponse>;

/** SRV_COPYCHUNK. [MS-SMB2] 2.2.31.1.1 */
export const SrvCopychunk = struct('SrvCopychunk', {
  sourceOffset: u64,
  targetOffset: u64,
  length: u32,
  reserved: reserved(4),
});
export type SrvCopychunk = Infer<typeof SrvCopychunk>;

/** SRV_COPYCHUNK_COPY. [MS-SMB2] 2.2.31.1 */
export const SrvCopychunkCopy = struct('SrvCopychunkCopy', {
  sourceKey: bytes(24),
  chunkCount: countOf(u32, 'chunks'),
  reserved: reserved(4),
  chunks: list(SrvCopychunk),
});
export type SrvCopychunkCopy = Infer<typeof SrvCopychunkCopy>;

/** SRV_COPYCHUNK_RESPONSE. [MS-SMB2] 2.2.32.1 */
export const SrvCopychunkResponse = struct('SrvCopychunkResponse', {
  chunksWritten: u32,
  chunkBytesWritten: u32,
  totalBytesWritten: u32,
});
export type SrvCopychunkResponse = Infer<typeof SrvCopychunkResponse>;

/** SRV_REQUEST_RESUME_KEY Response. [MS-SMB2] 2.2.32.3 */
export const SrvRequestResumeKeyResponse = struct('SrvRequestResumeKeyResponse', {
  resumeKey: bytes(24),
  contextLength: lengthOf(u32, 'context'),
  context: blob(),
});
export type SrvRequestResumeKeyResponse = Infer<typeof SrvRequestResumeKeyResponse>;

/** SRV_SNAPSHOT_ARRAY; `snapShots` are @GMT tokens, each ended by NUL, and one more NUL. [MS-SMB2] 2.2.32.2 */
export const SrvSnapshotArray = struct('SrvSnapshotArray', {
  numberOfSnapShots: u32,
  numberOfSnapShotsReturned: u32,
  snapShotArraySize: u32,
  snapShots: utf16(),
});
export type SrvSnapshotArray = Infer<typeof SrvSnapshotArray>;

/** SRV_READ_HASH Request. [MS-SMB2] 2.2.31.2 */
export const SrvReadHashRequest = struct('SrvReadHashRequest', {
  hashType: u32,
  hashVersion: u32,
  hashRetrievalType: u32,
  length: u32,
  offset: u64,
});
export type SrvReadHashRequest = Infer<typeof SrvReadHashRequest>;

/** NETWORK_RESILIENCY_REQUEST. [MS-SMB2] 2.2.31.3 */
export const NetworkResiliencyRequest = struct('NetworkResiliencyRequest', {
  /** Milliseconds. */
  timeout: u32,
  reserved: reserved(4),
});
export type NetworkResiliencyRequest = Infer<typeof NetworkResiliencyRequest>;

/** Capability of a network interface. [MS-SMB2] 2.2.32.5 */
export const InterfaceCapability = Object.freeze({ RSS_CAPABLE: 0x0000_0001, RDMA_CAPABLE: 0x0000_0002 });

/** NETWORK_INTERFACE_INFO; `sockaddrStorage` begins with a sockaddr of either family. [MS-SMB2] 2.2.32.5 */
export const NetworkInterfaceInfo = struct('NetworkInterfaceInfo', {
  next: next(),
  ifIndex: u32,
  capability: u32,
  reserved: reserved(4),
  /** Bits per second. */
  linkSpeed: u64,
  sockaddrStorage: bytes(128),
});
export type NetworkInterfaceInfo = Infer<typeof NetworkInterfaceInfo>;

/** The output of FSCTL_QUERY_NETWORK_INTERFACE_INFO. [MS-SMB2] 2.2.32.5 */
export const NetworkInterfaceInfoList = chain(NetworkInterfaceInfo, { align: 8 });

/** SOCKADDR_IN: the beginning of a SockAddr_Storage. [MS-SMB2] 2.2.32.5.1.1 */
export const SockaddrIn = struct('SockaddrIn', {
  family: constant(u16, 0x0002),
  port: u16,
  ipv4Address: bytes(4),
  reserved: reserved(8),
});
export type SockaddrIn = Infer<typeof SockaddrIn>;

/** SOCKADDR_IN6: the beginning of a SockAddr_Storage. [MS-SMB2] 2.2.32.5.1.2 */
export const SockaddrIn6 = struct('SockaddrIn6', {
  family: constant(u16, 0x0017),
  port: u16,
  flowInfo: u32,
  ipv6Address: bytes(16),
  scopeId: u32,
});
export type SockaddrIn6 = Infer<typeof SockaddrIn6>;
