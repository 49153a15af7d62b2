import assert from 'node:assert/strict';
import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { idsIn, withUnixAccounts } from '../../src/control/unix-accounts.ts';
import { findByName, findBySid, SidNameUse } from '../../src/rpc/accounts.ts';
import { accounts, ann } from '../rpc/fixtures.ts';

const passwd =
  'root:x:0:0:root:/root:/bin/sh\nAnn:x:1000:1000::/home/ann:/bin/sh\n+nis\nbad:x:1x:0\nAnn:x:7:7\n';
const group = 'root:x:0:\nusers:x:100:Ann\n';

function withFiles(use: (folder: string) => void): void {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-accounts-'));
  try {
    writeFileSync(join(folder, 'passwd'), passwd);
    writeFileSync(join(folder, 'group'), group);
    use(folder);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const user = (id: number, name: string) => ({
  sid: `S-1-22-1-${id}`,
  name,
  domainName: 'Unix User',
  use: SidNameUse.USER,
});

test('lines that are no accounts are none, and the first of a name counts', () => {
  assert.deepEqual(
    [...idsIn(passwd)],
    [
      ['root', 0],
      ['Ann', 1000],
    ],
  );
});

test('owners of files have the names of the system, and numbers where it knows none', () =>
  withFiles((folder) => {
    const directory = withUnixAccounts(accounts, folder);
    const sids = ['S-1-22-1-0', 'S-1-22-1-1000', 'S-1-22-1-4711'];
    assert.deepEqual(
      sids.map((sid) => findBySid(directory, sid)),
      [user(0, 'root'), user(1000, 'Ann'), user(4711, '4711')],
    );
    assert.deepEqual(findBySid(directory, 'S-1-22-2-100'), {
      sid: 'S-1-22-2-100',
      name: 'users',
      domainName: 'Unix Group',
      use: SidNameUse.GROUP,
    });
    assert.equal(findBySid(directory, 'S-1-22-1')?.use, SidNameUse.DOMAIN);
    assert.equal(findBySid(directory, 'S-1-22-1-0-1'), undefined);
    assert.equal(findBySid(directory, ann.sid)?.domainName, 'SRV');
  }));

test('names of the system need their domain, for others may have the same name', () =>
  withFiles((folder) => {
    const directory = withUnixAccounts(accounts, folder);
    assert.equal(findByName(directory, 'ann')?.sid, ann.sid);
    assert.equal(findByName(directory, 'SRV\\ann')?.sid, ann.sid);
    assert.deepEqual(findByName(directory, 'unix user\\ANN'), user(1000, 'Ann'));
    assert.equal(findByName(directory, 'Unix Group\\users')?.sid, 'S-1-22-2-100');
    assert.equal(findByName(directory, 'Users')?.sid, 'S-1-5-32-545');
    assert.equal(findByName(directory, 'root'), undefined);
    assert.equal(findByName(directory, 'Unix User\\nobody here'), undefined);
  }));

test('accounts that are added are known, and none where there are no files', () =>
  withFiles((folder) => {
    const directory = withUnixAccounts(accounts, folder);
    assert.equal(findBySid(directory, 'S-1-22-1-5')?.name, '5');
    writeFileSync(join(folder, 'new'), `${passwd}games:x:5:60:games:/:/bin/sh\n`);
    renameSync(join(folder, 'new'), join(folder, 'passwd'));
    assert.equal(findBySid(directory, 'S-1-22-1-5')?.name, 'games');
    rmSync(join(folder, 'passwd'));
    assert.equal(findBySid(directory, 'S-1-22-1-0')?.name, '0');
  }));
