import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { memoryBackend } from '../../src/backend/memory.ts';
import { systemClock } from '../../src/base/clock.ts';
import { silentLog } from '../../src/base/log.ts';
import { type AuditDisk, AuditFile, AuditFileError, verifyAuditFile } from '../../src/control/audit-file.ts';
import { serve } from '../../src/control/serve.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';

async function inFolder(body: (path: string) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-audit-'));
  try {
    await body(join(folder, 'audit.jsonl'));
  } finally {
    rmSync(folder, { recursive: true });
  }
}

const options = { queueCount: 100, clock: systemClock, log: silentLog };

async function written(path: string, count: number): Promise<readonly string[]> {
  const file = await AuditFile.open({ ...options, path });
  for (let index = 0; index < count; index++) file.write('logon', { user: `user ${index}`, session: index });
  await file.close();
  return readFileSync(path, 'utf8').trimEnd().split('\n');
}

function eventsOf(path: string): readonly Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line));
}

describe('the audit file', () => {
  it('is continued where it ended, and is whole', () =>
    inFolder(async (path) => {
      await written(path, 3);
      const lines = await written(path, 2);
      assert.equal(lines.length, 5);
      const report = await verifyAuditFile(path);
      assert.deepEqual([report.lines, report.seq, report.wrongLine], [5, 5, undefined]);
      assert.ok(lines[4]?.endsWith(`"chain":"${report.chain}"}`));
      assert.equal(statSync(path).mode & 0o777, 0o600);
    }));

  it('shows a line that was changed, taken out, put in or moved', () =>
    inFolder(async (path) => {
      const lines = await written(path, 6);
      const [first = '', second = '', third = '', ...rest] = lines;
      const edits: readonly (readonly [string, readonly string[], number])[] = [
        ['changed', [first, second.replace('user 1', 'user 9'), third, ...rest], 2],
        ['taken out', [first, third, ...rest], 2],
        ['put in', [first, first, second, third, ...rest], 2],
        ['moved', [first, third, second, ...rest], 2],
        ['no JSON', [first, second, 'x', ...rest], 3],
      ];
      for (const [what, edited, wrongLine] of edits) {
        writeFileSync(path, `${edited.join('\n')}\n`);
        assert.equal((await verifyAuditFile(path)).wrongLine, wrongLine, what);
        await assert.rejects(AuditFile.open({ ...options, path }), AuditFileError, what);
      }
    }));

  it('of a process that was killed while it wrote is continued behind its last whole line', () =>
    inFolder(async (path) => {
      const lines = await written(path, 3);
      writeFileSync(path, `${lines.join('\n')}\n${lines[2]?.slice(0, 30)}`);
      await written(path, 1);
      const events = eventsOf(path).map(({ event }) => event);
      assert.deepEqual(events, ['logon', 'logon', 'logon', 'administration', 'logon']);
      assert.equal((await verifyAuditFile(path)).wrongLine, undefined);
    }));

  it('that lost its last lines has another last hash than the one that was written down', () =>
    inFolder(async (path) => {
      const lines = await written(path, 4);
      const { chain } = await verifyAuditFile(path);
      writeFileSync(path, `${lines.slice(0, 3).join('\n')}\n`);
      const report = await verifyAuditFile(path);
      assert.equal(report.wrongLine, undefined);
      assert.notEqual(report.chain, chain);
    }));

  it('takes as many events as may wait, and says how many more there were', () =>
    inFolder(async (path) => {
      const file = await AuditFile.open({ ...options, path });
      for (let index = 0; index < 250; index++) file.write('access-denied', { path: `a\nb${index}` });
      assert.deepEqual(file.backlog, { waiting: 100, lost: 150 });
      await file.close();
      const events = eventsOf(path);
      assert.equal(events.length, 101);
      assert.deepEqual([events[100]?.['event'], events[100]?.['lost']], ['audit-overflow', 150]);
      assert.equal((await verifyAuditFile(path)).wrongLine, undefined);
    }));

  it('H3 on a full disk keeps what it can in the queue, leaves no piece of a line, and goes on when there is room', () =>
    inFolder(async (path) => {
      let isFull = true;
      const openFile = async (name: string): Promise<AuditDisk> => {
        const disk = await open(name, 'a', 0o600);
        return {
          stat: () => disk.stat(),
          datasync: () => disk.datasync(),
          truncate: (size) => disk.truncate(size),
          close: () => disk.close(),
          async appendFile(text) {
            if (!isFull) return disk.appendFile(text);
            await disk.appendFile(String(text).slice(0, 50));
            throw Object.assign(new Error('no room'), { code: 'ENOSPC' });
          },
        };
      };
      const clock = new VirtualClock(() => new Promise((resolve) => setTimeout(resolve, 20)));
      const file = await AuditFile.open({ ...options, clock, path, openFile });
      for (let index = 0; index < 150; index++) file.write('logon', { index });
      await clock.advance(5000);
      assert.deepEqual(file.backlog, { waiting: 100, lost: 50 });
      assert.equal(readFileSync(path, 'utf8'), '');
      isFull = false;
      await clock.advance(1000);
      assert.deepEqual(file.backlog, { waiting: 0, lost: 0 });
      await file.close();
      const report = await verifyAuditFile(path);
      assert.deepEqual([report.lines, report.wrongLine], [101, undefined]);
    }));

  it('tells of logons, refusals, shares, changed rights and administration', () =>
    inFolder(async (path) => {
      const server = await serve({
        shares: {
          open: { backend: memoryBackend() },
          closed: { backend: memoryBackend(), permissions: { default: 'none' } },
          read: { backend: memoryBackend(), readOnly: true },
        },
        users: [{ name: 'ann', password: 'Secret.1' }],
        port: 0,
        audit: { file: path },
        limits: { failedLogonDelayMs: 0 },
      });
      const another = () => connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
      await assert.rejects((await another()).logOn({ user: 'ann', password: 'wrong' }));
      const session = await (await another()).logOn({ user: 'ann', password: 'Secret.1' });
      await assert.rejects(session.connectTree('closed'));
      const read = await session.connectTree('read');
      await assert.rejects(read.open('new.txt', { createDisposition: 2 }));
      const file = await (await session.connectTree('open')).open('f', { desiredAccess: 0x1f01ff });
      const descriptor = await file.queryInfo(3, 0, { additionalInformation: 4 });
      await file.setInfo(3, 0, descriptor, 4);
      server.settings.update({ guest: false });
      assert.equal(await server.revoke('ANN'), 1);
      await assert.rejects(file.read(0n, 1));
      await assert.rejects((await another()).logOn({ user: 'ann', password: 'Secret.1' }));
      await server.close({ drainMs: 0 });
      const events = eventsOf(path);
      assert.deepEqual(
        events.map(({ event }) => event),
        [
          'administration',
          'logon-failed',
          'logon',
          'share-refused',
          'access-denied',
          'share-connected',
          'access-denied',
          'share-connected',
          'security-changed',
          'administration',
          'administration',
          'session-ended',
          'logon-failed',
          'administration',
        ],
      );
      assert.equal(events[6]?.['path'], 'new.txt');
      assert.ok(!readFileSync(path, 'utf8').includes('Secret'));
      assert.equal((await verifyAuditFile(path)).wrongLine, undefined);
    }));
});
