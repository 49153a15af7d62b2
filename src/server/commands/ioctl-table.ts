/**
 * The control codes: what each needs and does, or the refusal that its callers expect. [MS-SMB2] 3.3.5.15, [MS-FSCC] 2.3
 */
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { compressionOf, setCompression } from '../../vfs/compression.ts';
import { copySpan, duplicableLength } from '../../vfs/copy.ts';
import {
  createObjectId,
  deleteObjectId,
  queryObjectId,
  setObjectId,
  setObjectIdExtended,
} from '../../vfs/object-id.ts';
import { OpenFile } from '../../vfs/open-file.ts';
import { OpenPipe, PipeShare } from '../../vfs/pipe.ts';
import { deleteReparsePoint, queryReparsePoint, setReparsePoint } from '../../vfs/reparse.ts';
import { snapshotToken, snapshotTokenChars } from '../../vfs/snapshot-token.ts';
import { allocatedRanges, beginZero, setSparse, zeroRange } from '../../vfs/sparse.ts';
import { Volume } from '../../vfs/volume.ts';
import { AccessMask } from '../../wire/flags.ts';
import {
  CompressionStateBuffer,
  DuplicateExtentsData,
  DuplicateExtentsDataEx,
  FileAllocatedRangeBuffer,
  FileLevelTrim,
  FileLevelTrimOutput,
  FileRegionInput,
  FileRegionOutput,
  FileRegionUsage,
  FileSetSparseBuffer,
  FileZeroDataInformation,
  QueryAllocatedRangesReply,
} from '../../wire/fscc/control.ts';
import { Fsctl } from '../../wire/fscc/fsctl-table.ts';
import { FsctlPipeWaitRequest } from '../../wire/fscc/pipe.ts';
import { NetworkResiliencyRequest, SrvSnapshotArray } from '../../wire/smb2/ioctl-payload.ts';
import type { OpenContext } from '../command.ts';
import { copyChunks, requestResumeKey } from './ioctl-copychunk.ts';
import { networkInterfaces } from './ioctl-network-interfaces.ts';
import { validateNegotiateInfo } from './ioctl-validate-negotiate.ts';
import { openFileOf } from './open-target.ts';
import { peek, transceive } from './pipe-io.ts';

export interface ControlRequest {
  readonly input: Buffer;
  /** MaxOutputResponse. */
  readonly bytesMax: number;
}

/** Output alone means SUCCESS. */
export type ControlAnswer = Buffer | { readonly status: NtStatus; readonly output: Buffer };

export interface ControlRow {
  /** The FileId of the request means an open. */
  readonly needsOpen: boolean;
  /** Something is changed: refused where the share is read-only. */
  readonly modifies?: boolean;
  /** The status of a code that is never served. */
  readonly refusal?: NtStatus;
  run(context: OpenContext, request: ControlRequest): ControlAnswer | Promise<ControlAnswer>;
}

type FileWork = (
  file: OpenFile,
  request: ControlRequest,
  context: OpenContext,
) => ControlAnswer | Promise<ControlAnswer>;

/** A code of files. */
function onFile(run: FileWork): ControlRow {
  return {
    needsOpen: true,
    run: (context, request) =>
      run(openFileOf(context.open, NtStatus.INVALID_DEVICE_REQUEST), request, context),
  };
}

/** A code of files that changes them. */
function changing(run: FileWork): ControlRow {
  return { ...onFile(run), modifies: true };
}

function onPipe(
  run: (
    pipe: OpenPipe,
    request: ControlRequest,
    context: OpenContext,
  ) => ControlAnswer | Promise<ControlAnswer>,
): ControlRow {
  return {
    needsOpen: true,
    run(context, request) {
      const { target } = context.open;
      demand(target instanceof OpenPipe, NtStatus.INVALID_DEVICE_REQUEST, 'not a pipe');
      return run(target, request, context);
    },
  };
}

function refused(status: NtStatus): ControlRow {
  return {
    needsOpen: false,
    refusal: status,
    run() {
      throw new NtStatusError(status, 'control code not served');
    },
  };
}

function demandRoom(
  { bytesMax }: ControlRequest,
  sizeBytes: number,
  status: NtStatus = NtStatus.BUFFER_TOO_SMALL,
): void {
  demand(bytesMax >= sizeBytes, status, 'output buffer');
}

/** FSCTL_PIPE_WAIT: every pipe that exists is free. [MS-SMB2] 3.3.5.15.3 */
function waitForPipe(context: OpenContext, { input }: ControlRequest): Buffer {
  const { target } = context.tree.share;
  demand(target instanceof PipeShare, NtStatus.INVALID_DEVICE_REQUEST);
  const { name } = FsctlPipeWaitRequest.decode(input);
  demand(target.has(name), NtStatus.OBJECT_NAME_NOT_FOUND);
  return EMPTY;
}

async function sparse(file: OpenFile, { input }: ControlRequest): Promise<Buffer> {
  const wanted = input.length === 0 || FileSetSparseBuffer.decode(input.subarray(0, 1)).setSparse;
  await setSparse(file, wanted);
  return EMPTY;
}

async function zeroData(file: OpenFile, { input }: ControlRequest, context: OpenContext): Promise<Buffer> {
  const { fileOffset, beyondFinalZero } = FileZeroDataInformation.decode(input);
  for (;;) {
    const waiter = beginZero(file, fileOffset, beyondFinalZero);
    if (waiter === undefined) break;
    await context.wait(waiter);
  }
  await zeroRange(file, fileOffset, beyondFinalZero);
  return EMPTY;
}

/** Clients look for holes with room for one range, and must be told that there are more. [MS-FSA] 2.1.5.10.23 */
async function queryAllocatedRanges(file: OpenFile, request: ControlRequest): Promise<ControlAnswer> {
  const { fileOffset, length } = FileAllocatedRangeBuffer.decode(request.input);
  const found = await allocatedRanges(file, fileOffset, length);
  const ranges = found.map((range) => ({ fileOffset: BigInt(range.offset), length: BigInt(range.length) }));
  const rangeBytes = 16;
  const fitting = ranges.slice(0, Math.floor(request.bytesMax / rangeBytes));
  demand(ranges.length === 0 || fitting.length > 0, NtStatus.BUFFER_TOO_SMALL);
  const status = fitting.length < ranges.length ? NtStatus.BUFFER_OVERFLOW : NtStatus.SUCCESS;
  return { status, output: QueryAllocatedRangesReply.encode({ ranges: fitting }) };
}

interface Duplication {
  readonly sourceFileIdPersistent: number;
  readonly sourceFileIdVolatile: number;
  readonly sourceFileOffset: bigint;
  readonly targetFileOffset: bigint;
  readonly byteCount: bigint;
}

/** FSCTL_DUPLICATE_EXTENTS_TO_FILE. [MS-SMB2] 3.3.5.15.17 */
async function duplicate(target: OpenFile, data: Duplication, context: OpenContext): Promise<Buffer> {
  const fileId = { persistent: data.sourceFileIdPersistent, volatile: data.sourceFileIdVolatile };
  const source = context.session.findOpen(fileId)?.target;
  demand(source instanceof OpenFile && source.volume === target.volume, NtStatus.INVALID_HANDLE);
  const offsets = { sourceOffset: data.sourceFileOffset, targetOffset: data.targetFileOffset };
  const length = await duplicableLength({ source, target, ...offsets, length: data.byteCount });
  if (length > 0) await copySpan({ source, target, ...offsets, length });
  return EMPTY;
}

/** FSCTL_FILE_LEVEL_TRIM: nothing needs to be done for space that the store manages. [MS-FSA] 2.1.5.10.6 */
function trim(file: OpenFile, request: ControlRequest): Buffer {
  file.demandAccess(AccessMask.FILE_WRITE_DATA);
  const { key, ranges } = FileLevelTrim.decode(request.input);
  demand(key === 0 && ranges.length > 0, NtStatus.INVALID_PARAMETER);
  if (request.bytesMax < 4) return EMPTY;
  return FileLevelTrimOutput.encode({ numRangesProcessed: ranges.length });
}

async function queryCompression(file: OpenFile, request: ControlRequest): Promise<Buffer> {
  demandRoom(request, 2, NtStatus.INVALID_PARAMETER);
  return CompressionStateBuffer.encode({ compressionState: await compressionOf(file) });
}

async function changeCompression(file: OpenFile, { input }: ControlRequest): Promise<Buffer> {
  await setCompression(file, CompressionStateBuffer.decode(input.subarray(0, 2)).compressionState);
  return EMPTY;
}

/** [MS-FSA] 2.1.5.10.1, 2.1.5.10.13 */
function objectId(answer: (file: OpenFile) => Promise<Buffer>): ControlRow {
  return onFile((file, request) => {
    demandRoom(request, 64, NtStatus.INVALID_PARAMETER);
    return answer(file);
  });
}

/** FSCTL_SRV_ENUMERATE_SNAPSHOTS: all tokens, or how much room they need. [MS-SMB2] 2.2.32.2, 3.3.5.15.1 */
async function enumerateSnapshots(
  file: OpenFile,
  request: ControlRequest,
  context: OpenContext,
): Promise<Buffer> {
  const least = 16;
  demandRoom(request, least, NtStatus.INVALID_PARAMETER);
  const { target } = context.tree.share;
  const times = target instanceof Volume ? await target.snapshots.times(file.link.path) : [];
  const fixedBytes = 12;
  const tokenBytes = 2 * (snapshotTokenChars + 1);
  // Only so many as fit the largest answer that a client may ask for.
  const countMax = Math.floor((context.limits.payloadBytes - fixedBytes - 2) / tokenBytes);
  const tokens = times.slice(0, countMax).map((time) => `${snapshotToken(time)}\0`);
  const snapShotArraySize = tokens.length === 0 ? 0 : tokenBytes * tokens.length + 2;
  const returned = fixedBytes + snapShotArraySize <= request.bytesMax ? tokens : [];
  const output = SrvSnapshotArray.encode({
    numberOfSnapShots: tokens.length,
    numberOfSnapShotsReturned: returned.length,
    snapShotArraySize,
    snapShots: returned.length === 0 ? '' : `${returned.join('')}\0`,
  });
  return output.length < least ? Buffer.concat([output], least) : output;
}

/** FSCTL_LMR_REQUEST_RESILIENCY. [MS-SMB2] 3.3.5.15.9 */
function requestResiliency(file: OpenFile, { input }: ControlRequest, { limits }: OpenContext): Buffer {
  const { timeout } = NetworkResiliencyRequest.decode(input);
  demand(timeout <= limits.durableTimeoutMs, NtStatus.INVALID_PARAMETER, 'resiliency time-out');
  const { persistentId } = file;
  file.volume.driver.call((core) => core.makeResilient(file.core, { persistentId, timeoutMs: timeout }));
  return EMPTY;
}

/** FSCTL_QUERY_FILE_REGIONS: all that was written is valid. [MS-FSA] 2.1.5.10.25 */
async function queryFileRegions(file: OpenFile, request: ControlRequest): Promise<Buffer> {
  demandRoom(request, 16 + 24);
  const { sizeBytes } = await file.handle.stat();
  const size = BigInt(sizeBytes);
  const whole = { fileOffset: 0n, length: size, desiredUsage: 0 };
  const asked = request.input.length === 0 ? whole : FileRegionInput.decode(request.input);
  const end = asked.fileOffset + asked.length < size ? asked.fileOffset + asked.length : size;
  const region = {
    fileOffset: asked.fileOffset,
    length: end - asked.fileOffset,
    usage: FileRegionUsage.VALID_CACHED_DATA,
  };
  const regions = region.length > 0n ? [region] : [];
  return FileRegionOutput.encode({ flags: 0, totalRegionEntryCount: regions.length, regions });
}

async function reparseAnswer(file: OpenFile, { bytesMax }: ControlRequest): Promise<ControlAnswer> {
  const output = await queryReparsePoint(file);
  const isCut = output.length > bytesMax;
  return {
    status: isCut ? NtStatus.BUFFER_OVERFLOW : NtStatus.SUCCESS,
    output: output.subarray(0, bytesMax),
  };
}

const done = (work: Promise<void>): Promise<Buffer> => work.then(() => EMPTY);

/** A code, what is done about it, and the row that does it. */
export type ControlDecision = readonly [code: Fsctl, says: string, row: ControlRow];

const noSuchFeature = refused(NtStatus.INVALID_DEVICE_REQUEST);

/** Refused as a volume refuses it that lacks what the code is about. */
function lacking(says: string, codes: readonly Fsctl[]): ControlDecision[] {
  return codes.map((code) => [code, says, noSuchFeature] as const);
}

/** Every code that Windows, macOS and Linux are known to send. docs/protocol/control-codes.md is written from it. */
export const controlDecisions: readonly ControlDecision[] = [
  [
    Fsctl.VALIDATE_NEGOTIATE_INFO,
    'Compares what was negotiated; a difference ends the connection.',
    { needsOpen: false, run: validateNegotiateInfo },
  ],
  [
    Fsctl.QUERY_NETWORK_INTERFACE_INFO,
    'The addresses for further channels.',
    { needsOpen: false, run: (context, { bytesMax }) => networkInterfaces(context, bytesMax) },
  ],
  [Fsctl.PIPE_WAIT, 'Every pipe that exists is free.', { needsOpen: false, run: waitForPipe }],
  [Fsctl.PIPE_PEEK, 'What waits to be read.', onPipe((pipe, { bytesMax }) => peek(pipe, bytesMax))],
  [
    Fsctl.PIPE_TRANSCEIVE,
    'Writes a request to a pipe and reads the answer.',
    onPipe((pipe, { input, bytesMax }, context) => transceive(context, pipe, { input, maxBytes: bytesMax })),
  ],
  [
    Fsctl.SRV_REQUEST_RESUME_KEY,
    'A key that names the open to SRV_COPYCHUNK.',
    { needsOpen: true, run: (context, { bytesMax }) => requestResumeKey(context, bytesMax) },
  ],
  [
    Fsctl.SRV_COPYCHUNK,
    'Copies chunks between files, within the limits that its answer tells.',
    {
      needsOpen: true,
      modifies: true,
      run: (context, request) => copyChunks(context, { ...request, readsTarget: true }),
    },
  ],
  [
    Fsctl.SRV_COPYCHUNK_WRITE,
    'The same for a target that was opened for writing only.',
    {
      needsOpen: true,
      modifies: true,
      run: (context, request) => copyChunks(context, { ...request, readsTarget: false }),
    },
  ],
  [Fsctl.SRV_ENUMERATE_SNAPSHOTS, 'The snapshots of the store, newest first.', onFile(enumerateSnapshots)],
  [Fsctl.LMR_REQUEST_RESILIENCY, 'Keeps the open when its connection is lost.', onFile(requestResiliency)],
  [Fsctl.SET_SPARSE, 'Sets and clears the attribute.', changing(sparse)],
  [Fsctl.SET_ZERO_DATA, 'Frees a range where the store can, else writes zeros.', changing(zeroData)],
  [Fsctl.QUERY_ALLOCATED_RANGES, 'The ranges of a sparse file that hold data.', onFile(queryAllocatedRanges)],
  [
    Fsctl.DUPLICATE_EXTENTS_TO_FILE,
    'Shares extents where the store can, else copies.',
    changing((file, { input }, context) => duplicate(file, DuplicateExtentsData.decode(input), context)),
  ],
  [
    Fsctl.DUPLICATE_EXTENTS_TO_FILE_EX,
    'The same.',
    changing((file, { input }, context) => duplicate(file, DuplicateExtentsDataEx.decode(input), context)),
  ],
  [Fsctl.FILE_LEVEL_TRIM, 'Accepted; the store manages its space itself.', changing(trim)],
  [Fsctl.GET_COMPRESSION, 'The state as it was set.', onFile(queryCompression)],
  [
    Fsctl.SET_COMPRESSION,
    'Kept as an attribute; the store decides what it compresses.',
    changing(changeCompression),
  ],
  [
    Fsctl.GET_OBJECT_ID,
    'The id that the file was given; where the store keeps none, one derived from the file id.',
    objectId(queryObjectId),
  ],
  [Fsctl.CREATE_OR_GET_OBJECT_ID, 'The same; a file without is given one.', objectId(createObjectId)],
  [
    Fsctl.SET_OBJECT_ID,
    'Gives a file without an id one that no other has, for those who may restore files.',
    changing((file, { input }) => done(setObjectId(file, input))),
  ],
  [
    Fsctl.SET_OBJECT_ID_EXTENDED,
    'Changes what stands behind the id.',
    changing((file, { input }) => done(setObjectIdExtended(file, input))),
  ],
  [Fsctl.DELETE_OBJECT_ID, 'Takes the id away.', changing((file) => done(deleteObjectId(file)))],
  [Fsctl.QUERY_FILE_REGIONS, 'All that was written is valid.', onFile(queryFileRegions)],
  [Fsctl.GET_REPARSE_POINT, 'A link of the store, or what a client attached.', onFile(reparseAnswer)],
  [
    Fsctl.SET_REPARSE_POINT,
    'A relative symbolic link becomes one of the store; anything else is kept as it is.',
    changing((file, { input }) => done(setReparsePoint(file, input))),
  ],
  [
    Fsctl.DELETE_REPARSE_POINT,
    'Takes off what a client attached.',
    changing((file, { input }) => done(deleteReparsePoint(file, input))),
  ],
  [Fsctl.IS_PATHNAME_VALID, 'Always.', onFile(() => EMPTY)],
  [Fsctl.IS_VOLUME_MOUNTED, 'Always.', onFile(() => EMPTY)],
  // [MS-SMB2] 3.3.5.15.2: clients then use the path as it is.
  [Fsctl.DFS_GET_REFERRALS, 'There is no DFS here.', refused(NtStatus.FS_DRIVER_REQUIRED)],
  [Fsctl.DFS_GET_REFERRALS_EX, 'The same.', refused(NtStatus.FS_DRIVER_REQUIRED)],
  // [MS-FSCC] 2.3.41: a token stands for the data at the time of reading, also when the file is written to before it is used.
  // No store keeps that state; clients fall back to SRV_COPYCHUNK, which moves no data over the network either.
  [
    Fsctl.OFFLOAD_READ,
    'No store can keep the state that a token would stand for; clients copy by SRV_COPYCHUNK.',
    refused(NtStatus.NOT_SUPPORTED),
  ],
  [Fsctl.OFFLOAD_WRITE, 'No token was ever given.', refused(NtStatus.NOT_SUPPORTED)],
  [Fsctl.SRV_READ_HASH, 'There is no branch cache.', refused(NtStatus.NOT_SUPPORTED)],
  [Fsctl.LOCK_VOLUME, 'A share is no volume of the client’s.', refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.UNLOCK_VOLUME, 'The same.', refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.DISMOUNT_VOLUME, 'The same.', refused(NtStatus.ACCESS_DENIED)],
  ...lacking('Oplocks are asked for by CREATE.', [Fsctl.REQUEST_OPLOCK_LEVEL_1]),
  ...lacking('Where the store puts data is its own affair.', [
    Fsctl.QUERY_RETRIEVAL_POINTERS,
    Fsctl.GET_RETRIEVAL_POINTERS,
    Fsctl.GET_VOLUME_BITMAP,
    Fsctl.MOVE_FILE,
    Fsctl.QUERY_FILE_LAYOUT,
    Fsctl.ALLOW_EXTENDED_DASD_IO,
  ]),
  ...lacking('The store is no NTFS on a disk of this server’s.', [
    Fsctl.MARK_VOLUME_DIRTY,
    Fsctl.IS_VOLUME_DIRTY,
    Fsctl.INVALIDATE_VOLUMES,
    Fsctl.QUERY_FAT_BPB,
    Fsctl.FILESYSTEM_GET_STATISTICS,
    Fsctl.GET_NTFS_VOLUME_DATA,
    Fsctl.GET_NTFS_FILE_RECORD,
    Fsctl.EXTEND_VOLUME,
    Fsctl.FIND_FILES_BY_SID,
    Fsctl.SECURITY_ID_CHECK,
    Fsctl.SET_SHORT_NAME_BEHAVIOR,
    Fsctl.SET_ZERO_ON_DEALLOCATION,
    Fsctl.QUERY_ON_DISK_VOLUME_INFO,
    Fsctl.QUERY_SPARING_INFO,
    Fsctl.SET_DEFECT_MANAGEMENT,
    Fsctl.FILE_PREFETCH,
  ]),
  ...lacking('There is no journal of changes.', [
    Fsctl.ENUM_USN_DATA,
    Fsctl.READ_USN_JOURNAL,
    Fsctl.READ_FILE_USN_DATA,
    Fsctl.WRITE_USN_CLOSE_RECORD,
    Fsctl.QUERY_USN_JOURNAL,
  ]),
  ...lacking('Files are not encrypted by the file system.', [
    Fsctl.SET_ENCRYPTION,
    Fsctl.ENCRYPTION_FSCTL_IO,
  ]),
  ...lacking('No file is on tape.', [Fsctl.RECALL_FILE]),
  ...lacking('There are no checksums of data as on ReFS.', [
    Fsctl.GET_INTEGRITY_INFORMATION,
    Fsctl.SET_INTEGRITY_INFORMATION,
    Fsctl.SET_INTEGRITY_INFORMATION_EX,
    Fsctl.REFS_STREAM_SNAPSHOT_MANAGEMENT,
  ]),
  ...lacking('There are no shared virtual disks.', [
    Fsctl.QUERY_SHARED_VIRTUAL_DISK_SUPPORT,
    Fsctl.SVHDX_SYNC_TUNNEL_REQUEST,
    Fsctl.SVHDX_ASYNC_TUNNEL_REQUEST,
    Fsctl.SVHDX_SET_INITIATOR_INFORMATION,
    Fsctl.STORAGE_QOS_CONTROL,
  ]),
  ...lacking('Equal files are not stored once.', [Fsctl.SIS_COPYFILE, Fsctl.SIS_LINK_FILES]),
  ...lacking('Links are not tracked.', [
    Fsctl.LMR_GET_LINK_TRACKING_INFORMATION,
    Fsctl.LMR_SET_LINK_TRACKING_INFORMATION,
  ]),
];

export const controlCodes: ReadonlyMap<number, ControlRow> = new Map<number, ControlRow>(
  controlDecisions.map(([code, , row]) => [code, row]),
);

/** A code that no row speaks of. [MS-SMB2] 3.3.5.15, [MS-FSA] 2.1.5.10 */
export const unknownControlCode: ControlRow = noSuchFeature;
