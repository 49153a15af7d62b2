/**
 * Generators of [MS-DTYP] values.
 */
import fc from 'fast-check';
import { type Ace, aceTypeHasObject, aceTypeHasSid } from '../../../src/wire/dtyp/ace.ts';
import type { Acl } from '../../../src/wire/dtyp/acl.ts';
import { type Guid, GuidCodec } from '../../../src/wire/dtyp/guid.ts';
import type { SecurityDescriptor } from '../../../src/wire/dtyp/security-descriptor.ts';
import { parseSid, type Sid } from '../../../src/wire/dtyp/sid.ts';

const u32 = fc.nat({ max: 0xffff_ffff });
const u8 = fc.nat({ max: 0xff });

export const anyGuid: fc.Arbitrary<Guid> = fc
  .uint8Array({ minLength: 16, maxLength: 16 })
  .map((bytes) => GuidCodec.decode(Buffer.from(bytes)));

export const anySid: fc.Arbitrary<Sid> = fc
  .tuple(
    fc.oneof(fc.nat({ max: 22 }), fc.nat({ max: 2 ** 48 - 1 })),
    fc.array(u32, { minLength: 1, maxLength: 15 }),
  )
  .map(([authority, rest]) => parseSid(`S-1-0x${authority.toString(16)}-${rest.join('-')}`));

const words = fc
  .uint8Array({ maxLength: 24 })
  .map((bytes) => Buffer.from(bytes.subarray(0, bytes.length & ~3)));

export const anyAce: fc.Arbitrary<Ace> = fc
  .record({
    type: fc.oneof(fc.nat({ max: 0x15 }), u8),
    flags: u8,
    mask: u32,
    sid: anySid,
    data: words,
    objectType: fc.option(anyGuid, { nil: undefined }),
    inheritedObjectType: fc.option(anyGuid, { nil: undefined }),
  })
  .map(({ type, flags, mask, sid, data, objectType, inheritedObjectType }): Ace => {
    if (!aceTypeHasSid(type)) return { type, flags, body: data };
    const ace = { type, flags, mask, sid, applicationData: data };
    if (!aceTypeHasObject(type)) return ace;
    return {
      ...ace,
      ...(objectType === undefined ? {} : { objectType }),
      ...(inheritedObjectType === undefined ? {} : { inheritedObjectType }),
    };
  });

export const anyAcl: fc.Arbitrary<Acl> = fc.record(
  { revision: fc.constantFrom(2, 3, 4), aces: fc.array(anyAce, { maxLength: 6 }) },
  { noNullPrototype: true },
);

export const anySecurityDescriptor: fc.Arbitrary<SecurityDescriptor> = fc.record(
  {
    control: fc.nat({ max: 0x7fff }).map((bits) => bits & ~0x14),
    sbz1: u8,
    owner: anySid,
    group: anySid,
    sacl: fc.option(anyAcl, { nil: null }),
    dacl: fc.option(anyAcl, { nil: null }),
  },
  { requiredKeys: ['control', 'sbz1'], noNullPrototype: true },
);
