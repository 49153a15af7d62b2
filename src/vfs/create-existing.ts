/**
 * Opening what exists. [MS-FSA] 2.1.5.1.2
 */
import type { BackendHandle, BackendStat, MaybePromise } from '../backend/contract.ts';
import { present } from '../base/assert.ts';
import { demand, NtStatus } from '../base/status.ts';
import { mapGeneric } from '../fs/access.ts';
import type { CacheGrant, CoreOpen, OpenIntent } from '../fs/types.ts';
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
import type { VersionedPlace } from './known-facts.ts';
import { chain, rescue } from './maybe-promise.ts';
import { OpenFile } from './open-file.ts';
import type { Directory } from './resolve.ts';
import { type CheckedFile, descriptorAt, grantAccess } from './security.ts';
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
  const access = grantedAccessTo(volume, request, { target, stat, implied: impliedAccess[replaces] });
  return chain(access, (grantedAccess) => {
    const file = volume.keyOf(stat.fileId);
    const found = { file, isDirectory, isNew: false, replaces, grantedAccess, stat };
    const outcome = askCore(volume, intentOf(volume, request, { target, found }));
    if (outcome instanceof Waiter) return outcome;
    const { open, cache } = outcome;
    return completeOpen(volume, request, { target, open, cache, replaces });
  });
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

function grantedAccessTo(
  volume: Volume,
  request: OpenRequest,
  file: { target: Target; stat: BackendStat; implied: number },
): MaybePromise<number> {
  return chain(checkedFile(volume, request, file), (checked) => accessTo(checked, request, file.implied));
}

function accessTo(checked: CheckedFile, request: OpenRequest, implied: number): number {
  // GENERIC_EXECUTE beside MAXIMUM_ALLOWED asks for nothing that the maximum would not bring.
  const isMaximum = (request.desiredAccess & AccessMask.MAXIMUM_ALLOWED) !== 0;
  const wanted = isMaximum ? request.desiredAccess & ~AccessMask.GENERIC_EXECUTE : request.desiredAccess;
  const desired = {
    desiredAccess: (wanted | implied) >>> 0,
    createOptions: request.createOptions,
  };
  const granted = grantAccess(checked, request.requester, desired);
  if (isMaximum) return granted;
  return (granted & mapGeneric(request.desiredAccess)) >>> 0;
}

function checkedFile(
  volume: Volume,
  { requester }: OpenRequest,
  { target, stat }: { target: Target; stat: BackendStat },
): MaybePromise<CheckedFile> {
  const isDirectory = stat.kind === 'directory';
  const attributes = attributesOf(stat, isDirectory);
  const place = { path: target.entry.path, stat, isDirectory };
  return chain(descriptorAt(volume, place, requester), (descriptor) => {
    if (target.parent === undefined) return { descriptor, parent: undefined, isDirectory, attributes };
    const above = descriptorAt(volume, { ...placeOf(target.parent), isDirectory: true }, requester);
    return chain(above, (parent) => ({ descriptor, parent, isDirectory, attributes }));
  });
}

function placeOf({ path, stat }: Directory): VersionedPlace {
  return { path, stat };
}

interface Grant {
  readonly target: Target;
  readonly open: CoreOpen;
  readonly cache: CacheGrant;
  readonly replaces: Replacement;
}

/** How far an open has come, to be taken back when the rest fails. */
interface Progress {
  handle: BackendHandle | undefined;
  file: OpenFile | undefined;
}

function completeOpen(volume: Volume, request: OpenRequest, grant: Grant): MaybePromise<OpenResult> {
  const { driver } = volume;
  const progress: Progress = { handle: undefined, file: undefined };
  return rescue(
    () =>
      chain(openHandle(volume, request, grant), (handle) => {
        progress.handle = handle;
        return finishOpen(volume, request, { grant, handle, progress });
      }),
    (error) => {
      driver.forget(grant.open);
      driver.call((core, nowMs) => core.abandon(grant.open, nowMs));
      const { file, handle } = progress;
      return chain(file === undefined ? handle?.close() : file.release(), () => {
        throw error;
      });
    },
  );
}

function finishOpen(
  volume: Volume,
  request: OpenRequest,
  { grant, handle, progress }: { grant: Grant; handle: BackendHandle; progress: Progress },
): MaybePromise<OpenResult> {
  const { replaces, cache } = grant;
  const isKept = replaces === 'nothing';
  const found = isKept
    ? handle.stat()
    : replaceContent(volume, request, { ...grant, handle }).then(() => handle.stat());
  return chain(found, (stat) => {
    const file = bindOpen(volume, request, { target: grant.target, open: grant.open, handle, stat });
    progress.file = file;
    const seen = file.writeTime.seen(stat, volume.driver.nowMs);
    if (!isKept) noteReplacement(file, grant);
    return { file, action: actions[replaces], cache, stat: seen };
  });
}

function openHandle(volume: Volume, request: OpenRequest, grant: Grant): MaybePromise<BackendHandle> {
  const { target, open, replaces } = grant;
  if (target.entry.stat?.kind === 'symlink') return new SymlinkHandle(volume.backend, target.entry.path);
  // A snapshot may be opened for writing; the refusal comes with the attempt.
  const isChange = (open.grantedAccess & writing) !== 0 || replaces !== 'nothing';
  const write = isChange && !volume.isReadOnly;
  return volume.backend.open(target.entry.path, {
    write,
    ...(target.stream.name === '' ? {} : { stream: target.stream.name }),
    ...(request.signal === undefined ? {} : { signal: request.signal }),
  });
}

/** Makes the open file of a grant known. */
export function bindOpen(
  volume: Volume,
  request: OpenRequest,
  grant: Pick<Grant, 'target' | 'open'> & { handle: BackendHandle; stat: BackendStat },
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
async function replaceContent(
  volume: Volume,
  request: OpenRequest,
  { target, handle }: Grant & { handle: BackendHandle },
): Promise<void> {
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

function noteReplacement(file: OpenFile, { target, open }: Grant): void {
  const isStream = target.stream.name !== '';
  file.volume.changed({
    place: isStream ? { ...target.place, name: `${target.place.name}:${target.stream.name}` } : target.place,
    action: isStream ? FileAction.MODIFIED_STREAM : FileAction.MODIFIED,
    filter: isStream
      ? CompletionFilter.STREAM_SIZE | CompletionFilter.STREAM_WRITE
      : CompletionFilter.ATTRIBUTES | CompletionFilter.SIZE | CompletionFilter.LAST_WRITE,
    by: open,
  });
}
