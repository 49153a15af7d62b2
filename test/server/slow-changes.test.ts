/** Caches that are given while data changes in a store that takes its time. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { wrapBackend } from '../../src/backend/wrap.ts';
import { connectClient, type TestFile, type TestTree } from '../../src/testing/client.ts';
import { type CacheObserver, CachingClient } from '../../src/testing/client-cache.ts';
import { FileZeroDataInformation } from '../../src/wire/fscc/control.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

const guid = (digit: string): string => `${digit.repeat(8)}-0000-4000-8000-000000000000`;

const slowChanges: readonly (readonly [string, (file: TestFile) => Promise<unknown>, Buffer])[] = [
  ['a write', (file) => file.write(0n, Buffer.alloc(16, 'new')), Buffer.alloc(16, 'new')],
  [
    'the zeroing of a range',
    (file) => {
      const range = { fileOffset: 0n, beyondFinalZero: 16n };
      return file.ioctl(Fsctl.SET_ZERO_DATA, FileZeroDataInformation.encode(range));
    },
    Buffer.alloc(16),
  ],
];
for (const [what, change, after] of slowChanges) {
  test(`whoever is let cache while ${what} is in the store is told when it is done`, async () => {
    let gate: Promise<void> | undefined;
    const begun = Promise.withResolvers<void>();
    const server = memoryServer({
      wrapStore: (store) =>
        wrapBackend(store, {
          name: store.name,
          gate: async (_call, proceed) => proceed(),
          write: async (source, write) => {
            if (gate !== undefined) begun.resolve();
            await gate;
            return write(source);
          },
        }),
    });
    const connect = async (clientGuid: string): Promise<TestTree> =>
      (await (await connectClient(server.connect(), { clientGuid })).logOn(alice)).connectTree('files');
    const states: string[] = [];
    const observer: CacheObserver = {
      writing: () => () => {},
      flushing: () => () => {},
      noticed: (_file, told) => void states.push(told),
    };
    const before = Buffer.alloc(16, 'old');
    const writer = await (await connect(guid('a'))).open('a');
    await writer.write(0n, before);
    const released = Promise.withResolvers<void>();
    gate = released.promise;
    const changing = change(writer);
    await begun.promise;
    const reader = new CachingClient(await connect(guid('b')), observer, 16);
    const wish = { kind: 'lease', isDurable: false, createGuid: guid('c'), leaseKey: guid('d') } as const;
    const file = await reader.open('a', wish);
    assert.deepEqual((await file.read(0)).data, before);
    released.resolve();
    await changing;
    await reader.tree.session.connection.echo();
    assert.deepEqual((await file.read(0)).data, after, states.join('; '));
    await server.close({ drainMs: 0 });
  });
}
