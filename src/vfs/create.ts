/**
 * CREATE on a volume: find the name, then open what has it or make it. [MS-FSA] 2.1.5.1
 *
 * Nothing here waits for a client. Where somebody must act first the answer is a waiter, and the whole request runs again.
 */
import type { BackendStat, MaybePromise } from '../backend/contract.ts';
import { join } from '../backend/path.ts';
import { randomId } from '../base/entropy.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { mapGeneric } from '../fs/access.ts';
import { isSameName, upper } from '../fs/names.ts';
import type { OpenIntent, OpenOutcome, Place } from '../fs/types.ts';
import { AccessMask, CreateDisposition, CreateOption, FileAttribute } from '../wire/flags.ts';
import { openExisting } from './create-existing.ts';
import { createNew } from './create-new.ts';
import { checkParameters, type OpenRequest, type OpenResult } from './create-parameters.ts';
import { chain } from './maybe-promise.ts';
import { isQuotaIndex, type PathName, parsePath } from './name.ts';
import { shownName } from './name-mapping.ts';
import { type Directory, type Entry, placeIn } from './resolve.ts';
import type { Volume } from './volume.ts';
import { Waiter } from './waiter.ts';

/** What a path was found to mean. */
export interface Target {
  readonly name: PathName;
  /** Absent for the root. */
  readonly parent: Directory | undefined;
  readonly entry: Entry;
  readonly place: Place;
  readonly stream: TargetStream;
}

export interface TargetStream {
  /** Stored name; `''` for the data of the file or for the directory itself. */
  readonly name: string;
  readonly exists: boolean;
  readonly sizeBytes: number;
}

/** A removal of the very name is under way; the request runs again after it. */
class BeingRemoved {
  readonly done: Promise<void>;
  constructor(done: Promise<void>) {
    this.done = done;
  }
}

/** Opens or makes a file. Throws what the client is to be told; a waiter when somebody else must act first. */
export function createFile(live: Volume, asked: OpenRequest): MaybePromise<OpenResult | Waiter> {
  checkParameters(asked);
  const { path, time = asked.snapshotTime } = live.snapshots.separate(asked.path);
  const request = path === asked.path ? asked : { ...asked, path };
  if (time === undefined) return createOn(live, request);
  return live.snapshots.at(time).then((volume) => createOn(volume, request));
}

function createOn(volume: Volume, request: OpenRequest): MaybePromise<OpenResult | Waiter> {
  const isDeletion = (request.createOptions & CreateOption.DELETE_ON_CLOSE) !== 0;
  demand(!(volume.isReadOnly && isDeletion), NtStatus.MEDIA_WRITE_PROTECTED, 'a snapshot stays as it is');
  const name = parsePath(request.path, volume.limits);
  // A volume without streams has no names with colons, not even `name::$DATA`. [MS-FSA] 2.1.5.1
  const hasStreams = volume.backend.streams !== undefined;
  demand(hasStreams || name.stream === undefined, NtStatus.OBJECT_NAME_INVALID, 'no streams on this volume');
  checkStreamType(name, request);
  return createNamed(volume, request, name);
}

function createNamed(
  volume: Volume,
  request: OpenRequest,
  name: PathName,
): MaybePromise<OpenResult | Waiter> {
  const again = (): MaybePromise<OpenResult | Waiter> => createNamed(volume, request, name);
  const attempted = chain(parentOf(volume, name), (parent) => createIn(volume, request, { name, parent }));
  return chain(attempted, (outcome) => {
    if (outcome instanceof Waiter) return outcome;
    if (outcome instanceof BeingRemoved) return outcome.done.then(again, again);
    return isQuotaIndex(request.path) ? asQuotaIndex(outcome) : outcome;
  });
}

function createIn(
  volume: Volume,
  request: OpenRequest,
  where: { name: PathName; parent: Directory | undefined },
): MaybePromise<OpenResult | Waiter | BeingRemoved> {
  const { name, parent } = where;
  const last = name.components.at(-1);
  if (last === undefined || parent === undefined || !mayCreate(request))
    return openOrCreate(volume, request, where);
  return volume.names.run([volume.slot(parent.key, last)], () => openOrCreate(volume, request, where));
}

/** The index of quotas has no times, and attributes of its own. */
function asQuotaIndex(result: OpenResult): OpenResult {
  const { HIDDEN, SYSTEM, ARCHIVE } = FileAttribute;
  const times = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n };
  return { ...result, stat: { ...result.stat, ...times, attributes: HIDDEN | SYSTEM | ARCHIVE } };
}

function mayCreate({ createDisposition }: OpenRequest): boolean {
  return createDisposition !== CreateDisposition.OPEN && createDisposition !== CreateDisposition.OVERWRITE;
}

/** [MS-FSA] 2.1.5.1: what the type in the name says must fit the options. */
function checkStreamType({ stream, endsInSeparator }: PathName, { createOptions }: OpenRequest): void {
  const isDirectoryWanted = (createOptions & CreateOption.DIRECTORY_FILE) !== 0;
  const isFileWanted = (createOptions & CreateOption.NON_DIRECTORY_FILE) !== 0;
  if (stream?.type === '$DATA') demand(!isDirectoryWanted, NtStatus.NOT_A_DIRECTORY);
  if (stream?.type === '$INDEX_ALLOCATION') demand(!isFileWanted, NtStatus.FILE_IS_A_DIRECTORY);
  demand(!(endsInSeparator && (isFileWanted || stream !== undefined)), NtStatus.OBJECT_NAME_INVALID);
}

function parentOf(volume: Volume, { components }: PathName): MaybePromise<Directory | undefined> {
  if (components.length === 0) return undefined;
  return volume.resolver.directory(components.slice(0, -1), components.at(-1));
}

function openOrCreate(
  volume: Volume,
  request: OpenRequest,
  where: { name: PathName; parent: Directory | undefined },
): MaybePromise<OpenResult | Waiter | BeingRemoved> {
  return chain(findTarget(volume, request, where), (target) => openTarget(volume, request, target));
}

function openTarget(
  volume: Volume,
  request: OpenRequest,
  target: Target,
): MaybePromise<OpenResult | Waiter | BeingRemoved> {
  const { stat } = target.entry;
  if (stat !== undefined) {
    const removal = volume.removalOf(stat.fileId, upper(target.stream.name));
    if (removal !== undefined) return new BeingRemoved(removal);
  }
  const exists = stat !== undefined && target.stream.exists;
  const { createDisposition } = request;
  demand(!(exists && createDisposition === CreateDisposition.CREATE), NtStatus.OBJECT_NAME_COLLISION);
  if (exists) return openExisting(volume, request, target);
  demand(mayCreate(request), NtStatus.OBJECT_NAME_NOT_FOUND);
  return createNew(volume, request, target);
}

function findTarget(
  volume: Volume,
  request: OpenRequest,
  { name, parent: directory }: { name: PathName; parent: Directory | undefined },
): MaybePromise<Target> {
  return chain(findEntry(volume, name, directory), (named) => {
    const isFollowed = named.stat?.kind === 'symlink' && directory !== undefined && wantsTarget(request);
    if (!isFollowed) return targetAt(volume, name, { parent: directory, entry: named });
    const followed = volume.resolver.follow(directory, named);
    return followed.then((found) => targetAt(volume, name, found));
  });
}

function targetAt(
  volume: Volume,
  name: PathName,
  { parent, entry }: { parent: Directory | undefined; entry: Entry },
): MaybePromise<Target> {
  const place: Place =
    parent === undefined ? { ancestors: [], name: '' } : placeIn(parent, shownName(entry.stored));
  return chain(findStream(volume, name, entry), (stream) => ({ name, parent, entry, place, stream }));
}

const contentAccess =
  AccessMask.FILE_READ_DATA |
  AccessMask.FILE_WRITE_DATA |
  AccessMask.FILE_APPEND_DATA |
  AccessMask.FILE_EXECUTE |
  AccessMask.MAXIMUM_ALLOWED;

/** Who deletes or renames means the symbolic link, unless content is wanted too; everybody else means what it leads to. */
function wantsTarget({ createOptions, desiredAccess }: OpenRequest): boolean {
  if (createOptions & CreateOption.OPEN_REPARSE_POINT) return false;
  const desired = mapGeneric(desiredAccess);
  return !(desired & AccessMask.DELETE) || (desired & contentAccess) !== 0;
}

function findEntry(volume: Volume, name: PathName, parent: Directory | undefined): MaybePromise<Entry> {
  const last = name.components.at(-1);
  if (parent === undefined || last === undefined) {
    return chain(volume.backend.stat(''), (stat) => ({ stored: '', path: '', stat }));
  }
  return chain(volume.resolver.entry(parent, last), (entry) => {
    if (entry.stat !== undefined) return entry;
    const stored = volume.tunnel.longNameOf(parent.path, last, volume.driver.nowMs);
    return stored === undefined ? entry : { ...entry, stored, path: join(parent.path, stored) };
  });
}

/** The data of a file, or a directory itself. */
function ownData({ stat }: Entry): TargetStream {
  return { name: '', exists: stat !== undefined, sizeBytes: stat?.sizeBytes ?? 0 };
}

function findStream(volume: Volume, name: PathName, entry: Entry): MaybePromise<TargetStream> {
  const wanted = name.stream?.name ?? '';
  if (wanted === '') return ownData(entry);
  const { streams } = volume.backend;
  const isNone = entry.stat === undefined || streams === undefined;
  if (isNone) return { name: wanted, exists: false, sizeBytes: 0 };
  return chain(streams.list(entry.path), (listed) => {
    const found = listed.find((stream) => isSameName(stream.name, wanted));
    return { name: found?.name ?? wanted, exists: found !== undefined, sizeBytes: found?.sizeBytes ?? 0 };
  });
}

/** What is known of the file when the core is asked for it. */
type FoundFile = Pick<OpenIntent, 'file' | 'isDirectory' | 'isNew' | 'replaces' | 'grantedAccess'> & {
  readonly stat: BackendStat;
};

/** What the core is asked. */
export function intentOf(
  volume: Volume,
  request: OpenRequest,
  { target, found }: { readonly target: Target; readonly found: FoundFile },
): OpenIntent {
  const { durable } = request;
  return {
    file: found.file,
    stream: upper(target.stream.name),
    place: target.place,
    isDirectory: found.isDirectory,
    isNew: found.isNew,
    replaces: found.replaces,
    grantedAccess: found.grantedAccess,
    shareAccess: request.shareAccess,
    // [MS-SMB2] 2.2.13: clients may set COMPLETE_IF_OPLOCKED; it means nothing over the network.
    createOptions: request.createOptions & ~CreateOption.COMPLETE_IF_OPLOCKED,
    cache: request.cache,
    owner: request.requester.owner,
    // Only what is kept over a restart is told from what took its place meanwhile.
    createdAt: durable?.isPersistent === true ? String(found.stat.creationTime) : undefined,
    durable: durable && { ...durable, persistentId: randomId(volume.entropy) },
    appInstance: request.appInstance,
    retryOf: request.retryOf,
  };
}

/** Asks the core; a waiter when it says so. Throws what it denies. */
export function askCore(
  volume: Volume,
  intent: OpenIntent,
): Extract<OpenOutcome, { kind: 'granted' }> | Waiter {
  const { driver } = volume;
  // Its last open may have closed since the file was looked at. [MS-FSA] 2.1.5.1.2
  const removal = volume.removalOf(intent.file, intent.stream);
  demand(removal === undefined, NtStatus.DELETE_PENDING, 'it is being removed');
  const outcome = driver.core.open(intent, driver.nowMs);
  if (outcome.kind === 'granted') driver.granted(outcome.open);
  const waiter = outcome.kind === 'wait' ? driver.waiterOf(outcome.ticket, outcome.isOpposed) : undefined;
  driver.settle();
  if (waiter !== undefined) return waiter;
  if (outcome.kind === 'granted') return outcome;
  throw new NtStatusError(outcome.kind === 'denied' ? outcome.status : NtStatus.INTERNAL_ERROR);
}
