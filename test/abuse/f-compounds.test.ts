/** Rows F2 to F5: compounds and credits. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { latency } from '../../src/backend/latency.ts';
import { systemClock } from '../../src/base/clock.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import { CommandSequenceWindow } from '../../src/session/credits.ts';
import {
  type ClientResponse,
  ConnectionClosedError,
  createRequestOf,
  type RequestSpec,
  type TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { ALL_ONES_FILE_ID } from '../../src/wire/smb2/file-id.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { underAbuse } from './fixture.ts';
import { asAbuse, bodyOf, observed } from './messages.ts';

const { RELATED_OPERATIONS } = HeaderFlags;

interface Cast {
  readonly share: TestTree;
  readonly file: TestFile;
}

/** An element of a compound; related to the one before unless it says otherwise. */
type Element = (cast: Cast) => RequestSpec;

const element =
  (command: Command, options: { isFirst?: boolean; body?: Buffer; names?: 'the file' } = {}): Element =>
  ({ share, file }) => {
    const fileId = options.names === 'the file' ? file.fileId : ALL_ONES_FILE_ID;
    const flags = options.isFirst === true ? 0 : RELATED_OPERATIONS;
    return share.spec(command, options.body ?? bodyOf(command, fileId), { header: { flags } });
  };

const first = (command: Command, body?: Buffer): Element =>
  element(command, { isFirst: true, names: 'the file', ...(body !== undefined && { body }) });
const related = (command: Command): Element => element(command);

const missing = createRequestOf('nowhere\\nothing');
const { SUCCESS, INVALID_PARAMETER, FILE_CLOSED, OBJECT_PATH_NOT_FOUND } = NtStatus;
const { NETWORK_NAME_DELETED, USER_SESSION_DELETED, INTERNAL_ERROR } = NtStatus;

const cases: readonly (readonly [string, readonly Element[], readonly number[]])[] = [
  [
    'F2: a related first element fails, and those that relate to it',
    [related(Command.READ), related(Command.CLOSE), first(Command.ECHO)],
    [INVALID_PARAMETER, INVALID_PARAMETER, SUCCESS],
  ],
  [
    'F2: an ECHO gives what is related to it no open',
    [first(Command.ECHO), related(Command.READ)],
    [SUCCESS, INVALID_PARAMETER],
  ],
  [
    'F2: a CREATE that fails fails what is related to it with its own status',
    [
      first(Command.CREATE, missing),
      related(Command.WRITE),
      related(Command.QUERY_INFO),
      related(Command.CLOSE),
    ],
    [OBJECT_PATH_NOT_FOUND, OBJECT_PATH_NOT_FOUND, OBJECT_PATH_NOT_FOUND, OBJECT_PATH_NOT_FOUND],
  ],
  [
    'F2: after another failure the open stays',
    [first(Command.QUERY_DIRECTORY), related(Command.READ), related(Command.FLUSH)],
    [INVALID_PARAMETER, NtStatus.END_OF_FILE, SUCCESS],
  ],
  [
    'F2: a CREATE gives its open to all that follow',
    [first(Command.CREATE), related(Command.WRITE), related(Command.READ), related(Command.CLOSE)],
    [SUCCESS, SUCCESS, SUCCESS, SUCCESS],
  ],
  [
    'F2: a TREE_CONNECT gives its tree',
    [
      first(Command.TREE_CONNECT),
      related(Command.CREATE),
      related(Command.CLOSE),
      related(Command.TREE_DISCONNECT),
    ],
    [SUCCESS, SUCCESS, SUCCESS, SUCCESS],
  ],
  [
    'F3: after CLOSE the open is closed',
    [first(Command.CLOSE), related(Command.READ), related(Command.CLOSE)],
    [SUCCESS, FILE_CLOSED, FILE_CLOSED],
  ],
  [
    'F3: after TREE_DISCONNECT the tree is gone',
    [first(Command.TREE_DISCONNECT), related(Command.CREATE), related(Command.IOCTL)],
    [SUCCESS, NETWORK_NAME_DELETED, INVALID_PARAMETER],
  ],
  [
    'F3: after LOGOFF the session is gone, by whatever way it is named',
    [first(Command.LOGOFF), related(Command.READ), related(Command.TREE_CONNECT)],
    [SUCCESS, USER_SESSION_DELETED, USER_SESSION_DELETED],
  ],
  [
    'F3: CHANGE_NOTIFY in the middle does not wait',
    [
      first(Command.CREATE, createRequestOf('watched', { createOptions: CreateOption.DIRECTORY_FILE })),
      related(Command.CHANGE_NOTIFY),
      related(Command.CLOSE),
    ],
    [SUCCESS, INTERNAL_ERROR, SUCCESS],
  ],
];

describe('compounds', () => {
  for (const [name, elements, expected] of cases) {
    it(name, async () => {
      await underAbuse(async ({ tree }) => {
        const share = await tree();
        const file = await share.open('compound.bin');
        const specs = elements.map((make) => make({ share, file }));
        const sent = share.session.connection.sendCompound(specs);
        const responses = await Promise.all(sent.map(({ response }) => response));
        assert.deepEqual(
          responses.map(({ status }) => statusName(status)),
          expected.map(statusName),
        );
        share.session.connection.close();
      });
    });
  }

  it('F2: a TreeId that is forged leads nowhere', async () => {
    await underAbuse(async ({ tree }) => {
      const share = await tree();
      const { connection } = share.session;
      const forged = { ...share.spec(Command.CREATE, bodyOf(Command.CREATE)), treeId: share.treeId ^ 1 };
      const then = share.spec(Command.CLOSE, bodyOf(Command.CLOSE), {
        header: { flags: RELATED_OPERATIONS },
      });
      const responses = await Promise.all(
        connection.sendCompound([forged, then]).map(({ response }) => response),
      );
      assert.deepEqual(
        responses.map(({ status }) => statusName(status)),
        [statusName(NETWORK_NAME_DELETED), statusName(INVALID_PARAMETER)],
      );
      connection.close();
    });
  });

  it('F3: what follows is not worked on when the client is gone', async () => {
    const calls: string[] = [];
    const isSlow = (operation: string): number => (operation === 'create' ? 20 : 0);
    await underAbuse(
      async ({ tree }) => {
        const share = await tree();
        const { connection } = share.session;
        asAbuse(() =>
          connection.sendCompound([
            share.spec(Command.CREATE, createRequestOf('orphan.bin')),
            share.spec(Command.WRITE, bodyOf(Command.WRITE), { header: { flags: RELATED_OPERATIONS } }),
          ]),
        );
        connection.close();
        await delay(60);
        assert.ok(calls.includes('create'), 'it was being worked on');
        assert.ok(!calls.includes('write'), calls.join());
      },
      {
        wrapStore: (store) =>
          observed(latency(store, systemClock, isSlow), (operation) => void calls.push(operation)),
      },
    );
  });

  it('F4: 64 reads in one message are answered within bounds, padded with zeros', async (t) => {
    await underAbuse(async ({ tree, server }) => {
      const share = await tree();
      const file = await share.open('large.bin');
      const length = 1_000_001;
      for (let at = 0; at < 1_048_576; at += 65_536) await file.write(BigInt(at), Buffer.alloc(65_536, 9));
      const { connection } = share.session;
      while (connection.credits < 1200) {
        await connection.request({
          command: Command.ECHO,
          body: EchoRequest.encode({}),
          session: share.session,
          header: { credits: 512 },
        });
      }
      const body = file.readRequest(0n, length);
      const specs = Array.from({ length: 64 }, () =>
        share.spec(Command.READ, body, { payloadBytes: length }),
      );
      const sent = connection.sendCompound(specs);
      const responses = await Promise.all(sent.map(({ response }) => response));
      const bytes = responses.reduce((sum, { message }) => sum + message.length, 0);
      t.diagnostic(`${bytes} bytes, ${responses.filter(({ status }) => status === 0).length} reads answered`);
      assert.ok(bytes <= server.state.limits.compoundResponseBytes + 64 * 4096);
      const statuses = new Set(responses.map(({ status }) => status));
      assert.deepEqual(statuses, new Set([SUCCESS, NtStatus.INSUFFICIENT_RESOURCES]));
      for (const response of responses) expectZeroPadding(response, length);
      await file.close();
      connection.close();
    });
  });
});

const READ_DATA_START = 80;

function expectZeroPadding({ status, message }: ClientResponse, length: number): void {
  if (status !== SUCCESS) return;
  assert.equal(message.length % 8, 0);
  assert.deepEqual(
    message.subarray(READ_DATA_START + length),
    Buffer.alloc(message.length - READ_DATA_START - length),
  );
}

describe('F5: credits', () => {
  it('do not drift over 200,000 random operations, and never exceed the cap', () => {
    const random = new SeededEntropy(5);
    const cap = 512;
    const window = new CommandSequenceWindow(cap);
    const held = new Set([0]);
    let next = 1;
    for (let round = 0; round < 200_000; round++) {
      const ids = [...held];
      const messageId = ids.length > 0 && random.below(10) < 9 ? random.pick(ids) : random.below(next + 20);
      const charge = random.below(20) === 0 ? 1 + random.below(8) : 1;
      const wanted = Array.from({ length: charge }, (_, i) => messageId + i);
      const isMine = wanted.every((id) => held.has(id));
      assert.equal(window.consume(messageId, charge), isMine, `round ${round}`);
      if (isMine) for (const id of wanted) held.delete(id);
      const granted = window.grant(random.below(8) === 0 ? 65_535 : random.below(3));
      for (let count = 0; count < granted; count++) held.add(next++);
      assert.equal(window.available, held.size);
      assert.ok(held.size <= cap);
      const oldest = Math.min(...held);
      assert.ok(held.size === 0 || next - oldest <= cap, 'the window spans no more than the cap');
    }
  });

  it('come to the cap and stay there, whatever is asked for', async () => {
    await underAbuse(async ({ tree, server }) => {
      const { session } = await tree();
      const { connection } = session;
      const echo = { command: Command.ECHO, body: EchoRequest.encode({}), session };
      for (let round = 0; round < 50; round++) {
        await connection.request({ ...echo, header: { credits: 65_535 } });
        const mine = [...server.state.connections].at(-1);
        assert.equal(connection.credits, mine?.window.available, 'both sides count alike');
        assert.ok(connection.credits <= server.state.limits.creditCount);
      }
      assert.equal(connection.credits, server.state.limits.creditCount);
      connection.close();
    });
  });

  const wrong: readonly (readonly [string, (next: number) => number])[] = [
    ['used before', (next) => next - 1],
    ['of the first request', () => 0],
    ['above the window', (next) => next + 10_000],
    ['of no request', () => -1],
    ['of 2^63', () => 2 ** 63],
  ];
  for (const [name, messageIdOf] of wrong) {
    it(`a MessageId ${name}: closed`, async () => {
      await underAbuse(async ({ tree }) => {
        const { session } = await tree();
        const { connection } = session;
        const messageId = messageIdOf(connection.nextMessageId);
        const body = EchoRequest.encode({});
        const sent = connection.send({ command: Command.ECHO, body, session, header: { messageId } });
        await assert.rejects(sent.response, ConnectionClosedError);
      });
    });
  }

  const charges: readonly (readonly [number, number, number | 'closed'])[] = [
    [0, 65_536, SUCCESS],
    [1, 65_536, SUCCESS],
    [1, 65_537, INVALID_PARAMETER],
    [0, 65_537, INVALID_PARAMETER],
    [2, 65_537, SUCCESS],
    [2, 131_073, INVALID_PARAMETER],
    [65_535, 16, 'closed'],
  ];
  for (const [creditCharge, length, expected] of charges) {
    it(`a charge of ${creditCharge} for ${length} bytes: ${expected === 'closed' ? expected : statusName(expected)}`, async () => {
      await underAbuse(async ({ tree }) => {
        const share = await tree();
        const file = await share.open('charged.bin');
        await file.write(0n, Buffer.alloc(16));
        const { connection } = share.session;
        const body = file.readRequest(0n, length);
        const sent = share.send(Command.READ, body, { header: { creditCharge } });
        const outcome = await sent.response.then(
          ({ status }) => status,
          () => 'closed',
        );
        assert.equal(outcome, expected);
        connection.close();
      });
    });
  }
});
