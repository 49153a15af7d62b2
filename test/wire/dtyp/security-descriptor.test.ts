import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY, hex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/wire/codec.ts';
import { AceCodec, AceFlag, AceType, allow, deny } from '../../../src/wire/dtyp/ace.ts';
import { AclCodec, aclOf } from '../../../src/wire/dtyp/acl.ts';
import {
  SecurityControl,
  type SecurityDescriptor,
  SecurityDescriptorCodec,
} from '../../../src/wire/dtyp/security-descriptor.ts';
import { WellKnownSid } from '../../../src/wire/dtyp/sid.ts';
import { AccessMask } from '../../../src/wire/flags.ts';
import { anyAce, anySecurityDescriptor } from './arbitraries.ts';
import { obeysTheLaws } from './laws.ts';

const { OBJECT_INHERIT, CONTAINER_INHERIT, INHERIT_ONLY, SUCCESSFUL_ACCESS, FAILED_ACCESS } = AceFlag;
const all = AccessMask.FILE_ALL_ACCESS;

/** Bytes as Samba 4.17 writes them (`security.descriptor.from_sddl` and `ndr_pack`). */
const vectors: { name: string; hex: string; value: SecurityDescriptor }[] = [
  {
    name: 'O:BAG:BUD:P(A;OICI;FA;;;BA)(A;OICIIO;0x1301bf;;;CO)(D;;DC;;;WD)S:(AU;SAFA;FA;;;WD)',
    hex: `0100149014000000240000003400000050000000010200000000000520000000200200000102000000000005
      200000002102000004001c000100000002c01400ff0100000101000000000001000000000400480003000000000
      31800ff01000001020000000000052000000020020000000b1400bf011300010100000000000300000000010014
      0002000000010100000000000100000000`,
    value: {
      control: SecurityControl.DACL_PROTECTED,
      sbz1: 0,
      owner: WellKnownSid.BUILTIN_ADMINISTRATORS,
      group: WellKnownSid.BUILTIN_USERS,
      sacl: {
        revision: 4,
        aces: [
          {
            type: AceType.SYSTEM_AUDIT,
            flags: SUCCESSFUL_ACCESS | FAILED_ACCESS,
            mask: 0x1ff,
            sid: WellKnownSid.EVERYONE,
            applicationData: EMPTY,
          },
        ],
      },
      dacl: {
        revision: 4,
        aces: [
          allow(WellKnownSid.BUILTIN_ADMINISTRATORS, 0x1ff, OBJECT_INHERIT | CONTAINER_INHERIT),
          allow(WellKnownSid.CREATOR_OWNER, 0x1301bf, OBJECT_INHERIT | CONTAINER_INHERIT | INHERIT_ONLY),
          deny(WellKnownSid.EVERYONE, 0x2),
        ],
      },
    },
  },
  {
    name: 'an empty DACL',
    hex: `010004801400000030000000000000004c00000001050000000000051500000001000000020000000300
      0000e8030000010500000000000515000000010000000200000003000000010200000400080000000000`,
    value: {
      control: 0,
      sbz1: 0,
      owner: 'S-1-5-21-1-2-3-1000',
      group: 'S-1-5-21-1-2-3-513',
      dacl: { revision: 4, aces: [] },
    },
  },
  {
    name: 'no DACL',
    hex: `0100008014000000240000000000000000000000010200000000000520000000200200000102000000000005
      2000000020020000`,
    value: {
      control: 0,
      sbz1: 0,
      owner: WellKnownSid.BUILTIN_ADMINISTRATORS,
      group: WellKnownSid.BUILTIN_ADMINISTRATORS,
    },
  },
  {
    name: 'an object entry',
    hex: `0100048400000000000000000000000014000000040030000100000005002800300000000100000
      0867a96bfe60dd011a28500aa003049e201010000000000050b000000`,
    value: {
      control: SecurityControl.DACL_AUTO_INHERITED,
      sbz1: 0,
      dacl: {
        revision: 4,
        aces: [
          {
            type: AceType.ACCESS_ALLOWED_OBJECT,
            flags: 0,
            mask: 0x30,
            sid: WellKnownSid.AUTHENTICATED_USERS,
            objectType: 'bf967a86-0de6-11d0-a285-00aa003049e2',
            applicationData: EMPTY,
          },
        ],
      },
    },
  },
  {
    name: 'a null DACL',
    hex: '01000480 00000000 00000000 00000000 00000000',
    value: { control: 0, sbz1: 0, dacl: null },
  },
];

obeysTheLaws(SecurityDescriptorCodec, vectors);

const simple = SecurityDescriptorCodec.encode({
  control: 0,
  sbz1: 0,
  owner: WellKnownSid.LOCAL_SYSTEM,
  dacl: aclOf(allow(WellKnownSid.EVERYONE, all)),
});
const aclStart = 20 + 12;
const aceStart = aclStart + 8;

function edited(edit: (bytes: Buffer) => void): Buffer {
  const bytes = Buffer.from(simple);
  edit(bytes);
  return bytes;
}

test('any security descriptor survives', () => {
  fc.assert(
    fc.property(anySecurityDescriptor, (descriptor) => {
      const bytes = SecurityDescriptorCodec.encode(descriptor);
      assert.deepEqual(SecurityDescriptorCodec.decode(bytes), descriptor);
    }),
  );
});

test('any entry survives and takes a multiple of four bytes', () => {
  fc.assert(
    fc.property(anyAce, (ace) => {
      const bytes = AceCodec.encode(ace);
      assert.equal(bytes.length % 4, 0);
      assert.deepEqual(AceCodec.decode(bytes), ace);
    }),
  );
});

test('random bytes are a descriptor or a WireError, never anything else', () => {
  const mutation = fc.tuple(fc.nat({ max: simple.length - 1 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const bytes = edited((target) => {
        for (const [at, value] of mutations) target[at] = value;
      });
      try {
        SecurityDescriptorCodec.decode(bytes);
      } catch (error) {
        assert.ok(error instanceof WireError, String(error));
      }
    }),
    { numRuns: 1000 },
  );
});

test('null, empty and absent lists are three things', () => {
  const base = { control: 0, sbz1: 0 };
  for (const descriptor of [
    base,
    { ...base, dacl: null, sacl: null },
    { ...base, dacl: aclOf(), sacl: aclOf() },
  ]) {
    assert.deepEqual(SecurityDescriptorCodec.decode(SecurityDescriptorCodec.encode(descriptor)), descriptor);
  }
});

test('a list whose control bit is clear does not count, wherever its offset points', () => {
  const bytes = edited((target) => {
    target.writeUInt16LE(SecurityControl.SELF_RELATIVE, 2);
    target.writeUInt32LE(0xffff_ffff, 16);
  });
  assert.deepEqual(SecurityDescriptorCodec.decode(bytes), {
    control: 0,
    sbz1: 0,
    owner: WellKnownSid.LOCAL_SYSTEM,
  });
});

test('a damaged descriptor is refused', () => {
  const damages: Record<string, (bytes: Buffer) => void> = {
    'descriptor revision': (bytes) => bytes.writeUInt8(2, 0),
    'owner inside the header': (bytes) => bytes.writeUInt32LE(4, 4),
    'owner past the end': (bytes) => bytes.writeUInt32LE(simple.length, 4),
    'owner at the largest offset': (bytes) => bytes.writeUInt32LE(0xffff_ffff, 4),
    'DACL across the end': (bytes) => bytes.writeUInt32LE(simple.length - 7, 16),
    'list revision 1': (bytes) => bytes.writeUInt8(1, aclStart),
    'list revision 5': (bytes) => bytes.writeUInt8(5, aclStart),
    'list smaller than its header': (bytes) => bytes.writeUInt16LE(7, aclStart + 2),
    'list larger than the descriptor': (bytes) => bytes.writeUInt16LE(29, aclStart + 2),
    'list smaller than its entries': (bytes) => bytes.writeUInt16LE(27, aclStart + 2),
    'too many entries': (bytes) => bytes.writeUInt16LE(0xffff, aclStart + 4),
    'entry of size 0': (bytes) => bytes.writeUInt16LE(0, aceStart + 2),
    'entry too small for its SID': (bytes) => bytes.writeUInt16LE(16, aceStart + 2),
    'entry of odd size': (bytes) => bytes.writeUInt16LE(19, aceStart + 2),
    'entry larger than the list': (bytes) => bytes.writeUInt16LE(24, aceStart + 2),
    'SID without sub-authorities': (bytes) => bytes.writeUInt8(0, aceStart + 9),
    'SID with 255 sub-authorities': (bytes) => bytes.writeUInt8(255, aceStart + 9),
  };
  SecurityDescriptorCodec.decode(simple);
  for (const [name, damage] of Object.entries(damages)) {
    assert.throws(() => SecurityDescriptorCodec.decode(edited(damage)), WireError, name);
  }
});

test('slack after the last entry is ignored', () => {
  const bytes = Buffer.concat([AclCodec.encode(aclOf(allow(WellKnownSid.EVERYONE, all))), hex('ffff')]);
  bytes.writeUInt16LE(bytes.length, 2);
  assert.equal(AclCodec.decode(bytes).aces.length, 1);
});

test('a descriptor holds 64 KiB and no more', () => {
  const entry = allow(WellKnownSid.EVERYONE, all);
  const count = Math.floor((0x1_0000 - 20 - 8) / AceCodec.sizeOf(entry));
  const fits = { control: 0, sbz1: 0, dacl: aclOf(...Array.from({ length: count }, () => entry)) };
  assert.deepEqual(SecurityDescriptorCodec.decode(SecurityDescriptorCodec.encode(fits)), fits);
  const tooLong = { ...fits, dacl: aclOf(...fits.dacl.aces, entry, entry) };
  assert.throws(() => SecurityDescriptorCodec.encode(tooLong), WireError);
  assert.throws(
    () => SecurityDescriptorCodec.decode(Buffer.concat([simple, Buffer.alloc(0x1_0000)])),
    WireError,
  );
});
