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
import { mayBeShort } from './name-tunnel.ts';
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
  return createNamed({ volume, request, name });
}

/** A request whose path is taken apart. */
interface Work {
  readonly volume: Volume;
  readonly request: OpenRequest;
  readonly name: PathName;
}

function createNamed(work: Work): MaybePromise<OpenResult | Waiter> {
  return chain(chain(parentOf(work), createIn, work), answerOf, work);
}

function answerOf(
  outcome: OpenResult | Waiter | BeingRemoved,
  work: Work,
): MaybePromise<OpenResult | Waiter> {
  if (outcome instanceof BeingRemoved) return createAfter(outcome, work);
  return !(outcome instanceof Waiter) && isQuotaIndex(work.request.path) ? asQuotaIndex(outcome) : outcome;
}

function createAfter({ done }: BeingRemoved, work: Work): Promise<OpenResult | Waiter> {
  const again = (): MaybePromise<OpenResult | Waiter> => createNamed(work);
  return done.then(again, again);
}

type Outcome = MaybePromise<OpenResult | Waiter | BeingRemoved>;

function createIn(parent: Directory | undefined, work: Work): Outcome {
  const last = work.name.components.at(-1);
  if (last === undefined || parent === undefined || !mayCreate(work.request))
    return openOrCreate(parent, work);
  return createInTurn(work.volume.slot(parent.key, last), parent, work);
}

function createInTurn(slot: string, parent: Directory, work: Work): Outcome {
  return work.volume.names.run([slot], () => openOrCreate(parent, work));
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

function parentOf({ volume, name }: Work): MaybePromise<Directory | undefined> {
  return name.components.length === 0 ? undefined : volume.resolver.directoryFor(name.components);
}

function openOrCreate(parent: Directory | undefined, work: Work): Outcome {
  const target = chain(findEntry(parent, work), targetOf, parent, work);
  return chain(target, openTarget, work);
}

function openTarget(target: Target, { volume, request }: Work): Outcome {
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

function targetOf(entry: Entry, parent: Directory | undefined, work: Work): MaybePromise<Target> {
  const isFollowed = entry.stat?.kind === 'symlink' && parent !== undefined && wantsTarget(work.request);
  return isFollowed ? targetBehind(entry, parent, work) : targetAt(entry, parent, work);
}

async function targetBehind(link: Entry, directory: Directory, work: Work): Promise<Target> {
  const { entry, parent } = await work.volume.resolver.follow(directory, link);
  return targetAt(entry, parent, work);
}

function targetAt(entry: Entry, parent: Directory | undefined, work: Work): MaybePromise<Target> {
  const { name } = work;
  const place: Place =
    parent === undefined ? { ancestors: [], name: '' } : placeIn(parent, shownName(entry.stored));
  const wanted = name.stream?.name ?? '';
  if (wanted === '') return { name, parent, entry, place, stream: ownData(entry) };
  return chain(findStream(work.volume, wanted, entry), withStream, { name, parent, entry, place });
}

function withStream(stream: TargetStream, rest: Omit<Target, 'stream'>): Target {
  return { ...rest, stream };
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

function findEntry(parent: Directory | undefined, { volume, name }: Work): MaybePromise<Entry> {
  const last = name.components.at(-1);
  if (parent === undefined || last === undefined) return chain(volume.backend.stat(''), rootEntry);
  const entry = volume.resolver.entry(parent, last);
  return mayBeShort(last) ? chain(entry, (found) => orLongName(found, { volume, parent, last })) : entry;
}

function rootEntry(stat: BackendStat): Entry {
  return { stored: '', path: '', stat };
}

function orLongName(entry: Entry, asked: { volume: Volume; parent: Directory; last: string }): Entry {
  if (entry.stat !== undefined) return entry;
  const { volume, parent, last } = asked;
  const stored = volume.tunnel.longNameOf(parent.path, last, volume.driver.nowMs);
  return stored === undefined ? entry : { ...entry, stored, path: join(parent.path, stored) };
}

/** The data of a file, or a directory itself. */
function ownData({ stat }: Entry): TargetStream {
  return { name: '', exists: stat !== undefined };
}

function findStream({ backend }: Volume, wanted: string, { stat, path }: Entry): MaybePromise<TargetStream> {
  const { streams } = backend;
  if (stat === undefined || streams === undefined) return { name: wanted, exists: false };
  return chain(streams.list(path), (listed) => {
    const found = listed.find((stream) => isSameName(stream.name, wanted));
    return { name: found?.name ?? wanted, exists: found !== undefined };
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
