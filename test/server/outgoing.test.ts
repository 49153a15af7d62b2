import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { loadLibc } from '../../src/native/libc.ts';
import { Outgoing, type SendNow } from '../../src/server/outgoing.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';

/** Calls `use` with the two ends of a connection. */
async function withConnection(use: (server: Socket, client: Socket) => Promise<void>): Promise<void> {
  const listener = createServer().listen(0, '127.0.0.1');
  await once(listener, 'listening');
  const address = listener.address();
  assert.ok(typeof address === 'object' && address !== null);
  const client = connect(address.port, '127.0.0.1');
  const [server]: Socket[] = await once(listener, 'connection');
  assert.ok(server !== undefined);
  try {
    await use(server, client);
  } finally {
    client.destroy();
    server.destroy();
    listener.close();
  }
}

const system = loadLibc()?.sockets?.sendNow;

/** What the system may do: take all, some, or nothing, or refuse. */
const systems: Readonly<Record<string, SendNow | undefined>> = {
  'without calls of the system': undefined,
  'with a system that takes nothing': () => 0,
  'with a system that fails': () => {
    throw new Error('EPIPE');
  },
  ...(system && {
    'with the system': system,
    'with a system that takes a few bytes only': (fd, bytes, length) =>
      system(fd, bytes, Math.min(length, 700)),
  }),
};

describe('what is sent', () => {
  for (const [how, sendNow] of Object.entries(systems)) {
    it(`arrives in order, and each frame is told once that it has left: ${how}`, () =>
      withConnection(async (server, client) => {
        const entropy = new SeededEntropy(7);
        const left: number[] = [];
        const outgoing = new Outgoing(server, sendNow, () => {});
        const sent: Buffer[] = [];
        const received: Buffer[] = [];
        client.on('data', (bytes: Buffer) => received.push(bytes));
        const frame = (index: number): void => {
          const parts = [20, 1 + (index % 7) * 30_000].map((size) => entropy.bytes(size));
          sent.push(...parts);
          outgoing.send(parts, () => left.push(index));
        };
        for (let index = 0; index < 60; index += 3) {
          const three = (): void => {
            for (const more of [0, 1, 2]) frame(index + more);
          };
          if (index % 2 === 0) outgoing.together(three);
          else three();
          // The client is told to wait now and then, so that the stream has something to do.
          if (index % 9 === 0) client.pause();
          else client.resume();
          await new Promise((resolve) => setImmediate(resolve));
        }
        client.resume();
        const expected = Buffer.concat(sent);
        while (Buffer.concat(received).length < expected.length) await once(client, 'data');
        assert.ok(Buffer.concat(received).equals(expected));
        assert.deepEqual(left, [...Array(60).keys()]);
        assert.equal(outgoing.queuedBytes, 0);
      }));
  }

  it('together leaves together, and is told as queued until then', () =>
    withConnection(async (server, client) => {
      const calls: number[] = [];
      const moves: boolean[] = [];
      const take: SendNow = (_fd, bytes, length) => {
        client.emit('data', Buffer.from(bytes.subarray(0, length)));
        calls.push(length);
        return length;
      };
      const outgoing = new Outgoing(server, take, (haveLeft) => moves.push(haveLeft));
      outgoing.together(() => {
        outgoing.send([Buffer.alloc(10)]);
        outgoing.send([Buffer.alloc(4), Buffer.alloc(6)]);
        assert.equal(outgoing.queuedBytes, 20);
        assert.deepEqual(calls, []);
      });
      assert.deepEqual([calls, moves, outgoing.queuedBytes], [[20], [true], 0]);
      outgoing.send([Buffer.alloc(3)]);
      outgoing.send([Buffer.alloc(3)]);
      await new Promise((resolve) => setImmediate(resolve));
      assert.deepEqual(calls, [20, 6]);
    }));

  it('is completed once, before any of what leaves with it has left', () =>
    withConnection(async (server) => {
      const told: string[] = [];
      const take: SendNow = (_fd, bytes, length) => {
        told.push(bytes.toString('latin1', 0, length));
        return length;
      };
      const outgoing = new Outgoing(server, take, () => {});
      const frame = Buffer.from('..');
      outgoing.together(() => {
        outgoing.send([Buffer.from('a')]);
        outgoing.send(
          [Buffer.from('b'), frame],
          () => told.push('left'),
          () => told.push(`completed${frame.fill('c').length}`),
        );
        assert.deepEqual(told, []);
      });
      assert.deepEqual(told, ['completed2', 'abcc', 'left']);
    }));

  it('goes past nothing that waits in the stream', () =>
    withConnection(async (server) => {
      const calls: number[] = [];
      const moves: boolean[] = [];
      const outgoing = new Outgoing(
        server,
        (_fd, _bytes, length) => {
          calls.push(length);
          return 0;
        },
        (haveLeft) => moves.push(haveLeft),
      );
      server.cork();
      outgoing.together(() => outgoing.send([Buffer.alloc(10)]));
      outgoing.together(() => outgoing.send([Buffer.alloc(10)]));
      assert.deepEqual([calls, moves, outgoing.queuedBytes], [[10], [false, false], 20]);
      server.uncork();
    }));

  it('to a socket that was destroyed is dropped', () =>
    withConnection(async (server) => {
      const outgoing = new Outgoing(server, system, () => {});
      outgoing.together(() => {
        outgoing.send([Buffer.alloc(10)], () => assert.fail('it cannot leave'));
        server.destroy();
      });
      outgoing.send([Buffer.alloc(10)], () => assert.fail('it cannot leave'));
      outgoing.flush();
      assert.equal(outgoing.queuedBytes, 0);
    }));
});
