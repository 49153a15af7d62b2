import assert from 'node:assert/strict';
import { test } from 'node:test';
import { PosixOwners } from '../../src/backend/posix-owners.ts';

const own = process.geteuid?.() ?? 0;

test('files of other accounts of the system have the SIDs by which Samba names these', () => {
  const owners = new PosixOwners({});
  const other = { uid: own + 1000, gid: 100 };
  const expected = { owner: `S-1-22-1-${own + 1000}`, group: 'S-1-22-2-100' };
  assert.deepEqual(owners.of(other), expected);
  assert.deepEqual(owners.of(other), expected, 'the second time');
});

test('files of the account that the server makes them for are nobody’s in particular', () => {
  assert.deepEqual(new PosixOwners({}).of({ uid: own, gid: 0 }), {});
  const given = new PosixOwners({ owner: 1000 });
  assert.deepEqual(given.of({ uid: 1000, gid: 0 }), {});
  assert.deepEqual(given.of({ uid: 1001n, gid: 7n }), { owner: 'S-1-22-1-1001', group: 'S-1-22-2-7' });
});

test('files of an account that stands for a user are the user’s', () => {
  const owners = new PosixOwners({ ownerOf: (uid) => (uid === 1000 ? 'S-1-5-21-1-2-3-4' : undefined) });
  assert.deepEqual(owners.of({ uid: 1000, gid: 5 }), { owner: 'S-1-5-21-1-2-3-4', group: 'S-1-22-2-5' });
});
