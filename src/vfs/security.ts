/**
 * Security descriptors of files: those the store keeps, and the one that a file without has.
 */
import type { MaybePromise } from '../backend/contract.ts';
import { NtStatus, NtStatusError } from '../base/status.ts';
import { type AccessAnswer, checkAccess, maximumAccessOf, mayCreateIn, type Token } from '../fs/access.ts';
import type { Owner } from '../fs/types.ts';
import { AceFlag, allow } from '../wire/dtyp/ace.ts';
import { aclOf } from '../wire/dtyp/acl.ts';
import { SecurityControl, type SecurityDescriptor } from '../wire/dtyp/security-descriptor.ts';
import { type Sid, WellKnownSid } from '../wire/dtyp/sid.ts';
import { AccessMask } from '../wire/flags.ts';
import type { VersionedPlace } from './known-facts.ts';
import { chain } from './maybe-promise.ts';
import type { Volume } from './volume.ts';

/** On whose behalf something is done. */
export interface Requester {
  readonly token: Token;
  readonly owner: Owner;
  /** Primary group of what is created. */
  readonly group: Sid;
  /** TreeConnect.MaximalAccess, the ceiling of every access. */
  readonly maximalAccess: number;
}

/**
 * What a file without a stored descriptor has: everybody may do everything that the share allows, and whoever asks is
 * the owner.
 */
export function defaultDescriptor(requester: Requester, isDirectory: boolean): SecurityDescriptor {
  let known = usual.get(requester);
  if (known === undefined) {
    known = { file: usualOf(requester, false), directory: usualOf(requester, true) };
    usual.set(requester, known);
  }
  return isDirectory ? known.directory : known.file;
}

/** What files and directories without a descriptor have, by who asks. */
const usual = new WeakMap<Requester, { readonly [kind in 'file' | 'directory']: SecurityDescriptor }>();

function usualOf(requester: Requester, isDirectory: boolean): SecurityDescriptor {
  const flags = isDirectory ? AceFlag.OBJECT_INHERIT | AceFlag.CONTAINER_INHERIT : 0;
  return {
    control: SecurityControl.DACL_AUTO_INHERITED,
    sbz1: 0,
    owner: requester.token.user,
    group: requester.group,
    dacl: aclOf(allow(WellKnownSid.EVERYONE, AccessMask.FILE_ALL_ACCESS, flags)),
  };
}

/** The descriptor that the store keeps for what is at a place. */
export function storedDescriptor(
  volume: Volume,
  place: VersionedPlace,
): MaybePromise<SecurityDescriptor | undefined> {
  const { security } = volume.backend;
  if (security === undefined) return undefined;
  return volume.facts.security(place, security);
}

/** The descriptor in force at a place. */
export function descriptorAt(
  volume: Volume,
  place: VersionedPlace,
  requester: Requester,
  isDirectory: boolean,
): MaybePromise<SecurityDescriptor> {
  return chain(storedDescriptor(volume, place), orDefault, requester, isDirectory);
}

function orDefault(
  stored: SecurityDescriptor | undefined,
  requester: Requester,
  isDirectory: boolean,
): SecurityDescriptor {
  return stored ?? defaultDescriptor(requester, isDirectory);
}

/** What an access check is about. */
export interface CheckedFile {
  readonly descriptor: SecurityDescriptor;
  readonly parent: SecurityDescriptor | undefined;
  readonly isDirectory: boolean;
  readonly attributes: number;
}

/** The rights that `requester` gets on an existing file; throws ACCESS_DENIED or CANNOT_DELETE. [MS-FSA] 2.1.5.1.2.1 */
export function grantAccess(
  file: CheckedFile,
  requester: Requester,
  desired: { readonly desiredAccess: number; readonly createOptions: number },
): number {
  const answer: AccessAnswer = checkAccess(questionOf(file, requester, desired));
  if (answer.status !== NtStatus.SUCCESS) throw new NtStatusError(answer.status, 'access check');
  return answer.granted;
}

/** Everything that `requester` could get on the file. */
export function maximumAccessTo(file: CheckedFile, requester: Requester, createOptions = 0): number {
  return maximumAccessOf(
    questionOf(file, requester, { desiredAccess: AccessMask.MAXIMUM_ALLOWED, createOptions }),
  );
}

function questionOf(
  file: CheckedFile,
  requester: Requester,
  desired: { readonly desiredAccess: number; readonly createOptions: number },
): Parameters<typeof checkAccess>[0] {
  const { descriptor, parent, isDirectory, attributes } = file;
  return {
    token: requester.token,
    desiredAccess: desired.desiredAccess,
    createOptions: desired.createOptions,
    descriptor,
    parent,
    isDirectory,
    attributes,
    shareAccess: requester.maximalAccess,
  };
}

/** Throws ACCESS_DENIED unless the directory lets `requester` add a name. [MS-FSA] 2.1.5.1.1 */
export function demandCreation(parent: SecurityDescriptor, requester: Requester, isDirectory: boolean): void {
  const needed = isDirectory ? AccessMask.FILE_ADD_SUBDIRECTORY : AccessMask.FILE_ADD_FILE;
  const isAllowed =
    (requester.maximalAccess & needed) !== 0 && mayCreateIn(parent, requester.token, isDirectory);
  if (!isAllowed) throw new NtStatusError(NtStatus.ACCESS_DENIED, 'the directory lets nothing be added');
}
