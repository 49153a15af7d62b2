import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendError } from '../../src/backend/error.ts';
import { wrapBackend } from '../../src/backend/wrap.ts';
import { connectClient, type TestTree } from '../../src/testing/client.ts';
import { FlushRequest } from '../../src/wire/smb2/flush.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

test('a flush whose open is closed under it fails for that open alone', async () => {
  const begun = Promise.withResolvers<void>();
  const closed = Promise.withResolvers<void>();
  let isFirst = true;
  const server = memoryServer({
    wrapStore: (store) =>
      wrapBackend(store, {
        name: store.name,
        gate: (_call, proceed) => proceed(),
        sync: async (sync) => {
          if (!isFirst) return sync();
          isFirst = false;
          begun.resolve();
          await closed.promise;
          throw new BackendError('EBADF', 'fsync');
        },
      }),
  });
  const connect = async (): Promise<TestTree> =>
    (await (await connectClient(server.connect())).logOn(alice)).connectTree('files');
  const [tree, other] = [await connect(), await connect()];
  const [lost, kept] = [await tree.open('a'), await other.open('a')];
  const flush = tree.send(Command.FLUSH, FlushRequest.encode({ fileId: lost.fileId }));
  await begun.promise;
  tree.session.connection.close();
  await assert.rejects(flush.response);
  closed.resolve();
  await other.session.connection.echo();
  await kept.flush();
  await server.close({ drainMs: 0 });
});
