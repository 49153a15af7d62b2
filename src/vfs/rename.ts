/**
 * Renaming files, directories and streams, and making hard links. [MS-FSA] 2.1.5.15.11, 2.1.5.15.6
 *
 * Nothing here waits for a client: where one must act first a waiter is returned, and the request runs again.
 */
import type { BackendStat, MaybePromise } from '../backend/contract.ts';
import { isWithin, join, nameOf, parentOf } from '../backend/path.ts';
import { demand, NtStatus } from '../base/status.ts';
import type { Place, RenameRequest } from '../fs/types.ts';
import type { SecurityDescriptor } from '../wire/dtyp/security-descriptor.ts';
import { AccessMask, CompletionFilter, FileAction, FileAttribute } from '../wire/flags.ts';
import { attributesOf } from './attributes.ts';
import { chain } from './maybe-promise.ts';
import { parsePath } from './name.ts';
import { storedName } from './name-mapping.ts';
import type { OpenFile } from './open-file.ts';
import { renameStream } from './rename-stream.ts';
import { type Directory, type Entry, placeIn } from './resolve.ts';
import {
  defaultDescriptor,
  demandCreation,
  descriptorAt,
  grantAccess,
  storedDescriptor,
} from './security.ts';
import { keepingTimes } from './times.ts';
import type { Waiter } from './waiter.ts';

export interface RenameIntent {
  /** Share-relative path, or `:stream` for another name of the stream. */
  readonly newName: string;
  readonly replaceIfExists: boolean;
  readonly isPosix?: boolean;
  /** FILE_RENAME_IGNORE_READONLY_ATTRIBUTE. */
  readonly ignoresReadOnly?: boolean;
}

/** Renames what `file` has open. */
export function renameFile(file: OpenFile, intent: RenameIntent): MaybePromise<Waiter | undefined> {
  file.demandAccess(AccessMask.DELETE);
  if (intent.newName.startsWith(':')) return renameStream(file, intent);
  // A stream has no name of its own outside its file.
  demand(!file.isStream, NtStatus.SHARING_VIOLATION, 'a stream stays with its file');
  return relocate(file, intent, moveNow);
}

/** Gives the file another name. */
export function linkFile(file: OpenFile, intent: RenameIntent): MaybePromise<Waiter | undefined> {
  demand(file.volume.backend.link, NtStatus.NOT_SUPPORTED, 'no hard links on this volume');
  demand(!file.isDirectory, NtStatus.FILE_IS_A_DIRECTORY);
  demand(!file.isStream, NtStatus.INVALID_PARAMETER);
  file.demandAccess(AccessMask.FILE_WRITE_ATTRIBUTES);
  return relocate(file, intent, linkNow);
}

interface Destination {
  readonly parent: Directory;
  readonly entry: Entry;
  readonly place: Place;
  readonly intent: RenameIntent;
}

type Step = (file: OpenFile, to: Destination) => MaybePromise<Waiter | undefined>;

function relocate(file: OpenFile, intent: RenameIntent, step: Step): MaybePromise<Waiter | undefined> {
  const { volume, core, link } = file;
  demand(link.path !== '', NtStatus.ACCESS_DENIED, 'the root of a share stays');
  demand(!link.isRemoved, NtStatus.FILE_DELETED);
  const path = parsePath(intent.newName.replace(/^\\/, ''), volume.limits);
  const last = path.components.at(-1);
  demand(last !== undefined && path.stream === undefined, NtStatus.OBJECT_NAME_INVALID, 'new name');
  return chain(volume.resolver.directoryFor(path.components), (parent) => {
    const slots = [volume.slotOf(core.place), volume.slot(parent.key, last)];
    return volume.names.run(slots, () =>
      chain(volume.resolver.entry(parent, last), (entry) => {
        const to = { parent, entry, place: placeIn(parent, last), intent };
        return chain(checkDestination(file, to), () => step(file, to));
      }),
    );
  });
}

function checkDestination(file: OpenFile, to: Destination): MaybePromise<void> {
  const { volume, link } = file;
  const { parent, entry } = to;
  demand(
    !file.isDirectory || !isWithin(entry.path, link.path) || entry.path === link.path,
    NtStatus.ACCESS_DENIED,
  );
  return chain(storedDescriptor(volume, { path: parent.path, stat: parent.stat }), (stored) =>
    checkName(file, to, stored),
  );
}

/** The directory, whose descriptor `stored` is, must take the name, and what has it must give way. */
function checkName(
  file: OpenFile,
  { parent, entry, intent }: Destination,
  stored: SecurityDescriptor | undefined,
): MaybePromise<void> {
  const { volume, requester } = file;
  demandCreation(stored ?? defaultDescriptor(requester, true), requester, file.isDirectory);
  const { stat } = entry;
  if (stat === undefined || isOwn(file, entry)) return;
  const removal = volume.removalOf(stat.fileId, '');
  demand(intent.replaceIfExists || removal !== undefined, NtStatus.OBJECT_NAME_COLLISION);
  return checkReplaced(file, { parent, entry, stat, ignoresReadOnly: intent.ignoresReadOnly === true });
}

/** The name found is the file's own, perhaps in another case. */
function isOwn(file: OpenFile, entry: Entry): boolean {
  return entry.path === file.link.path;
}

/** [MS-FSA] 2.1.5.15.11: what is replaced must be deletable. */
async function checkReplaced(
  file: OpenFile,
  target: { parent: Directory; entry: Entry; stat: BackendStat; ignoresReadOnly: boolean },
): Promise<void> {
  const { volume, requester } = file;
  const { stat, entry, parent } = target;
  const isDirectory = stat.kind === 'directory';
  demand(!isDirectory, NtStatus.ACCESS_DENIED, 'a directory is not replaced');
  demand(!file.isDirectory, NtStatus.ACCESS_DENIED, 'a directory replaces nothing');
  const attributes = attributesOf(stat, isDirectory);
  const isReadOnly = (attributes & FileAttribute.READONLY) !== 0;
  demand(!isReadOnly || target.ignoresReadOnly, NtStatus.ACCESS_DENIED, 'read-only target');
  const checked = {
    descriptor: await descriptorAt(volume, { path: entry.path, stat }, requester, isDirectory),
    parent: await descriptorAt(volume, { path: parent.path }, requester, true),
    isDirectory,
    attributes: attributes & ~FileAttribute.READONLY,
  };
  grantAccess(checked, requester, { desiredAccess: AccessMask.DELETE, createOptions: 0 });
}

function requestOf(file: OpenFile, { entry, place, intent }: Destination): RenameRequest {
  const { stat } = entry;
  const isOther = stat !== undefined && !isOwn(file, entry);
  const target = isOther && { file: file.volume.keyOf(stat.fileId), isDirectory: stat.kind === 'directory' };
  return {
    to: place,
    replaceIfExists: intent.replaceIfExists,
    ...(target ? { target } : {}),
    ...(intent.isPosix === undefined ? {} : { isPosix: intent.isPosix }),
  };
}

function moveNow(file: OpenFile, to: Destination): MaybePromise<Waiter | undefined> {
  const { volume, core, link } = file;
  const { driver, backend } = volume;
  const waiter = driver.attempt((fs, nowMs) => fs.rename(core, requestOf(file, to), nowMs));
  if (waiter !== undefined) return waiter;
  const from = link.path;
  const stored = storedName(to.place.name);
  const path = join(to.parent.path, stored);
  if (from === path) return undefined;
  // Another name in the way differs in case only, or is to be replaced under its own spelling.
  const isInTheWay = to.entry.stat !== undefined && to.entry.path !== path && !isOwn(file, to.entry);
  const free = isInTheWay ? backend.removeFile(to.entry.path) : undefined;
  const moved = chain(free, () =>
    keepingTimes(file, () => backend.rename(from, path, to.intent.replaceIfExists)),
  );
  const known = chain(moved, () => {
    volume.moved(from, path);
    return chain(volume.index.removed(parentOf(from), nameOf(from)), () =>
      volume.index.added(to.parent.path, stored),
    );
  });
  return chain(known, () => {
    const old = core.place;
    noteReplaced(file, to);
    driver.call((fs, nowMs) => fs.renamed(core, to.place, nowMs));
    noteMove(file, old, to.place);
    return undefined;
  });
}

function noteReplaced(file: OpenFile, { entry, place }: Destination): void {
  if (entry.stat === undefined || isOwn(file, entry)) return;
  const filter = CompletionFilter.FILE_NAME;
  file.volume.changed({ place, action: FileAction.REMOVED, filter, by: file.core });
}

function noteMove(file: OpenFile, from: Place, to: Place): void {
  const { volume, core } = file;
  const filter = file.isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME;
  volume.changed({ place: from, action: FileAction.RENAMED_OLD_NAME, filter, newPlace: to, by: core });
}

async function linkNow(file: OpenFile, to: Destination): Promise<Waiter | undefined> {
  const { volume, core, link } = file;
  const { driver, backend } = volume;
  demand(!isOwn(file, to.entry), NtStatus.OBJECT_NAME_COLLISION);
  const waiter = driver.attempt((fs, nowMs) => fs.link(core, requestOf(file, to), nowMs));
  if (waiter !== undefined) return waiter;
  if (to.entry.stat !== undefined) {
    await backend.removeFile(to.entry.path);
    noteReplaced(file, to);
  }
  const stored = storedName(to.place.name);
  await backend.link?.(link.path, join(to.parent.path, stored));
  await volume.index.added(to.parent.path, stored);
  const filter = CompletionFilter.FILE_NAME;
  volume.changed({ place: to.place, action: FileAction.ADDED, filter, by: core });
  return undefined;
}
