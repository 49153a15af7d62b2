import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { statusName } from '../../src/base/status.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { WellKnownSid } from '../../src/wire/dtyp/sid.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { CreateContextName } from '../../src/wire/smb2/create-context.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { refusal, underAbuse } from './scene.ts';

const { SECURITY } = InfoType;
const everything = { desiredAccess: AccessMask.FILE_ALL_ACCESS };

describe('a security descriptor', () => {
  const right = SecurityDescriptorCodec.encode({
    control: 0,
    sbz1: 0,
    owner: 'S-1-5-21-1-2-3-1001',
    dacl: aclOf(allow(WellKnownSid.EVERYONE, 0x1f01ff), allow('S-1-5-21-1-2-3-1001', 0x1f01ff)),
  });
  const daclAt = right.readUInt32LE(16);
  const edits: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    ['an ACE of no bytes', (bytes) => bytes.writeUInt16LE(0, daclAt + 10)],
    ['an ACE shorter than its header', (bytes) => bytes.writeUInt16LE(3, daclAt + 10)],
    ['an ACE of four bytes', (bytes) => bytes.writeUInt16LE(4, daclAt + 10)],
    ['an ACE that is too long', (bytes) => bytes.writeUInt16LE(0xfffc, daclAt + 10)],
    ['65,535 ACEs', (bytes) => bytes.writeUInt16LE(0xffff, daclAt + 4)],
    ['an ACL that is too long', (bytes) => bytes.writeUInt16LE(0xffff, daclAt + 2)],
    ['an ACL of no bytes', (bytes) => bytes.writeUInt16LE(0, daclAt + 2)],
    ['a DACL beyond the end', (bytes) => bytes.writeUInt32LE(0xffff_fff0, 16)],
    ['a DACL in the header', (bytes) => bytes.writeUInt32LE(4, 16)],
    ['an owner beyond the end', (bytes) => bytes.writeUInt32LE(bytes.length - 2, 4)],
    ['a SID without parts', (bytes) => bytes.writeUInt8(0, daclAt + 17)],
    ['a SID of 255 parts', (bytes) => bytes.writeUInt8(255, daclAt + 17)],
    ['an unknown revision', (bytes) => bytes.writeUInt8(9, 0)],
  ];
  for (const [what, edit] of edits) {
    it(`G8 is refused with ${what}`, () =>
      underAbuse(async ({ tree }) => {
        const file = await (await tree()).open('described.bin', everything);
        const bytes = Buffer.from(right);
        edit(bytes);
        const which = SecurityInformation.DACL | SecurityInformation.OWNER;
        const status = await refusal(file.setInfo(SECURITY, 0, bytes, which));
        assert.match(statusName(status), /^STATUS_INVALID_(?:ACL|SECURITY_DESCR|SID|PARAMETER)$/);
        const contexts = [{ name: CreateContextName.SD_BUFFER, data: bytes }];
        await refusal(file.tree.open('made with it.bin', { ...everything, contexts, createDisposition: 2 }));
        await refusal(file.tree.open('made with it.bin', { createDisposition: 1 }));
        await file.setInfo(SECURITY, 0, right, SecurityInformation.DACL);
        file.tree.session.connection.close();
      }));
  }

  it('G8 of 60 KiB is taken or refused at once, whatever it holds', () =>
    underAbuse(async ({ tree }) => {
      const file = await (await tree()).open('described.bin', everything);
      const aces = Array.from({ length: 1800 }, (_, index) => allow(`S-1-5-21-1-2-3-${2000 + index}`, 1));
      const large = SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl: aclOf(...aces) });
      await file.setInfo(SECURITY, 0, large, SecurityInformation.DACL).catch(() => {});
      await refusal(file.setInfo(SECURITY, 0, Buffer.alloc(65_000, 0xff), SecurityInformation.DACL));
      file.tree.session.connection.close();
    }));
});
