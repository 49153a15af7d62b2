/**
 * TREE_CONNECT. [MS-SMB2] 2.2.9, 2.2.10
 */
import {
  as,
  blob,
  countOf,
  type Infer,
  lengthOf,
  list,
  offsetOf,
  reserved,
  size,
  struct,
  u8,
  u16,
  u32,
  utf16,
} from '../struct.ts';
import { body } from './body.ts';

/** Flags of the request, in SMB 3.1.1. [MS-SMB2] 2.2.9 */
export const TreeConnectFlags = Object.freeze({
  CLUSTER_RECONNECT: 0x0001,
  REDIRECT_TO_OWNER: 0x0002,
  EXTENSION_PRESENT: 0x0004,
});

/** SMB2 TREE_CONNECT Request; with EXTENSION_PRESENT, {@link TreeConnectRequestExtended} reads more. [MS-SMB2] 2.2.9 */
export const TreeConnectRequest = struct(
  'TreeConnectRequest',
  {
    structureSize: size(9),
    flags: u16,
    pathOffset: offsetOf(u16, 'path'),
    pathLength: lengthOf(u16, 'path'),
    path: utf16(),
  },
  body,
);
export type TreeConnectRequest = Infer<typeof TreeConnectRequest>;

/** ContextType of tree connect contexts. [MS-SMB2] 2.2.9.2 */
export const TreeConnectContextType = Object.freeze({ REMOTED_IDENTITY: 0x0001 });

/** SMB2_TREE_CONNECT_CONTEXT. [MS-SMB2] 2.2.9.2 */
export const TreeConnectContext = struct('TreeConnectContext', {
  contextType: u16,
  dataLength: lengthOf(u16, 'data'),
  reserved: reserved(4),
  data: blob(),
});
export type TreeConnectContext = Infer<typeof TreeConnectContext>;

/** SMB2 TREE_CONNECT Request with its extension, whose offset counts from the request. [MS-SMB2] 2.2.9.1 */
export const TreeConnectRequestExtended = struct(
  'TreeConnectRequestExtended',
  {
    structureSize: size(9),
    flags: u16,
    pathOffset: offsetOf(u16, 'path'),
    pathLength: lengthOf(u16, 'path'),
    treeConnectContextOffset: offsetOf(u32, 'treeConnectContexts', 0),
    treeConnectContextCount: countOf(u16, 'treeConnectContexts'),
    reserved: reserved(10),
    path: utf16(),
    treeConnectContexts: list(TreeConnectContext, { align: 8, elementAlign: 8 }),
  },
  body,
);
export type TreeConnectRequestExtended = Infer<typeof TreeConnectRequestExtended>;

/** ShareType. [MS-SMB2] 2.2.10 */
export const ShareType = Object.freeze({ DISK: 0x01, PIPE: 0x02, PRINT: 0x03 });
export type ShareType = (typeof ShareType)[keyof typeof ShareType];

/** ShareFlags; the caching modes are an enumeration within. [MS-SMB2] 2.2.10 */
export const ShareFlags = Object.freeze({
  MANUAL_CACHING: 0x0000_0000,
  AUTO_CACHING: 0x0000_0010,
  VDO_CACHING: 0x0000_0020,
  NO_CACHING: 0x0000_0030,
  DFS: 0x0000_0001,
  DFS_ROOT: 0x0000_0002,
  RESTRICT_EXCLUSIVE_OPENS: 0x0000_0100,
  FORCE_SHARED_DELETE: 0x0000_0200,
  ALLOW_NAMESPACE_CACHING: 0x0000_0400,
  ACCESS_BASED_DIRECTORY_ENUM: 0x0000_0800,
  FORCE_LEVELII_OPLOCK: 0x0000_1000,
  ENABLE_HASH_V1: 0x0000_2000,
  ENABLE_HASH_V2: 0x0000_4000,
  ENCRYPT_DATA: 0x0000_8000,
  IDENTITY_REMOTING: 0x0004_0000,
  COMPRESS_DATA: 0x0010_0000,
  ISOLATED_TRANSPORT: 0x0020_0000,
});

/** Capabilities of a share. [MS-SMB2] 2.2.10 */
export const ShareCapability = Object.freeze({
  DFS: 0x0000_0008,
  CONTINUOUS_AVAILABILITY: 0x0000_0010,
  SCALEOUT: 0x0000_0020,
  CLUSTER: 0x0000_0040,
  ASYMMETRIC: 0x0000_0080,
  REDIRECT_TO_OWNER: 0x0000_0100,
});

/** SMB2 TREE_CONNECT Response. [MS-SMB2] 2.2.10 */
export const TreeConnectResponse = struct(
  'TreeConnectResponse',
  {
    structureSize: size(16),
    shareType: as<ShareType>(u8),
    reserved: reserved(1),
    shareFlags: u32,
    capabilities: u32,
    maximalAccess: u32,
  },
  body,
);
export type TreeConnectResponse = Infer<typeof TreeConnectResponse>;
