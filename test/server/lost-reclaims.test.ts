import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapBackend } from '../../src/backend/wrap.ts';
import { NtStatus } from '../../src/base/status.ts';
import { connectClient, type TestTree } from '../../src/testing/client.ts';
import { RWH, reconnectOptions, wishOptions } from '../../src/testing/client-grant.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';
import { answered } from './commands/world.ts';

const guid = (digit: string): string => `${digit.repeat(8)}-0000-4000-8000-000000000000`;
const dialect = DialectRevision.SMB_3_1_1;
const wish = { kind: 'lease', isDurable: true, createGuid: guid('c'), leaseKey: guid('d') } as const;

/** A server whose store keeps `operation` waiting while there is a gate, and clients that give up the session before. */
function slowly(operation: string) {
  const slow: { gate: Promise<void> | undefined } = { gate: undefined };
  const server = memoryServer({
    wrapStore: (store) =>
      wrapBackend(store, {
        name: store.name,
        gate: async (call, proceed) => {
          if (call.operation === operation) await slow.gate;
          return proceed();
        },
      }),
  });
  const connect = async (previousSessionId = 0): Promise<TestTree> => {
    const client = await connectClient(server.connect(), { clientGuid: guid('a') });
    return (await client.logOn(alice, { previousSessionId })).connectTree('files');
  };
  return { slow, server, connect };
}

test('a durable open whose reclaim loses its connection half-way is there for the next', async () => {
  const { slow, server, connect } = slowly('handleStat');
  const first = await connect();
  const { fileId } = await first.open('a', wishOptions(wish, dialect));
  first.session.connection.close();
  await first.session.connection.closed;
  const options = reconnectOptions(wish, dialect, { fileId, state: RWH });
  const second = await connect();
  const { promise, resolve } = Promise.withResolvers<void>();
  slow.gate = promise;
  const reclaiming = assert.rejects(second.open('a', options));
  await second.session.connection.echo();
  second.session.connection.close();
  await reclaiming;
  const connecting = connect(second.session.sessionId);
  slow.gate = undefined;
  resolve();
  const third = await connecting;
  const file = await third.open('a', options);
  await file.write(0n, Buffer.from('still mine'));
  await file.close();
  await server.close();
});

test('who gives up a session that is still closing its files finds them closed', async () => {
  const { slow, server, connect } = slowly('setStat');
  const first = await connect();
  const { fileId } = await first.open('a', wishOptions(wish, dialect));
  const other = await first.open('b');
  await other.write(0n, Buffer.from('late'));
  const { promise, resolve } = Promise.withResolvers<void>();
  slow.gate = promise;
  first.session.connection.close();
  await first.session.connection.closed;
  let isConnected = false;
  const connecting = connect(first.session.sessionId).then((tree) => {
    isConnected = true;
    return tree;
  });
  for (let count = 0; count < 100; count++) await new Promise(setImmediate);
  assert.equal(isConnected, false);
  slow.gate = undefined;
  resolve();
  const second = await connecting;
  await (await second.open('a', reconnectOptions(wish, dialect, { fileId, state: RWH }))).close();
  await (await second.open('b', { shareAccess: 0 })).close();
  await server.close();
});

test('a durable open is not given back with more than its share permits by now', async () => {
  const { server, connect } = slowly('none');
  const first = await connect();
  const { fileId } = await first.open('a', wishOptions(wish, dialect));
  first.session.connection.close();
  await first.session.connection.closed;
  const share = server.state.shares.get('files');
  assert.ok(share !== undefined);
  const options = reconnectOptions(wish, dialect, { fileId, state: RWH });
  server.state.shares.set('files', { ...share, maximalAccess: () => AccessMask.FILE_READ_DATA });
  await assert.rejects((await connect()).open('a', options), answered(NtStatus.ACCESS_DENIED));
  server.state.shares.set('files', share);
  await (await (await connect()).open('a', options)).close();
  await server.close();
});
