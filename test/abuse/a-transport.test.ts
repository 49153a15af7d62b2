/** Rows A1 to A5 and A12: what a client can do to the server with bytes and sockets alone. */
import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { addressKey } from '../../src/server/address.ts';
import type { Server } from '../../src/server/server.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { expectEmptyTables, underAbuse } from './fixture.ts';

async function listen(server: Server): Promise<number> {
  return (await server.listen({ host: '127.0.0.1', port: 0 })).port;
}

async function socketTo(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1');
  socket.on('error', () => {});
  await once(socket, 'connect');
  return socket;
}

/** Lets sockets be served; `rounds` is generous for what one read and one answer take. */
async function served(rounds = 20): Promise<void> {
  for (let round = 0; round < rounds; round++) await turn();
}

async function until(condition: () => boolean): Promise<void> {
  for (let round = 0; round < 20_000 && !condition(); round++) await turn();
  assert.ok(condition(), 'it comes to be');
}

function rssBytes(): number {
  setFlagsFromString('--expose-gc');
  const collect: () => void = runInNewContext('gc');
  for (let round = 0; round < 3; round++) collect();
  return process.memoryUsage().rss;
}

/** A process that claims a message on each of `count` connections, and sends none. */
async function flood(port: number, count: number) {
  const script = join(import.meta.dirname, 'flood-client.ts');
  const child = spawn(process.execPath, [script, String(port), String(count)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  await once(child.stdout, 'data');
  return child;
}

const wide = {
  connectionCount: 20_000,
  connectionCountPerAddress: 20_000,
  unauthenticatedConnectionCount: 20_000,
};

describe('A1: a claimed length', () => {
  it('of all that is allowed costs no memory on 5,000 connections, and others are served', async (t) => {
    const server = memoryServer({ limits: wide });
    // The most that anybody may claim before a logon: were it taken at once, it would be more than a connection may cost.
    assert.equal(server.state.limits.frameBytesUnauthenticated, 0x4000);
    const port = await listen(server);
    const count = 5000;
    (await connectClient(server.connect())).close();
    // What the process itself grows by when there is work for the first time is not counted.
    const first = await flood(port, 1000);
    await until(() => server.state.connections.size === 1000);
    const before = rssBytes();
    const child = await flood(port, count);
    await until(() => server.state.connections.size === 1000 + count);
    await served();
    const perConnection = (rssBytes() - before) / count;
    t.diagnostic(`${count} connections: ${(perConnection / 1024).toFixed(1)} KiB of RSS each`);
    (await connectClient(server.connect())).close();
    for (const one of [first, child]) {
      one.stdin.end();
      await once(one, 'close');
    }
    await expectEmptyTables(server);
    await server.close();
    assert.ok(perConnection < 10 * 1024, `${perConnection} bytes of RSS each`);
  });

  it('above what is allowed closes the connection with the fourth byte', async () => {
    await underAbuse(async ({ server }) => {
      const port = await listen(server);
      const { frameBytesUnauthenticated } = server.state.limits;
      for (const length of [frameBytesUnauthenticated + 1, 0x10_0000, 0xff_ffff]) {
        const socket = await socketTo(port);
        const header = Buffer.alloc(4);
        header.writeUInt32BE(length);
        socket.write(header);
        await once(socket.resume(), 'close');
      }
    });
  });

  it('of 16 MiB on 5,000 connections closes every one of them', async () => {
    await underAbuse(async ({ server }) => {
      for (let count = 0; count < 5000; count++) {
        const connection = server.connect('10.0.0.66');
        connection?.write(Buffer.from('00ffffff', 'hex'));
        assert.equal(connection?.isClosed, true);
        if (count % 500 === 0) await turn();
      }
    });
  });

  it('behind a logon may be that of the largest WRITE, is taken ahead within a bound, and no more', async () => {
    await underAbuse(async ({ server, connect }) => {
      const { payloadBytes, frameBytesOverhead } = server.state.limits;
      const claim = (bytes: number): Buffer => {
        const header = Buffer.alloc(4);
        header.writeUInt32BE(bytes);
        return header;
      };
      const before = process.memoryUsage().arrayBuffers;
      for (let count = 0; count < 100; count++) {
        const client = await connect();
        await client.logOn(alice);
        client.transport.write(claim(payloadBytes + frameBytesOverhead));
        assert.equal(client.isClosed, false);
      }
      const grownMiB = (process.memoryUsage().arrayBuffers - before) / 2 ** 20;
      // All connections together get 128 MiB ahead of what comes.
      assert.ok(grownMiB < 256, `${grownMiB} MiB for 100 claims of 8 MiB`);
      const client = await connect();
      await client.logOn(alice);
      client.transport.write(claim(payloadBytes + frameBytesOverhead + 1));
      assert.equal(client.isClosed, true);
    });
  });
});

describe('A2: a message byte by byte', () => {
  it('has one deadline as a whole, on each of 500 connections', async () => {
    const clock = new VirtualClock(served);
    await underAbuse(
      async ({ server }) => {
        const port = await listen(server);
        const beside = server.state.connections.size;
        const sockets = await Promise.all(Array.from({ length: 500 }, () => socketTo(port)));
        const frame = Buffer.concat([Buffer.from([0, 0, 0, 200]), Buffer.alloc(200)]);
        await until(() => server.state.connections.size === beside + 500);
        for (let second = 0; second < 29; second++) {
          if (second % 5 === 0)
            for (const socket of sockets) socket.write(frame.subarray(second / 5, second / 5 + 1));
          await clock.advance(1000);
        }
        assert.equal(server.state.connections.size, beside + 500, 'bytes come, so nothing is overdue yet');
        for (const socket of sockets) socket.write(frame.subarray(6, 7));
        await clock.advance(4000);
        await until(() => server.state.connections.size === beside);
      },
      { clock },
    );
  });
});

describe('A3: silence', () => {
  for (const negotiates of [false, true]) {
    it(`closes a connection that ${negotiates ? 'only negotiates' : 'says nothing'}`, async () => {
      const clock = new VirtualClock(served);
      await underAbuse(
        async ({ server, connect: another }) => {
          const transport = server.connect();
          const client = negotiates ? await another() : undefined;
          await clock.advance(44_000);
          assert.equal(transport?.isClosed, false);
          await clock.advance(3000);
          assert.equal(transport?.isClosed, true);
          if (client !== undefined) assert.equal(client.isClosed, true);
        },
        { clock },
      );
    });
  }

  it('does not close one that is logged on', async () => {
    const clock = new VirtualClock(served);
    await underAbuse(
      async ({ tree, server }) => {
        const { session } = await tree();
        await clock.advance(600_000);
        assert.equal(session.connection.isClosed, false);
        assert.equal((await session.connection.echo(session)).status, 0);
        assert.equal(server.counters().treeConnects, 3);
      },
      { clock },
    );
  });
});

describe('A4: many connections', () => {
  it('of one address end at its limit, and the next are closed at once', async () => {
    await underAbuse(
      async ({ server }) => {
        const port = await listen(server);
        const sockets = await Promise.all(Array.from({ length: 50 }, () => socketTo(port)));
        await until(() => sockets.filter((socket) => socket.resume().closed).length === 30);
        assert.equal(server.counters().connections, 20 + 2);
        sockets.find((socket) => !socket.closed)?.destroy();
        await until(() => server.counters().connections === 21);
        const next = await socketTo(port);
        await until(() => server.counters().connections === 22);
        assert.equal(next.destroyed, false);
        for (const socket of [...sockets, next]) socket.destroy();
      },
      { limits: { connectionCountPerAddress: 20 } },
    );
  });

  for (const [limit, addresses] of [
    ['connectionCount', 'all'],
    ['unauthenticatedConnectionCount', 'all without a session'],
  ] as const) {
    it(`of ${addresses} end at ${limit}`, async () => {
      await underAbuse(
        async ({ server, bystandersGoOn }) => {
          const made = Array.from({ length: 100 }, (_, i) => server.connect(`10.1.0.${i}`));
          const taken = made.filter((connection) => connection !== undefined);
          assert.equal(taken.length, limit === 'connectionCount' ? 38 : 40);
          await bystandersGoOn();
          for (const connection of taken) connection.close();
          await turn();
          assert.notEqual(server.connect('10.1.1.1'), undefined, 'there is room again');
        },
        { limits: { [limit]: 40 } },
      );
    });
  }

  for (const [what, addressOf] of [
    ['one address', () => '10.0.0.66'],
    ['one network of IPv6', (count) => `2001:db8:1:2::${count.toString(16)}`],
  ] satisfies readonly (readonly [string, (count: number) => string])[]) {
    it(`10,000 of ${what}: so many as the limit says are taken, and the others closed at once`, async () => {
      await underAbuse(async ({ server, bystandersGoOn }) => {
        const made = Array.from({ length: 10_000 }, (_, count) => server.connect(addressOf(count)));
        const taken = made.filter((connection) => connection !== undefined);
        assert.equal(taken.length, server.state.limits.connectionCountPerAddress);
        await bystandersGoOn();
        for (const connection of taken) connection.close();
        await turn();
        assert.notEqual(server.connect(addressOf(1)), undefined, 'there is room again');
      });
    });
  }

  it('opened and closed many thousand times leave nothing', async () => {
    await underAbuse(async ({ server }) => {
      for (let round = 0; round < figure(50_000, 100_000); round++) {
        server.connect(`10.2.${round % 7}.1`)?.close();
        if (round % 500 === 0) await turn();
      }
      await turn();
      assert.equal(server.counters().connections, 2);
    });
  });

  const addresses: readonly (readonly [string, string])[] = [
    ['192.0.2.7', '192.0.2.7'],
    ['::ffff:192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2::1', '2001:db8:1:2'],
    ['2001:db8:1:2:ffff:eeee:dddd:cccc', '2001:db8:1:2'],
    ['2001:DB8:1:2::9', '2001:db8:1:2'],
    ['2001:db8::1:2', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
    ['::1', '0:0:0:0'],
    ['memory', 'memory'],
  ];
  for (const [address, key] of addresses) {
    it(`counts ${address} as ${key}`, () => assert.equal(addressKey(address), key));
  }
});

describe('A5: the transport header', () => {
  it('is of type 0 or closes the connection, before and after a logon', async () => {
    await underAbuse(async ({ server, tree }) => {
      for (let type = 1; type < 256; type++) {
        const transport = server.connect('10.0.0.66');
        transport?.write(Buffer.from([type, 0, 0, 44, ...Buffer.alloc(44)]));
        assert.equal(transport?.isClosed, true, `type ${type}`);
      }
      const empty = server.connect('10.0.0.66');
      empty?.write(Buffer.alloc(4));
      assert.equal(empty?.isClosed, true, 'a frame of no bytes');
      for (const header of ['81000044', '85000000', '00000000']) {
        const { connection } = (await tree()).session;
        connection.transport.write(Buffer.from(header, 'hex'));
        assert.equal(connection.isClosed, true, header);
      }
    });
  });
});

describe('A12: a reader that never reads', () => {
  const limits = { sendQueueBytes: 1024 * 1024, sendTimeoutMs: 60_000 };

  it('is not listened to beyond the bound, and closed after the time-out', async (t) => {
    const clock = new VirtualClock(served);
    await underAbuse(
      async ({ server, tree }) => {
        const share = await tree();
        const file = await share.open('large.bin');
        await file.write(0n, Buffer.alloc(65_536, 1));
        const { connection } = share.session;
        const transport = connection.transport;
        assert.ok('stopReading' in transport && typeof transport.stopReading === 'function');
        transport.stopReading();
        const mine = [...server.state.connections].at(-1);
        assert.ok(mine !== undefined);
        let asked = 0;
        for (; connection.credits > 1 && asked < 400; asked++) {
          share.send(Command.READ, file.readRequest(0n, 65_536), { payloadBytes: 65_536 });
        }
        await clock.advance(1000);
        const held = mine.transport.queuedBytes + mine.payloadBytes;
        t.diagnostic(`${asked} reads of 64 KiB asked for, ${Math.round(held / 1024)} KiB held`);
        assert.equal(mine.isPaused, true);
        assert.ok(held <= limits.sendQueueBytes + 2 * 65_536 + 4096, `${held} bytes held`);
        await clock.advance(62_000);
        assert.equal(connection.isClosed, true);
      },
      { clock, limits },
    );
  });

  it('is served to the end when it reads again', async () => {
    const clock = new VirtualClock(served);
    await underAbuse(
      async ({ server, tree }) => {
        const share = await tree();
        const file = await share.open('large.bin');
        await file.write(0n, Buffer.alloc(65_536, 1));
        const { connection } = share.session;
        const { transport } = connection;
        assert.ok('stopReading' in transport && typeof transport.stopReading === 'function');
        assert.ok('startReading' in transport && typeof transport.startReading === 'function');
        transport.stopReading();
        const sent = Array.from({ length: Math.min(100, connection.credits) }, () =>
          share.send(Command.READ, file.readRequest(0n, 65_536), { payloadBytes: 65_536 }),
        );
        await clock.advance(30_000);
        const mine = [...server.state.connections].at(-1);
        assert.equal(mine?.isPaused, true);
        for (let round = 0; round < 20; round++) {
          transport.startReading();
          await clock.advance(10);
        }
        for (const { response } of sent) assert.equal((await response).status, 0);
        assert.equal(mine?.isPaused, false);
        assert.equal(mine?.payloadBytes, 0);
        await file.close();
      },
      { clock, limits },
    );
  });

  it('over TCP holds the bound, too', async (t) => {
    await underAbuse(
      async ({ server }) => {
        const socket = await socketTo(await listen(server));
        const client = await connectClient(streamTransport(socket));
        const session = await client.logOn(alice);
        const mine = [...server.state.connections].at(-1);
        assert.ok(mine !== undefined);
        const share = await session.connectTree('files');
        const file = await share.open('large.bin');
        await file.write(0n, Buffer.alloc(65_536, 1));
        socket.pause();
        for (let round = 0; round < 400 && client.credits > 1; round++) {
          share.send(Command.READ, file.readRequest(0n, 65_536), { payloadBytes: 65_536 });
        }
        await until(() => mine.isPaused);
        await served();
        t.diagnostic(`${mine.transport.queuedBytes} bytes queued`);
        assert.ok(mine.transport.queuedBytes <= limits.sendQueueBytes + 2 * 65_536);
        socket.destroy();
      },
      { limits },
    );
  });
});
