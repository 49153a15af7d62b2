/** Rows N: what the runtime makes easy to get wrong. */
import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { latency } from '../../src/backend/latency.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { systemClock } from '../../src/base/clock.ts';
import { ConfigurationError, readConfiguration } from '../../src/control/configuration.ts';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import { alice } from '../testing/memory-server.ts';
import { addVolume } from './places.ts';
import { underAbuse } from './scene.ts';

describe('the runtime', () => {
  it('N1 a short tag is no tag: sealed messages with any byte of theirs changed are refused before anything is read', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree('secret');
      const { crypto } = share.session;
      assert.ok(crypto !== undefined);
      const { sessionId } = share.session;
      const echo = Buffer.alloc(68);
      echo.writeUInt32LE(0x424d53fe, 0);
      echo.writeUInt16LE(64, 4);
      echo.writeUInt16LE(13, 12);
      echo.writeBigUInt64LE(BigInt(sessionId), 40);
      const sealed = Buffer.concat(crypto.seal([echo]));
      // The first four bytes of the tag stay right: GCM without a fixed length of its tag would be content with them.
      sealed.fill(0, 8, 20);
      share.session.connection.sendRaw(sealed);
      await share.session.connection.closed;
    }));

  it('N2 names of prototypes are names like others, in shares, users and files', () =>
    underAbuse(async ({ tree, server }) => {
      for (const name of ['__proto__', 'constructor', 'toString']) {
        addVolume(server, name, {});
        const share = await tree(name);
        await (await share.open('__proto__')).close();
        await (await share.open('constructor\u0020x')).close();
        share.session.connection.close();
      }
      await assert.rejects(tree('hasOwnProperty'), /BAD_NETWORK_NAME/);
      const text =
        'shares: { __proto__: { path: ./a }, constructor: { memory: true } }\nlimits: { __proto__: { creditCount: 1 } }\n';
      try {
        readConfiguration({ file: { name: 'f', text } });
      } catch (error) {
        assert.ok(error instanceof ConfigurationError);
      }
      assert.equal(Object.keys({}).length, 0);
      assert.equal('creditCount' in {}, false);
      for (const connection of server.state.connections) {
        if (connection.transport.remoteAddress === '10.0.0.66') connection.transport.destroy();
      }
    }));

  it('N3 the bytes of a WRITE that waits for its store are not those of the next message', async () => {
    await underAbuse(
      async ({ tree }) => {
        const share = await tree();
        const files = await Promise.all(['a', 'b', 'c', 'd'].map((name) => share.open(`${name}.bin`)));
        const data = files.map((_, index) => Buffer.alloc(60_000, 65 + index));
        const writes = files.map((file, index) => file.write(0n, data[index] ?? Buffer.alloc(0)));
        // More messages of the same sizes while the first are with the store.
        const noise = files.map((file) => file.write(100_000n, Buffer.alloc(60_000, 0x21)));
        await Promise.all([...writes, ...noise]);
        for (const [index, file] of files.entries())
          assert.deepEqual(await file.read(0n, 60_000), data[index]);
        share.session.connection.close();
      },
      { wrapStore: (store) => latency(store, systemClock, (operation) => (operation === 'write' ? 15 : 0)) },
    );
  });

  it('N4 a large folder is listed in steps, between which others are served', () =>
    underAbuse(async ({ server }) => {
      const names = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`file-${index}`, '']));
      addVolume(server, 'many', { backend: memoryBackend({}).seed(names) });
      const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
      const client = await connectClient(streamTransport(connect(port, '127.0.0.1')));
      const share = await (await client.logOn(alice)).connectTree('many');
      const root = await share.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      let turns = 0;
      let isListed = false;
      const counting = (async () => {
        for (; !isListed; turns++) await turn();
      })();
      let entries = 0;
      for (;;) {
        const part = await root.queryDirectory(12, '*');
        if (part.length === 0) break;
        for (let at = 0; ; entries++) {
          const next = part.readUInt32LE(at);
          if (next === 0) break;
          at += next;
        }
        entries++;
      }
      isListed = true;
      await counting;
      assert.equal(entries, 10_002);
      assert.ok(turns > 5, `${turns} turns of the loop while it was listed`);
      share.session.connection.close();
    }));
});
