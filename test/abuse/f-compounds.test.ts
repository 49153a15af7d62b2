/** Rows F2 to F4: compounds. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { latency } from '../../src/backend/latency.ts';
import { systemClock } from '../../src/base/clock.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import {
  type ClientResponse,
  createRequestOf,
  type RequestSpec,
  type TestFile,
  type TestTree,
} from '../../src/testing/client.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { ALL_ONES_FILE_ID, type FileId } from '../../src/wire/smb2/file-id.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { QueryDirectoryRequest } from '../../src/wire/smb2/query-directory.ts';
import { InfoType, QueryInfoRequest } from '../../src/wire/smb2/query-info.ts';
import { TreeConnectRequest } from '../../src/wire/smb2/tree-connect.ts';
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
const nowhere = TreeConnectRequest.encode({ flags: 0, path: '\\\\server\\nowhere' });
const { BAD_NETWORK_NAME, NETWORK_NAME_DELETED, USER_SESSION_DELETED, INTERNAL_ERROR } = NtStatus;

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
    'F2: a TREE_CONNECT that fails gives no tree, whatever the header says',
    [first(Command.TREE_CONNECT, nowhere), related(Command.CREATE), related(Command.CLOSE)],
    [BAD_NETWORK_NAME, INVALID_PARAMETER, INVALID_PARAMETER],
  ],
  [
    'F3: a SESSION_SETUP in the second place that fails ends the session, and nothing is done for it any more',
    [first(Command.READ), related(Command.SESSION_SETUP), related(Command.FLUSH), first(Command.READ)],
    [NtStatus.END_OF_FILE, INVALID_PARAMETER, USER_SESSION_DELETED, USER_SESSION_DELETED],
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

  it('F4: 64 listings and questions in one message are answered within bounds, padded with zeros', async () => {
    await underAbuse(async ({ tree, server }) => {
      const share = await tree();
      for (let count = 0; count < 100; count++)
        await (await share.open(`${'long'.repeat(50)} ${count}`)).close();
      const root = await share.open('', { createOptions: CreateOption.DIRECTORY_FILE });
      const { connection } = share.session;
      const bodies = [
        questionOf(Command.QUERY_DIRECTORY, root.fileId),
        questionOf(Command.QUERY_INFO, root.fileId),
      ];
      for (let round = 0; connection.credits < 100 && round < 10; round++)
        await connection.echo(share.session);
      const specs = Array.from({ length: 64 }, (_, at) => {
        const [command, body] = bodies[at % 2] ?? assert.fail();
        return share.spec(command, body);
      });
      const responses = await Promise.all(connection.sendCompound(specs).map(({ response }) => response));
      const bytes = responses.reduce((sum, { message }) => sum + message.length, 0);
      assert.ok(bytes <= server.state.limits.compoundResponseBytes + 64 * 4096);
      for (const [at, { status, message }] of responses.entries()) {
        assert.equal(statusName(status), 'STATUS_SUCCESS');
        const end = message.readUInt16LE(66) + message.readUInt32LE(68);
        assert.ok(at === 63 || message.length % 8 === 0);
        assert.deepEqual(message.subarray(end), Buffer.alloc(message.length - end), `element ${at}`);
      }
      connection.close();
    });
  });
});

/** A question whose answer is long and of no round length. */
function questionOf(command: Command, fileId: FileId): readonly [Command, Buffer] {
  if (command === Command.QUERY_INFO) {
    const body = QueryInfoRequest.encode({
      infoType: InfoType.SECURITY,
      fileInfoClass: 0,
      outputBufferLength: 65_536,
      additionalInformation: 7,
      flags: 0,
      fileId,
      input: Buffer.alloc(0),
    });
    return [command, body];
  }
  const fields = { fileInformationClass: 12, flags: 1, fileIndex: 0, outputBufferLength: 65_536 };
  return [command, QueryDirectoryRequest.encode({ ...fields, fileId, fileName: '*' })];
}

const READ_DATA_START = 80;

function expectZeroPadding({ status, message }: ClientResponse, length: number): void {
  if (status !== SUCCESS) return;
  assert.equal(message.length % 8, 0);
  assert.deepEqual(
    message.subarray(READ_DATA_START + length),
    Buffer.alloc(message.length - READ_DATA_START - length),
  );
}
