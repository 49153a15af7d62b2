/**
 * Copying within the server: chunks of one file into another, and shared extents. [MS-SMB2] 3.3.5.15.6, [MS-FSA] 2.1.5.10.4
 */
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask, FileAttribute } from '../wire/flags.ts';
import { allocationUnitBytes } from './attributes.ts';
import { noteSlowDataChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { checkWriteRange } from './read-write.ts';
import { keepingTimes } from './times.ts';
import type { Waiter } from './waiter.ts';

/** Bytes moved at once where the store cannot copy by itself. */
const stepBytes = 1024 * 1024;

export interface CopySpan {
  readonly source: OpenFile;
  readonly target: OpenFile;
  readonly sourceOffset: bigint;
  readonly targetOffset: bigint;
  readonly length: number;
}

/** The checks before a copy; a waiter when caches or breaks stand in the way. Throws FILE_LOCK_CONFLICT. */
export function beginCopy(span: CopySpan): Waiter | undefined {
  const { source, target, sourceOffset, targetOffset, length } = span;
  checkWriteRange(targetOffset, length);
  demand(sourceOffset >= 0n, NtStatus.INVALID_PARAMETER);
  const size = BigInt(length);
  const { driver } = source.volume;
  return (
    driver.attempt((core, nowMs) => core.read(source.core, sourceOffset, size, nowMs)) ??
    target.volume.driver.attempt((core, nowMs) => core.write(target.core, targetOffset, size, nowMs))
  );
}

/** Copies all of `span`; INVALID_VIEW_SIZE when the source ends before. */
export async function copySpan(span: CopySpan): Promise<void> {
  const { source, target, sourceOffset, targetOffset, length } = span;
  const { sizeBytes } = await source.handle.stat();
  demand(sourceOffset + BigInt(length) <= BigInt(sizeBytes), NtStatus.INVALID_VIEW_SIZE, 'beyond the source');
  const from = { offset: Number(sourceOffset), length };
  const position = Number(targetOffset);
  await keepingTimes(target, () => copyBytes(source, from, { target, position }));
  noteSlowDataChange(target);
}

async function copyBytes(
  source: OpenFile,
  from: { readonly offset: number; readonly length: number },
  { target, position }: { target: OpenFile; position: number },
): Promise<void> {
  const { copyRange } = source.volume.backend;
  let done = 0;
  if (copyRange !== undefined && source.volume === target.volume && source.handle !== target.handle) {
    done = await copyRange.copy(source.handle, from, target.handle, position);
  }
  // The source is read as a whole before its own bytes may be overwritten.
  const buffer = Buffer.allocUnsafe(Math.min(from.length - done, Math.max(stepBytes, from.length)));
  while (done < from.length) {
    const part = buffer.subarray(0, from.length - done);
    const count = await source.handle.read(part, from.offset + done);
    demand(count > 0, NtStatus.INVALID_VIEW_SIZE);
    await target.handle.write(part.subarray(0, count), position + done);
    done += count;
  }
}

/**
 * The bytes that FSCTL_DUPLICATE_EXTENTS_TO_FILE may share: the target never grows by it. Byte-range locks do not matter,
 * for no bytes are read or written. [MS-FSA] 2.1.5.10.4
 */
export async function duplicableLength(
  span: Omit<CopySpan, 'length'> & { readonly length: bigint },
): Promise<number> {
  const { source, target, sourceOffset, targetOffset, length } = span;
  demand(!source.isDirectory && !target.isDirectory, NtStatus.INVALID_PARAMETER);
  target.demandAccess(AccessMask.FILE_WRITE_DATA);
  source.demandAccess(AccessMask.FILE_READ_DATA);
  const [from, to] = [await source.handle.stat(), await target.handle.stat()];
  const unit = BigInt(allocationUnitBytes);
  const sourceSize = BigInt(from.sizeBytes);
  const isAligned = sourceOffset % unit === 0n && targetOffset % unit === 0n;
  const endsAligned = length % unit === 0n || sourceOffset + length === sourceSize;
  const isPositive = sourceOffset >= 0n && targetOffset >= 0n && length >= 0n;
  demand(isPositive && isAligned && endsAligned, NtStatus.INVALID_PARAMETER, 'extents are whole units');
  demand(sourceOffset + length <= sourceSize, NtStatus.NOT_SUPPORTED, 'beyond the source');
  const isSparse = (attributes: number | undefined): boolean =>
    ((attributes ?? 0) & FileAttribute.SPARSE_FILE) !== 0;
  const mayShare = !isSparse(from.attributes) || isSparse(to.attributes);
  demand(mayShare, NtStatus.NOT_SUPPORTED, 'a sparse source needs a sparse target');
  const isSame = source.core.file === target.core.file && source.core.stream === target.core.stream;
  const isOverlap = isSame && sourceOffset < targetOffset + length && targetOffset < sourceOffset + length;
  demand(!isOverlap || sourceOffset === targetOffset || length === 0n, NtStatus.NOT_SUPPORTED, 'overlap');
  const room = BigInt(to.sizeBytes) - targetOffset;
  return Number(room < length ? (room > 0n ? room : 0n) : length);
}
