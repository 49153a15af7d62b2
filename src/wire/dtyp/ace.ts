/**
 * Access control entries. [MS-DTYP] 2.4.4
 */
import { alignUp, EMPTY } from '../../base/bytes.ts';
import { register } from '../registry.ts';
import type { SelfSizedCodec } from '../schema.ts';
import { check } from './bounds.ts';
import { type Guid, GuidCodec } from './guid.ts';
import { type Sid, SidCodec, sidSizeAt } from './sid.ts';

/** AceType. [MS-DTYP] 2.4.4.1 */
export const AceType = Object.freeze({
  ACCESS_ALLOWED: 0x00,
  ACCESS_DENIED: 0x01,
  SYSTEM_AUDIT: 0x02,
  SYSTEM_ALARM: 0x03,
  ACCESS_ALLOWED_COMPOUND: 0x04,
  ACCESS_ALLOWED_OBJECT: 0x05,
  ACCESS_DENIED_OBJECT: 0x06,
  SYSTEM_AUDIT_OBJECT: 0x07,
  SYSTEM_ALARM_OBJECT: 0x08,
  ACCESS_ALLOWED_CALLBACK: 0x09,
  ACCESS_DENIED_CALLBACK: 0x0a,
  ACCESS_ALLOWED_CALLBACK_OBJECT: 0x0b,
  ACCESS_DENIED_CALLBACK_OBJECT: 0x0c,
  SYSTEM_AUDIT_CALLBACK: 0x0d,
  SYSTEM_ALARM_CALLBACK: 0x0e,
  SYSTEM_AUDIT_CALLBACK_OBJECT: 0x0f,
  SYSTEM_ALARM_CALLBACK_OBJECT: 0x10,
  SYSTEM_MANDATORY_LABEL: 0x11,
  SYSTEM_RESOURCE_ATTRIBUTE: 0x12,
  SYSTEM_SCOPED_POLICY_ID: 0x13,
});

/** AceFlags. [MS-DTYP] 2.4.4.1 */
export const AceFlag = Object.freeze({
  OBJECT_INHERIT: 0x01,
  CONTAINER_INHERIT: 0x02,
  NO_PROPAGATE_INHERIT: 0x04,
  INHERIT_ONLY: 0x08,
  INHERITED: 0x10,
  SUCCESSFUL_ACCESS: 0x40,
  FAILED_ACCESS: 0x80,
});

/** An entry that names a SID: every documented type. */
export interface SidAce {
  readonly type: number;
  readonly flags: number;
  readonly mask: number;
  readonly sid: Sid;
  /** Only in the `…_OBJECT` types, each where its flag is set. [MS-DTYP] 2.4.4.3 */
  readonly objectType?: Guid;
  readonly inheritedObjectType?: Guid;
  /** The condition of a callback entry, the claim of a resource attribute; a multiple of four bytes. */
  readonly applicationData: Buffer;
}

/** An entry of a type that is not documented; kept as it is and granting nothing. */
export interface OpaqueAce {
  readonly type: number;
  readonly flags: number;
  /** Everything after the four-byte header; a multiple of four bytes. */
  readonly body: Buffer;
}

export type Ace = SidAce | OpaqueAce;

/** True for an entry that names a SID. */
export function isSidAce(ace: Ace): ace is SidAce {
  return 'sid' in ace;
}

/** An ordinary ACCESS_ALLOWED entry. */
export function allow(sid: Sid, mask: number, flags = 0): SidAce {
  return { type: AceType.ACCESS_ALLOWED, flags, mask, sid, applicationData: EMPTY };
}

/** An ordinary ACCESS_DENIED entry. */
export function deny(sid: Sid, mask: number, flags = 0): SidAce {
  return { type: AceType.ACCESS_DENIED, flags, mask, sid, applicationData: EMPTY };
}

const headerBytes = 4;
const guidBytes = 16;
const objectTypePresent = 1;
const inheritedObjectTypePresent = 2;

const objectTypes: ReadonlySet<number> = new Set([
  AceType.ACCESS_ALLOWED_OBJECT,
  AceType.ACCESS_DENIED_OBJECT,
  AceType.SYSTEM_AUDIT_OBJECT,
  AceType.SYSTEM_ALARM_OBJECT,
  AceType.ACCESS_ALLOWED_CALLBACK_OBJECT,
  AceType.ACCESS_DENIED_CALLBACK_OBJECT,
  AceType.SYSTEM_AUDIT_CALLBACK_OBJECT,
  AceType.SYSTEM_ALARM_CALLBACK_OBJECT,
]);

const opaqueTypes: ReadonlySet<number> = new Set([AceType.ACCESS_ALLOWED_COMPOUND]);

/** True for a type whose entries are laid out as {@link SidAce}. */
export function aceTypeHasSid(type: number): boolean {
  return type <= AceType.SYSTEM_SCOPED_POLICY_ID && !opaqueTypes.has(type);
}

/** True for a type whose entries may carry object GUIDs. */
export function aceTypeHasObject(type: number): boolean {
  return objectTypes.has(type);
}

/** ACE of any type. [MS-DTYP] 2.4.4 */
export const AceCodec: SelfSizedCodec<Ace> = {
  name: 'ACE',
  minimumBytes: headerBytes,
  endOf: (bytes, start, end) => start + aceSizeAt(bytes, start, end),

  decode(bytes, start = 0, end = bytes.length) {
    const aceEnd = start + aceSizeAt(bytes, start, end);
    const type = bytes.readUInt8(start);
    const flags = bytes.readUInt8(start + 1);
    const at = start + headerBytes;
    if (!aceTypeHasSid(type)) return { type, flags, body: bytes.subarray(at, aceEnd) };
    check(aceEnd - at >= 4, 'ACE: no room for the mask');
    const mask = bytes.readUInt32LE(at);
    const objects = aceTypeHasObject(type)
      ? decodeObjects(bytes, at + 4, aceEnd)
      : { next: at + 4, guids: {} };
    const sidEnd = objects.next + sidSizeAt(bytes, objects.next, aceEnd);
    const sid = SidCodec.decode(bytes, objects.next, sidEnd);
    return { type, flags, mask, sid, ...objects.guids, applicationData: bytes.subarray(sidEnd, aceEnd) };
  },

  encode(value) {
    const target = Buffer.alloc(this.sizeOf(value));
    this.encodeInto(value, target, 0);
    return target;
  },

  sizeOf(value) {
    if (!isSidAce(value)) return headerBytes + alignUp(value.body.length, 4);
    const fixed = headerBytes + 4 + objectsSizeOf(value) + SidCodec.sizeOf(value.sid);
    return fixed + alignUp(value.applicationData.length, 4);
  },

  encodeInto(value, target, start) {
    const sizeBytes = this.sizeOf(value);
    check(sizeBytes <= 0xffff, 'ACE: larger than 65535 bytes');
    target.writeUInt8(value.type, start);
    target.writeUInt8(value.flags, start + 1);
    target.writeUInt16LE(sizeBytes, start + 2);
    let at = start + headerBytes;
    if (isSidAce(value)) {
      at = target.writeUInt32LE(value.mask, at);
      if (aceTypeHasObject(value.type)) at = encodeObjects(value, target, at);
      at = SidCodec.encodeInto(value.sid, target, at);
    }
    const tail = isSidAce(value) ? value.applicationData : value.body;
    tail.copy(target, at);
    target.fill(0, at + tail.length, start + sizeBytes);
    return start + sizeBytes;
  },
};

/** AceSize of the entry that begins at `start`, checked against `end`. */
export function aceSizeAt(bytes: Buffer, start: number, end: number): number {
  check(end - start >= headerBytes && end <= bytes.length, 'ACE: truncated');
  const sizeBytes = bytes.readUInt16LE(start + 2);
  check(
    sizeBytes >= headerBytes && sizeBytes % 4 === 0,
    'ACE: size is not a multiple of four of at least four',
  );
  check(sizeBytes <= end - start, 'ACE: size exceeds the list');
  return sizeBytes;
}

interface ObjectGuids {
  objectType?: Guid;
  inheritedObjectType?: Guid;
}

function decodeObjects(bytes: Buffer, start: number, end: number): { next: number; guids: ObjectGuids } {
  check(end - start >= 4, 'ACE: no room for the object flags');
  const flags = bytes.readUInt32LE(start);
  const guids: ObjectGuids = {};
  let next = start + 4;
  if (flags & objectTypePresent) {
    guids.objectType = GuidCodec.decode(bytes, next, end);
    next += guidBytes;
  }
  if (flags & inheritedObjectTypePresent) {
    guids.inheritedObjectType = GuidCodec.decode(bytes, next, end);
    next += guidBytes;
  }
  return { next, guids };
}

function objectsSizeOf(ace: SidAce): number {
  if (!aceTypeHasObject(ace.type)) return 0;
  return 4 + (ace.objectType ? guidBytes : 0) + (ace.inheritedObjectType ? guidBytes : 0);
}

function encodeObjects(ace: SidAce, target: Buffer, start: number): number {
  const { objectType, inheritedObjectType } = ace;
  const flags = (objectType ? objectTypePresent : 0) | (inheritedObjectType ? inheritedObjectTypePresent : 0);
  let at = target.writeUInt32LE(flags, start);
  if (objectType) at = GuidCodec.encodeInto(objectType, target, at);
  if (inheritedObjectType) at = GuidCodec.encodeInto(inheritedObjectType, target, at);
  return at;
}

register(AceCodec, [
  allow('S-1-1-0', 0x1f01ff, AceFlag.CONTAINER_INHERIT),
  {
    ...deny('S-1-5-32-544', 1),
    type: AceType.ACCESS_DENIED_CALLBACK_OBJECT,
    objectType: '12345678-9abc-def0-1234-56789abcdef0',
    applicationData: Buffer.from('artx'),
  },
  { type: 0xee, flags: 0, body: Buffer.from('body') },
]);
