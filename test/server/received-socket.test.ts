import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, createServer, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { receiving, receivingByEvents, receivingInPlace } from '../../src/server/received-socket.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';

describe('an accepted socket', () => {
  it('receives in place under this runtime', async () => {
    assert.equal(await receiving(), receivingInPlace);
  });

  for (const way of [receivingInPlace, receivingByEvents]) {
    it(`${way === receivingInPlace ? 'in place' : 'by events'}: bytes come in order, pauses hold them, the end and the close are told`, async () => {
      const bytes = new SeededEntropy(5).bytes(3_000_000);
      const server = createServer({ pauseOnConnect: true }).listen(0, '127.0.0.1');
      await once(server, 'listening');
      const address = server.address();
      assert.ok(typeof address === 'object' && address !== null);
      const client = connect(address.port);
      const [accepted]: Socket[] = await once(server, 'connection');
      assert.ok(accepted !== undefined);
      const pieces: Buffer[] = [];
      let room = Buffer.alloc(50_000);
      const took = (piece: Buffer): void => {
        pieces.push(Buffer.from(piece));
        socket.write('.');
        if (pieces.length % 10 !== 0) return;
        socket.pause();
        setImmediate(() => socket.resume());
      };
      const socket = way(accepted, {
        room: () => {
          room = room.subarray(1);
          return room;
        },
        filled(given, count) {
          assert.equal(given.byteOffset, room.byteOffset);
          took(given.subarray(0, count));
        },
        push: took,
      });
      assert.equal(socket.remoteAddress, '127.0.0.1');
      socket.resume();
      client.resume().end(bytes);
      await once(socket, 'close');
      assert.deepEqual(Buffer.concat(pieces), bytes);
      server.close();
    });
  }
});
