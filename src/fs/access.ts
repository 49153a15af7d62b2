/**
 * Who may do what: generic mapping, the access check on a security descriptor, and the rules of an existing file that go
 * beyond its descriptor. [MS-DTYP] 2.5.3.2, [MS-FSA] 2.1.5.1.2.1
 */
import { NtStatus } from '../base/status.ts';
import { type Ace, AceFlag, AceType, isSidAce, type SidAce } from '../wire/dtyp/ace.ts';
import type { SecurityDescriptor } from '../wire/dtyp/security-descriptor.ts';
import type { Sid } from '../wire/dtyp/sid.ts';
import { AccessMask, CreateOption, FileAttribute } from '../wire/flags.ts';

/** Privileges that the check knows. [MS-LSAD] 3.1.1.2.1 */
export type Privilege = 'security' | 'takeOwnership' | 'backup' | 'restore';

/** The caller. [MS-DTYP] 2.5.2 */
export interface Token {
  readonly user: Sid;
  /** Groups, with Everyone, Authenticated Users and what else applies. */
  readonly groups: ReadonlySet<Sid>;
  readonly privileges: ReadonlySet<Privilege>;
}

/** Rights that each generic right of a file or directory stands for. [MS-SMB2] 2.2.13.1.1 */
export const GenericMapping = Object.freeze({
  READ: 0x0012_0089,
  WRITE: 0x0012_0116,
  EXECUTE: 0x0012_00a0,
  ALL: AccessMask.FILE_ALL_ACCESS,
});

const genericBits =
  AccessMask.GENERIC_READ | AccessMask.GENERIC_WRITE | AccessMask.GENERIC_EXECUTE | AccessMask.GENERIC_ALL;

/** Bits that no client may ask for. */
const reservedBits = ~(
  AccessMask.FILE_ALL_ACCESS |
  AccessMask.ACCESS_SYSTEM_SECURITY |
  AccessMask.MAXIMUM_ALLOWED |
  genericBits
);

/** Specific and standard rights for generic ones; MAXIMUM_ALLOWED and ACCESS_SYSTEM_SECURITY stay. */
export function mapGeneric(mask: number): number {
  let mapped = mask & ~genericBits;
  if (mask & AccessMask.GENERIC_READ) mapped |= GenericMapping.READ;
  if (mask & AccessMask.GENERIC_WRITE) mapped |= GenericMapping.WRITE;
  if (mask & AccessMask.GENERIC_EXECUTE) mapped |= GenericMapping.EXECUTE;
  if (mask & AccessMask.GENERIC_ALL) mapped |= GenericMapping.ALL;
  return mapped >>> 0;
}

/** True for a DesiredAccess that may be asked for at all; otherwise ACCESS_DENIED. [MS-SMB2] 3.3.5.9 */
export function isValidDesiredAccess(mask: number): boolean {
  return mask !== 0 && (mask & reservedBits) === 0;
}

const ownerRights: Sid = 'S-1-3-4';
const allowing: ReadonlySet<number> = new Set([AceType.ACCESS_ALLOWED, AceType.ACCESS_ALLOWED_OBJECT]);
const denying: ReadonlySet<number> = new Set([AceType.ACCESS_DENIED, AceType.ACCESS_DENIED_OBJECT]);

/** What the descriptor alone grants `token`, of all rights of a file. */
export function maximumAccess(descriptor: SecurityDescriptor, token: Token): number {
  const { dacl } = descriptor;
  const privileged = privilegedAccess(token);
  // [MS-DTYP] 2.5.3.2: without a DACL, or with a null one, everyone may do everything; an empty one grants nothing.
  if (dacl === undefined || dacl === null) return (AccessMask.FILE_ALL_ACCESS | privileged) >>> 0;
  const isOwner = descriptor.owner !== undefined && isHeldBy(token, descriptor.owner);
  let granted = isOwner && !dacl.aces.some(isOfOwner) ? impliedToOwner : 0;
  let denied = 0;
  for (const ace of dacl.aces) {
    if (!isInForce(ace) || !appliesTo(ace, token, isOwner)) continue;
    const mask = mapGeneric(ace.mask);
    if (allowing.has(ace.type)) granted |= mask & ~denied;
    else if (denying.has(ace.type)) denied |= mask & ~granted;
  }
  return ((granted & AccessMask.FILE_ALL_ACCESS) | privileged) >>> 0;
}

const impliedToOwner = AccessMask.READ_CONTROL | AccessMask.WRITE_DAC;

/** The entry speaks of the file itself. */
function isInForce(ace: Ace): ace is SidAce {
  return isSidAce(ace) && !(ace.flags & AceFlag.INHERIT_ONLY);
}

function isOfOwner(ace: Ace): boolean {
  return isInForce(ace) && ace.sid === ownerRights;
}

function appliesTo(ace: SidAce, token: Token, isOwner: boolean): boolean {
  return ace.sid === ownerRights ? isOwner : isHeldBy(token, ace.sid);
}

/** True when `sid` is the user or one of its groups. */
export function isHeldBy(token: Token, sid: Sid): boolean {
  return token.user === sid || token.groups.has(sid);
}

function privilegedAccess(token: Token): number {
  let granted = 0;
  if (token.privileges.has('security')) granted |= AccessMask.ACCESS_SYSTEM_SECURITY;
  if (token.privileges.has('takeOwnership')) granted |= AccessMask.WRITE_OWNER;
  return granted;
}

/** Rights that the backup and restore privileges give an open with FILE_OPEN_FOR_BACKUP_INTENT. [MS-FSA] 2.1.5.1 */
export function backupAccess(token: Token, createOptions: number): number {
  if (!(createOptions & CreateOption.OPEN_FOR_BACKUP_INTENT)) return 0;
  let granted = 0;
  if (token.privileges.has('backup')) {
    granted |= GenericMapping.READ | GenericMapping.EXECUTE | AccessMask.ACCESS_SYSTEM_SECURITY;
  }
  if (token.privileges.has('restore')) {
    granted |= GenericMapping.WRITE | AccessMask.DELETE | AccessMask.WRITE_DAC | AccessMask.WRITE_OWNER;
    granted |= AccessMask.ACCESS_SYSTEM_SECURITY | AccessMask.FILE_DELETE_CHILD;
  }
  return granted;
}

/** The question of one CREATE on an existing file, or of a later check on one. */
export interface AccessRequest {
  readonly token: Token;
  /** As the client sent it; generic rights and MAXIMUM_ALLOWED are understood. */
  readonly desiredAccess: number;
  readonly createOptions: number;
  readonly descriptor: SecurityDescriptor;
  /** The parent's descriptor; absent for the root of a share. */
  readonly parent?: SecurityDescriptor | undefined;
  readonly isDirectory: boolean;
  readonly attributes: number;
  /** TreeConnect.MaximalAccess: a ceiling. */
  readonly shareAccess: number;
  readonly isVolumeReadOnly?: boolean;
}

export type AccessAnswer =
  | { readonly status: typeof NtStatus.SUCCESS; readonly granted: number }
  | { readonly status: typeof NtStatus.ACCESS_DENIED | typeof NtStatus.CANNOT_DELETE };

const denied: AccessAnswer = Object.freeze({ status: NtStatus.ACCESS_DENIED });

const dataWriting = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA;

/** Checks the access to an existing file. [MS-FSA] 2.1.5.1.2.1 */
export function checkAccess(request: AccessRequest): AccessAnswer {
  if (!isValidDesiredAccess(request.desiredAccess)) return denied;
  const desired = mapGeneric(request.desiredAccess);
  const isReadOnly = (request.attributes & FileAttribute.READONLY) !== 0 && !request.isDirectory;
  if (isReadOnly && (desired & dataWriting) !== 0) return denied;
  const isDeletion = (request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  if (isDeletion && (isReadOnly || request.isVolumeReadOnly)) return { status: NtStatus.CANNOT_DELETE };
  const wanted = desired & ~AccessMask.MAXIMUM_ALLOWED;
  const possible = maximumAccessOf(request);
  if ((wanted & ~possible) !== 0) return denied;
  const isMaximum = (desired & AccessMask.MAXIMUM_ALLOWED) !== 0;
  // ACCESS_SYSTEM_SECURITY is never part of what MAXIMUM_ALLOWED grants.
  const granted = isMaximum ? wanted | (possible & AccessMask.FILE_ALL_ACCESS) : wanted;
  return granted === 0 ? denied : { status: NtStatus.SUCCESS, granted: granted >>> 0 };
}

/** Everything `token` could be granted on an existing file: the answer of the query-maximal-access context. */
export function maximumAccessOf(request: Omit<AccessRequest, 'desiredAccess'>): number {
  const { token, descriptor, parent, createOptions } = request;
  let possible = maximumAccess(descriptor, token) | backupAccess(token, createOptions);
  if (parent !== undefined) possible |= accessByParent(parent, token);
  const isReadOnly = (request.attributes & FileAttribute.READONLY) !== 0 && !request.isDirectory;
  if (isReadOnly || request.isVolumeReadOnly) possible &= ~(dataWriting | AccessMask.FILE_DELETE_CHILD);
  const ceiling = request.shareAccess | AccessMask.ACCESS_SYSTEM_SECURITY;
  return (possible & ceiling) >>> 0;
}

/** The parent lets its children be deleted, and their attributes be read by who may list it. */
function accessByParent(parent: SecurityDescriptor, token: Token): number {
  const held = maximumAccess(parent, token);
  let granted = 0;
  if (held & AccessMask.FILE_DELETE_CHILD) granted |= AccessMask.DELETE;
  if (held & AccessMask.FILE_LIST_DIRECTORY) granted |= AccessMask.FILE_READ_ATTRIBUTES;
  return granted;
}

/** True when the parent lets `token` add a file or directory. [MS-FSA] 2.1.5.1.1 */
export function mayCreateIn(parent: SecurityDescriptor, token: Token, isDirectory: boolean): boolean {
  const needed = isDirectory ? AccessMask.FILE_ADD_SUBDIRECTORY : AccessMask.FILE_ADD_FILE;
  return (maximumAccess(parent, token) & needed) !== 0;
}
