import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { test } from 'node:test';
import { root } from '../tidy/source.ts';
import { ended, endWithThisProcess } from './peers/peer.ts';
import { smbclientDone } from './smbclient.ts';

test('npm start without a folder serves a welcome file under the printed account', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-start-'));
  const env = { ...process.env, SMBKIT_PASSWORD: 'Secret-1' };
  const npm = spawn('npm', ['start', '--silent', '--', '--json', '--port', '0'], {
    cwd: root,
    env,
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  endWithThisProcess(npm, true);
  try {
    const [line] = await lines(npm.stdout, 1);
    const { event, port, shares, user } = JSON.parse(line ?? '{}');
    assert.equal(event, 'listening');
    assert.equal(shares.length, 1);
    const account = { name: String(user), password: env.SMBKIT_PASSWORD };
    const server = { host: '127.0.0.1', port: Number(port), account };
    const share = String(shares[0].name ?? shares[0]);
    await smbclientDone(server, { share, folder, commands: ['prompt OFF', 'mget *'] });
    const [welcome] = readdirSync(folder);
    assert.ok(welcome !== undefined && readFileSync(join(folder, welcome), 'utf8').length > 20);
  } finally {
    if (npm.pid !== undefined) process.kill(-npm.pid, 'SIGTERM');
    await ended(npm);
    rmSync(folder, { recursive: true, force: true });
  }
});

/** The first `count` lines of a stream. */
function lines(stream: NodeJS.ReadableStream, count: number): Promise<string[]> {
  const found: string[] = [];
  const reader = createInterface({ input: stream });
  return new Promise((done) => {
    reader.on('line', (line) => {
      if (found.push(line) === count) done(found);
    });
    reader.on('close', () => done(found));
  });
}
