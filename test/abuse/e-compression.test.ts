/**
 * Rows E1, E2, E3 and E5: messages that are compressed, to a server that agrees on no compression, whatever it is offered: it has no
 * decoder that they could reach. [MS-SMB2] 2.2.42, 3.3.5.2.1.2
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { TestClient } from '../../src/testing/client.ts';
import { NegotiateContextType } from '../../src/wire/smb2/negotiate-context.ts';
import { alice } from '../testing/memory-server.ts';
import { recorded, type Scene, underAbuse } from './scene.ts';

const [NONE, LZNT1, LZ77, LZ77_HUFFMAN, PATTERN_V1] = [0, 1, 2, 3, 4];
const CHAINED = 1;

/** SMB2_COMPRESSION_CAPABILITIES. [MS-SMB2] 2.2.3.1.3 */
function offerOf(flags: number, ...algorithms: readonly number[]): Buffer {
  const data = Buffer.alloc(8 + 2 * algorithms.length);
  data.writeUInt16LE(algorithms.length, 0);
  data.writeUInt32LE(flags, 4);
  for (const [index, algorithm] of algorithms.entries()) data.writeUInt16LE(algorithm, 8 + 2 * index);
  return data;
}

/** SMB2_COMPRESSION_TRANSFORM_HEADER and what stands behind it. [MS-SMB2] 2.2.42.1 */
function compressed(size: number, algorithm: number, offset: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(16);
  header.writeUInt32LE(0x424d_53fc, 0);
  header.writeUInt32LE(size, 4);
  header.writeUInt16LE(algorithm, 8);
  header.writeUInt32LE(offset, 12);
  return Buffer.concat([header, payload]);
}

/** A chain of payloads, each of them `payload` under its header. [MS-SMB2] 2.2.42.2.1 */
function chained(size: number, count: number, algorithm: number, payload: Buffer): Buffer {
  const begin = Buffer.alloc(8);
  begin.writeUInt32LE(0x424d_53fc, 0);
  begin.writeUInt32LE(size, 4);
  const header = Buffer.alloc(8);
  header.writeUInt16LE(algorithm, 0);
  header.writeUInt16LE(CHAINED, 2);
  header.writeUInt32LE(payload.length, 4);
  return Buffer.concat([begin, ...Array.from({ length: count }, () => [header, payload]).flat()]);
}

/** A client that was told what it may send: nothing compressed. */
async function told({ connect }: Scene): Promise<TestClient> {
  const compression = {
    contextType: NegotiateContextType.COMPRESSION_CAPABILITIES,
    data: offerOf(CHAINED, LZNT1, LZ77, LZ77_HUFFMAN, PATTERN_V1),
  };
  const client = await connect({ contexts: (contexts) => [...contexts, compression] });
  const answered = client.negotiated.response.negotiateContexts ?? [];
  const types = answered.map(({ contextType }) => contextType);
  assert.ok(types.length > 0 && !types.includes(NegotiateContextType.COMPRESSION_CAPABILITIES), `${types}`);
  return client;
}

/** Sends each message on a connection of its own, before and behind a logon; each ends it without an answer. */
function endTheirConnection(...messages: readonly Buffer[]): Promise<void> {
  return underAbuse(async (scene) => {
    for (const message of messages) {
      for (const isLoggedOn of [false, true]) {
        const client = await told(scene);
        if (isLoggedOn) await client.logOn(alice);
        const answers = recorded(client.transport);
        const before = process.memoryUsage().arrayBuffers;
        client.sendRaw(message);
        await scene.settle();
        assert.ok(client.isClosed, message.subarray(0, 24).toString('hex'));
        assert.deepEqual(answers, []);
        assert.ok(
          process.memoryUsage().arrayBuffers - before < 64 * 2 ** 20,
          'no memory for what is claimed',
        );
      }
    }
  });
}

const echo = Buffer.concat([Buffer.from('fe534d4240000000', 'hex'), Buffer.alloc(60)]);

describe('a compressed message', () => {
  const sizes = [0, 1, 0x7fff_ffff, 0x8000_0000, 0xffff_ffff];

  it('E1 closes the connection, whatever sizes it claims', () =>
    endTheirConnection(
      ...sizes.flatMap((size) => sizes.map((offset) => compressed(size, LZ77, offset, echo))),
      ...sizes.map((size) => chained(size, 1, NONE, echo)),
    ));

  it('E2 closes the connection, when it holds less than it says', () =>
    endTheirConnection(
      ...[LZNT1, LZ77, LZ77_HUFFMAN, PATTERN_V1].map((algorithm) => compressed(4096, algorithm, 0, echo)),
      compressed(echo.length, NONE, 0, echo),
      compressed(4096, LZ77, 0, Buffer.alloc(0)),
      compressed(4096, LZ77, 0, Buffer.alloc(0)).subarray(0, 9),
    ));

  it('E3 closes the connection, when it would unfold to more than it may', () => {
    const pattern = Buffer.from('41000000ffffffff', 'hex');
    return endTheirConnection(
      chained(0xffff_ffff, 1, PATTERN_V1, pattern),
      chained(0xffff_ffff, 900, PATTERN_V1, pattern),
      chained(echo.length, 4000, NONE, Buffer.alloc(0)),
      compressed(echo.length, LZ77, 0, compressed(echo.length, LZ77, 0, echo)),
    );
  });

  it('E5 closes the connection, whatever algorithm it names, in a chain or alone', () =>
    endTheirConnection(
      ...[NONE, LZNT1, LZ77, LZ77_HUFFMAN, PATTERN_V1, 5, 0xffff].flatMap((algorithm) => [
        compressed(echo.length, algorithm, 0, echo),
        compressed(echo.length, algorithm, echo.length, echo),
        chained(echo.length, 1, algorithm, echo),
      ]),
    ));
});
