/**
 * Self-relative security descriptors. [MS-DTYP] 2.4.6
 */
import type { Codec } from '../codec.ts';
import { register } from '../registry.ts';
import { allow } from './ace.ts';
import { type Acl, AclCodec, aclOf } from './acl.ts';
import { check } from './bounds.ts';
import { type Sid, SidCodec, WellKnownSid } from './sid.ts';

export interface SecurityDescriptor {
  /**
   * The {@link SecurityControl} bits, without SELF_RELATIVE, DACL_PRESENT and SACL_PRESENT: these follow from the other
   * fields.
   */
  readonly control: number;
  /** Kept for resource managers that use it; otherwise 0. */
  readonly sbz1: number;
  readonly owner?: Sid;
  readonly group?: Sid;
  /** Absent: the descriptor says nothing of auditing. */
  readonly sacl?: Acl | null;
  /**
   * Absent: the descriptor says nothing of access. `null`: a DACL is present but null, which grants everyone
   * everything. A list without entries grants nobody anything. [MS-DTYP] 2.5.3.2
   */
  readonly dacl?: Acl | null;
}

/** Control. [MS-DTYP] 2.4.6 */
export const SecurityControl = Object.freeze({
  OWNER_DEFAULTED: 0x0001,
  GROUP_DEFAULTED: 0x0002,
  DACL_PRESENT: 0x0004,
  DACL_DEFAULTED: 0x0008,
  SACL_PRESENT: 0x0010,
  SACL_DEFAULTED: 0x0020,
  DACL_TRUSTED: 0x0040,
  SERVER_SECURITY: 0x0080,
  DACL_AUTO_INHERIT_REQUIRED: 0x0100,
  SACL_AUTO_INHERIT_REQUIRED: 0x0200,
  DACL_AUTO_INHERITED: 0x0400,
  SACL_AUTO_INHERITED: 0x0800,
  DACL_PROTECTED: 0x1000,
  SACL_PROTECTED: 0x2000,
  RM_CONTROL_VALID: 0x4000,
  SELF_RELATIVE: 0x8000,
});

/** SECURITY_INFORMATION: which parts of a descriptor are asked for or set. [MS-DTYP] 2.4.7 */
export const SecurityInformation = Object.freeze({
  OWNER: 0x0000_0001,
  GROUP: 0x0000_0002,
  DACL: 0x0000_0004,
  SACL: 0x0000_0008,
  LABEL: 0x0000_0010,
  ATTRIBUTE: 0x0000_0020,
  SCOPE: 0x0000_0040,
  BACKUP: 0x0001_0000,
  UNPROTECTED_SACL: 0x1000_0000,
  UNPROTECTED_DACL: 0x2000_0000,
  PROTECTED_SACL: 0x4000_0000,
  PROTECTED_DACL: 0x8000_0000,
});

const headerBytes = 20;
const sizeBytesMax = 0x1_0000;
const computed = SecurityControl.SELF_RELATIVE | SecurityControl.DACL_PRESENT | SecurityControl.SACL_PRESENT;

/** SECURITY_DESCRIPTOR in self-relative form, at most 64 KiB. [MS-DTYP] 2.4.6 */
export const SecurityDescriptorCodec: Codec<SecurityDescriptor> = {
  name: 'SECURITY_DESCRIPTOR',

  decode(bytes, start = 0, end = bytes.length) {
    check(end - start >= headerBytes && end <= bytes.length, 'SECURITY_DESCRIPTOR: truncated');
    check(end - start <= sizeBytesMax, 'SECURITY_DESCRIPTOR: larger than 64 KiB');
    check(bytes.readUInt8(start) === 1, 'SECURITY_DESCRIPTOR: revision is not 1');
    const control = bytes.readUInt16LE(start + 2);
    const part = <T>(field: number, codec: Codec<T>): T | undefined => {
      const offset = bytes.readUInt32LE(start + field);
      if (offset === 0) return undefined;
      check(
        offset >= headerBytes && offset < end - start,
        'SECURITY_DESCRIPTOR: offset outside the descriptor',
      );
      return codec.decode(bytes, start + offset, end);
    };
    const owner = part(4, SidCodec);
    const group = part(8, SidCodec);
    // The list counts only when its control bit says that it is present, wherever the offset points.
    const hasSacl = (control & SecurityControl.SACL_PRESENT) !== 0;
    const hasDacl = (control & SecurityControl.DACL_PRESENT) !== 0;
    return {
      control: control & ~computed,
      sbz1: bytes.readUInt8(start + 1),
      ...(owner === undefined ? {} : { owner }),
      ...(group === undefined ? {} : { group }),
      ...(hasSacl ? { sacl: part(12, AclCodec) ?? null } : {}),
      ...(hasDacl ? { dacl: part(16, AclCodec) ?? null } : {}),
    };
  },

  encode(value) {
    const target = Buffer.alloc(this.sizeOf(value));
    this.encodeInto(value, target, 0);
    return target;
  },

  sizeOf({ owner, group, sacl, dacl }) {
    const sids = (owner ? SidCodec.sizeOf(owner) : 0) + (group ? SidCodec.sizeOf(group) : 0);
    return headerBytes + sids + (sacl ? AclCodec.sizeOf(sacl) : 0) + (dacl ? AclCodec.sizeOf(dacl) : 0);
  },

  encodeInto({ control, sbz1, owner, group, sacl, dacl }, target, start) {
    const present =
      (dacl === undefined ? 0 : SecurityControl.DACL_PRESENT) |
      (sacl === undefined ? 0 : SecurityControl.SACL_PRESENT);
    target.writeUInt8(1, start);
    target.writeUInt8(sbz1, start + 1);
    target.writeUInt16LE((control & ~computed) | present | SecurityControl.SELF_RELATIVE, start + 2);
    let at = start + headerBytes;
    const place = <T>(field: number, codec: Codec<T>, part: T | null | undefined): void => {
      const isAbsent = part === undefined || part === null;
      target.writeUInt32LE(isAbsent ? 0 : at - start, start + field);
      if (!isAbsent) at = codec.encodeInto(part, target, at);
    };
    place(4, SidCodec, owner);
    place(8, SidCodec, group);
    place(12, AclCodec, sacl);
    place(16, AclCodec, dacl);
    check(at - start <= sizeBytesMax, 'SECURITY_DESCRIPTOR: larger than 64 KiB');
    return at;
  },
};

register(SecurityDescriptorCodec, [
  { control: 0, sbz1: 0 },
  { control: SecurityControl.DACL_PROTECTED, sbz1: 0, sacl: null, dacl: null },
  {
    control: 0,
    sbz1: 0,
    owner: WellKnownSid.LOCAL_SYSTEM,
    group: WellKnownSid.BUILTIN_USERS,
    dacl: aclOf(allow(WellKnownSid.EVERYONE, 0x1f01ff)),
  },
]);
