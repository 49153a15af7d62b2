import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { after, before, test } from 'node:test';
import { promisify } from 'node:util';
import type { Peer } from './peers/peer.ts';
import { startServer } from './server.ts';

const script = join(dirname(import.meta.filename), 'impacket_client.py');
/** What impacket is told to speak, and the DialectRevision it ends with. From SMB1 it goes to 3.0, and from there on it encrypts. */
const dialects: readonly (readonly [name: string, revision: number])[] = [
  ['any', 0x0300],
  ['2.0.2', 0x0202],
  ['2.1', 0x0210],
  ['3.0', 0x0300],
  ['3.1.1', 0x0311],
];

let server: Peer;
let folder = '';

before(async () => {
  folder = mkdtempSync(join(tmpdir(), 'smbkit-impacket-'));
  for (const name of ['served', 'fixed']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'fixed', 'there.txt'), 'fixed');
  server = await startServer({
    shares: {
      files: { path: join(folder, 'served') },
      memory: {},
      fixed: { path: join(folder, 'fixed'), isReadOnly: true },
    },
    settings: { limits: { failedLogonDelayMs: 10 } },
  });
});

after(async () => {
  await server.stop();
  rmSync(folder, { recursive: true, force: true });
});

for (const [dialect, revision] of dialects) {
  for (const share of ['files', 'memory']) {
    test(`impacket, ${dialect}: lists, writes, reads, cuts, renames, deletes and is refused (${share})`, async () => {
      const { name, password } = server.account;
      const words = [script, server.host, String(server.port), name, password, share, dialect];
      const { stdout } = await promisify(execFile)('/usr/bin/python3', words);
      const found: unknown = JSON.parse(stdout);
      assert.deepEqual(found, {
        dialect: revision,
        shares: ['IPC$', 'files', 'fixed', 'memory'],
        signing: true,
      });
      assert.deepEqual(readdirSync(join(folder, 'served')), []);
      assert.deepEqual(readdirSync(join(folder, 'fixed')), ['there.txt']);
    });
  }
}
