import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Peer } from './peers/peer.ts';
import { startSamba } from './peers/samba.ts';
import { startSmbkit } from './server.ts';

/** What Debian's rpcclient says of each of `commands`. */
function asked({ host, port, account }: Peer, commands: readonly string[]): string[] {
  const user = `--user=${account.name}%${account.password}`;
  return commands.map((command) => {
    const options = [host, '--configfile=/dev/null', `--port=${port}`, user, '-c', command];
    return spawnSync('rpcclient', options, { encoding: 'utf8' }).stdout.trim();
  });
}

test('accounts and groups of the system have the names and SIDs that Samba gives them', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-names-'));
  const shares = { files: { path: join(folder) } };
  const sids = ['1-0', '1-65534', '1-4711', '2-0', '2-4711', '1', '2', '1-0-1'];
  const names = ['Unix User\\\\root', 'unix user\\\\ROOT', 'Unix Group\\\\root', 'Unix User\\\\not there'];
  const commands = [
    ...sids.map((sid) => `lookupsids S-1-22-${sid}`),
    ...names.map((name) => `lookupnames "${name}"`),
  ];
  try {
    const smbkit = await startSmbkit({ shares });
    const told = asked(smbkit, commands);
    await smbkit.stop();
    assert.equal(told[0], 'S-1-22-1-0 Unix User\\root (1)');
    const samba = await startSamba({ shares });
    const expected = asked(samba, commands);
    await samba.stop();
    assert.deepEqual(told, expected);
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
