import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { fault } from '../../src/backend/fault.ts';
import { NtStatus } from '../../src/base/status.ts';
import type { Connection } from '../../src/session/connection.ts';
import { connectClient, type TestFile, type TestTree } from '../../src/testing/client.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

const SIZE_BYTES = 512 * 1024;
const limits = { heldBytes: 1024 * 1024 };
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

interface Place {
  readonly tree: TestTree;
  readonly file: TestFile;
  readonly connection: Connection;
}

/** Two clients with a file each, and a store whose reads wait for `go`. */
async function onSlowStore(
  body: (one: Place, two: Place, store: { heldBytes(): number; go(): void }) => Promise<void>,
): Promise<void> {
  const gate = Promise.withResolvers<void>();
  const server = memoryServer({
    limits,
    wrapStore: (store) =>
      fault(store, ({ operation }) =>
        operation === 'read' ? { kind: 'stall', until: gate.promise } : undefined,
      ),
  });
  const place = async (name: string): Promise<Place> => {
    const tree = await (await (await connectClient(server.connect())).logOn(alice)).connectTree('files');
    const file = await tree.open(name);
    await file.write(0n, Buffer.alloc(SIZE_BYTES, 1));
    const connection = [...server.state.connections].at(-1);
    assert.ok(connection !== undefined);
    return { tree, file, connection };
  };
  const places = [await place('one'), await place('two')] as const;
  await body(...places, { heldBytes: () => server.state.heldBytes, go: () => gate.resolve() });
  await server.close({ drainMs: 0 });
}

function read({ tree, file }: Place): Promise<number> {
  const sent = tree.send(Command.READ, file.readRequest(0n, SIZE_BYTES), { payloadBytes: SIZE_BYTES });
  return sent.response.then(({ status }) => status);
}

describe('when all connections together hold too much', () => {
  it('each has one large request at work, those that come later too, and all are answered', () =>
    onSlowStore(async (one, two, store) => {
      const answers = Array.from({ length: 6 }, () => read(one));
      await turn();
      // The third goes beyond the bound; the others are not read.
      assert.equal(one.connection.payloadBytes, 3 * SIZE_BYTES);
      assert.equal(one.connection.isPaused, true);
      answers.push(read(two), read(two));
      await turn();
      assert.equal(two.connection.payloadBytes, SIZE_BYTES);
      assert.equal(two.connection.isPaused, true);
      assert.equal(store.heldBytes(), 4 * SIZE_BYTES);
      store.go();
      for (const answer of answers) assert.equal(await answer, NtStatus.SUCCESS);
      await turn();
      assert.equal(store.heldBytes(), 0);
      assert.equal(one.connection.isPaused || two.connection.isPaused, false);
    }));

  it('small requests are heard', () =>
    onSlowStore(async (one, two, store) => {
      const answers = Array.from({ length: 3 }, () => read(one));
      await turn();
      assert.equal(one.connection.isPaused, true);
      assert.equal(await two.file.write(0n, Buffer.alloc(4096, 2)), 4096);
      await (await two.tree.open('three')).close();
      store.go();
      await Promise.all(answers);
    }));

  it('what a lost connection held counts no more', () =>
    onSlowStore(async (one, _two, store) => {
      const answers = Promise.allSettled(Array.from({ length: 3 }, () => read(one)));
      await turn();
      assert.equal(store.heldBytes(), 3 * SIZE_BYTES);
      one.tree.session.connection.transport.close();
      await turn();
      assert.equal(store.heldBytes(), 0);
      store.go();
      await answers;
      assert.equal(store.heldBytes(), 0);
    }));
});
