/** Row H2: being cut off in the middle of writing, on the server's side and on the client's. */
import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { connectClient, streamTransport } from '../../src/testing/client.ts';
import { killRepeatedly } from '../durability/kill.ts';
import { alice } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { underAbuseOfFolder } from './places.ts';

const blockBytes = 4096;
const writerCount = figure(24, 64);

describe('being cut off in the middle of writing', () => {
  it('H2 by the end of the server loses nothing that was answered', async (t) => {
    const tally = await killRepeatedly({ kills: figure(1, 20), seed: 2, writers: writerCount });
    t.diagnostic(`${tally.names} names, ${tally.blocks} blocks, ${tally.metadata} pieces of metadata kept`);
    assert.deepEqual(tally.losses, []);
    assert.ok(tally.blocks > 0, 'there was something to lose');
  });

  it('H2 by a reset of TCP loses nothing that was flushed, and leaves nothing: 64 writers', () =>
    underAbuseOfFolder(async ({ server }, { inside }) => {
      const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
      const flushed = new Map<string, number>();
      const writers = Array.from({ length: 64 }, async (_, index) => {
        const socket = connect(port, '127.0.0.1');
        socket.on('error', () => {});
        const client = await connectClient(streamTransport(socket));
        const share = await (await client.logOn(alice)).connectTree('files');
        const name = `writer ${index}`;
        const file = await share.open(name);
        for (let block = 0; ; block++) {
          await file.write(BigInt(block * blockBytes), Buffer.alloc(blockBytes, `${index} ${block} `));
          // Each of them somewhere else: while it writes, or while it flushes.
          if (block === 4 + (index % 5)) setImmediate(() => socket.resetAndDestroy());
          await file.flush();
          flushed.set(name, block + 1);
        }
      });
      for (const { status } of await Promise.allSettled(writers)) assert.equal(status, 'rejected');
      assert.equal(flushed.size, 64);
      for (const [name, blocks] of flushed) {
        const data = readFileSync(join(inside, name));
        for (let block = 0; block < blocks; block++) {
          const expected = Buffer.alloc(blockBytes, `${name.slice(7)} ${block} `);
          assert.ok(data.subarray(block * blockBytes, (block + 1) * blockBytes).equals(expected), name);
        }
      }
    }));
});
