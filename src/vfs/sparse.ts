/**
 * Sparse files: the attribute, zeroed ranges, allocated ranges, trimming. [MS-FSA] 2.1.5.10
 */
import type { ByteRange } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
import { AccessMask, CompletionFilter, FileAttribute } from '../wire/flags.ts';
import { noteChange, noteSlowDataChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { keepingTimes } from './times.ts';
import type { Waiter } from './waiter.ts';

const zeros = Buffer.alloc(1024 * 1024);
const offsetMax = 0x7fff_ffff_ffff_ffffn;

async function isSparse(file: OpenFile): Promise<boolean> {
  const { attributes = 0 } = await file.handle.stat();
  return (attributes & FileAttribute.SPARSE_FILE) !== 0;
}

/** FSCTL_SET_SPARSE. [MS-FSA] 2.1.5.10.37 */
export async function setSparse(file: OpenFile, wanted: boolean): Promise<void> {
  demand(!file.isDirectory, NtStatus.INVALID_PARAMETER, 'a directory is never sparse');
  file.demandAccess(
    AccessMask.FILE_WRITE_DATA | AccessMask.FILE_WRITE_ATTRIBUTES | AccessMask.FILE_APPEND_DATA,
  );
  const { attributes = 0 } = await file.handle.stat();
  const others = attributes & ~FileAttribute.SPARSE_FILE;
  const after = wanted ? others | FileAttribute.SPARSE_FILE : others;
  if (after === attributes) return;
  await keepingTimes(file, () => file.handle.setStat({ attributes: after }));
  noteChange(file, CompletionFilter.ATTRIBUTES);
}

/** The checks before FSCTL_SET_ZERO_DATA. [MS-FSA] 2.1.5.10.38 */
export function beginZero(file: OpenFile, start: bigint, end: bigint): Waiter | undefined {
  demand(!file.isDirectory, NtStatus.INVALID_PARAMETER);
  file.demandAccess(AccessMask.FILE_WRITE_DATA);
  demand(start >= 0n && end >= start, NtStatus.INVALID_PARAMETER, 'range');
  if (start === end) return undefined;
  return file.volume.driver.attempt((core, nowMs) => core.write(file.core, start, end - start, nowMs));
}

/** Makes the range read as zeros and, in a sparse file, take no space. The size stays. */
export async function zeroRange(file: OpenFile, start: bigint, end: bigint): Promise<void> {
  const { sizeBytes } = await file.handle.stat();
  const offset = Math.min(Number(start), sizeBytes);
  const length = Math.min(Number(end), sizeBytes) - offset;
  if (length <= 0) return;
  await keepingTimes(file, () => clear(file, { offset, length }));
  noteSlowDataChange(file);
}

async function clear(file: OpenFile, range: ByteRange): Promise<void> {
  const { sparse } = file.volume.backend;
  if (sparse !== undefined && (await isSparse(file))) return sparse.punch(file.handle, range);
  for (let done = 0; done < range.length; done += zeros.length) {
    await file.handle.write(zeros.subarray(0, range.length - done), range.offset + done);
  }
}

/** FSCTL_QUERY_ALLOCATED_RANGES. [MS-FSA] 2.1.5.10.23 */
export async function allocatedRanges(
  file: OpenFile,
  start: bigint,
  length: bigint,
): Promise<readonly ByteRange[]> {
  demand(!file.isDirectory, NtStatus.INVALID_PARAMETER);
  file.demandAccess(AccessMask.FILE_READ_DATA);
  const isRange = start >= 0n && length >= 0n && start + length <= offsetMax;
  demand(isRange, NtStatus.INVALID_PARAMETER, 'range');
  const { sizeBytes } = await file.handle.stat();
  const offset = Math.min(Number(start), sizeBytes);
  const within = { offset, length: Math.min(Number(start + length), sizeBytes) - offset };
  if (within.length <= 0) return [];
  const { sparse } = file.volume.backend;
  if (sparse === undefined || !(await isSparse(file))) return [within];
  return sparse.allocatedRanges(file.handle, within);
}
