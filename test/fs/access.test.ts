import assert from 'node:assert/strict';
import test from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import {
  type AccessRequest,
  checkAccess,
  mapGeneric,
  maximumAccess,
  maximumAccessOf,
  type Token,
} from '../../src/fs/access.ts';
import { newDescriptor } from '../../src/fs/inheritance.ts';
import { type Ace, AceFlag, allow, deny, isSidAce } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityControl, type SecurityDescriptor } from '../../src/wire/dtyp/security-descriptor.ts';
import { AccessMask, CreateOption, FileAttribute } from '../../src/wire/flags.ts';

const user = 'S-1-5-21-1-2-3-1000';
const other = 'S-1-5-21-1-2-3-1001';
const group = 'S-1-5-21-1-2-3-513';
const everyone = 'S-1-1-0';
const token: Token = { user, groups: new Set([group, everyone]), privileges: new Set() };
const all = AccessMask.FILE_ALL_ACCESS;
const { FILE_READ_DATA, FILE_WRITE_DATA, DELETE, READ_CONTROL, WRITE_DAC, MAXIMUM_ALLOWED } = AccessMask;

function descriptorOf(...aces: Ace[]): SecurityDescriptor {
  return { control: 0, sbz1: 0, owner: other, group, dacl: aclOf(...aces) };
}

function requestOf(change: Partial<AccessRequest>): AccessRequest {
  const descriptor = descriptorOf(allow(everyone, all));
  const base = { token, desiredAccess: all, createOptions: 0, descriptor, isDirectory: false };
  return { ...base, attributes: 0, shareAccess: all, ...change };
}

test('generic rights map to those of a file', () => {
  assert.equal(mapGeneric(0x8000_0000), 0x0012_0089);
  assert.equal(mapGeneric(0x4000_0000), 0x0012_0116);
  assert.equal(mapGeneric(0x2000_0000), 0x0012_00a0);
  assert.equal(mapGeneric(0x1000_0000), 0x001f_01ff);
});

test('an empty DACL grants nothing, a null or absent one everything', () => {
  assert.equal(maximumAccess(descriptorOf(), token), 0);
  assert.equal(maximumAccess({ ...descriptorOf(), dacl: null }, token), all);
  assert.equal(maximumAccess({ control: 0, sbz1: 0 }, token), all);
});

test('the first entry that speaks of a right decides it', () => {
  const denyFirst = descriptorOf(deny(group, FILE_READ_DATA), allow(user, FILE_READ_DATA | FILE_WRITE_DATA));
  assert.equal(maximumAccess(denyFirst, token), FILE_WRITE_DATA);
  const allowFirst = descriptorOf(allow(user, FILE_READ_DATA), deny(everyone, all));
  assert.equal(maximumAccess(allowFirst, token), FILE_READ_DATA);
  assert.equal(maximumAccess(descriptorOf(allow(everyone, all, AceFlag.INHERIT_ONLY)), token), 0);
});

test('the owner may read and change the DACL unless owner rights say otherwise', () => {
  const owned = { ...descriptorOf(), owner: user };
  assert.equal(maximumAccess(owned, token), READ_CONTROL | WRITE_DAC);
  const limited = { ...descriptorOf(allow('S-1-3-4', FILE_READ_DATA)), owner: user };
  assert.equal(maximumAccess(limited, token), FILE_READ_DATA);
});

test('privileges give the SACL and ownership, and backup intent reading', () => {
  const strong: Token = { ...token, privileges: new Set(['security', 'takeOwnership', 'backup'] as const) };
  const nothing = descriptorOf();
  assert.equal(maximumAccess(nothing, strong), AccessMask.ACCESS_SYSTEM_SECURITY | AccessMask.WRITE_OWNER);
  const desiredAccess = AccessMask.GENERIC_READ;
  const plain = requestOf({ descriptor: nothing, token: strong, desiredAccess });
  assert.equal(checkAccess(plain).status, NtStatus.ACCESS_DENIED);
  const intent = { ...plain, createOptions: CreateOption.OPEN_FOR_BACKUP_INTENT };
  assert.deepEqual(checkAccess(intent), { status: NtStatus.SUCCESS, granted: 0x0012_0089 });
});

test('MAXIMUM_ALLOWED grants what there is and still insists on what was named', () => {
  const descriptor = descriptorOf(allow(user, FILE_READ_DATA | DELETE));
  const maximum = requestOf({ descriptor, desiredAccess: MAXIMUM_ALLOWED });
  assert.deepEqual(checkAccess(maximum), { status: NtStatus.SUCCESS, granted: FILE_READ_DATA | DELETE });
  const more = { ...maximum, desiredAccess: MAXIMUM_ALLOWED | FILE_WRITE_DATA };
  assert.equal(checkAccess(more).status, NtStatus.ACCESS_DENIED);
  const none = { ...maximum, descriptor: descriptorOf() };
  assert.equal(checkAccess(none).status, NtStatus.ACCESS_DENIED);
});

test('reserved and empty masks are refused', () => {
  for (const desiredAccess of [0, 0x0000_0200, 0x0020_0000, 0x0400_0000]) {
    assert.equal(checkAccess(requestOf({ desiredAccess })).status, NtStatus.ACCESS_DENIED);
  }
});

test('the parent lets children be deleted and their attributes be read', () => {
  const descriptor = descriptorOf();
  const parent = descriptorOf(allow(user, AccessMask.FILE_DELETE_CHILD | AccessMask.FILE_LIST_DIRECTORY));
  const request = requestOf({ descriptor, parent });
  assert.equal(maximumAccessOf(request), DELETE | AccessMask.FILE_READ_ATTRIBUTES);
});

test('a read-only file is neither written nor deleted on close, a read-only directory is', () => {
  const attributes = FileAttribute.READONLY;
  const writing = requestOf({ attributes, desiredAccess: FILE_WRITE_DATA });
  assert.equal(checkAccess(writing).status, NtStatus.ACCESS_DENIED);
  assert.equal(checkAccess({ ...writing, isDirectory: true }).status, NtStatus.SUCCESS);
  const deleting = requestOf({
    attributes,
    desiredAccess: DELETE,
    createOptions: CreateOption.DELETE_ON_CLOSE,
  });
  assert.equal(checkAccess(deleting).status, NtStatus.CANNOT_DELETE);
  assert.equal(maximumAccessOf(requestOf({ attributes })) & FILE_WRITE_DATA, 0);
});

test('the share is a ceiling', () => {
  const shareAccess = 0x0012_0089;
  assert.equal(checkAccess(requestOf({ shareAccess, desiredAccess: DELETE })).status, NtStatus.ACCESS_DENIED);
  const maximum = checkAccess(requestOf({ shareAccess, desiredAccess: MAXIMUM_ALLOWED }));
  assert.deepEqual(maximum, { status: NtStatus.SUCCESS, granted: shareAccess });
});

const oi = AceFlag.OBJECT_INHERIT;
const ci = AceFlag.CONTAINER_INHERIT;
const np = AceFlag.NO_PROPAGATE_INHERIT;
const io = AceFlag.INHERIT_ONLY;
const id = AceFlag.INHERITED;

const inheritance: readonly (readonly [number, readonly number[], readonly number[]])[] = [
  [0, [], []],
  [oi, [id], [oi | io | id]],
  [ci, [], [ci | id]],
  [oi | ci, [id], [oi | ci | id]],
  [oi | np, [id], []],
  [ci | np, [], [id]],
  [oi | ci | np, [id], [id]],
  [oi | io, [id], [oi | io | id]],
  [ci | io, [], [ci | id]],
  [oi | ci | io, [id], [oi | ci | id]],
  [oi | ci | np | io, [id], [id]],
];

test('inheritance flags reach files and directories as Windows hands them down', () => {
  for (const [flags, onFile, onDirectory] of inheritance) {
    const parent = descriptorOf(allow(everyone, FILE_READ_DATA, flags));
    const make = (isDirectory: boolean) => newDescriptor({ parent, token, group, isDirectory });
    const flagsOf = (made: SecurityDescriptor) =>
      (made.dacl?.aces ?? []).filter((ace) => isSidAce(ace) && ace.sid === everyone).map((ace) => ace.flags);
    assert.deepEqual(flagsOf(make(false)), onFile, `file, ${flags}`);
    assert.deepEqual(flagsOf(make(true)), onDirectory, `directory, ${flags}`);
  }
});

test('CREATOR OWNER becomes the owner, and stays for the grandchildren', () => {
  const parent = descriptorOf(allow('S-1-3-0', FILE_READ_DATA, oi | ci));
  const made = newDescriptor({ parent, token, group, isDirectory: true });
  assert.deepEqual(made.dacl?.aces, [
    allow(user, FILE_READ_DATA, id),
    allow('S-1-3-0', FILE_READ_DATA, oi | ci | io | id),
  ]);
});

test('without anything inherited the creator and the system get everything', () => {
  const made = newDescriptor({ parent: descriptorOf(), token, group, isDirectory: false });
  assert.equal(made.owner, user);
  assert.deepEqual(made.dacl?.aces, [allow(user, all), allow('S-1-5-18', all)]);
});

test('an explicit DACL stands alone unless it asks to inherit', () => {
  const parent = descriptorOf(allow(everyone, FILE_READ_DATA, oi));
  const explicit = descriptorOf(allow(user, all));
  const alone = newDescriptor({ parent, explicit, token, group, isDirectory: false });
  assert.deepEqual(alone.dacl?.aces, [allow(user, all)]);
  const joining = { ...explicit, control: SecurityControl.DACL_AUTO_INHERIT_REQUIRED };
  const joined = newDescriptor({ parent, explicit: joining, token, group, isDirectory: false });
  assert.deepEqual(joined.dacl?.aces, [allow(user, all), allow(everyone, FILE_READ_DATA, id)]);
});
