/** Lock-outs in a server that is configured: whom they concern, and how they are lifted. */
import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { memoryBackend } from '../../src/backend/memory.ts';
import { silentLog } from '../../src/base/log.ts';
import { NtStatus } from '../../src/base/status.ts';
import { localAccounts } from '../../src/control/accounts.ts';
import { ConfigurationError, readConfiguration } from '../../src/control/configuration.ts';
import type { RunningServer } from '../../src/control/running-server.ts';
import { startServer } from '../../src/control/start-server.ts';
import { type ServeOptions, serve } from '../../src/index.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { refusal } from '../abuse/scene.ts';

const start = (more: Partial<ServeOptions> = {}): Promise<RunningServer> =>
  serve({
    port: 0,
    shares: { a: memoryBackend() },
    users: [
      { name: 'Ann', password: 'Secret.1' },
      { name: 'root', password: 'Secret.2', groups: ['Administrators'] },
    ],
    lockout: { failures: 3 },
    limits: { failedLogonDelayMs: 0 },
    ...more,
  });

async function logOn(server: RunningServer, user: string, password: string): Promise<void> {
  const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
  try {
    await (await client.logOn({ user, password })).logOff();
  } finally {
    client.close();
  }
}

async function lockOut(server: RunningServer, user: string): Promise<void> {
  for (let count = 0; count < 3; count++)
    assert.equal(await refusal(logOn(server, user, 'wrong')), NtStatus.LOGON_FAILURE);
}

describe('a lock-out', () => {
  it('is off unless asked for', async () => {
    await using server = await start({ lockout: {} });
    for (let round = 0; round < 10; round++) await lockOut(server, 'ann');
    await logOn(server, 'ann', 'Secret.1');
  });

  it('refuses the right password, and is lifted by unlock()', async () => {
    await using server = await start();
    assert.equal(server.unlock('ann'), false);
    await lockOut(server, 'ANN');
    assert.equal(await refusal(logOn(server, 'ann', 'Secret.1')), NtStatus.LOGON_FAILURE);
    assert.equal(server.stats().now.lockedAccounts, 1);
    assert.equal(server.unlock('aNN'), true);
    assert.equal(server.stats().now.lockedAccounts, 0);
    await logOn(server, 'ann', 'Secret.1');
  });

  it('is turned on and off while the server runs', async () => {
    await using server = await start({ lockout: {} });
    server.settings.update({ lockout: { failures: 3 } });
    await lockOut(server, 'ann');
    assert.equal(await refusal(logOn(server, 'ann', 'Secret.1')), NtStatus.LOGON_FAILURE);
    server.settings.update({ lockout: { failures: 0 } });
    await logOn(server, 'ann', 'Secret.1');
    for (const wrong of [{ failures: 101 }, { window: '0m' }, { duration: 'never' }])
      assert.throws(() => server.settings.update({ lockout: wrong }), ConfigurationError);
  });

  it('never concerns the last member of administrators', async () => {
    await using server = await start();
    for (let round = 0; round < 3; round++) await lockOut(server, 'root');
    await logOn(server, 'root', 'Secret.2');
  });

  it('ends for the last member of administrators when the others are revoked', async () => {
    const admins = ['root', 'toor'].map((name) => ({
      name,
      password: 'Secret.2',
      groups: ['administrators'],
    }));
    await using server = await start({ users: admins });
    await lockOut(server, 'root');
    assert.equal(await refusal(logOn(server, 'root', 'Secret.2')), NtStatus.LOGON_FAILURE);
    await server.revoke('toor');
    await logOn(server, 'root', 'Secret.2');
  });

  it('stands in the audit and in the log, with its end', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'smbkit-lockout-'));
    const file = join(folder, 'audit.jsonl');
    const warnings: unknown[] = [];
    try {
      const onEvent = (event: { readonly event: string }) => void warnings.push(event);
      const server = await start({ audit: { file }, onEvent });
      await lockOut(server, 'Ann');
      server.unlock('Ann');
      await server.close({ drainMs: 0 });
      const lines: Record<string, unknown>[] = readFileSync(file, 'utf8')
        .trimEnd()
        .split('\n')
        .map((line) => JSON.parse(line));
      const began = {
        event: 'lockout-began',
        user: 'ann',
        isAccount: true,
        address: '127.0.0.1',
        failures: 3,
        durationMs: 900_000,
      };
      const ended = { event: 'lockout-ended', user: 'ann', reason: 'lifted' };
      const told = lines.slice(1, -1).map(({ seq, time, chain, ...line }) => line);
      const failed = {
        event: 'logon-failed',
        user: 'Ann',
        address: '127.0.0.1',
        reason: 'NTLM: wrong password',
      };
      const unlocked = { event: 'administration', action: 'unlocked', user: 'Ann' };
      assert.deepEqual(told, [failed, failed, failed, began, unlocked, ended]);
      assert.deepEqual(
        warnings.filter((event) => JSON.stringify(event).includes('lockout-')),
        [began, ended],
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it('is lifted by a reload that changes the account, and by no other', async () => {
    const configured = async (annsPassword: string, bensPassword: string) => {
      const users = [
        { name: 'ann', password: annsPassword },
        { name: 'ben', password: bensPassword },
      ];
      const { configuration } = readConfiguration({
        tree: {
          server: { port: 0 },
          users,
          shares: { a: { memory: true } },
          lockout: { failures: 3, window: '5m', duration: '1h' },
          limits: { failedLogonDelayMs: 0 },
        },
      });
      return { configuration, accounts: await localAccounts(configuration.users) };
    };
    await using server = await startServer({
      ...(await configured('Secret.1', 'Secret.2')),
      backends: new Map(),
      log: silentLog,
    });
    for (const user of ['ann', 'ben', 'eve']) await lockOut(server, user);
    const { configuration, accounts } = await configured('Secret.3', 'Secret.2');
    const eve = await localAccounts([{ name: 'Eve', password: 'Secret.4', groups: [], disabled: false }]);
    server.reload(configuration, [...accounts, ...eve]);
    await logOn(server, 'ann', 'Secret.3');
    await logOn(server, 'eve', 'Secret.4');
    assert.equal(await refusal(logOn(server, 'ben', 'Secret.2')), NtStatus.LOGON_FAILURE);
  });
});
