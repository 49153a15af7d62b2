import assert from 'node:assert/strict';
import { execFile } from 'node:child_process';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';
import { isSamba, startServer } from './server.ts';

const script = join(dirname(import.meta.filename), 'connections_client.py');
const tables = ['connections', 'sessions', 'treeConnects', 'opens', 'outstandingRequests'] as const;

test('1,000 connections, 100 at once and left in every manner, leave every table empty', async (t) => {
  const server = await startServer({ shares: { memory: {} } });
  const { name, password } = server.account;
  const words = [script, server.host, String(server.port), name, password, 'memory', '10', '100'];
  const { stdout } = await promisify(execFile)('/usr/bin/python3', words);
  assert.equal(stdout.trim(), '1000');
  // The last sockets were closed this moment; the server counts its tables when it is asked to stop.
  await delay(500);
  const { exitCode, stopped } = await server.stop();
  if (isSamba) return;
  assert.equal(exitCode, 0);
  t.diagnostic(`tables at the end: ${JSON.stringify(stopped)}`);
  for (const table of tables) assert.equal(stopped[table], 0, table);
  // Before the server ended what was left there was nothing to end.
  const left = Object.fromEntries(tables.map((table) => [table, 0]));
  assert.deepEqual(stopped['left'], left);
});
