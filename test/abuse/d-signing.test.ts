import assert from 'node:assert/strict';
import crypto from 'node:crypto';
import { syncBuiltinESMExports } from 'node:module';
import { describe, it, mock } from 'node:test';
import { NtStatus } from '../../src/base/status.ts';
import { SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import { commands } from '../../src/server/commands/index.ts';
import {
  allDialects,
  encodeRequest,
  type LogOnOptions,
  type NegotiateOffer,
  type TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { CancelRequest } from '../../src/wire/smb2/cancel.ts';
import { Command, HeaderFlags, ResponseHeader } from '../../src/wire/smb2/header.ts';
import { NegotiateRequest } from '../../src/wire/smb2/negotiate.ts';
import { RecordingProvider } from '../crypto/recording-provider.ts';
import type { MemoryServerOptions } from '../testing/memory-server.ts';
import { alice } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { requestsOn } from './request-table.ts';
import { recorded, refusal, type Scene, settled, underAbuse } from './scene.ts';

const { ACCESS_DENIED, INVALID_PARAMETER } = NtStatus;
const relaxed: MemoryServerOptions = {
  settings: { signing: { required: false, algorithms: ['AES-GMAC', 'AES-CMAC', 'HMAC-SHA256'] } },
};

interface Demand {
  readonly by: string;
  readonly server: MemoryServerOptions;
  readonly offer?: NegotiateOffer;
  readonly logOn?: LogOnOptions;
}

const demands: readonly Demand[] = [
  { by: 'the server', server: {} },
  { by: 'the client at its logon', server: relaxed, logOn: { securityMode: 2 } },
  { by: 'the client in NEGOTIATE', server: relaxed, offer: { securityMode: 3 } },
];

async function openOn(scene: Scene, offer: NegotiateOffer = {}, logOn: LogOnOptions = {}): Promise<TestFile> {
  const session = await (await scene.connect(offer)).logOn(alice, logOn);
  const file = await (await session.connectTree('files')).open('signed');
  await file.write(0n, Buffer.from('original'));
  return file;
}

describe('where signing is demanded', () => {
  it('D1 every command of the table has a request to try', () => {
    const tried = new Set<number>(
      requestsOn({ fileId: { persistent: 1, volatile: 2 }, readRequest, writeRequest }).keys(),
    );
    for (const code of commands.keys()) {
      const isSpared = code === Command.NEGOTIATE || code === Command.SESSION_SETUP;
      assert.equal(tried.has(code), !isSpared, `command ${code}`);
    }
    function readRequest(): Buffer {
      return Buffer.alloc(0);
    }
    function writeRequest(): Buffer {
      return Buffer.alloc(0);
    }
  });

  for (const { by, server, offer, logOn } of demands) {
    for (const dialect of allDialects) {
      it(`D1 by ${by}: unsigned requests of every command are refused in ${dialect.toString(16)}`, () =>
        underAbuse(async (scene) => {
          const file = await openOn(scene, { ...offer, dialects: [dialect] }, logOn);
          const requests = requestsOn(file);
          for (const [command, body] of requests) {
            const response = await file.tree.request(command, body, { protection: 'none' });
            assert.equal(response.status, ACCESS_DENIED, `unsigned command ${command}`);
            // The refusal itself is signed: whoever sent the request in the client's name cannot have it believed otherwise.
            assert.equal(response.isSignatureRight, true);
          }
          assert.equal((await file.read(0n, 8)).toString(), 'original');
          for (const [command, body] of requests) {
            const { status } = await file.tree.request(command, body);
            assert.notEqual(status, ACCESS_DENIED, `signed command ${command}`);
          }
        }, server));
    }
  }

  for (const dialect of allDialects) {
    it(`D1 an unsigned CANCEL does nothing in ${dialect.toString(16)}`, () =>
      underAbuse(async (scene) => {
        const { tree } = await openOn(scene, { dialects: [dialect] });
        const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
        const watch = folder.watch(CompletionFilter.FILE_NAME);
        const { header } = await watch.firstResponse;
        const { connection } = tree.session;
        const target = {
          command: Command.CHANGE_NOTIFY,
          body: CancelRequest.encode({}),
          session: tree.session,
        };
        connection.cancel({ ...target, protection: 'none' }, watch.messageId, header.asyncId);
        await scene.settle();
        assert.equal(connection.outstandingCount, 1, 'it still waits');
        watch.cancel();
        assert.equal((await watch.response).status, NtStatus.CANCELLED);
      }));
  }
});

describe('a compound where signing is demanded', () => {
  for (const flags of [0, HeaderFlags.RELATED_OPERATIONS]) {
    it(`D1 has no element refused less for the signature of another: flags ${flags}`, () =>
      underAbuse(async (scene) => {
        const file = await openOn(scene);
        const { connection } = file.tree.session;
        const write = file.writeRequest(0n, Buffer.from('forged!!'));
        for (const signed of [0, 1]) {
          const specs = [0, 1].map((at) =>
            file.tree.spec(Command.WRITE, write, {
              protection: at === signed ? 'sign' : 'none',
              header: { flags: at === 0 ? 0 : flags },
            }),
          );
          const sent = connection.sendCompound(specs);
          const statuses = await Promise.all(sent.map(async ({ response }) => (await response).status));
          assert.equal(statuses[1 - signed], ACCESS_DENIED);
          await file.write(0n, Buffer.from('original'));
        }
        const unsigned = file.tree.spec(Command.WRITE, write, { protection: 'none' });
        for (const { response } of connection.sendCompound([unsigned, unsigned]))
          assert.equal((await response).status, ACCESS_DENIED);
        assert.equal((await file.read(0n, 8)).toString(), 'original');
      }));
  }
});

/** A signed WRITE as it goes over the wire. */
function signedWrite(file: TestFile, data = 'forged!!'): Buffer {
  const { connection } = file.tree.session;
  const messageId = connection.nextMessageId++;
  const spec = file.tree.spec(Command.WRITE, file.writeRequest(0n, Buffer.from(data)));
  return encodeRequest(spec, { messageId, creditCharge: 1, credits: 2, nextCommand: 0 });
}

function hasWritten(answers: readonly Buffer[]): boolean {
  return answers.some((answer) => {
    const { command, status } = ResponseHeader.decode(answer, 0, 64);
    return command === Command.WRITE && status === NtStatus.SUCCESS;
  });
}

async function assertUntouched(tree: TestTree | undefined): Promise<void> {
  assert.ok(tree !== undefined);
  assert.equal((await (await tree.open('signed')).read(0n, 8)).toString(), 'original');
}

describe('a signed message', () => {
  for (const [name, algorithm] of Object.entries(SigningAlgorithm)) {
    it(`D2 with any bit flipped is refused: ${name}`, () =>
      underAbuse(async (scene) => {
        const fresh = () => openOn(scene, { signingAlgorithms: [algorithm] });
        let file = await fresh();
        let answers = recorded(file.tree.session.connection.transport);
        const bits = signedWrite(file).length * 8;
        file.tree.session.connection.nextMessageId--;
        // Every bit for the algorithm of most clients; for the others a sample that meets every position in a byte.
        const step = algorithm === SigningAlgorithm.AES_GMAC ? 1 : figure(7, 1);
        for (let bit = 0; bit < bits; bit += step) {
          const message = signedWrite(file);
          message.writeUInt8(message.readUInt8(bit >> 3) ^ (1 << (bit & 7)), bit >> 3);
          file.tree.session.connection.sendRaw(message);
          await settled(scene.server);
          assert.ok(!hasWritten(answers), `bit ${bit} flipped`);
          if (!file.tree.session.connection.isClosed) continue;
          file = await fresh();
          answers = recorded(file.tree.session.connection.transport);
        }
        file.tree.session.connection.sendRaw(signedWrite(file, 'original'));
        await settled(scene.server);
        assert.ok(hasWritten(answers), 'unharmed it is taken');
        await assertUntouched((await fresh()).tree);
      }));
  }

  it('D2 is compared in a time that tells nothing of where it differs', () =>
    underAbuse(async (scene) => {
      const compared = mock.method(crypto, 'timingSafeEqual');
      syncBuiltinESMExports();
      try {
        for (const algorithm of Object.values(SigningAlgorithm)) {
          const file = await openOn(scene, { signingAlgorithms: [algorithm] });
          const message = signedWrite(file);
          const forged = Buffer.from(message.subarray(48, 64)).map((byte) => byte ^ 1);
          message.set(forged, 48);
          const answers = recorded(file.tree.session.connection.transport);
          file.tree.session.connection.sendRaw(message);
          await settled(scene.server);
          const isCompared = compared.mock.calls.some(({ arguments: pair }) =>
            pair.some((side) => Buffer.from(Object(side)).equals(forged)),
          );
          assert.ok(isCompared && !hasWritten(answers), `signing algorithm ${algorithm}`);
        }
      } finally {
        compared.mock.restore();
        syncBuiltinESMExports();
      }
    }));

  it('D2 cut off anywhere is refused', () =>
    underAbuse(async (scene) => {
      let file = await openOn(scene);
      const bytes = signedWrite(file).length;
      file.tree.session.connection.nextMessageId--;
      for (let length = 1; length < bytes; length++) {
        const { connection } = file.tree.session;
        const answers = recorded(connection.transport);
        connection.sendRaw(signedWrite(file).subarray(0, length));
        await settled(scene.server);
        assert.ok(!hasWritten(answers), `${length} bytes`);
        if (connection.isClosed) file = await openOn(scene);
      }
    }));

  it('D2 with the signature of another is refused', () =>
    underAbuse(async (scene) => {
      const file = await openOn(scene);
      const { connection } = file.tree.session;
      const [one, other] = [signedWrite(file, 'forged 1'), signedWrite(file, 'forged 2')];
      const signature = Buffer.from(one.subarray(48, 64));
      other.copy(one, 48, 48, 64);
      signature.copy(other, 48);
      const answers = recorded(connection.transport);
      connection.sendRaw(one);
      connection.sendRaw(other);
      await settled(scene.server);
      const statuses = answers.map((answer) => ResponseHeader.decode(answer, 0, 64).status);
      assert.deepEqual(statuses, [ACCESS_DENIED, ACCESS_DENIED]);
      await assertUntouched((await openOn(scene)).tree);
    }));

  it('D2 that the server itself signed is not taken for the client’s', () =>
    underAbuse(async (scene) => {
      const file = await openOn(scene);
      const { connection } = file.tree.session;
      const response = await connection.echo(file.tree.session);
      assert.equal(response.isSignatureRight, true);
      connection.sendRaw(response.message);
      await connection.closed;
    }));
});

describe('a signed NEGOTIATE', () => {
  it('D3 is refused and settles nothing', () =>
    underAbuse(async (scene) => {
      const edit = (message: Buffer): void => void message.writeUInt32LE(HeaderFlags.SIGNED, 16);
      assert.equal(await refusal(scene.connect({ edit })), INVALID_PARAMETER);
      const wire = scene.wire();
      const answers = recorded(wire);
      const body = NegotiateRequest.encode({
        securityMode: 1,
        capabilities: 0,
        clientGuid: '6f8c2a52-3a7e-4d7c-9c55-0d2b3f7f1a10',
        dialects: [0x0210],
        negotiateContexts: undefined,
      });
      const numbers = { messageId: 0, creditCharge: 0, credits: 4, nextCommand: 0 };
      const header = { flags: HeaderFlags.SIGNED };
      wire.send(encodeRequest({ command: Command.NEGOTIATE, body, header }, numbers));
      await scene.settle();
      assert.equal(answers.length, 1);
      const setup = { command: Command.SESSION_SETUP, body: Buffer.alloc(24) };
      wire.send(encodeRequest(setup, { ...numbers, messageId: 1 }));
      await scene.settle();
      assert.ok(wire.isClosed, 'nothing but NEGOTIATE is taken');
    }));
});

describe('the nonces of AES-GMAC', () => {
  it('D4 are used once: interim answers and CANCEL have no signature of the final one’s number', async () => {
    const provider = new RecordingProvider();
    await underAbuse(
      async (scene) => {
        const { tree } = await openOn(scene);
        const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
        for (let round = 0; round < 20; round++) {
          const watch = folder.watch(CompletionFilter.FILE_NAME);
          const interim = await watch.firstResponse;
          assert.equal(interim.status, NtStatus.PENDING);
          assert.equal(interim.isSigned, false);
          watch.cancel();
          const final = await watch.response;
          assert.equal(final.isSignatureRight, true);
        }
        assert.equal(new Set(provider.uses).size, provider.uses.length, 'no (key, nonce) twice');
        assert.ok(provider.uses.length > 80);
      },
      { cryptoProvider: provider },
    );
  });

  for (const messageId of [-1, Number.NaN]) {
    it(`D4 a MessageId of ${messageId === -1 ? 'all ones' : '2⁶³'} closes the connection`, () =>
      underAbuse(async (scene) => {
        const file = await openOn(scene);
        const { connection } = file.tree.session;
        const message = signedWrite(file);
        message.writeBigUInt64LE(messageId === -1 ? 2n ** 64n - 1n : 2n ** 63n, 24);
        file.tree.session.signer?.sign(message);
        connection.sendRaw(message);
        await connection.closed;
      }));
  }
});
