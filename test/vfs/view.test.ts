/**
 * What a share makes of the names and files of its store: hidden names, listings by access, no streams.
 */
import assert from 'node:assert/strict';
import test from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { DirectoryListing } from '../../src/vfs/directory-listing.ts';
import type { OpenFile } from '../../src/vfs/open-file.ts';
import { querySecurity, setSecurity } from '../../src/vfs/security-information.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import {
  SecurityControl,
  SecurityDescriptorCodec,
  SecurityInformation,
} from '../../src/wire/dtyp/security-descriptor.ts';
import { AccessMask, CreateDisposition, FileAttribute } from '../../src/wire/flags.ts';
import { rejects, World } from './world.ts';

const { HIDDEN, NORMAL, ARCHIVE } = FileAttribute;

async function listed(directory: OpenFile, pattern = '*'): Promise<Map<string, number>> {
  const listing = new DirectoryListing(directory, pattern);
  const found = new Map<string, number>();
  for (let entry = await listing.peek(); entry !== undefined; entry = await listing.peek()) {
    if (entry.name !== '.' && entry.name !== '..') found.set(entry.name, entry.attributes);
    listing.advance();
  }
  return found;
}

test('a hidden name is shown as hidden, and yet overwritten without saying so', async () => {
  const world = new World({ isHiddenName: (name) => name.startsWith('.') });
  const file = await world.open('.profile');
  assert.equal(file.attributesOf(await file.stat()) & HIDDEN, HIDDEN);
  await file.close('close');
  await world.touch('plain');
  await world.touch('.profile', {
    fileAttributes: NORMAL,
    createDisposition: CreateDisposition.OVERWRITE_IF,
  });
  assert.deepEqual(
    await listed(await world.open('')),
    new Map([
      ['.profile', HIDDEN | ARCHIVE],
      ['plain', ARCHIVE],
    ]),
  );
});

test('access-based listings show what may be read in full, and nothing else', async () => {
  const world = new World({ hidesUnreadable: true });
  const reading = AccessMask.FILE_READ_DATA | AccessMask.FILE_READ_EA | AccessMask.FILE_READ_ATTRIBUTES;
  const rights = new Map([
    ['all', AccessMask.FILE_ALL_ACCESS],
    ['read', reading | AccessMask.READ_CONTROL],
    ['no-ea', AccessMask.FILE_ALL_ACCESS & ~AccessMask.FILE_READ_EA],
    ['no-data', AccessMask.FILE_ALL_ACCESS & ~AccessMask.FILE_READ_DATA],
  ]);
  for (const [name, mask] of rights) {
    const dacl = aclOf(allow('S-1-1-0', mask));
    const owner = 'S-1-5-21-9-9-9-9';
    await world.touch(name, { securityDescriptor: { control: 0, sbz1: 0, owner, dacl } });
  }
  await world.touch('damaged');
  await world.backend.security?.write('damaged', Buffer.from('not a descriptor'));
  const root = await world.open('');
  assert.deepEqual([...(await listed(root)).keys()].sort(), ['all', 'read']);
  assert.equal((await listed(root, 'no-ea')).size, 0);
  assert.equal((await listed(root, 'read')).size, 1);
});

test('without streams a name with a colon is none, not even that of the data', async () => {
  const world = new World({ withoutStreams: true });
  await world.touch('a');
  for (const name of ['a:s', 'a::$DATA', 'b:s:$DATA', 'a::$INDEX_ALLOCATION'])
    await rejects(world.attempt(name), NtStatus.OBJECT_NAME_INVALID);
  assert.equal((await listed(await world.open(''))).size, 1);
});

test('AUTO_INHERITED stays only where it is asked for, or where the share keeps it', async () => {
  const { DACL_AUTO_INHERITED, DACL_AUTO_INHERIT_REQUIRED } = SecurityControl;
  const kept = async (control: number, keepsAutoInherited: boolean): Promise<boolean> => {
    const file = await new World({ keepsAutoInherited }).open('a');
    const given = { control, sbz1: 0, dacl: aclOf(allow('S-1-1-0', AccessMask.FILE_ALL_ACCESS)) };
    await setSecurity(file, SecurityInformation.DACL, SecurityDescriptorCodec.encode(given));
    const after = SecurityDescriptorCodec.decode(await querySecurity(file, SecurityInformation.DACL));
    return (after.control & DACL_AUTO_INHERITED) !== 0;
  };
  assert.equal(await kept(DACL_AUTO_INHERITED, false), false);
  assert.equal(await kept(DACL_AUTO_INHERITED | DACL_AUTO_INHERIT_REQUIRED, false), true);
  assert.equal(await kept(DACL_AUTO_INHERITED, true), true);
});
