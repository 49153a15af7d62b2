import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, it } from 'node:test';
import { AccountStore, type LocalAccount, localAccounts, sidOf } from '../../src/control/accounts.ts';
import {
  firstLine,
  generatePassword,
  ntHashOf,
  PasswordError,
  readPasswordFile,
} from '../../src/control/password.ts';
import { readState, StateFolderError, writeState } from '../../src/control/state-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'smbkit-accounts-'));
after(() => rmSync(folder, { recursive: true }));

/** NTOWFv1 of "Password". [MS-NLMP] 4.2.2.1.2 */
const passwordHash = 'a4f49c406510bdcab6824ee7c30fd852';

const account = (name: string, password: string): LocalAccount => ({
  name,
  ntHash: ntHashOf(password),
  groups: ['staff'],
  isDisabled: false,
});

describe('a password', () => {
  it('is hashed as the document says, and the bytes it came in are overwritten', () => {
    const bytes = Buffer.from('Password');
    assert.equal(ntHashOf(bytes).toString('hex'), passwordHash);
    assert.deepEqual(bytes, Buffer.alloc(8));
    assert.equal(ntHashOf('Password').toString('hex'), passwordHash);
  });

  it('gives the same hash as text and as bytes beyond ASCII', () => {
    const text = 'pä🎉ß';
    assert.deepEqual(ntHashOf(Buffer.from(text)), ntHashOf(text));
  });

  it('in a file is its first line without line break and byte order mark', async () => {
    const file = join(folder, 'password');
    for (const content of ['Password', 'Password\n', 'Password\r\nmore\n', '\ufeffPassword\n']) {
      writeFileSync(file, content);
      assert.equal((await readPasswordFile(file)).toString(), 'Password', JSON.stringify(content));
    }
  });

  it('in a file that is empty, absent, a folder or far too large is refused with the reason', async () => {
    const file = join(folder, 'bad');
    writeFileSync(file, '\nPassword');
    await assert.rejects(readPasswordFile(file), /empty: put it on the first line/);
    await assert.rejects(readPasswordFile(join(folder, 'absent')), /no such file/);
    await assert.rejects(readPasswordFile(folder), /it is a folder/);
    writeFileSync(file, 'x'.repeat(5000));
    await assert.rejects(readPasswordFile(file), PasswordError);
  });

  it('leaves nothing in the buffer it was read from', () => {
    const bytes = Buffer.from('secret\n');
    assert.equal(firstLine(bytes, 'here').toString(), 'secret');
    assert.deepEqual(bytes, Buffer.alloc(7));
  });

  it('that is generated has four groups of four letters that cannot be mistaken', () => {
    let seed = 0;
    const entropy = { fill: <T extends Uint8Array>(target: T) => target.fill(seed++ & 0xff) };
    const seen = new Set(Array.from({ length: 32 }, () => generatePassword(entropy)));
    assert.equal(seen.size, 32);
    for (const password of seen) assert.match(password, /^([a-hjkmnp-z2-9i]{4}-){3}[a-hjkmnp-z2-9i]{4}$/);
    assert.doesNotMatch([...seen].join(''), /[01lo]/);
  });
});

describe('the accounts', () => {
  it('come from passwords, password files and hashes of the configuration', async () => {
    writeFileSync(join(folder, 'anna'), 'Password\n');
    const common = { groups: [], disabled: false };
    const accounts = await localAccounts([
      { name: 'a', password: 'Password', ...common },
      { name: 'b', passwordFile: join(folder, 'anna'), ...common },
      { name: 'c', ntHash: passwordHash.toUpperCase(), ...common, disabled: true },
    ]);
    assert.deepEqual(
      accounts.map((one) => one.ntHash.toString('hex')),
      Array(3).fill(passwordHash),
    );
    assert.deepEqual(
      accounts.map((one) => one.isDisabled),
      [false, false, true],
    );
  });

  it('are found without regard to case, whatever the domain, and unknown ones are not', () => {
    const store = new AccountStore('SERVER', [account('Anna', 'x')]);
    assert.equal(store.lookup('ANNA')?.name, 'Anna');
    assert.equal(store.lookup('anna')?.domain, 'SERVER');
    assert.equal(store.lookup('ann'), undefined);
    assert.deepEqual(store.groupsOf('aNNa'), ['staff']);
    assert.deepEqual(store.groupsOf('nobody'), []);
  });

  it('are told apart from those of before when they are added, taken away or changed', () => {
    const store = new AccountStore('SERVER', [
      account('Anna', 'x'),
      account('ben', 'x'),
      account('cid', 'x'),
    ]);
    const disabled = { ...account('cid', 'x'), isDisabled: true };
    const changed = store.changedBy([account('Anna', 'x'), disabled, account('Dora', 'x')]);
    assert.deepEqual([...changed].sort(), ['ben', 'cid', 'dora']);
  });

  it('are administrators by their group, unless they are disabled', () => {
    const groups = ['staff', 'ADMINISTRATORS'];
    const users = ['Anna', 'ben', 'cid'].map((name) => ({ ...account(name, 'x'), groups }));
    const store = new AccountStore('SERVER', [...users, account('dora', 'x')]);
    store.disable('BEN');
    assert.deepEqual(store.administrators(), ['anna', 'cid']);
  });

  it('hand out copies of their hashes', () => {
    const store = new AccountStore('SERVER', [account('anna', 'Password')]);
    store.lookup('anna')?.ntHash?.fill(0);
    assert.equal(store.lookup('anna')?.ntHash?.toString('hex'), passwordHash);
  });

  it('are overwritten when they are replaced and when the server closes', () => {
    const [first, second] = [account('anna', 'a'), account('ben', 'b')];
    const store = new AccountStore('SERVER', [first]);
    assert.equal(store.replace([second]), true);
    assert.deepEqual(first.ntHash, Buffer.alloc(16));
    assert.equal(store.lookup('anna'), undefined);
    store.destroy();
    assert.deepEqual(second.ntHash, Buffer.alloc(16));
    assert.equal(store.lookup('ben'), undefined);
  });

  it('know whether a replacement changes anything', () => {
    const store = new AccountStore('SERVER', [account('anna', 'a')]);
    assert.equal(store.replace([account('anna', 'a')]), false);
    assert.equal(store.replace([account('anna', 'b')]), true);
    assert.equal(store.replace([{ ...account('anna', 'b'), isDisabled: true }]), true);
    assert.equal(store.replace([]), true);
  });

  it('have SIDs that depend on server, kind and name alone', () => {
    assert.equal(sidOf('SERVER', 'user', 'Anna'), sidOf('server', 'user', 'anna'));
    const others = [
      sidOf('OTHER', 'user', 'anna'),
      sidOf('SERVER', 'group', 'anna'),
      sidOf('SERVER', 'user', 'ben'),
    ];
    for (const other of others) assert.notEqual(other, sidOf('SERVER', 'user', 'anna'));
    assert.match(sidOf('SERVER', 'user', 'anna'), /^S-1-5-21-\d+-\d+-\d+-\d{4,10}$/);
  });
});

describe('the state folder', () => {
  it('keeps what it is given, for its owner only', async () => {
    const state = { serverGuid: '6f8c2a52-3a7e-4d7c-9c55-0d2b3f7f1a10', user: 'smbkit', password: 'x' };
    const place = join(folder, 'state');
    assert.deepEqual(await readState(place), {});
    await writeState(place, state);
    assert.deepEqual(await readState(place), state);
    assert.equal(statSync(place).mode & 0o777, 0o700);
    assert.equal(statSync(join(place, 'state.json')).mode & 0o777, 0o600);
  });

  it('with a file that is not its own is refused with the way out', async () => {
    writeFileSync(join(folder, 'state.json'), '{');
    await assert.rejects(readState(folder), StateFolderError);
    writeFileSync(join(folder, 'state.json'), '{"user": 5}');
    await assert.rejects(readState(folder), /remove it to begin anew/);
  });
});
