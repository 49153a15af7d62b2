/**
 * Opening what exists. [MS-FSA] 2.1.5.1.2
 */
import type { BackendHandle, BackendStat, MaybePromise, OpenOptions } from '../backend/contract.ts';
import { present } from '../base/assert.ts';
import { demand, NtStatus } from '../base/status.ts';
import { mapGeneric } from '../fs/access.ts';
import type { CacheGrant, CoreOpen, OpenIntent } from '../fs/types.ts';
import type { SecurityDescriptor } from '../wire/dtyp/security-descriptor.ts';
import {
  AccessMask,
  CompletionFilter,
  CreateAction,
  CreateDisposition,
  CreateOption,
  FileAction,
  FileAttribute,
} from '../wire/flags.ts';
import { attributesOf, attributesOfNew } from './attributes.ts';
import { askCore, intentOf, type Target } from './create.ts';
import type { OpenRequest, OpenResult } from './create-parameters.ts';
import { changeEas } from './extended-attributes.ts';
import { chain, rescue } from './maybe-promise.ts';
import { OpenFile } from './open-file.ts';
import { descriptorAt, grantAccess } from './security.ts';
import { SymlinkHandle } from './symlink-handle.ts';
import type { Volume } from './volume.ts';
import { Waiter } from './waiter.ts';

const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA;

type Replacement = OpenIntent['replaces'];

const replacements: ReadonlyMap<number, Replacement> = new Map<number, Replacement>([
  [CreateDisposition.SUPERSEDE, 'supersede'],
  [CreateDisposition.OVERWRITE, 'overwrite'],
  [CreateDisposition.OVERWRITE_IF, 'overwrite'],
]);

/** Rights that replacing the content needs beyond those asked for. [MS-FSA] 2.1.5.1.2.1 */
const impliedAccess: Readonly<Record<Replacement, number>> = {
  nothing: 0,
  overwrite: AccessMask.FILE_WRITE_DATA | AccessMask.FILE_WRITE_EA | AccessMask.FILE_WRITE_ATTRIBUTES,
  supersede: AccessMask.DELETE | AccessMask.FILE_WRITE_DATA,
};

const actions: Readonly<Record<Replacement, CreateAction>> = {
  nothing: CreateAction.OPENED,
  overwrite: CreateAction.OVERWRITTEN,
  supersede: CreateAction.SUPERSEDED,
};

/** What is to be opened. */
interface Opening {
  readonly volume: Volume;
  readonly request: OpenRequest;
  readonly target: Target;
  readonly stat: BackendStat;
  readonly isDirectory: boolean;
  readonly replaces: Replacement;
}

export function openExisting(
  volume: Volume,
  request: OpenRequest,
  target: Target,
): MaybePromise<OpenResult | Waiter> {
  const stat = present(target.entry.stat, 'stat of an existing file');
  const isDirectory = stat.kind === 'directory' && target.stream.name === '';
  const replaces = replacements.get(request.createDisposition) ?? 'nothing';
  checkKind(request, target, isDirectory);
  const isKept = replaces === 'nothing' || !volume.isReadOnly;
  demand(isKept, NtStatus.MEDIA_WRITE_PROTECTED, 'a snapshot stays as it is');
  checkReplacement(request, replaces, { stat, isDirectory });
  const opening = { volume, request, target, stat, isDirectory, replaces };
  return chain(grantedAccessTo(opening), openWith, opening);
}

function openWith(grantedAccess: number, opening: Opening): MaybePromise<OpenResult | Waiter> {
  const { volume, request, target, stat, isDirectory, replaces } = opening;
  const file = volume.keyOf(stat.fileId);
  const found = { file, isDirectory, isNew: false, replaces, grantedAccess, stat };
  const outcome = askCore(volume, intentOf(volume, request, { target, found }));
  if (outcome instanceof Waiter) return outcome;
  const { open, cache } = outcome;
  return rescue(complete, takeBack, { opening, open, cache, handle: undefined, file: undefined });
}

/** [MS-FSA] 2.1.5.1.2: directories and files where the other was asked for. */
function checkKind(request: OpenRequest, target: Target, isDirectory: boolean): void {
  const { createOptions } = request;
  const isIndex = target.name.stream?.type === '$INDEX_ALLOCATION' || target.name.endsInSeparator;
  const isDirectoryWanted = (createOptions & CreateOption.DIRECTORY_FILE) !== 0 || isIndex;
  const isData = target.name.stream?.type === '$DATA';
  const isFileWanted = (createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0 || isData;
  demand(isDirectory || !isDirectoryWanted, NtStatus.NOT_A_DIRECTORY);
  demand(!isDirectory || !isFileWanted, NtStatus.FILE_IS_A_DIRECTORY);
  const isRootDeletion = target.parent === undefined && (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  demand(!isRootDeletion, NtStatus.CANNOT_DELETE, 'the root of a share stays');
}

function checkReplacement(
  request: OpenRequest,
  replaces: Replacement,
  { stat, isDirectory }: { stat: BackendStat; isDirectory: boolean },
): void {
  if (replaces === 'nothing') return;
  demand(!isDirectory, NtStatus.FILE_IS_A_DIRECTORY, 'no directory is overwritten');
  const before = attributesOf(stat, isDirectory);
  demand(!(before & FileAttribute.READONLY), NtStatus.ACCESS_DENIED, 'read-only file');
  // [MS-FSA] 2.1.5.1.2: who overwrites a hidden or system file must say that it stays one.
  const mustStay = before & (FileAttribute.HIDDEN | FileAttribute.SYSTEM) & ~request.fileAttributes;
  demand(mustStay === 0, NtStatus.ACCESS_DENIED, 'hidden or system file');
}

function grantedAccessTo(opening: Opening): MaybePromise<number> {
  const { volume, request, target, stat } = opening;
  const descriptor = descriptorAt(volume, target.entry, request.requester, stat.kind === 'directory');
  return chain(descriptor, accessBy, opening);
}

function accessBy(descriptor: SecurityDescriptor, opening: Opening): MaybePromise<number> {
  const { volume, request, target } = opening;
  if (target.parent === undefined) return accessBelow(undefined, descriptor, opening);
  const above = descriptorAt(volume, target.parent, request.requester, true);
  return chain(above, accessBelow, descriptor, opening);
}

function accessBelow(
  parent: SecurityDescriptor | undefined,
  descriptor: SecurityDescriptor,
  { request, stat, replaces }: Opening,
): number {
  const isDirectory = stat.kind === 'directory';
  const implied = impliedAccess[replaces];
  // GENERIC_EXECUTE beside MAXIMUM_ALLOWED asks for nothing that the maximum would not bring.
  const isMaximum = (request.desiredAccess & AccessMask.MAXIMUM_ALLOWED) !== 0;
  const wanted = isMaximum ? request.desiredAccess & ~AccessMask.GENERIC_EXECUTE : request.desiredAccess;
  const desired = {
    desiredAccess: (wanted | implied) >>> 0,
    createOptions: request.createOptions,
  };
  const checked = { descriptor, parent, isDirectory, attributes: attributesOf(stat, isDirectory) };
  const granted = grantAccess(checked, request.requester, desired);
  if (isMaximum) return granted;
  return (granted & mapGeneric(request.desiredAccess)) >>> 0;
}

/** What the core has granted, and how far it has come: that is taken back when the rest fails. */
interface Grant {
  readonly opening: Opening;
  readonly open: CoreOpen;
  readonly cache: CacheGrant;
  handle: BackendHandle | undefined;
  file: OpenFile | undefined;
}

function complete(grant: Grant): MaybePromise<OpenResult> {
  return chain(openHandle(grant), completeWith, grant);
}

function takeBack(error: unknown, { opening, open, handle, file }: Grant): MaybePromise<never> {
  const { driver } = opening.volume;
  driver.forget(open);
  driver.call((core, nowMs) => core.abandon(open, nowMs));
  return chain(file === undefined ? handle?.close() : file.release(), () => {
    throw error;
  });
}

function completeWith(handle: BackendHandle, grant: Grant): MaybePromise<OpenResult> {
  grant.handle = handle;
  if (grant.opening.replaces === 'nothing') return chain(handle.stat(), bind, grant, handle);
  return replaceContent(grant.opening, handle).then(() => chain(handle.stat(), bind, grant, handle));
}

function bind(stat: BackendStat, grant: Grant, handle: BackendHandle): OpenResult {
  const { opening, open, cache } = grant;
  const { volume, request, target, replaces } = opening;
  const file = bindOpen(volume, request, { target, open, handle, stat });
  grant.file = file;
  const seen = file.writeTime.seen(stat, volume.driver.nowMs);
  if (replaces !== 'nothing') noteReplacement(file, target);
  return { file, action: actions[replaces], cache, stat: seen };
}

const forReading: OpenOptions = Object.freeze({ write: false });
const forWriting: OpenOptions = Object.freeze({ write: true });

function openHandle({ opening, open }: Grant): MaybePromise<BackendHandle> {
  const { volume, request, target, replaces } = opening;
  const { path, stat } = target.entry;
  if (stat?.kind === 'symlink') return new SymlinkHandle(volume.backend, path);
  // A snapshot may be opened for writing; the refusal comes with the attempt.
  const isChange = (open.grantedAccess & writing) !== 0 || replaces !== 'nothing';
  const options = isChange && !volume.isReadOnly ? forWriting : forReading;
  const { name: stream } = target.stream;
  const { signal } = request;
  if (stream === '' && signal === undefined) return volume.backend.open(path, options);
  return volume.backend.open(path, {
    ...options,
    ...(stream === '' ? {} : { stream }),
    ...(signal === undefined ? {} : { signal }),
  });
}

/** Makes the open file of a grant known. */
export function bindOpen(
  volume: Volume,
  request: OpenRequest,
  grant: {
    readonly target: Target;
    readonly open: CoreOpen;
    readonly handle: BackendHandle;
    readonly stat: BackendStat;
  },
): OpenFile {
  const { target, open, handle, stat } = grant;
  const shares = volume.retain(open, target.entry.path);
  const file = new OpenFile({
    volume,
    core: open,
    handle,
    shares,
    fileId: stat.fileId,
    streamName: target.stream.name,
    requester: request.requester,
  });
  volume.driver.bind(file);
  file.endCacheWatch = volume.caches.begin(file);
  reserve(file, request, stat);
  return file;
}

/** [MS-SMB2] 2.2.13.2.6: a file that is made or replaced may get its space at once. */
function reserve(file: OpenFile, request: OpenRequest, stat: BackendStat): void {
  const { allocationBytes } = request;
  if (allocationBytes === undefined || file.isDirectory || stat.sizeBytes > 0) return;
  file.shared.reservedBytes = Number(allocationBytes);
}

/** [MS-FSA] 2.1.5.1.2: overwriting empties the stream; of the data it also takes streams, attributes and EAs. */
async function replaceContent({ volume, request, target }: Opening, handle: BackendHandle): Promise<void> {
  await handle.truncate(0);
  if (target.stream.name !== '') return;
  const { path } = target.entry;
  const { streams, extendedAttributes } = volume.backend;
  if (streams !== undefined) {
    for (const { name } of await streams.list(path)) await streams.remove(path, name);
  }
  const eas = request.extendedAttributes ?? [];
  if (extendedAttributes !== undefined) await changeEas(volume, path, eas, 'nothing');
  else demand(eas.length === 0, NtStatus.EAS_NOT_SUPPORTED);
  await handle.setStat({ attributes: attributesOfNew(request.fileAttributes, false) });
}

function noteReplacement(file: OpenFile, target: Target): void {
  const isStream = target.stream.name !== '';
  file.volume.changed({
    place: isStream ? { ...target.place, name: `${target.place.name}:${target.stream.name}` } : target.place,
    action: isStream ? FileAction.MODIFIED_STREAM : FileAction.MODIFIED,
    filter: isStream
      ? CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE
      : CompletionFilter.ATTRIBUTES | CompletionFilter.SIZE | CompletionFilter.LAST_WRITE,
    by: file.core,
  });
}
