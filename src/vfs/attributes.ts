/**
 * File attributes and sizes as clients see them. [MS-FSCC] 2.6
 */
import type { BackendStat } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
import { FileAttribute } from '../wire/flags.ts';

/** Space is given to files in units of this size. */
export const allocationUnitBytes = 4096;

const { READONLY, HIDDEN, SYSTEM, ARCHIVE, TEMPORARY, OFFLINE, NOT_CONTENT_INDEXED } = FileAttribute;

/** Attributes that clients set freely. */
const settable = READONLY | HIDDEN | SYSTEM | ARCHIVE | TEMPORARY | OFFLINE | NOT_CONTENT_INDEXED;

/** Attributes that the store keeps but that only operations of their own change. */
const kept = FileAttribute.SPARSE_FILE | FileAttribute.COMPRESSED | FileAttribute.REPARSE_POINT;

/** Attributes that a CREATE may name; anything else is INVALID_PARAMETER. [MS-FSA] 2.1.5.1 */
const creatable = 0x0000_7fb7;

/** Throws INVALID_PARAMETER for attributes that a new file cannot be given. */
export function checkCreateAttributes(attributes: number): void {
  demand((attributes & ~creatable) === 0, NtStatus.INVALID_PARAMETER, 'file attributes');
  demand(!(attributes & FileAttribute.ENCRYPTED), NtStatus.ACCESS_DENIED, 'no encrypted files here');
}

/** What the store keeps for a new file or directory that was asked for with `attributes`. */
export function attributesOfNew(attributes: number, isDirectory: boolean): number {
  const wanted = attributes & settable;
  return isDirectory ? wanted & ~(ARCHIVE | TEMPORARY) : wanted | ARCHIVE;
}

/** What the store keeps after a client set `attributes` on something that had `before`. */
export function attributesAfterSet(attributes: number, before: number): number {
  return (attributes & settable) | (before & kept);
}

/** The attributes that clients are shown. */
export function attributesOf(stat: BackendStat, isDirectory = stat.kind === 'directory'): number {
  const stored = stat.attributes ?? (isDirectory ? 0 : ARCHIVE);
  let shown = stored & (settable | kept);
  if (isDirectory) shown |= FileAttribute.DIRECTORY;
  if (stat.kind === 'symlink') shown |= FileAttribute.REPARSE_POINT;
  return shown === 0 ? FileAttribute.NORMAL : shown;
}

/** `shown` with more attributes; NORMAL stands alone. */
export function withAttributes(shown: number, added: number): number {
  return added === 0 ? shown : (shown & ~FileAttribute.NORMAL) | added;
}

/** AllocationSize: whole units, at least what was reserved; the true space of sparse and compressed files. */
export function allocationOf(stat: BackendStat, reservedBytes = 0): bigint {
  if (stat.kind === 'directory') return 0n;
  const isSparse = ((stat.attributes ?? 0) & (FileAttribute.SPARSE_FILE | FileAttribute.COMPRESSED)) !== 0;
  if (isSparse) return BigInt(stat.allocatedBytes);
  return roundedUp(Math.max(stat.sizeBytes, reservedBytes));
}

/** `sizeBytes` in whole allocation units. */
export function roundedUp(sizeBytes: number): bigint {
  return BigInt(Math.ceil(sizeBytes / allocationUnitBytes) * allocationUnitBytes);
}
