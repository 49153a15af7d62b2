/**
 * The control codes: what each needs and does, or the refusal that its callers expect. [MS-SMB2] 3.3.5.15, [MS-FSCC] 2.3
 */
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { compressionOf, setCompression } from '../../vfs/compression.ts';
import { copySpan, duplicableLength } from '../../vfs/copy.ts';
import { objectIdOf } from '../../vfs/object-id.ts';
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
import { FileObjectIdBuffer } from '../../wire/fscc/object-id.ts';
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

async function objectId(file: OpenFile, request: ControlRequest): Promise<Buffer> {
  demandRoom(request, 64);
  return FileObjectIdBuffer.encode(await objectIdOf(file.volume, file.fileId));
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

export const controlCodes: ReadonlyMap<number, ControlRow> = new Map<number, ControlRow>([
  [Fsctl.VALIDATE_NEGOTIATE_INFO, { needsOpen: false, run: validateNegotiateInfo }],
  [
    Fsctl.QUERY_NETWORK_INTERFACE_INFO,
    { needsOpen: false, run: (context, { bytesMax }) => networkInterfaces(context, bytesMax) },
  ],
  [Fsctl.PIPE_WAIT, { needsOpen: false, run: waitForPipe }],
  [Fsctl.PIPE_PEEK, onPipe((pipe, { bytesMax }) => peek(pipe, bytesMax))],
  [
    Fsctl.PIPE_TRANSCEIVE,
    onPipe((pipe, { input, bytesMax }, context) => transceive(context, pipe, { input, maxBytes: bytesMax })),
  ],
  [
    Fsctl.SRV_REQUEST_RESUME_KEY,
    { needsOpen: true, run: (context, { bytesMax }) => requestResumeKey(context, bytesMax) },
  ],
  [
    Fsctl.SRV_COPYCHUNK,
    {
      needsOpen: true,
      modifies: true,
      run: (context, request) => copyChunks(context, { ...request, readsTarget: true }),
    },
  ],
  [
    Fsctl.SRV_COPYCHUNK_WRITE,
    {
      needsOpen: true,
      modifies: true,
      run: (context, request) => copyChunks(context, { ...request, readsTarget: false }),
    },
  ],
  [Fsctl.SRV_ENUMERATE_SNAPSHOTS, onFile(enumerateSnapshots)],
  [Fsctl.LMR_REQUEST_RESILIENCY, onFile(requestResiliency)],
  [Fsctl.SET_SPARSE, changing(sparse)],
  [Fsctl.SET_ZERO_DATA, changing(zeroData)],
  [Fsctl.QUERY_ALLOCATED_RANGES, onFile(queryAllocatedRanges)],
  [
    Fsctl.DUPLICATE_EXTENTS_TO_FILE,
    changing((file, { input }, context) => duplicate(file, DuplicateExtentsData.decode(input), context)),
  ],
  [
    Fsctl.DUPLICATE_EXTENTS_TO_FILE_EX,
    changing((file, { input }, context) => duplicate(file, DuplicateExtentsDataEx.decode(input), context)),
  ],
  [Fsctl.FILE_LEVEL_TRIM, changing(trim)],
  [Fsctl.GET_COMPRESSION, onFile(queryCompression)],
  [Fsctl.SET_COMPRESSION, changing(changeCompression)],
  [Fsctl.GET_OBJECT_ID, onFile(objectId)],
  [Fsctl.CREATE_OR_GET_OBJECT_ID, onFile(objectId)],
  [Fsctl.QUERY_FILE_REGIONS, onFile(queryFileRegions)],
  [Fsctl.GET_REPARSE_POINT, onFile(reparseAnswer)],
  [Fsctl.SET_REPARSE_POINT, changing((file, { input }) => done(setReparsePoint(file, input)))],
  [Fsctl.DELETE_REPARSE_POINT, changing((file, { input }) => done(deleteReparsePoint(file, input)))],
  [Fsctl.IS_PATHNAME_VALID, onFile(() => EMPTY)],
  [Fsctl.IS_VOLUME_MOUNTED, onFile(() => EMPTY)],
  // [MS-SMB2] 3.3.5.15.2: no DFS here; clients then use the path as it is.
  [Fsctl.DFS_GET_REFERRALS, refused(NtStatus.FS_DRIVER_REQUIRED)],
  [Fsctl.DFS_GET_REFERRALS_EX, refused(NtStatus.FS_DRIVER_REQUIRED)],
  // [MS-SMB2] 3.3.5.15.8: object ids are derived, nobody sets or takes them away.
  [Fsctl.SET_OBJECT_ID, refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.SET_OBJECT_ID_EXTENDED, refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.DELETE_OBJECT_ID, refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.OFFLOAD_READ, refused(NtStatus.NOT_SUPPORTED)],
  [Fsctl.OFFLOAD_WRITE, refused(NtStatus.NOT_SUPPORTED)],
  [Fsctl.SRV_READ_HASH, refused(NtStatus.NOT_SUPPORTED)],
  [Fsctl.LOCK_VOLUME, refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.UNLOCK_VOLUME, refused(NtStatus.ACCESS_DENIED)],
  [Fsctl.DISMOUNT_VOLUME, refused(NtStatus.ACCESS_DENIED)],
]);

/** A code that no row speaks of. [MS-SMB2] 3.3.5.15, [MS-FSA] 2.1.5.10 */
export const unknownControlCode: ControlRow = refused(NtStatus.INVALID_DEVICE_REQUEST);
