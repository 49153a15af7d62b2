import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { present } from '../../src/base/assert.ts';
import { NtStatus } from '../../src/base/status.ts';
import { Cipher } from '../../src/crypto/algorithms.ts';
import {
  allDialects,
  encodeRequest,
  logOn,
  type NegotiateOffer,
  type Protection,
  type TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption, OplockLevel } from '../../src/wire/flags.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { alice, bob, type MemoryServerOptions } from '../testing/memory-server.ts';
import { requestsOn } from './request-table.ts';
import { recorded, refusal, type Scene, settled, underAbuse } from './scene.ts';

const { ACCESS_DENIED } = NtStatus;
const encrypted: MemoryServerOptions = {
  settings: { encryption: { mode: 'required', ciphers: ['AES-128-GCM', 'AES-128-CCM', 'AES-256-GCM'] } },
};

async function openOn(scene: Scene, offer: NegotiateOffer = {}, share = 'secret'): Promise<TestFile> {
  const session = await (await scene.connect(offer)).logOn(alice);
  const file = await (await session.connectTree(share)).open('sealed');
  await file.write(0n, Buffer.from('original'));
  return file;
}

/** A WRITE before it is sealed, and sealed. */
function writeOf(file: TestFile, data = 'forged!!'): Buffer {
  const { connection } = file.tree.session;
  const spec = file.tree.spec(Command.WRITE, file.writeRequest(0n, Buffer.from(data)));
  const numbers = { messageId: connection.nextMessageId++, creditCharge: 1, credits: 2, nextCommand: 0 };
  return encodeRequest(spec, numbers);
}

function sealed(file: TestFile, ...parts: readonly Buffer[]): Buffer {
  return Buffer.concat(present(file.tree.session.crypto, 'keys').seal(parts));
}

/** Sends `message`, after which the connection must be closed without an answer, and nothing written. */
async function disconnects(scene: Scene, file: TestFile, message: Buffer): Promise<void> {
  const { connection } = file.tree.session;
  const answers = recorded(connection.transport);
  connection.sendRaw(message);
  await settled(scene.server);
  assert.ok(connection.isClosed, 'the connection is closed');
  assert.deepEqual(answers, []);
  const again = await (await (await scene.connect()).logOn(bob)).connectTree('secret');
  assert.equal((await (await again.open('sealed')).read(0n, 8)).toString(), 'original');
}

/** Commands that are not about any share. */
const withoutTree: readonly Command[] = [Command.ECHO, Command.TREE_CONNECT, Command.LOGOFF];

const [SIZE, FLAGS, SESSION_ID] = [36, 42, 44];

describe('a transform header that is wrong', () => {
  const edits: Readonly<Record<string, (message: Buffer) => Buffer>> = {
    'nothing behind it': (message) => message.subarray(0, 52),
    'one byte of it missing': (message) => message.subarray(0, 51),
    'the last byte of the message missing': (message) => message.subarray(0, -1),
    'a byte too many': (message) => Buffer.concat([message, Buffer.alloc(1)]),
    'Flags of 0': (message) => edited(message, (copy) => copy.writeUInt16LE(0, FLAGS)),
    'Flags of 2': (message) => edited(message, (copy) => copy.writeUInt16LE(2, FLAGS)),
    'Flags of 3': (message) => edited(message, (copy) => copy.writeUInt16LE(3, FLAGS)),
    'OriginalMessageSize one too small': (message) => resized(message, -1),
    'OriginalMessageSize one too large': (message) => resized(message, 1),
    'OriginalMessageSize huge': (message) => edited(message, (copy) => copy.writeUInt32LE(0xffff_ffff, SIZE)),
    'OriginalMessageSize of 0': (message) => edited(message, (copy) => copy.writeUInt32LE(0, SIZE)),
    'an unknown session': (message) => edited(message, (copy) => copy.writeUInt32LE(77, SESSION_ID)),
    'session 0': (message) => edited(message, (copy) => copy.fill(0, SESSION_ID, SESSION_ID + 8)),
    'a session above 2⁵³': (message) =>
      edited(message, (copy) => copy.writeUInt32LE(0xffff_ffff, SESSION_ID + 4)),
  };
  for (const [name, edit] of Object.entries(edits)) {
    it(`D5 closes the connection: ${name}`, () =>
      underAbuse(async (scene) => {
        const file = await openOn(scene);
        await disconnects(scene, file, edit(sealed(file, writeOf(file))));
      }));
  }

  for (const cipher of Object.values(Cipher)) {
    it(`D5 closes the connection: any byte of tag, nonce, header or message changed, cipher ${cipher}`, () =>
      underAbuse(async (scene) => {
        for (let at = 0; at < 70; at += 3) {
          const file = await openOn(scene, { ciphers: [cipher] });
          const { connection } = file.tree.session;
          const answers = recorded(connection.transport);
          connection.sendRaw(
            edited(sealed(file, writeOf(file)), (copy) => copy.writeUInt8((copy[at] ?? 0) ^ 0x40, at)),
          );
          await scene.settle();
          // Of the nonce, CCM uses 11 and GCM 12 bytes; the rest is authenticated with the header.
          assert.ok(connection.isClosed, `byte ${at}`);
          assert.deepEqual(answers, []);
        }
      }));
  }

  it('D5 closes the connection: a seal inside a seal, or inside a compression', () =>
    underAbuse(async (scene) => {
      const file = await openOn(scene);
      await disconnects(scene, file, sealed(file, sealed(file, writeOf(file))));
      const other = await openOn(scene);
      const compression = Buffer.alloc(16);
      compression.writeUInt32LE(0x424d_53fc, 0);
      await disconnects(scene, other, Buffer.concat([compression, sealed(other, writeOf(other))]));
      const third = await openOn(scene);
      await disconnects(scene, third, sealed(third, compression, writeOf(third)));
    }));

  it('D5 closes the connection: sealed where nothing was agreed on, or before the logon is over', () =>
    underAbuse(async (scene) => {
      const sealing = await openOn(scene);
      const message = sealed(sealing, writeOf(sealing));
      for (const offer of [{ dialects: [0x0210] }, { dialects: [0x0300], ciphers: [] }, { ciphers: [] }]) {
        const client = await scene.connect(offer);
        await client.logOn(alice);
        client.sendRaw(message);
        await client.closed;
      }
      const early = await scene.connect();
      early.sendRaw(message);
      await early.closed;
    }));
});

describe('a seal and what is in it', () => {
  it('D6 must be of one session: another one in the header closes the connection', () =>
    underAbuse(async (scene) => {
      const file = await openOn(scene);
      const { connection } = file.tree.session;
      const other = await logOn(connection, bob);
      const message = writeOf(file);
      message.writeBigUInt64LE(BigInt(other.sessionId), 40);
      await disconnects(scene, file, sealed(file, message));
    }));

  for (const flags of [0, HeaderFlags.RELATED_OPERATIONS]) {
    it(`D6 must be of one session, each element of a compound: flags ${flags}`, () =>
      underAbuse(async (scene) => {
        const file = await openOn(scene);
        const { connection } = file.tree.session;
        const other = await logOn(connection, bob);
        const first = Buffer.alloc(72);
        const echo = { command: Command.ECHO, body: Buffer.from([4, 0, 0, 0]), session: file.tree.session };
        const numbers = { creditCharge: 1, credits: 1 };
        encodeRequest(
          { ...echo, protection: 'none' },
          { ...numbers, messageId: connection.nextMessageId++, nextCommand: 72 },
        ).copy(first);
        const logoff = { command: Command.LOGOFF, body: Buffer.from([4, 0, 0, 0]), session: other };
        const second = encodeRequest(
          { ...logoff, protection: 'none', header: { flags } },
          { ...numbers, messageId: connection.nextMessageId++, nextCommand: 0 },
        );
        connection.sendRaw(sealed(file, first, second));
        await scene.settle();
        assert.ok(connection.isClosed);
      }));
  }

  it('D6 does not cancel requests of another session', () =>
    underAbuse(async (scene) => {
      const file = await openOn(scene);
      const { connection } = file.tree.session;
      const other = await (await logOn(connection, bob)).connectTree('files');
      const folder = await other.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const watch = folder.watch(CompletionFilter.FILE_NAME);
      const { header } = await watch.firstResponse;
      const cancel = encodeRequest(
        {
          command: Command.CANCEL,
          body: Buffer.from([4, 0, 0, 0]),
          session: other.session,
          protection: 'none',
          header: {
            flags: HeaderFlags.ASYNC_COMMAND | HeaderFlags.RELATED_OPERATIONS,
            asyncId: present(header.asyncId, 'AsyncId'),
          },
        },
        { messageId: watch.messageId, creditCharge: 0, credits: 0, nextCommand: 0 },
      );
      await disconnects(scene, file, sealed(file, cancel));
    }));
});

describe('where encryption is required', () => {
  for (const protection of ['none', 'sign'] satisfies readonly Protection[]) {
    it(`D7 by the server: every command is refused that comes as '${protection}'`, () =>
      underAbuse(async (scene) => {
        const file = await openOn(scene, {}, 'files');
        for (const [command, body] of requestsOn(file)) {
          const response = await file.tree.request(command, body, { protection });
          assert.equal(response.status, ACCESS_DENIED, `command ${command}`);
          assert.ok(response.isSealed, 'the refusal tells nobody else');
        }
        assert.equal((await file.read(0n, 8)).toString(), 'original');
      }, encrypted));

    it(`D7 by the share: every command on it is refused that comes as '${protection}'`, () =>
      underAbuse(async (scene) => {
        const file = await openOn(scene);
        for (const [command, body] of requestsOn(file)) {
          if (withoutTree.includes(command)) continue;
          const response = await file.tree.request(command, body, { protection });
          assert.equal(response.status, ACCESS_DENIED, `command ${command}`);
        }
        assert.equal((await file.read(0n, 8)).toString(), 'original');
      }));
  }

  it('D7 clients that cannot encrypt get neither a session nor the share', () =>
    underAbuse(async (scene) => {
      for (const offer of plainOffers) {
        const session = await (await scene.connect(offer)).logOn(alice);
        assert.equal(await refusal(session.connectTree('secret')), ACCESS_DENIED);
      }
    }));

  it('D7 clients that cannot encrypt get no session from a server that requires it', async () => {
    await underAbuse(async (scene) => {
      for (const offer of plainOffers) {
        assert.equal(await refusal((await scene.connect(offer)).logOn(alice)), ACCESS_DENIED);
      }
    }, encrypted);
  });

  it('D7 answers, interim answers and breaks are never in clear', () =>
    underAbuse(async (scene) => {
      const file = await openOn(scene, {}, 'files');
      const { tree } = file;
      const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const watch = folder.watch(CompletionFilter.FILE_NAME);
      assert.ok((await watch.firstResponse).isSealed);
      watch.cancel();
      assert.ok((await watch.response).isSealed);
      assert.ok((await tree.request(Command.READ, file.readRequest(1n << 40n, 1))).isSealed, 'an error');
      await seesSealedBreak(scene, tree);
    }, encrypted));

  it('D7 breaks of files on a share that requires encryption are never in clear', () =>
    underAbuse(async (scene) => seesSealedBreak(scene, (await openOn(scene)).tree)));

  async function seesSealedBreak(scene: Scene, tree: TestTree): Promise<void> {
    await tree.open('cached', { oplockLevel: OplockLevel.BATCH });
    const share = tree.protection === 'seal' ? 'secret' : 'files';
    const rival = await (await (await scene.connect()).logOn(bob)).connectTree(share);
    const opening = rival.open('cached');
    assert.ok((await tree.session.connection.nextUnsolicited()).isSealed);
    tree.session.connection.close();
    await opening;
  }
});

const plainOffers: readonly NegotiateOffer[] = [
  ...allDialects.slice(0, 2).map((dialect) => ({ dialects: [dialect] })),
  ...allDialects.slice(2).map((dialect) => ({ dialects: [dialect], ciphers: [] })),
];

describe('a message that comes twice', () => {
  it('D9 closes the connection, sealed or signed', () =>
    underAbuse(async (scene) => {
      for (const protection of ['seal', 'sign'] as const) {
        const file = await openOn(scene, {}, 'files');
        const { connection, signer } = file.tree.session;
        const plain = writeOf(file, 'original');
        if (protection === 'sign') signer?.sign(plain);
        const message = protection === 'seal' ? sealed(file, plain) : plain;
        const answers = recorded(connection.transport);
        connection.sendRaw(Buffer.from(message));
        await scene.settle();
        assert.equal(answers.length, 1);
        connection.sendRaw(Buffer.from(message));
        await scene.settle();
        assert.equal(answers.length, 1);
        assert.ok(connection.isClosed);
      }
    }));
});

function edited(message: Buffer, edit: (copy: Buffer) => void): Buffer {
  const copy = Buffer.from(message);
  edit(copy);
  return copy;
}

function resized(message: Buffer, by: number): Buffer {
  return edited(message, (copy) => copy.writeUInt32LE(copy.readUInt32LE(SIZE) + by, SIZE));
}
