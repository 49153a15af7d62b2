/**
 * What a CREATE asks of a volume, and the checks that need no look at the disk. [MS-FSA] 2.1.5.1, phases 1 to 3
 */

import type { BackendStat } from '../backend/contract.ts';
import type { FileTime } from '../base/clock.ts';
import { demand, NtStatus } from '../base/status.ts';
import { isValidDesiredAccess } from '../fs/access.ts';
import type { AppInstance, CacheGrant, CacheRequest, DurableRequest, Ticket } from '../fs/types.ts';
import type { SecurityDescriptor } from '../wire/dtyp/security-descriptor.ts';
import {
  AccessMask,
  type CreateAction,
  CreateDisposition,
  CreateOption,
  FileAttribute,
} from '../wire/flags.ts';
import { checkCreateAttributes } from './attributes.ts';
import type { EaEntry } from './extended-attributes.ts';
import type { OpenFile } from './open-file.ts';
import type { Requester } from './security.ts';

export interface OpenRequest {
  /** Share-relative, with backslashes; empty for the root. */
  readonly path: string;
  readonly desiredAccess: number;
  readonly fileAttributes: number;
  readonly shareAccess: number;
  readonly createDisposition: number;
  readonly createOptions: number;
  readonly requester: Requester;
  readonly cache: CacheRequest;
  readonly durable?: Omit<DurableRequest, 'persistentId'> | undefined;
  readonly appInstance?: AppInstance | undefined;
  readonly allocationBytes?: bigint | undefined;
  readonly extendedAttributes?: readonly EaEntry[] | undefined;
  readonly securityDescriptor?: SecurityDescriptor | undefined;
  /** A snapshot is meant. [MS-SMB2] 2.2.13.2.7 */
  readonly snapshotTime?: FileTime | undefined;
  readonly signal?: AbortSignal | undefined;
  /** The wait after which this very request runs again. */
  readonly retryOf?: Ticket | undefined;
}

export interface OpenResult {
  readonly file: OpenFile;
  readonly action: CreateAction;
  readonly cache: CacheGrant;
  readonly stat: BackendStat;
}

const allocationMax = BigInt(Number.MAX_SAFE_INTEGER);
const knownOptions = 0x00ff_ffff;
const unsupportedOptions =
  CreateOption.CREATE_TREE_CONNECTION | CreateOption.OPEN_BY_FILE_ID | CreateOption.RESERVE_OPFILTER;

/** Throws what [MS-FSA] 2.1.5.1 answers to parameters that make no sense. */
export function checkParameters(request: OpenRequest): void {
  const { createOptions, createDisposition, desiredAccess, fileAttributes } = request;
  demand((createOptions & ~knownOptions) === 0, NtStatus.INVALID_PARAMETER, 'create options');
  demand((createOptions & unsupportedOptions) === 0, NtStatus.NOT_SUPPORTED, 'create options');
  demand(createDisposition <= CreateDisposition.OVERWRITE_IF, NtStatus.INVALID_PARAMETER, 'disposition');
  demand((request.shareAccess & ~7) === 0, NtStatus.INVALID_PARAMETER, 'share access');
  const isDirectoryWanted = (createOptions & CreateOption.DIRECTORY_FILE) !== 0;
  const isFileWanted = (createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0;
  const isOverwrite = createDisposition === CreateDisposition.SUPERSEDE || overwrites.has(createDisposition);
  demand(!(isDirectoryWanted && isFileWanted), NtStatus.INVALID_PARAMETER);
  demand(!(isDirectoryWanted && isOverwrite), NtStatus.INVALID_PARAMETER, 'no directory is overwritten');
  demand(isValidDesiredAccess(desiredAccess), NtStatus.ACCESS_DENIED, 'desired access');
  const isAuditor = request.requester.token.privileges.has('security');
  const readsAudit = (desiredAccess & AccessMask.ACCESS_SYSTEM_SECURITY) !== 0;
  demand(!readsAudit || isAuditor, NtStatus.PRIVILEGE_NOT_HELD, 'ACCESS_SYSTEM_SECURITY');
  checkCreateAttributes(fileAttributes);
  const isTemporaryDirectory = isDirectoryWanted && (fileAttributes & FileAttribute.TEMPORARY) !== 0;
  const mayCreate = createDisposition !== CreateDisposition.OPEN;
  demand(!(isTemporaryDirectory && mayCreate), NtStatus.INVALID_PARAMETER, 'temporary directory');
  const { allocationBytes = 0n } = request;
  demand(allocationBytes <= allocationMax, NtStatus.DISK_FULL, 'allocation size');
  const deletes = AccessMask.DELETE | AccessMask.GENERIC_ALL | AccessMask.MAXIMUM_ALLOWED;
  const isDeletion = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  // [MS-SMB2] 3.3.5.9: delete on close needs the right to delete.
  demand(!isDeletion || (desiredAccess & deletes) !== 0, NtStatus.ACCESS_DENIED, 'delete on close');
}

const overwrites: ReadonlySet<number> = new Set([
  CreateDisposition.OVERWRITE,
  CreateDisposition.OVERWRITE_IF,
]);
