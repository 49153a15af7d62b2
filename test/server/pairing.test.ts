import assert from 'node:assert/strict';
import { connect, type Socket } from 'node:net';
import { describe, it } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { Pairing } from '../../src/server/pairing.ts';
import type { MessageMemory, TransportListener } from '../../src/session/transport.ts';
import { connectClient, streamTransport, type TestFile } from '../../src/testing/client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';
import { PairingProvider } from '../crypto/pairing-provider.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

/** Writes down what it is told; a message is pairable when its first byte says so. */
class Listener implements TransportListener {
  readonly messageBytesMax = 1000;
  readonly told: string[] = [];
  readonly memories: (MessageMemory | undefined)[] = [];

  message(bytes: Buffer, memory?: MessageMemory): void {
    this.told.push(bytes.toString());
    this.memories.push(memory);
  }

  isPairable(bytes: Buffer): boolean {
    return bytes[0] === 0x70;
  }

  pair(first: Buffer, second: Buffer): void {
    this.told.push(`${first}+${second}`);
  }

  violation(reason: string): void {
    this.told.push(reason);
  }

  drained(): void {}
  closed(): void {}
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

describe('messages', () => {
  const listener = () => {
    const heard = new Listener();
    const host = {
      isPaused: false,
      together(work: () => void): void {
        heard.told.push('(');
        work();
        heard.told.push(')');
      },
    };
    const pairing = new Pairing(heard, host);
    return { heard, host, pairing, say: (text: string) => pairing.message(Buffer.from(text)) };
  };

  it('that do not pair go on at once', () => {
    const { heard, say } = listener();
    say('a');
    say('b');
    assert.deepEqual(heard.told, ['a', 'b']);
  });

  it('go on in pairs, each with its memory', () => {
    const { heard, pairing } = listener();
    const memories = ['p1', 'p2', 'p3', 'p4'].map((text) => {
      const memory = { release: () => {} };
      pairing.message(Buffer.from(text), memory);
      return memory;
    });
    assert.deepEqual(heard.told, ['p1+p2', 'p1', 'p2', 'p3+p4', 'p3', 'p4']);
    assert.deepEqual(heard.memories, memories);
  });

  it('keep their order when the next one does not pair', () => {
    const { heard, say } = listener();
    say('p1');
    say('a');
    assert.deepEqual(heard.told, ['p1', 'a']);
  });

  it('go on alone when nothing more comes', async () => {
    const { heard, say } = listener();
    say('p1');
    assert.deepEqual(heard.told, []);
    await turn();
    assert.deepEqual(heard.told, ['(', 'p1', ')']);
    say('p2');
    say('p3');
    await turn();
    assert.deepEqual(heard.told.slice(3), ['p2+p3', 'p2', 'p3']);
  });

  it('wait while the connection is paused, the second of two for what the first has begun', async () => {
    const { heard, host, pairing, say } = listener();
    say('p1');
    heard.message = (bytes) => {
      heard.told.push(bytes.toString());
      host.isPaused = true;
    };
    say('p2');
    assert.deepEqual(heard.told, ['p1+p2', 'p1']);
    await turn();
    assert.deepEqual(heard.told.slice(2), ['(', ')']);
    host.isPaused = false;
    pairing.resume();
    assert.deepEqual(heard.told.slice(4), ['p2']);
    pairing.resume();
    assert.deepEqual(heard.told.slice(5), []);
  });

  it('go on before what ends the connection', () => {
    const { heard, pairing, say } = listener();
    say('p1');
    pairing.violation('no frame');
    say('p2');
    pairing.settle();
    pairing.settle();
    assert.deepEqual(heard.told, ['p1', 'no frame', 'p2']);
  });
});

describe('over TCP', () => {
  const BLOCK = 65_536;

  async function withFile(
    dialect: number,
    body: (file: TestFile, provider: PairingProvider, socket: Socket) => Promise<void>,
  ): Promise<void> {
    const cryptoProvider = new PairingProvider();
    const server = memoryServer({ cryptoProvider });
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const socket = connect(port, '127.0.0.1');
    const client = await connectClient(streamTransport(socket), { dialects: [dialect] });
    try {
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      await body(await tree.open('file'), cryptoProvider, socket);
    } finally {
      client.close();
      await server.close({ drainMs: 0 });
    }
  }

  const dialects = { '2.1': DialectRevision.SMB_2_1, '3.0': DialectRevision.SMB_3_0 };
  for (const [name, dialect] of Object.entries(dialects)) {
    it(`large requests and answers are right, alone and in pairs: ${name}`, () =>
      withFile(dialect, async (file, provider) => {
        for (let round = 0; round < 30; round++) {
          const indexes = [...Array(1 + (round % 4)).keys()];
          const written = indexes.map((index) => Buffer.alloc(BLOCK - index, round + index));
          await Promise.all(written.map((data, index) => file.write(BigInt(index * BLOCK), data)));
          const readBack = await Promise.all(
            written.map((data, index) => file.read(BigInt(index * BLOCK), data.length)),
          );
          assert.deepEqual(readBack, written);
        }
        assert.ok(provider.pairs > 0);
      }));
  }

  it('the last one is answered, though the client has nothing more to say', async () => {
    for (let round = 0; round < 10; round++) {
      await withFile(DialectRevision.SMB_2_1, async (file, _provider, socket) => {
        const written = file.write(0n, Buffer.alloc(BLOCK, round));
        socket.end();
        assert.equal(await written, BLOCK);
      });
    }
  });

  it('one of two that is forged is refused, and the other done', () =>
    withFile(DialectRevision.SMB_2_1, async (file, provider) => {
      const send = (index: number, spoil?: (message: Buffer) => void) =>
        file.tree.send(Command.WRITE, file.writeRequest(BigInt(index * BLOCK), Buffer.alloc(BLOCK, index)), {
          payloadBytes: BLOCK,
          spoil,
        }).response;
      const forge = (message: Buffer): void => {
        message.writeUInt8(message.readUInt8(BLOCK) ^ 1, BLOCK);
      };
      while (provider.pairs === 0) {
        const answers = await Promise.all([send(0), send(1, forge), send(2, forge), send(3)]);
        const { SUCCESS, ACCESS_DENIED } = NtStatus;
        assert.deepEqual(
          answers.map(({ status }) => status),
          [SUCCESS, ACCESS_DENIED, ACCESS_DENIED, SUCCESS],
        );
      }
    }));
});
