import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, it } from 'node:test';
import type { Peer } from './peers/peer.ts';
import { isSamba, startServer } from './server.ts';
import { type Dialect, dialects, type SmbclientRequest, smbclient, smbclientDone } from './smbclient.ts';

const content = Buffer.alloc(5_000_003, 'protected content ');
let folder: string;

before(() => {
  folder = mkdtempSync(join(tmpdir(), 'smbkit-protection-'));
  writeFileSync(join(folder, 'given'), content);
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** Writes a file, reads it back, lists and deletes it. */
async function roundTrip(server: Peer, request: Partial<SmbclientRequest>): Promise<void> {
  const commands = ['put given there', 'ls', 'get there got', 'del there'];
  const output = await smbclientDone(server, { share: 'share', folder, commands, ...request });
  assert.match(output, /there/);
  assert.deepEqual(readFileSync(join(folder, 'got')), content);
}

async function serving(
  settings: Readonly<Record<string, unknown>>,
  body: (server: Peer) => Promise<void>,
): Promise<void> {
  const server = await startServer({ shares: { share: {} }, settings });
  try {
    await body(server);
  } finally {
    await server.stop();
  }
}

describe('smbclient', () => {
  it('signs in every dialect, and encrypts in every dialect that can', () =>
    serving({}, async (server) => {
      for (const dialect of dialects) await roundTrip(server, { dialect, protection: 'sign' });
      for (const dialect of encrypting) await roundTrip(server, { dialect, protection: 'encrypt' });
    }));

  it('is let in encrypted alone where the server requires it', async () => {
    if (isSamba) return;
    await serving({ encryption: { mode: 'required' } }, async (server) => {
      for (const dialect of encrypting) await roundTrip(server, { dialect, protection: 'sign' });
      for (const dialect of dialects.slice(0, 2)) {
        const { output } = await smbclient(server, { share: 'share', dialect, commands: ['ls'] });
        assert.match(output, /NT_STATUS_ACCESS_DENIED/);
      }
    });
  });

  const encrypting: readonly Dialect[] = dialects.slice(2);

  for (const cipher of ['AES-128-GCM', 'AES-128-CCM', 'AES-256-GCM', 'AES-256-CCM']) {
    it(`encrypts with the one cipher that the server has: ${cipher}`, () =>
      serving({ encryption: { mode: 'required', ciphers: [cipher] } }, (server) =>
        roundTrip(server, { dialect: 'SMB3_11', protection: 'encrypt' }),
      ));
  }

  for (const algorithm of ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256']) {
    it(`signs with the one algorithm that the server has: ${algorithm}`, () =>
      serving({ signing: { required: true, algorithms: [algorithm] } }, (server) =>
        roundTrip(server, { dialect: 'SMB3_11', protection: 'sign' }),
      ));
  }

  it('works with the hardened profile from 3.0.2 on, and not below', async () => {
    if (isSamba) return;
    await serving({ profile: 'hardened' }, async (server) => {
      await roundTrip(server, { dialect: 'SMB3_11' });
      await roundTrip(server, { dialect: 'SMB3_02' });
      const { exitCode } = await smbclient(server, { share: 'share', dialect: 'SMB3_00', commands: ['ls'] });
      assert.notEqual(exitCode, 0);
    });
  });
});
