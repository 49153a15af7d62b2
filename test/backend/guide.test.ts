import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { after, test } from 'node:test';
import { pathToFileURL } from 'node:url';
import { isBackend } from '../../src/backend/backend-shape.ts';
import { serve } from '../../src/index.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';

const root = resolve(import.meta.dirname, '../..');
const guide = readFileSync(join(root, 'docs/backends.md'), 'utf8');
const folder = mkdtempSync(join(tmpdir(), 'smbkit-guide-'));
after(() => rmSync(folder, { recursive: true }));

/** The backend of the guide, as a file; it imports the sources instead of the package. */
function written(): string {
  const blocks = Array.from(guide.matchAll(/^```ts backend\n(.*?)^```$/gms), ([, code = '']) => code);
  assert.ok(blocks.length >= 4);
  const file = join(folder, 'nodes.ts');
  const library = JSON.stringify(pathToFileURL(join(root, 'src/index.ts')).href);
  writeFileSync(file, blocks.join('\n').replace("'smbkit'", library));
  return file;
}

test('the backend of the guide passes smbkit test-backend', () => {
  const words = [join(root, 'src/cli/main.ts'), 'test-backend', written()];
  const { status, stdout, stderr } = spawnSync(process.execPath, words, { encoding: 'utf8' });
  assert.equal(status, 0, stdout + stderr);
  assert.match(stdout, /^\d\d+ passed, 0 failed, \d+ not offered$/m);
});

test('the backend of the guide is a share', async () => {
  const { createBackend } = await import(pathToFileURL(written()).href);
  const backend: unknown = createBackend();
  assert.ok(isBackend(backend));
  const users = [{ name: 'anna', password: 'x' }];
  await using server = await serve({ port: 0, users, shares: { nodes: backend } });
  const client = await connectClient(streamTransport(connect(server.address.port, '127.0.0.1')));
  const tree = await (await client.logOn({ user: 'anna', password: 'x' })).connectTree('nodes');
  const file = await tree.open('A file.txt');
  await file.write(0n, Buffer.from('kept'));
  await file.flush();
  await file.close();
  const again = await tree.open('a FILE.TXT');
  assert.equal((await again.read(0n, 10)).toString(), 'kept');
  client.close();
});
