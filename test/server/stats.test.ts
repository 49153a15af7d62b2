import assert from 'node:assert/strict';
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import { describe, it } from 'node:test';
import { connectClient } from '../../src/testing/client.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { OplockLevel } from '../../src/wire/flags.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

describe('the statistics of a server', () => {
  it('count what is there and what was done', async () => {
    const clock = new VirtualClock();
    const server = memoryServer({ clock });
    const client = await connectClient(server.connect());
    const tree = await (await client.logOn(alice)).connectTree('files');
    const file = await tree.open('a.bin', { oplockLevel: OplockLevel.EXCLUSIVE });
    await file.write(0n, Buffer.alloc(5000));
    for (let at = 0n; at < 3n; at++)
      await file.lock([{ offset: at, length: 1n, flags: LockFlags.EXCLUSIVE_LOCK }]).response;
    await file.read(0n, 5000);
    await assert.rejects(tree.open('missing', { createDisposition: 1 }));
    const { now, total, commands } = server.stats();
    assert.deepEqual(
      [now.connections, now.authenticatedConnections, now.sessions, now.treeConnects, now.opens, now.locks],
      [1, 1, 1, 1, 1, 3],
    );
    assert.equal(now.credits, client.credits);
    assert.deepEqual([total.connectionsAccepted, total.sessions, total.opens], [1, 1, 1]);
    assert.ok(total.bytesReceived > 5000 && total.bytesSent > 5000);
    assert.equal(commands['LOCK']?.count, 3);
    assert.deepEqual(commands['CREATE']?.statuses, { STATUS_SUCCESS: 1, STATUS_OBJECT_NAME_NOT_FOUND: 1 });
    assert.equal(
      total.requests,
      Object.values(commands).reduce((sum, { count }) => sum + count, 0),
    );
    client.close();
    await clock.advance(1);
    assert.equal(server.stats().now.connections, 0);
  });

  it('tell how long answers took, within a factor of two', async () => {
    const clock = new VirtualClock();
    const server = memoryServer({ clock, limits: { breakTimeoutMs: 35_000 } });
    const client = await connectClient(server.connect());
    const tree = await (await client.logOn(alice)).connectTree('files');
    await tree.open('a.bin', { oplockLevel: OplockLevel.BATCH });
    const waiting = tree.open('a.bin');
    await clock.advance(36_000);
    await waiting;
    const latency = server.stats().commands['CREATE']?.latencyMs;
    assert.ok(latency !== undefined && latency.max >= 35_000 && latency.max <= 36_000);
    assert.ok(latency.p99 >= 35_000 && latency.p99 <= 70_000 && latency.p50 < 1);
    client.close();
  });

  it('are told as they happen to whoever subscribes, and to nobody else', async () => {
    const seen: unknown[] = [];
    const names = ['connection', 'session', 'open', 'request'].map((name) => `smbkit:${name}`);
    const note = (message: unknown, name: string | symbol): void => void seen.push([name, message]);
    for (const name of names) subscribe(name, note);
    try {
      const server = memoryServer();
      const client = await connectClient(server.connect('10.1.2.3'));
      const session = await client.logOn(alice);
      const file = await (await session.connectTree('files')).open('a.bin');
      await file.close();
      await session.logOff();
      client.close();
      await server.close();
    } finally {
      for (const name of names) unsubscribe(name, note);
    }
    const text = JSON.stringify(seen, (_key, value) => (typeof value === 'bigint' ? String(value) : value));
    for (const part of [
      '"opened"',
      '"closed"',
      '"began"',
      '"ended"',
      '10.1.2.3',
      'durationMs',
      '"share":"files"',
    ])
      assert.ok(text.includes(part), part);
    const count = seen.length;
    await connectClient(memoryServer().connect());
    assert.equal(seen.length, count);
  });
});
