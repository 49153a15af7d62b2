import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync } from 'node:fs';
import { connect } from 'node:net';
import { basename, resolve } from 'node:path';
import { describe, it } from 'node:test';

const folder = resolve(import.meta.dirname, '../../examples');

describe('the example', () => {
  for (const file of globSync('*.ts', { cwd: folder }).sort()) {
    it(`${basename(file)} starts, takes a connection and stops at Ctrl-C`, async () => {
      const env = { ...process.env, PORT: '0', PASSWORD: 'for the test' };
      const child = spawn(process.execPath, [resolve(folder, file)], {
        env,
        stdio: ['ignore', 'pipe', 'inherit'],
      });
      try {
        const [line] = await once(child.stdout, 'data');
        const [, port] = /^smb:\/\/127\.0\.0\.1:(\d+)\/\w+/.exec(String(line)) ?? [];
        const socket = connect(Number(port), '127.0.0.1');
        await once(socket, 'connect');
        socket.destroy();
        child.kill('SIGINT');
        const [code] = await once(child, 'close');
        assert.equal(code, 0);
      } finally {
        child.kill('SIGKILL');
      }
    });
  }
});
