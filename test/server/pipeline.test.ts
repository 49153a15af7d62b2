import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { type Gate, wrapBackend } from '../../src/backend/wrap.ts';
import { AssertionError } from '../../src/base/assert.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import { Request } from '../../src/server/request.ts';
import {
  connectClient,
  createRequestOf,
  encodeRequest,
  type TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { CompletionFilter, CreateOption } from '../../src/wire/flags.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import {
  Command,
  HEADER_BYTES,
  HeaderFlags,
  RequestHeader,
  ResponseHeader,
} from '../../src/wire/smb2/header.ts';
import { underAbuse } from '../abuse/fixture.ts';
import { bodyOf } from '../abuse/messages.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

const related = { header: { flags: HeaderFlags.RELATED_OPERATIONS } };

async function watchedDirectory(share: TestTree): Promise<TestFile> {
  return share.open('watched', { createOptions: CreateOption.DIRECTORY_FILE });
}

describe('interim answers', () => {
  it('leave after half a second for a store that is slow, and the final one follows', async () => {
    const clock = new VirtualClock();
    const slow: Gate = async ({ operation }, proceed) => {
      if (operation === 'sync') await new Promise<void>((resolve) => clock.setTimer(1500, resolve));
      return proceed();
    };
    const server = memoryServer({
      clock,
      wrapStore: (store) => wrapBackend(store, { name: store.name, gate: slow }),
    });
    const client = await connectClient(server.connect());
    const file = await (await (await client.logOn(alice)).connectTree('files')).open('slow.bin');
    const sent = file.tree.send(Command.FLUSH, bodyOf(Command.FLUSH, file.fileId));
    let first: number | undefined;
    void sent.firstResponse.then(({ status }) => {
      first = status;
    });
    await clock.advance(499);
    assert.equal(first, undefined, 'not yet');
    await clock.advance(2);
    assert.equal(first, NtStatus.PENDING);
    sent.cancel();
    await clock.advance(2000);
    const response = await sent.response;
    assert.equal(response.status, NtStatus.SUCCESS, 'what a store has begun is not cancelled');
    assert.equal(response.header.asyncId, response.interim?.header.asyncId);
    assert.ok((response.interim?.header.credits ?? 0) > 0, 'the interim answer grants');
    assert.equal(response.header.credits, 0, 'the final one grants nothing more');
    assert.equal(response.interim?.isSigned, false);
    assert.equal(response.isSignatureRight, true);
    const closing = server.close();
    await clock.advance(100);
    await closing;
  });

  it('of the last element carry the answers of those before it', async () => {
    await underAbuse(async ({ tree }) => {
      const share = await tree();
      const { connection } = share.session;
      const messages: Buffer[] = [];
      const { onMessage } = connection.transport;
      connection.transport.onMessage = (message) => {
        messages.push(message);
        onMessage(message);
      };
      const directory = createRequestOf('watched', { createOptions: CreateOption.DIRECTORY_FILE });
      const [created, watching] = connection.sendCompound([
        share.spec(Command.CREATE, directory),
        share.spec(Command.CHANGE_NOTIFY, bodyOf(Command.CHANGE_NOTIFY), related),
      ]);
      assert.equal((await created?.response)?.status, NtStatus.SUCCESS);
      assert.equal((await watching?.firstResponse)?.status, NtStatus.PENDING);
      assert.equal(messages.length, 1);
      watching?.cancel();
      assert.equal((await watching?.response)?.status, NtStatus.CANCELLED);
      assert.equal(messages.length, 2);
      connection.close();
    });
  });
});

describe('the end of a request that waits', () => {
  const endings: readonly (readonly [string, (file: TestFile) => Promise<unknown>, number])[] = [
    ['close', (file) => file.close(), NtStatus.NOTIFY_CLEANUP],
    ['tree disconnect', (file) => file.tree.disconnect(), NtStatus.NOTIFY_CLEANUP],
    ['logoff', (file) => file.tree.session.logOff(), NtStatus.NOTIFY_CLEANUP],
  ];
  for (const [name, end, expected] of endings) {
    it(`by ${name} is ${statusName(expected)} for CHANGE_NOTIFY, before the answer of what ended it`, async () => {
      await underAbuse(async ({ tree }) => {
        const directory = await watchedDirectory(await tree());
        const sent = directory.watch(CompletionFilter.FILE_NAME);
        await sent.firstResponse;
        const order: string[] = [];
        const watching = sent.response.then(({ status }) => {
          order.push('watch');
          return status;
        });
        await end(directory);
        order.push('end');
        assert.equal(statusName(await watching), statusName(expected));
        assert.deepEqual(order, ['watch', 'end']);
        directory.tree.session.connection.close();
      });
    });
  }
});

describe('Server.inject', () => {
  const request = (command: Command, messageId: number, body: Buffer): Buffer =>
    encodeRequest({ command, body }, { messageId, creditCharge: 1, credits: 1, nextCommand: 0 });

  it('answers whole messages without a socket', async () => {
    const server = memoryServer();
    const answers = await server.inject(
      request(Command.NEGOTIATE, 0, bodyOf(Command.NEGOTIATE)),
      request(Command.ECHO, 1, EchoRequest.encode({})),
    );
    const headers = answers.map((answer) => ResponseHeader.decode(answer, 0, HEADER_BYTES));
    assert.deepEqual(
      headers.map(({ command, status }) => [command, status]),
      [
        [Command.NEGOTIATE, 0],
        [Command.ECHO, 0],
      ],
    );
    assert.equal(server.counters().connections, 0);
    await server.close();
  });

  it('returns what there is when the server closes the connection', async () => {
    const server = memoryServer();
    assert.deepEqual(await server.inject(request(Command.ECHO, 0, EchoRequest.encode({}))), []);
    await server.close();
  });
});

describe('Server.close', () => {
  it('resolves to what clients had left behind, and leaves nothing', async () => {
    const server = memoryServer();
    const client = await connectClient(server.connect());
    const share = await (await client.logOn(alice)).connectTree('files');
    const directory = await watchedDirectory(share);
    await directory.watch(CompletionFilter.FILE_NAME).firstResponse;
    const left = await server.close();
    assert.deepEqual(left, {
      connections: 1,
      sessions: 1,
      treeConnects: 1,
      opens: 1,
      outstandingRequests: 1,
    });
    for (const [table, count] of Object.entries(server.counters())) assert.equal(count, 0, table);
    assert.deepEqual(await server.close(), left, 'again');
    assert.equal(server.connect(), undefined);
  });
});

describe('a request', () => {
  it('is answered finally once, after one interim answer at most', async () => {
    const server = memoryServer();
    const wire = server.connect();
    const [connection] = server.state.connections;
    assert.ok(connection !== undefined);
    const message = encodeRequest(
      { command: Command.ECHO, body: EchoRequest.encode({}) },
      { messageId: 0, creditCharge: 1, credits: 1, nextCommand: 0 },
    );
    const make = () =>
      new Request({
        connection,
        message,
        header: RequestHeader.decode(message, 0, HEADER_BYTES),
        isLast: true,
        isEncrypted: false,
        owner: { sendInterim: () => {} },
      });
    const whole = make();
    whole.answered('interim');
    assert.throws(() => whole.answered('interim'), AssertionError);
    whole.answered('final');
    assert.throws(() => whole.answered('final'), AssertionError);
    const short = make();
    short.answered('final');
    assert.throws(() => short.answered('interim'), AssertionError);
    wire?.close();
    await server.close();
  });
});
