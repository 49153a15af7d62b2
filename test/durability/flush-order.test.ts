import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { FlushRequest } from '../../src/wire/smb2/flush.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { eventsOf, traceArguments } from './flush-order.ts';
import { ServerProcess } from './server-process.ts';

const canTrace = spawnSync('strace', ['-o', '/dev/null', 'true']).status === 0;

test('a FLUSH is answered after the fsync of its file and of the directory that its name is new in', {
  skip: canTrace ? false : 'strace is missing or may not trace',
}, async () => {
  const root = realpathSync(mkdtempSync(join(tmpdir(), 'smbkit-order-')));
  const trace = join(root, 'trace');
  const server = await ServerProcess.start({ root, under: ['strace', '-o', trace, ...traceArguments] });
  try {
    const tree = await server.connectTree();
    const names = Array.from({ length: 24 }, (_, i) => `f${i}`);
    const files = await Promise.all(names.map((name) => tree.open(name)));
    await Promise.all(files.map((file) => file.write(0n, Buffer.alloc(10_000, 'x'))));
    const flushes = files.map(({ fileId }) => tree.send(Command.FLUSH, FlushRequest.encode({ fileId })));
    for (const { status } of await Promise.all(flushes.map(({ response }) => response)))
      assert.equal(status, 0);
    await server.stop();
    // The tracer writes its last lines after the end of the process.
    while (!readFileSync(trace, 'latin1').includes('+++ exited with')) await delay(20);
    const events = eventsOf(readFileSync(trace, 'latin1'));
    const at = (path: string): number =>
      events.findIndex((one) => one.kind === 'synced' && one.path === path);
    const directory = at(join(root, 'files'));
    for (const [index, { messageId }] of flushes.entries()) {
      const answered = events.findIndex((one) => one.kind === 'answered' && one.messageId === messageId);
      const synced = at(join(root, 'files', names[index] ?? ''));
      assert.ok(answered >= 0, `the answer to ${names[index]} is in the trace`);
      assert.ok(synced >= 0 && synced < answered, `${names[index]} is synced before it is answered`);
      assert.ok(directory >= 0 && directory < answered, 'so is the directory');
    }
  } finally {
    await server.kill();
    rmSync(root, { recursive: true });
  }
});
