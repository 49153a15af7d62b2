/**
 * Making what does not exist. [MS-FSA] 2.1.5.1.1
 */
import type { BackendHandle, BackendPath, BackendStat } from '../backend/contract.ts';
import { parentOf } from '../backend/path.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { mapGeneric } from '../fs/access.ts';
import { newDescriptor } from '../fs/inheritance.ts';
import { AceFlag } from '../wire/dtyp/ace.ts';
import {
  SecurityControl,
  type SecurityDescriptor,
  SecurityDescriptorCodec,
} from '../wire/dtyp/security-descriptor.ts';
import {
  AccessMask,
  CompletionFilter,
  CreateAction,
  CreateOption,
  FileAction,
  FileAttribute,
} from '../wire/flags.ts';
import { attributesOf, attributesOfNew } from './attributes.ts';
import { askCore, intentOf, type Target } from './create.ts';
import { bindOpen } from './create-existing.ts';
import type { OpenRequest, OpenResult } from './create-parameters.ts';
import { changeEas } from './extended-attributes.ts';
import type { OpenFile } from './open-file.ts';
import { defaultDescriptor, demandCreation, storedDescriptor } from './security.ts';
import type { Volume } from './volume.ts';
import { Waiter } from './waiter.ts';

interface Creation {
  readonly target: Target;
  readonly isDirectory: boolean;
  readonly grantedAccess: number;
  readonly parent: SecurityDescriptor;
  /** The parent's descriptor is kept by the store, so the child's is too. */
  readonly isParentStored: boolean;
}

export async function createNew(
  volume: Volume,
  request: OpenRequest,
  target: Target,
): Promise<OpenResult | Waiter> {
  const creation = await checkCreation(volume, request, target);
  const { driver } = volume;
  const { owner } = request.requester;
  const base = target.entry.stat;
  const file = base === undefined ? undefined : volume.keyOf(base.fileId);
  const status = driver.core.checkLeaseKey(owner, request.cache, file);
  if (status !== NtStatus.SUCCESS) throw new NtStatusError(status, 'lease key');
  const made = new Undo();
  try {
    const handle = await makeFile(volume, request, { creation, made });
    const stat = await handle.stat();
    return await openNew(volume, request, { creation, handle, stat, made });
  } catch (error) {
    await made.run(volume);
    throw error;
  }
}

/** What was made so far, to be taken away again when the rest fails. */
class Undo {
  handle: BackendHandle | undefined;
  readonly steps: (() => Promise<void> | void)[] = [];

  async run(volume: Volume): Promise<void> {
    try {
      await this.handle?.close();
      for (const step of this.steps.reverse()) await step();
    } catch (error) {
      volume.log.write('warn', 'undo-failed', { error: String(error) });
    }
  }
}

async function checkCreation(volume: Volume, request: OpenRequest, target: Target): Promise<Creation> {
  const { requester, createOptions, fileAttributes } = request;
  const base = target.entry.stat;
  const isDirectory = (createOptions & CreateOption.DIRECTORY_FILE) !== 0 || isIndex(target);
  const stored = await storedDescriptor(volume, {
    path: base === undefined ? parentOf(target.entry.path) : target.entry.path,
    stat: base ?? target.parent?.stat,
  });
  const isBaseDirectory = base === undefined || base.kind === 'directory';
  const parent = stored ?? defaultDescriptor(requester, isBaseDirectory);
  if (base === undefined) demandCreation(parent, requester, isDirectory);
  else checkBase(base, request, target);
  const isReadOnly = (fileAttributes & FileAttribute.READONLY) !== 0 && !isDirectory;
  const isDeletion = (createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  demand(!(isReadOnly && isDeletion), NtStatus.CANNOT_DELETE, 'read-only and deleted on close');
  const desired = mapGeneric(request.desiredAccess);
  const isMaximum = (desired & AccessMask.MAXIMUM_ALLOWED) !== 0;
  const wanted = isMaximum ? AccessMask.FILE_ALL_ACCESS | desired : desired;
  const ceiling = requester.maximalAccess | AccessMask.ACCESS_SYSTEM_SECURITY;
  const granted = (wanted & ceiling & ~AccessMask.MAXIMUM_ALLOWED) >>> 0;
  demand(isMaximum || granted === desired, NtStatus.ACCESS_DENIED, 'share permission');
  return { target, isDirectory, grantedAccess: granted, parent, isParentStored: stored !== undefined };
}

function isIndex({ name }: Target): boolean {
  return name.stream?.type === '$INDEX_ALLOCATION' || name.endsInSeparator;
}

/** A stream is added to a file that exists. */
function checkBase(base: BackendStat, request: OpenRequest, { stream }: Target): void {
  demand(stream.name !== '' && base.kind !== 'symlink', NtStatus.OBJECT_NAME_NOT_FOUND);
  const attributes = attributesOf(base);
  const isReadOnly = (attributes & FileAttribute.READONLY) !== 0 && base.kind === 'file';
  demand(!isReadOnly, NtStatus.ACCESS_DENIED, 'read-only file');
  const needed = AccessMask.FILE_WRITE_DATA;
  demand((request.requester.maximalAccess & needed) !== 0, NtStatus.ACCESS_DENIED, 'share permission');
}

interface Making {
  readonly creation: Creation;
  readonly made: Undo;
}

async function makeFile(
  volume: Volume,
  request: OpenRequest,
  { creation, made }: Making,
): Promise<BackendHandle> {
  const { backend } = volume;
  const { target, isDirectory } = creation;
  const { path } = target.entry;
  if (target.entry.stat === undefined) {
    await makeBase(volume, request, { creation, made });
    if (target.stream.name === '' && made.handle !== undefined) return made.handle;
    if (isDirectory) return openMade(made, await backend.open(path, {}));
    await made.handle?.close();
    made.handle = undefined;
  }
  const handle = await backend.open(path, { write: true, create: true, stream: target.stream.name });
  made.steps.push(() => backend.streams?.remove(path, target.stream.name));
  return openMade(made, handle);
}

function openMade(made: Undo, handle: BackendHandle): BackendHandle {
  made.handle = handle;
  return handle;
}

/** Makes the file or directory itself, with its attributes, EAs and descriptor. */
async function makeBase(volume: Volume, request: OpenRequest, { creation, made }: Making): Promise<void> {
  const { backend } = volume;
  const { target, isDirectory } = creation;
  const { path, stored } = target.entry;
  const eas = request.extendedAttributes ?? [];
  demand(eas.length === 0 || !(request.createOptions & CreateOption.NO_EA_KNOWLEDGE), NtStatus.ACCESS_DENIED);
  if (isDirectory) {
    await backend.makeDirectory(path);
    made.steps.push(() => backend.removeDirectory(path));
  } else {
    openMade(made, await backend.open(path, { write: true, create: true }));
    made.steps.push(() => backend.removeFile(path));
  }
  await volume.index.added(parentOf(path), stored);
  const inherited = inheritedAttributes(request, target);
  const attributes = attributesOfNew(request.fileAttributes, isDirectory) | inherited;
  if (attributes !== 0) await setAttributes(volume, path, { attributes, handle: made.handle });
  if (eas.length > 0) await changeEas(volume, path, eas, 'nothing');
  await storeDescriptor(volume, request, creation);
}

/** [MS-FSA] 2.1.5.1.1: what is made in a compressed directory is compressed, unless the client says otherwise. */
function inheritedAttributes({ createOptions }: OpenRequest, { parent }: Target): number {
  if (createOptions & CreateOption.NO_COMPRESSION) return 0;
  return (parent?.stat.attributes ?? 0) & FileAttribute.COMPRESSED;
}

async function setAttributes(
  volume: Volume,
  path: BackendPath,
  { attributes, handle }: { attributes: number; handle: BackendHandle | undefined },
): Promise<void> {
  if (handle !== undefined) return handle.setStat({ attributes });
  const directory = await volume.backend.open(path, {});
  await directory.setStat({ attributes });
  await directory.close();
}

async function storeDescriptor(volume: Volume, request: OpenRequest, creation: Creation): Promise<void> {
  const { securityDescriptor, requester } = request;
  if (volume.backend.security === undefined) return;
  const isCounted = volume.backend.quota?.needsOwners?.() ?? false;
  if (securityDescriptor === undefined && !creation.isParentStored && !isCounted) return;
  const made = newDescriptor({
    parent: creation.parent,
    ...(securityDescriptor === undefined ? {} : { explicit: securityDescriptor }),
    token: requester.token,
    group: requester.group,
    isDirectory: creation.isDirectory,
  });
  const isGiven = securityDescriptor?.dacl !== undefined;
  const descriptor = isGiven ? made : markedAsParent(made, creation.parent);
  await volume.backend.security.write(creation.target.entry.path, SecurityDescriptorCodec.encode(descriptor));
}

/** What came from a parent that is not itself auto-inherited is not marked as inherited. [MS-DTYP] 2.5.3.4.1 */
function markedAsParent(made: SecurityDescriptor, parent: SecurityDescriptor): SecurityDescriptor {
  const isAuto = (parent.control & SecurityControl.DACL_AUTO_INHERITED) !== 0;
  if (isAuto || !made.dacl) return made;
  const aces = made.dacl.aces.map((ace) => ({ ...ace, flags: ace.flags & ~AceFlag.INHERITED }));
  const control = made.control & ~SecurityControl.DACL_AUTO_INHERITED;
  return { ...made, control, dacl: { ...made.dacl, aces } };
}

async function openNew(
  volume: Volume,
  request: OpenRequest,
  made: Making & { handle: BackendHandle; stat: BackendStat },
): Promise<OpenResult | Waiter> {
  const { creation, handle, stat } = made;
  const { target, isDirectory, grantedAccess } = creation;
  const file = volume.keyOf(stat.fileId);
  // Somebody may have found the name between its making and now; then it is no longer new.
  const isNew = volume.driver.core.opensOf(file).length === 0 || target.entry.stat !== undefined;
  const intent = intentOf(volume, request, target);
  const outcome = askCore(volume, {
    ...intent,
    file,
    isDirectory,
    isNew,
    replaces: 'nothing',
    grantedAccess,
    createdAt: String(stat.creationTime),
  });
  if (outcome instanceof Waiter) {
    await handle.close();
    return outcome;
  }
  const { open, cache } = outcome;
  const opened = bindOpen(volume, request, { target, open, handle, stat });
  try {
    const known = await handle.stat();
    noteCreation(opened, creation);
    return { file: opened, action: CreateAction.CREATED, cache, stat: known };
  } catch (error) {
    volume.driver.call((core, nowMs) => core.abandon(open, nowMs));
    made.made.handle = undefined;
    await opened.release();
    throw error;
  }
}

function noteCreation(file: OpenFile, { target, isDirectory }: Creation): void {
  const { volume, core } = file;
  if (target.entry.stat === undefined) {
    const filter = isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
    volume.changed({ place: target.place, action: FileAction.ADDED, filter, by: core });
  }
  if (target.stream.name === '') return;
  const place = { ...target.place, name: `${target.place.name}:${target.stream.name}` };
  volume.changed({ place, action: FileAction.ADDED_STREAM, filter: CompletionFilter.STREAM_NAME, by: core });
}
