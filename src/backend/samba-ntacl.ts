/**
 * The extended attribute `security.NTACL`: a security descriptor as Samba keeps it, with a hash of the POSIX permissions
 * that it was set along with; when these have changed, Samba takes the descriptor for outdated and shows one made from them.
 *
 * In NDR ([C706] 14): a version twice, pointers, the fields of that version, and the descriptor, whose offsets count from the
 * start of the value. Samba 4.17 writes version 4.
 */
import type { FileTime } from '../base/clock.ts';

/** Bytes that a hash has in the value; SHA-256 fills the first half. */
const HASH_BYTES = 64;
const HASH_SHA256 = 1;
/** How Samba names the kind of permissions that the hash is of. */
const DESCRIPTION = 'posix_acl\0';
const VERSION = 4;
const REFERENT = 0x2_0000;

/** Where the descriptor's own header has offsets: owner, group, SACL, DACL. [MS-DTYP] 2.4.6 */
const OFFSET_FIELDS = [4, 8, 12, 16] as const;
const HEADER_BYTES = 20;

/** Where the descriptor begins, by version; that of version 4 depends on a text. */
const starts: ReadonlyMap<number, number> = new Map([
  [1, 8],
  [2, 28],
  [3, 80],
]);
const V4_TEXT_AT = 14 + HASH_BYTES;
const V4_TEXT_BYTES_MAX = 256;

export interface NtAcl {
  /** Self-relative. [MS-DTYP] 2.4.6 */
  readonly descriptor: Buffer;
  /** SHA-256 of the POSIX permissions; see samba-posix-acl.ts. */
  readonly permissionsHash: Buffer;
  readonly time: FileTime;
}

/**
 * The value as Samba 4.17 writes it, but without a hash of the descriptor that it would make of the permissions; `undefined`
 * for a descriptor that has no such form.
 */
export function encodeNtAcl({ descriptor, permissionsHash, time }: NtAcl): Buffer | undefined {
  if (descriptor.length < HEADER_BYTES) return undefined;
  const textEnd = V4_TEXT_AT + DESCRIPTION.length;
  const timeAt = aligned4(textEnd);
  const start = timeAt + 8 + HASH_BYTES;
  const value = Buffer.alloc(start + descriptor.length);
  value.writeUInt16LE(VERSION, 0);
  value.writeUInt16LE(VERSION, 2);
  value.writeUInt32LE(REFERENT, 4);
  value.writeUInt32LE(REFERENT + 4, 8);
  value.writeUInt16LE(HASH_SHA256, 12);
  value.write(DESCRIPTION, V4_TEXT_AT, 'latin1');
  value.writeBigUInt64LE(time, timeAt);
  permissionsHash.copy(value, timeAt + 8);
  descriptor.copy(value, start);
  const within = { from: HEADER_BYTES, to: descriptor.length };
  return moveOffsets(value.subarray(start), start, within) ? value : undefined;
}

/** The descriptor in a value of any version; `undefined` for a value that is none. */
export function descriptorOf(value: Buffer): Buffer | undefined {
  const start = startOf(value);
  if (start === undefined) return undefined;
  const descriptor = Buffer.from(value.subarray(start));
  return moveOffsets(descriptor, -start, { from: start + HEADER_BYTES, to: value.length })
    ? descriptor
    : undefined;
}

/** The hash of the permissions in a value of version 4. */
export function permissionsHashOf(value: Buffer): Buffer | undefined {
  const start = startOf(value);
  if (start === undefined || value.readUInt16LE(0) !== VERSION) return undefined;
  return value.subarray(start - HASH_BYTES, start - HASH_BYTES / 2);
}

/** Where the descriptor begins. */
function startOf(value: Buffer): number | undefined {
  if (value.length < 4) return undefined;
  const version = value.readUInt16LE(0);
  const start = version === VERSION ? startOfV4(value) : starts.get(version);
  if (start === undefined || value.readUInt16LE(2) !== version) return undefined;
  return value.length < start + HEADER_BYTES ? undefined : start;
}

function startOfV4(value: Buffer): number | undefined {
  const textEnd = value.indexOf(0, V4_TEXT_AT) + 1;
  if (textEnd === 0 || textEnd > V4_TEXT_AT + V4_TEXT_BYTES_MAX) return undefined;
  return aligned4(textEnd) + 8 + HASH_BYTES;
}

/** Adds `by` to the offsets of a descriptor, where 0 says that a part is absent; false if one is not within. */
function moveOffsets(descriptor: Buffer, by: number, within: { from: number; to: number }): boolean {
  return OFFSET_FIELDS.every((field) => {
    const offset = descriptor.readUInt32LE(field);
    if (offset === 0) return true;
    if (offset < within.from || offset >= within.to) return false;
    descriptor.writeUInt32LE(offset + by, field);
    return true;
  });
}

function aligned4(offset: number): number {
  return Math.ceil(offset / 4) * 4;
}
