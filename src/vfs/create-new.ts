/**
 * Making what does not exist. [MS-FSA] 2.1.5.1.1
 */
import type { BackendHandle, BackendStat, MaybePromise, OpenOptions } from '../backend/contract.ts';
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
import { changeEas, type EaEntry } from './extended-attributes.ts';
import { chain, rescue } from './maybe-promise.ts';
import { forNoWatcher } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { defaultDescriptor, demandCreation, storedDescriptor } from './security.ts';
import type { Volume } from './volume.ts';
import { Waiter } from './waiter.ts';

interface Creation {
  readonly volume: Volume;
  readonly request: OpenRequest;
  readonly target: Target;
  readonly isDirectory: boolean;
  readonly grantedAccess: number;
  readonly parent: SecurityDescriptor;
  /** The parent's descriptor is kept by the store, so the child's is too. */
  readonly isParentStored: boolean;
  /** What was made so far, to be taken away again when the rest fails. */
  handle: BackendHandle | undefined;
  hasName: boolean;
  hasStream: boolean;
}

export function createNew(
  volume: Volume,
  request: OpenRequest,
  target: Target,
): MaybePromise<OpenResult | Waiter> {
  const base = target.entry.stat;
  const above = {
    path: base === undefined ? parentOf(target.entry.path) : target.entry.path,
    stat: base ?? target.parent?.stat,
  };
  const creation = chain(storedDescriptor(volume, above), creationBelow, { volume, request, target });
  return chain(creation, make);
}

function make(creation: Creation): MaybePromise<OpenResult | Waiter> {
  const { volume, request, target } = creation;
  const base = target.entry.stat;
  const file = base === undefined ? undefined : volume.keyOf(base.fileId);
  const status = volume.driver.core.checkLeaseKey(request.requester.owner, request.cache, file);
  if (status !== NtStatus.SUCCESS) throw new NtStatusError(status, 'lease key');
  return rescue(makeAndOpen, takeBack, creation);
}

function makeAndOpen(creation: Creation): MaybePromise<OpenResult | Waiter> {
  return chain(makeFile(creation), openMade, creation);
}

async function takeBack(error: unknown, { volume, target, isDirectory, ...made }: Creation): Promise<never> {
  const { backend, log } = volume;
  const { path } = target.entry;
  try {
    await made.handle?.close();
    if (made.hasStream) await backend.streams?.remove(path, target.stream.name);
    if (made.hasName) {
      await (isDirectory ? backend.removeDirectory(path) : backend.removeFile(path));
      await takeNameBack(volume, target);
    }
  } catch (failure) {
    log.write('warn', 'undo-failed', { error: String(failure) });
  }
  throw error;
}

/** What is to be made below what has the descriptor `stored`. */
function creationBelow(
  stored: SecurityDescriptor | undefined,
  asked: Pick<Creation, 'volume' | 'request' | 'target'>,
): Creation {
  const { volume, request, target } = asked;
  const { requester, createOptions, fileAttributes } = request;
  const base = target.entry.stat;
  const isDirectory = (createOptions & CreateOption.DIRECTORY_FILE) !== 0 || isIndex(target);
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
  return {
    volume,
    request,
    target,
    isDirectory,
    grantedAccess: granted,
    parent,
    isParentStored: stored !== undefined,
    handle: undefined,
    hasName: false,
    hasStream: false,
  };
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

/** What is made is open then. */
function makeFile(creation: Creation): MaybePromise<BackendHandle> {
  if (creation.target.entry.stat !== undefined) return makeStream(creation);
  return chain(makeBase(creation), openBase, creation);
}

function openBase(_made: void, creation: Creation): MaybePromise<BackendHandle> {
  const { volume, target, isDirectory, handle } = creation;
  if (target.stream.name === '' && handle !== undefined) return handle;
  if (isDirectory) return chain(volume.backend.open(target.entry.path, {}), keep, creation);
  return chain(handle?.close(), () => {
    creation.handle = undefined;
    return makeStream(creation);
  });
}

function makeStream(creation: Creation): MaybePromise<BackendHandle> {
  const { volume, target } = creation;
  const options = { write: true, create: true, stream: target.stream.name };
  return chain(volume.backend.open(target.entry.path, options), (handle) => {
    creation.hasStream = true;
    return keep(handle, creation);
  });
}

function keep(handle: BackendHandle, creation: Creation): BackendHandle {
  creation.handle = handle;
  return handle;
}

/** Makes the file or directory itself, with its attributes, EAs and descriptor. */
function makeBase(creation: Creation): MaybePromise<void> {
  const { request } = creation;
  const eas = request.extendedAttributes ?? NO_EAS;
  demand(eas.length === 0 || !(request.createOptions & CreateOption.NO_EA_KNOWLEDGE), NtStatus.ACCESS_DENIED);
  const shown = chain(chain(makeName(creation), enterName, creation), setAttributes, creation);
  return chain(eas.length === 0 ? shown : chain(shown, setEas, creation, eas), storeDescriptor, creation);
}

const NO_EAS: readonly EaEntry[] = Object.freeze([]);

/** Takes the name for a new file, which is open then, or a new directory. */
function makeName(creation: Creation): MaybePromise<void> {
  const { backend } = creation.volume;
  const { path } = creation.target.entry;
  if (creation.isDirectory) return chain(backend.makeDirectory(path), named, creation);
  return chain(chain(backend.open(path, forCreation), keep, creation), named, creation);
}

const forCreation: OpenOptions = Object.freeze({ write: true, create: true });

function named(_made: unknown, creation: Creation): void {
  creation.hasName = true;
}

function enterName(_named: void, { volume, target }: Creation): MaybePromise<void> {
  return volume.index.added(parentOf(target.entry.path), target.entry.stored);
}

function setEas(_shown: void, { volume, target }: Creation, eas: readonly EaEntry[]): MaybePromise<void> {
  return changeEas(volume, target.entry.path, eas, 'nothing');
}

/** Who has listed the directory meanwhile caches a name that is not there; watchers were not told of it in the first place. */
function takeNameBack(volume: Volume, { entry, place }: Target): MaybePromise<void> {
  return chain(volume.index.removed(parentOf(entry.path), entry.stored), () =>
    volume.changed({ place, action: FileAction.REMOVED, filter: forNoWatcher }),
  );
}

/** [MS-FSA] 2.1.5.1.1: what is made in a compressed directory is compressed, unless the client says otherwise. */
function inheritedAttributes({ createOptions }: OpenRequest, { parent }: Target): number {
  if (createOptions & CreateOption.NO_COMPRESSION) return 0;
  return (parent?.stat.attributes ?? 0) & FileAttribute.COMPRESSED;
}

function setAttributes(
  _named: void,
  { volume, request, target, isDirectory, handle }: Creation,
): MaybePromise<void> {
  const inherited = inheritedAttributes(request, target);
  const attributes = attributesOfNew(request.fileAttributes, isDirectory) | inherited;
  if (attributes === 0) return;
  if (handle !== undefined) return handle.setStat({ attributes });
  return chain(volume.backend.open(target.entry.path, {}), (directory) =>
    chain(directory.setStat({ attributes }), () => directory.close()),
  );
}

function storeDescriptor(_shown: void, creation: Creation): MaybePromise<void> {
  const { volume, request } = creation;
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
  return volume.backend.security.write(
    creation.target.entry.path,
    SecurityDescriptorCodec.encode(descriptor),
  );
}

/** What came from a parent that is not itself auto-inherited is not marked as inherited. [MS-DTYP] 2.5.3.4.1 */
function markedAsParent(made: SecurityDescriptor, parent: SecurityDescriptor): SecurityDescriptor {
  const isAuto = (parent.control & SecurityControl.DACL_AUTO_INHERITED) !== 0;
  if (isAuto || !made.dacl) return made;
  const aces = made.dacl.aces.map((ace) => ({ ...ace, flags: ace.flags & ~AceFlag.INHERITED }));
  const control = made.control & ~SecurityControl.DACL_AUTO_INHERITED;
  return { ...made, control, dacl: { ...made.dacl, aces } };
}

function openMade(handle: BackendHandle, creation: Creation): MaybePromise<OpenResult | Waiter> {
  return chain(handle.stat(), openNew, creation, handle);
}

function openNew(
  stat: BackendStat,
  creation: Creation,
  handle: BackendHandle,
): MaybePromise<OpenResult | Waiter> {
  const { volume, request, target, isDirectory, grantedAccess } = creation;
  const file = volume.keyOf(stat.fileId);
  // Somebody may have found the name between its making and now; then it is no longer new.
  const isNew = volume.driver.core.opensOf(file).length === 0 || target.entry.stat !== undefined;
  const found = { file, isDirectory, isNew, replaces: 'nothing' as const, grantedAccess, stat };
  const outcome = askCore(volume, intentOf(volume, request, { target, found }));
  if (outcome instanceof Waiter) return chain(handle.close(), () => outcome);
  const { open, cache } = outcome;
  const opened = bindOpen(volume, request, { target, open, handle, stat });
  noteCreation(opened, creation);
  return { file: opened, action: CreateAction.CREATED, cache, stat };
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
