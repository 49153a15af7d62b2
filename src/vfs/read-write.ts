/**
 * Data of files: reading, writing, flushing, and changing the size. [MS-FSA] 2.1.5.3, 2.1.5.4, 2.1.5.7
 */
import type { MaybePromise } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask } from '../wire/flags.ts';
import { chain } from './maybe-promise.ts';
import { noteDataChange, noteSlowDataChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { codeOf } from './status-of-error.ts';
import { hasSetTimes, keepingTimes } from './times.ts';
import type { Waiter } from './waiter.ts';
import { beginWriteTime } from './write-time.ts';

/** Offsets from here on belong to no file. NTFS: 2^44 − 64 KiB. */
export const fileSizeMax = 0xfff_ffff_0000n;
const largestSize = Number(fileSizeMax);

const reading = AccessMask.FILE_READ_DATA | AccessMask.FILE_EXECUTE;
const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA;

/** A position that fits a file; throws INVALID_PARAMETER for others. */
function positionOf(offset: bigint, length: number): number {
  // No request is so long that it would reach from here beyond the largest offset.
  if (offset >= 0n && offset <= fileSizeMax) return Number(offset);
  const isOffset = offset >= 0n && offset + BigInt(length) <= 0x7fff_ffff_ffff_ffffn;
  demand(isOffset, NtStatus.INVALID_PARAMETER, 'offset');
  return largestSize;
}

/** The checks before a READ; a waiter when locks or caches of others stand in the way. [MS-FSA] 2.1.5.3 */
export function beginRead(file: OpenFile, offset: bigint, length: number): Waiter | undefined {
  demand(!file.isDirectory, NtStatus.INVALID_DEVICE_REQUEST, 'a directory has no data');
  file.demandAccess(reading);
  positionOf(offset, length);
  return file.volume.driver.attempt((core, nowMs) => core.read(file.core, offset, BigInt(length), nowMs));
}

/** Fills `target`; the number of bytes that there were. */
export function readInto(file: OpenFile, target: Buffer, offset: bigint): MaybePromise<number> {
  if (target.length === 0) return 0;
  return chain(file.handle.read(target, positionOf(offset, target.length)), moved, file, offset);
}

function moved(count: number, file: OpenFile, offset: bigint): number {
  file.position = offset + BigInt(count);
  return count;
}

/** Bytes from `offset` to the end of the file. */
export function bytesFrom(file: OpenFile, offset: bigint): MaybePromise<bigint> {
  return chain(file.handle.stat(), ({ sizeBytes }) => {
    const left = BigInt(sizeBytes) - offset;
    return left > 0n ? left : 0n;
  });
}

/** The checks before a WRITE. [MS-FSA] 2.1.5.4 */
export function beginWrite(file: OpenFile, offset: bigint, length: number): Waiter | undefined {
  demand(!file.isDirectory, NtStatus.INVALID_DEVICE_REQUEST, 'a directory has no data');
  file.demandAccess(writing);
  checkWriteRange(offset, length);
  return file.volume.driver.attempt((core, nowMs) => core.write(file.core, offset, BigInt(length), nowMs));
}

/** [MS-FSA] 2.1.5.4: nothing is written at or beyond the largest size of a file. */
export function checkWriteRange(offset: bigint, length: number): void {
  const position = positionOf(offset, length);
  demand(position < largestSize || length === 0, NtStatus.INVALID_PARAMETER, 'beyond the largest file');
  demand(position + length < largestSize || length === 0, NtStatus.DISK_FULL, 'beyond the largest file');
}

/** Writes all of `source`; for an open that may only append, at the end. */
export function writeFrom(file: OpenFile, source: Buffer, offset: bigint): Promise<void> | undefined {
  if (source.length === 0) return undefined;
  const position = positionOf(offset, source.length);
  const end = offset + BigInt(source.length);
  const mayOverwrite = (file.core.grantedAccess & AccessMask.FILE_WRITE_DATA) !== 0;
  const written = mayOverwrite ? writeKeeping(file, source, position) : append(file, source, position);
  if (written instanceof Promise) return writtenSlowly(file, written, end);
  file.position = end;
  noteDataChange(file);
  return undefined;
}

async function writtenSlowly(file: OpenFile, written: Promise<void>, end: bigint): Promise<void> {
  await written;
  file.position = end;
  noteSlowDataChange(file);
}

function writeKeeping(file: OpenFile, source: Buffer, position: number): MaybePromise<void> {
  return hasSetTimes(file)
    ? keepingTimes(file, () => writeDelaying(file, source, position))
    : writeDelaying(file, source, position);
}

function writeDelaying(file: OpenFile, source: Buffer, position: number): MaybePromise<void> {
  const begun = beginWriteTime(file);
  if (begun instanceof Promise) return begun.then(() => file.handle.write(source, position));
  return file.handle.write(source, position);
}

/** [MS-SMB2] 3.3.5.13: who may only append does not touch what is there. */
function append(file: OpenFile, source: Buffer, position: number): MaybePromise<void> {
  return chain(file.handle.stat(), ({ sizeBytes }) => {
    demand(position >= sizeBytes, NtStatus.ACCESS_DENIED, 'only appending is allowed');
    return writeKeeping(file, source, position);
  });
}

/**
 * Returns when everything written is on stable storage. Once it failed it fails until every open of the file is closed.
 * [MS-FSA] 2.1.5.7
 */
export async function flush(file: OpenFile): Promise<void> {
  const { shared } = file;
  file.writeTime.show();
  if (shared.flushError !== undefined) throw shared.flushError;
  try {
    await file.handle.sync();
  } catch (error) {
    // An open that was closed under its flush says nothing of the disk, and is nothing to the others.
    if (codeOf(error) !== 'EBADF') shared.flushError = error;
    throw error;
  }
}

/** Changes the size; the gap reads as zeros. [MS-FSA] 2.1.5.15.4 */
export function setSize(file: OpenFile, sizeBytes: bigint): MaybePromise<void> {
  demand(sizeBytes >= 0n, NtStatus.INVALID_PARAMETER, 'negative size');
  demand(sizeBytes < fileSizeMax, NtStatus.DISK_FULL, 'beyond the largest file');
  file.writeTime.show();
  return chain(file.handle.stat(), ({ sizeBytes: before }) => {
    if (BigInt(before) === sizeBytes) return;
    const cut = keepingTimes(file, () => file.handle.truncate(Number(sizeBytes)));
    return chain(cut, () => noteSlowDataChange(file));
  });
}
