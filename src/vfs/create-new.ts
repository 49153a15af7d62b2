/**
 * Making what does not exist. [MS-FSA] 2.1.5.1.1
 */
import type { BackendHandle, BackendPath, BackendStat, MaybePromise } from '../backend/contract.ts';
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
import { chain, rescue } from './maybe-promise.ts';
import { forNoWatcher } from './notes.ts';
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

export function createNew(
  volume: Volume,
  request: OpenRequest,
  target: Target,
): MaybePromise<OpenResult | Waiter> {
  return chain(checkCreation(volume, request, target), (creation) => make(volume, request, creation));
}

function make(volume: Volume, request: OpenRequest, creation: Creation): MaybePromise<OpenResult | Waiter> {
  const { target } = creation;
  const { driver } = volume;
  const { owner } = request.requester;
  const base = target.entry.stat;
  const file = base === undefined ? undefined : volume.keyOf(base.fileId);
  const status = driver.core.checkLeaseKey(owner, request.cache, file);
  if (status !== NtStatus.SUCCESS) throw new NtStatusError(status, 'lease key');
  const made = new Undo();
  return rescue(
    () =>
      chain(makeFile(volume, request, { creation, made }), (handle) =>
        chain(handle.stat(), (stat) => openNew(volume, request, { creation, handle, stat, made })),
      ),
    (error) =>
      made.run(volume).then(() => {
        throw error;
      }),
  );
}

/** What was made so far, to be taken away again when the rest fails. */
class Undo {
  handle: BackendHandle | undefined;
  readonly steps: (() => MaybePromise<void>)[] = [];

  async run(volume: Volume): Promise<void> {
    try {
      await this.handle?.close();
      for (const step of this.steps.reverse()) await step();
    } catch (error) {
      volume.log.write('warn', 'undo-failed', { error: String(error) });
    }
  }
}

function checkCreation(volume: Volume, request: OpenRequest, target: Target): MaybePromise<Creation> {
  const base = target.entry.stat;
  const above = {
    path: base === undefined ? parentOf(target.entry.path) : target.entry.path,
    stat: base ?? target.parent?.stat,
  };
  return chain(storedDescriptor(volume, above), (stored) => creationBelow(stored, request, target));
}

/** What is to be made below what has the descriptor `stored`. */
function creationBelow(
  stored: SecurityDescriptor | undefined,
  request: OpenRequest,
  target: Target,
): Creation {
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

function makeFile(volume: Volume, request: OpenRequest, making: Making): MaybePromise<BackendHandle> {
  const { creation, made } = making;
  const { backend } = volume;
  const { target, isDirectory } = creation;
  const { path } = target.entry;
  if (target.entry.stat !== undefined) return makeStream(volume, making);
  return chain(makeBase(volume, request, making), () => {
    if (target.stream.name === '' && made.handle !== undefined) return made.handle;
    if (isDirectory) return chain(backend.open(path, {}), (handle) => openMade(made, handle));
    return chain(made.handle?.close(), () => {
      made.handle = undefined;
      return makeStream(volume, making);
    });
  });
}

function makeStream({ backend }: Volume, { creation, made }: Making): MaybePromise<BackendHandle> {
  const { path } = creation.target.entry;
  const { name } = creation.target.stream;
  return chain(backend.open(path, { write: true, create: true, stream: name }), (handle) => {
    made.steps.push(() => backend.streams?.remove(path, name));
    return openMade(made, handle);
  });
}

function openMade(made: Undo, handle: BackendHandle): BackendHandle {
  made.handle = handle;
  return handle;
}

/** Makes the file or directory itself, with its attributes, EAs and descriptor. */
function makeBase(volume: Volume, request: OpenRequest, { creation, made }: Making): MaybePromise<void> {
  const { target, isDirectory } = creation;
  const { path, stored } = target.entry;
  const eas = request.extendedAttributes ?? [];
  demand(eas.length === 0 || !(request.createOptions & CreateOption.NO_EA_KNOWLEDGE), NtStatus.ACCESS_DENIED);
  const inherited = inheritedAttributes(request, target);
  const attributes = attributesOfNew(request.fileAttributes, isDirectory) | inherited;
  const named = chain(makeName(volume, target, { isDirectory, made }), () =>
    volume.index.added(parentOf(path), stored),
  );
  const shown = chain(named, () =>
    attributes === 0 ? undefined : setAttributes(volume, path, { attributes, handle: made.handle }),
  );
  return chain(shown, () =>
    eas.length === 0
      ? storeDescriptor(volume, request, creation)
      : changeEas(volume, path, eas, 'nothing').then(() => storeDescriptor(volume, request, creation)),
  );
}

/** Takes the name for a new file, which is open then, or a new directory. */
function makeName(
  volume: Volume,
  target: Target,
  { isDirectory, made }: { isDirectory: boolean; made: Undo },
): MaybePromise<void> {
  const { backend } = volume;
  const { path } = target.entry;
  if (isDirectory)
    return chain(backend.makeDirectory(path), () => {
      made.steps.push(() => chain(backend.removeDirectory(path), () => takeBack(volume, target)));
    });
  return chain(backend.open(path, { write: true, create: true }), (handle) => {
    openMade(made, handle);
    made.steps.push(() => chain(backend.removeFile(path), () => takeBack(volume, target)));
  });
}

/** Who has listed the directory meanwhile caches a name that is not there; watchers were not told of it in the first place. */
function takeBack(volume: Volume, { entry, place }: Target): MaybePromise<void> {
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
  volume: Volume,
  path: BackendPath,
  { attributes, handle }: { attributes: number; handle: BackendHandle | undefined },
): MaybePromise<void> {
  if (handle !== undefined) return handle.setStat({ attributes });
  return chain(volume.backend.open(path, {}), (directory) =>
    chain(directory.setStat({ attributes }), () => directory.close()),
  );
}

function storeDescriptor(volume: Volume, request: OpenRequest, creation: Creation): MaybePromise<void> {
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

function openNew(
  volume: Volume,
  request: OpenRequest,
  made: Making & { handle: BackendHandle; stat: BackendStat },
): MaybePromise<OpenResult | Waiter> {
  const { creation, handle, stat } = made;
  const { target, isDirectory, grantedAccess } = creation;
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
