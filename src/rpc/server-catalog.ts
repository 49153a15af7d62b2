/**
 * What the server tells about itself over RPC; whoever composes the server supplies it.
 */
import type { FileTime } from '../base/clock.ts';
import type { RpcCaller } from './endpoint.ts';

/** Share types. [MS-SRVS] 2.2.2.4 */
export const ShareType = Object.freeze({
  DISK: 0x0000_0000,
  PRINT_QUEUE: 0x0000_0001,
  IPC: 0x0000_0003,
  TEMPORARY: 0x4000_0000,
  SPECIAL: 0x8000_0000,
});

export interface ShareRecord {
  readonly name: string;
  readonly type: number;
  readonly comment: string;
  /** As a Windows path; only administrators see it. */
  readonly path: string;
  readonly currentUses: number;
  /** 0xffffffff: no limit. */
  readonly maxUses: number;
  /** SHI1005 flags: DFS, caching, access-based enumeration. [MS-SRVS] 2.2.4.29 */
  readonly flags: number;
  /** Self-relative security descriptor of the share; empty: none. */
  readonly securityDescriptor: Buffer;
}

export interface SessionRecord {
  readonly clientName: string;
  readonly userName: string;
  readonly openCount: number;
  readonly activeSeconds: number;
  readonly idleSeconds: number;
  readonly isGuest: boolean;
}

export interface ConnectionRecord {
  readonly id: number;
  readonly type: number;
  readonly openCount: number;
  readonly userCount: number;
  readonly activeSeconds: number;
  readonly userName: string;
  readonly clientName: string;
  readonly shareName: string;
}

export interface FileRecord {
  readonly id: number;
  /** PERM_FILE_READ 1, WRITE 2, CREATE 4. [MS-SRVS] 2.2.2.10 */
  readonly permissions: number;
  readonly lockCount: number;
  readonly path: string;
  readonly userName: string;
}

export interface ServerIdentity {
  /** NetBIOS name, without backslashes. */
  readonly name: string;
  /** Domain or workgroup. */
  readonly domainName: string;
  readonly comment: string;
  readonly versionMajor: number;
  readonly versionMinor: number;
}

export interface ServerCatalog {
  readonly identity: ServerIdentity;
  /** The shares that `caller` may know of, IPC$ among them. */
  shares(caller: RpcCaller): readonly ShareRecord[];
  sessions(): readonly SessionRecord[];
  connections(): readonly ConnectionRecord[];
  files(): readonly FileRecord[];
  now(): FileTime;
}
