import assert from 'node:assert/strict';
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { systemEntropy } from '../../src/base/entropy.ts';
import { localAccounts } from '../../src/control/accounts.ts';
import { readConfiguration } from '../../src/control/configuration.ts';
import { ntHashOf, PasswordError } from '../../src/control/password.ts';
import { openHash, readSealingKey, sealHash } from '../../src/control/sealed-hash.ts';

const key = Buffer.alloc(32, 7);

describe('a sealed hash', () => {
  it('opens for its account with its key, and for nothing else', () => {
    const sealed = sealHash(ntHashOf('Secret.1'), 'Ann', { key, entropy: systemEntropy });
    assert.deepEqual(openHash(sealed, 'ann', key), ntHashOf('Secret.1'));
    assert.throws(() => openHash(sealed, 'ben', key), PasswordError);
    assert.throws(() => openHash(sealed, 'ann', Buffer.alloc(32, 8)), PasswordError);
    for (let at = 3; at < sealed.length; at++) {
      const changed = `${sealed.slice(0, at)}${sealed[at] === 'A' ? 'B' : 'A'}${sealed.slice(at + 1)}`;
      assert.throws(() => openHash(changed, 'ann', key), PasswordError, `character ${at}`);
    }
    assert.throws(() => openHash(sealed.slice(0, -8), 'ann', key), PasswordError);
  });

  it('is another one each time, and overwrites the hash', () => {
    const hashes = [ntHashOf('x'), ntHashOf('x')];
    const sealed = hashes.map((hash) => sealHash(hash, 'ann', { key, entropy: systemEntropy }));
    assert.notEqual(sealed[0], sealed[1]);
    for (const hash of hashes) assert.deepEqual(hash, Buffer.alloc(16));
  });

  it('lets a user of the configuration log on, with the key from a file that is its owner’s alone', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smbkit-seal-'));
    try {
      const keyFile = join(folder, 'key');
      writeFileSync(keyFile, `${key.toString('hex')}\n`, { mode: 0o600 });
      const sealedHash = sealHash(ntHashOf('Secret.1'), 'ann', { key, entropy: systemEntropy });
      const text = `server: { keyFile: ${keyFile} }\nusers: [{ name: ann, sealedHash: ${sealedHash} }]\nshares: { m: { memory: true } }\n`;
      const { configuration } = readConfiguration({ file: { name: 'smbkit.yaml', text } });
      const [account] = await localAccounts(configuration.users, configuration.server.keyFile);
      assert.deepEqual(account?.ntHash, ntHashOf('Secret.1'));
      await assert.rejects(localAccounts(configuration.users), PasswordError);
      chmodSync(keyFile, 0o644);
      await assert.rejects(readSealingKey(keyFile), /chmod 600/);
      writeFileSync(keyFile, 'short', { mode: 0o600 });
      chmodSync(keyFile, 0o600);
      await assert.rejects(readSealingKey(keyFile), /64 hexadecimal digits/);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('takes a credential of systemd for the service’s own, though the list that lets its user read shows as a right of the group', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smbkit-credentials-'));
    const before = process.env['CREDENTIALS_DIRECTORY'];
    try {
      const keyFile = join(folder, 'key');
      writeFileSync(keyFile, key.toString('hex'));
      chmodSync(keyFile, 0o440);
      await assert.rejects(readSealingKey(keyFile), /chmod 600/);
      process.env['CREDENTIALS_DIRECTORY'] = folder;
      assert.deepEqual(await readSealingKey(keyFile), key);
      chmodSync(keyFile, 0o444);
      await assert.rejects(readSealingKey(keyFile), /chmod 600/);
    } finally {
      if (before === undefined) delete process.env['CREDENTIALS_DIRECTORY'];
      else process.env['CREDENTIALS_DIRECTORY'] = before;
      rmSync(folder, { recursive: true });
    }
  });
});
