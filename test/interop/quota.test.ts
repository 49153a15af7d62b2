import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import type { Peer } from './peers/peer.ts';
import { startSmbkit } from './server.ts';
import { smbclient } from './smbclient.ts';

/** The tool knows no port but 445, which here only root can have. */
const host = '127.0.0.77';
const skip = process.getuid?.() === 0 ? false : 'needs port 445';

/** What Debian's smbcquotas says of the share's quotas. */
function quotas({ account }: Peer, ...wanted: readonly string[]): string {
  const user = `--user=${account.name}%${account.password}`;
  const options = [`//${host}/files`, '--configfile=/dev/null', user, ...wanted];
  const { stdout, stderr } = spawnSync('smbcquotas', options, { encoding: 'utf8' });
  return `${stdout}${stderr}`.replaceAll(/\s/g, '');
}

test("limits that Samba's smbcquotas sets hold, and survive a restart", { skip }, async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-quota-'));
  for (const name of ['served', 'state', 'local']) mkdirSync(join(folder, name));
  writeFileSync(join(folder, 'local', 'file'), Buffer.alloc(300));
  const start = () =>
    startSmbkit({
      shares: { files: { path: join(folder, 'served'), settings: { wrappers: [{ quota: {} }] } } },
      settings: {
        server: { host, port: 445, stateDir: join(folder, 'state') },
        users: [
          { name: 'tester', password: 'Secret-1', groups: ['administrators'] },
          { name: 'other', password: 'Secret-2' },
        ],
      },
    });
  const put = (peer: Peer, account: Peer['account']) =>
    smbclient(
      { ...peer, host, account },
      { share: 'files', folder: join(folder, 'local'), commands: [`put file ${account.name}`] },
    );
  const isRefused = async (peer: Peer) => {
    assert.match((await put(peer, peer.otherAccount)).output, /NT_STATUS_(?:QUOTA_EXCEEDED|DISK_FULL)/);
  };
  try {
    const first = await start();
    try {
      assert.match(quotas(first, '-S', 'UQLIM:other:100/200'), /other:0\/100\/200$/);
      assert.match(quotas(first, '-L'), /other:0\/100\/200/);
      await isRefused(first);
    } finally {
      await first.stop();
    }
    const second = await start();
    try {
      assert.match(quotas(second, '-L'), /other:0\/100\/200/);
      await isRefused(second);
      assert.doesNotMatch((await put(second, second.account)).output, /NT_STATUS/);
      assert.match(quotas(second, '-S', 'UQLIM:other:100/400'), /other:0\/100\/400$/);
      assert.doesNotMatch((await put(second, second.otherAccount)).output, /NT_STATUS/);
      assert.match(quotas(second, '-L'), /other:300\/100\/400/);
    } finally {
      await second.stop();
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});
