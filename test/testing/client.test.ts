import assert from 'node:assert/strict';
import { connect } from 'node:net';
import { describe, it } from 'node:test';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { Cipher, SigningAlgorithm } from '../../src/crypto/algorithms.ts';
import {
  allDialects,
  ConnectionClosedError,
  connectClient,
  createRequestOf,
  type NegotiateOffer,
  streamTransport,
  type TestClient,
} from '../../src/testing/client.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { CloseRequest } from '../../src/wire/smb2/close.ts';
import { ALL_ONES_FILE_ID } from '../../src/wire/smb2/file-id.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { LockFlags } from '../../src/wire/smb2/lock.ts';
import { SessionFlags } from '../../src/wire/smb2/session-setup.ts';
import { alice, bob, type MemoryServerOptions, memoryServer } from './memory-server.ts';

/** Runs `body` with a client of a new server, and sees to it that nothing is left of either. */
async function withClient(
  body: (client: TestClient, connect: (offer?: NegotiateOffer) => Promise<TestClient>) => Promise<void>,
  offer: NegotiateOffer = {},
  options: MemoryServerOptions = {},
): Promise<void> {
  const server = memoryServer(options);
  try {
    await body(await connectClient(server.connect(), offer), (other = offer) =>
      connectClient(server.connect(), other),
    );
  } finally {
    await server.close({ drainMs: 0 });
  }
  assert.equal(server.counters().sessions, 0);
}

async function statusOf(attempt: Promise<unknown>): Promise<number> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NtStatusError, `refused, not ${error}`);
  return error.status;
}

async function writeAndRead(client: TestClient, share: string, size = 100_000): Promise<void> {
  const session = await client.logOn(alice);
  const tree = await session.connectTree(share);
  const file = await tree.open('folder-less.bin');
  const data = Buffer.alloc(size, 'smb');
  const half = Math.min(65_536, size);
  await file.write(0n, data.subarray(0, half));
  if (half < size) await file.write(BigInt(half), data.subarray(half));
  const read = [await file.read(0n, half)];
  if (half < size) read.push(await file.read(BigInt(half), size - half));
  assert.deepEqual(Buffer.concat(read), data);
  await file.close();
  await tree.disconnect();
  await session.logOff();
}

describe('a client of every dialect', () => {
  for (const dialect of allDialects) {
    it(`logs in, writes, reads and logs off, signed: ${dialect.toString(16)}`, () =>
      withClient(
        async (client) => {
          assert.equal(client.negotiated.dialect, dialect);
          await writeAndRead(client, 'files');
        },
        { dialects: [dialect] },
      ));
  }

  for (const algorithm of Object.values(SigningAlgorithm)) {
    it(`signs with algorithm ${algorithm} and sees only right signatures`, () =>
      withClient(
        async (client) => {
          assert.equal(client.negotiated.signingAlgorithm, algorithm);
          const session = await client.logOn(alice);
          const response = await client.echo(session);
          assert.ok(response.isSigned && !response.isSealed);
          assert.equal(response.isSignatureRight, true);
          await writeAndRead(client, 'files');
        },
        { signingAlgorithms: [algorithm] },
      ));
  }

  it('signs with AES-CMAC where no algorithm is negotiated', () =>
    withClient(
      async (client) => {
        assert.equal(client.negotiated.signingAlgorithm, undefined);
        const session = await client.logOn(alice);
        assert.equal(session.signer?.algorithm, SigningAlgorithm.AES_CMAC);
        assert.equal((await client.echo(session)).isSignatureRight, true);
      },
      { signingAlgorithms: [] },
    ));
});

describe('encryption', () => {
  for (const cipher of Object.values(Cipher)) {
    it(`with cipher ${cipher} carries a share that demands it`, () =>
      withClient(
        async (client) => {
          assert.equal(client.negotiated.cipher, cipher);
          await writeAndRead(client, 'secret');
        },
        { ciphers: [cipher] },
      ));
  }

  it('carries 3.0 and 3.0.2 with AES-128-CCM', async () => {
    for (const dialect of [0x0300, 0x0302]) {
      await withClient(
        async (client) => {
          assert.equal(client.negotiated.cipher, Cipher.AES_128_CCM);
          await writeAndRead(client, 'secret');
        },
        { dialects: [dialect] },
      );
    }
  });

  it('covers everything after the logon where the server wants it', () =>
    withClient(
      async (client) => {
        const session = await client.logOn(alice);
        assert.ok((session.sessionFlags & SessionFlags.ENCRYPT_DATA) !== 0);
        assert.ok(!session.setupResponse.isSealed && session.setupResponse.isSigned);
        assert.ok((await client.echo(session)).isSealed);
        await writeAndRead(client, 'files');
      },
      {},
      {
        settings: {
          encryption: { mode: 'required', ciphers: ['AES-256-GCM'] },
        },
      },
    ));

  it('is answered with encryption when the client alone wants it', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      session.protection = 'seal';
      assert.ok((await client.echo(session)).isSealed);
      const tree = await session.connectTree('files');
      assert.equal(
        await statusOf(tree.open('missing', { createDisposition: 1 })),
        NtStatus.OBJECT_NAME_NOT_FOUND,
      );
    }));
});

describe('logons', () => {
  it('fail with one status for whatever is wrong', () =>
    withClient(async (client) => {
      for (const password of ['', 'wrong']) {
        assert.equal(await statusOf(client.logOn({ ...alice, password })), NtStatus.LOGON_FAILURE);
        assert.equal(await statusOf(client.logOn({ user: 'nobody', password })), NtStatus.LOGON_FAILURE);
      }
      await client.logOn(alice);
    }));

  it('succeed raw, without a MIC, and behind other mechanisms', () =>
    withClient(async (client) => {
      await client.logOn(alice, { isRaw: true });
      await client.logOn(alice, { ntlm: { sendsMic: false } });
      await client.logOn(alice, { sendsMechListMic: false });
      await client.logOn(alice, { mechanismsBefore: ['1.2.840.48018.1.2.2', '1.2.840.113554.1.2.2'] });
    }));

  it('give guests and anonymous clients sessions without keys, where they are let in', () =>
    withClient(
      async (client) => {
        const guest = await client.logOn({ user: 'nobody', password: 'x' });
        assert.ok(guest.isGuest);
        assert.equal(guest.crypto, undefined);
        const anonymous = await client.logOn({ user: '', password: '' });
        assert.equal(anonymous.sessionFlags, SessionFlags.IS_NULL);
        assert.equal((await client.echo(guest)).isSigned, false);
      },
      {},
      { settings: { guest: true, anonymous: true } },
    ));

  it('can be repeated on a session, which keeps its keys', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      await session.reauthenticate(alice);
      assert.equal((await client.echo(session)).isSignatureRight, true);
      await tree.open('after');
      session.protection = 'seal';
      const response = await session.reauthenticate(alice);
      assert.ok(response.isSealed);
    }));
});

describe('further channels', () => {
  for (const dialect of allDialects.slice(2)) {
    it(`share the session and have keys of their own: ${dialect.toString(16)}`, () =>
      withClient(
        async (client, connect) => {
          const session = await client.logOn(alice);
          const tree = await session.connectTree('files');
          const file = await tree.open('shared');
          await file.write(0n, Buffer.from('one'));
          const second = await session.bind(await connect(), alice);
          const elsewhere = tree.on(second);
          const opened = await elsewhere.open('shared');
          assert.equal((await opened.read(0n, 10)).toString(), 'one');
          assert.equal((await second.connection.echo(second)).isSignatureRight, true);
          const third = await second.bind(await connect(), alice);
          assert.equal((await third.connection.echo(third)).isSignatureRight, true);
          second.protection = 'seal';
          assert.ok((await second.connection.echo(second)).isSealed);
          assert.equal((await client.echo(session)).isSignatureRight, true);
        },
        { dialects: [dialect] },
      ));
  }

  it('are refused to another user and to a wrong password, and the session goes on', () =>
    withClient(async (client, connect) => {
      const session = await client.logOn(alice);
      const other = await connect();
      assert.equal(await statusOf(session.bind(other, bob)), NtStatus.ACCESS_DENIED);
      assert.equal(await statusOf(session.bind(other, { ...alice, password: 'x' })), NtStatus.LOGON_FAILURE);
      assert.equal((await client.echo(session)).isSignatureRight, true);
    }));
});

describe('requests', () => {
  it('travel together in a related compound', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      for (const protection of ['sign', 'seal'] as const) {
        tree.protection = protection;
        const close = CloseRequest.encode({ flags: 0, fileId: ALL_ONES_FILE_ID });
        const sent = client.sendCompound([
          tree.spec(Command.CREATE, createRequestOf('together')),
          tree.spec(Command.CLOSE, close, { header: { flags: HeaderFlags.RELATED_OPERATIONS } }),
        ]);
        const responses = await Promise.all(sent.map((request) => request.response));
        for (const response of responses) {
          assert.equal(response.status, NtStatus.SUCCESS);
          assert.equal(response.isSealed, protection === 'seal');
          if (protection === 'sign') assert.equal(response.isSignatureRight, true);
        }
      }
    }));

  it('wait and can be cancelled', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      const directory = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const watch = directory.watch(CompletionFilter.FILE_NAME);
      const interim = await watch.firstResponse;
      assert.equal(interim.status, NtStatus.PENDING);
      assert.ok(!interim.isSigned, 'interim responses are not signed');
      watch.cancel();
      const final = await watch.response;
      assert.equal(final.status, NtStatus.CANCELLED);
      assert.equal(final.isSignatureRight, true);
      assert.equal(final.interim, interim);
    }));

  it('lock, and a blocked lock is granted when the other is gone', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      const [first, second] = [await tree.open('locked'), await tree.open('locked')];
      const range = { offset: 0n, length: 10n };
      const exclusive = [{ ...range, flags: LockFlags.EXCLUSIVE_LOCK }];
      assert.equal((await first.lock(exclusive).response).status, NtStatus.SUCCESS);
      const blocked = second.lock(exclusive);
      assert.equal((await blocked.firstResponse).status, NtStatus.PENDING);
      await first.lock([{ ...range, flags: LockFlags.UNLOCK }]).response;
      assert.equal((await blocked.response).status, NtStatus.SUCCESS);
    }));

  it('can be spoilt at every step, and the server refuses them', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      const flip = (message: Buffer) => message.writeUInt8(message.readUInt8(50) ^ 1, 50);
      const spoilt = await session.request({
        command: Command.ECHO,
        body: Buffer.from([4, 0, 0, 0]),
        spoil: flip,
      });
      assert.equal(spoilt.status, NtStatus.ACCESS_DENIED);
      const tree = await session.connectTree('files');
      const unsigned = await tree.request(Command.CREATE, createRequestOf('x'), { protection: 'none' });
      assert.equal(unsigned.status, NtStatus.ACCESS_DENIED);
    }));

  it('fail when the connection ends', () =>
    withClient(async (client) => {
      const session = await client.logOn(alice);
      const tree = await session.connectTree('files');
      const directory = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const watch = directory.watch(CompletionFilter.FILE_NAME);
      await watch.firstResponse;
      client.close();
      await assert.rejects(watch.response, ConnectionClosedError);
      assert.equal(client.outstandingCount, 0);
      await client.closed;
      await assert.rejects(client.echo(session), ConnectionClosedError);
    }));
});

describe('over TCP', () => {
  it('the client does the same', async () => {
    const server = memoryServer();
    const { port } = await server.listen({ host: '127.0.0.1', port: 0 });
    const client = await connectClient(streamTransport(connect(port, '127.0.0.1')));
    try {
      await writeAndRead(client, 'files', 300_000);
    } finally {
      client.close();
      await server.close({ drainMs: 0 });
    }
  });
});
