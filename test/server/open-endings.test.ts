import assert from 'node:assert/strict';
import { test } from 'node:test';
import { BackendError } from '../../src/backend/error.ts';
import { wrapBackend } from '../../src/backend/wrap.ts';
import { NtStatus } from '../../src/base/status.ts';
import type { FileCore } from '../../src/fs/contract.ts';
import { connectClient, type TestTree } from '../../src/testing/client.ts';
import { type CacheObserver, CachingClient } from '../../src/testing/client-cache.ts';
import { RWH, reconnectOptions, wishOptions } from '../../src/testing/client-grant.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { CreateDisposition, CreateOption, ShareAccess } from '../../src/wire/flags.ts';
import { DialectRevision } from '../../src/wire/smb2/negotiate.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';
import { answered, onTree } from './commands/world.ts';

const guid = (digit: string): string => `${digit.repeat(8)}-0000-4000-8000-000000000000`;

test('a lease that breaks while its durable open is being reclaimed is told so after the reclaim', async () => {
  let gate: Promise<void> | undefined;
  const server = memoryServer({
    wrapStore: (store) =>
      wrapBackend(store, {
        name: store.name,
        gate: async ({ operation }, proceed) => {
          if (operation === 'handleStat') await gate;
          return proceed();
        },
      }),
  });
  const connect = async (clientGuid: string): Promise<TestTree> =>
    (await (await connectClient(server.connect(), { clientGuid })).logOn(alice)).connectTree('files');
  const noticed: string[] = [];
  const broken = Promise.withResolvers<void>();
  const observer: CacheObserver = {
    writing: () => () => {},
    flushing: () => () => {},
    noticed: (_file, what) => {
      noticed.push(what);
      if (what.startsWith('may cache')) broken.resolve();
    },
  };
  const first = await connect(guid('a'));
  const client = new CachingClient(first, observer, 16);
  const other = new CachingClient(await connect(guid('b')), observer, 16);
  const wish = { kind: 'lease', isDurable: true, createGuid: guid('c'), leaseKey: guid('d') } as const;
  const file = await client.open('a', wish);
  const others = await other.open('a', { ...wish, kind: 'none', leaseKey: guid('e') });
  // That open left the lease with reading and handles.
  await broken.promise;
  assert.deepEqual((await file.read(0)).data, Buffer.alloc(16));
  first.session.connection.close();
  await first.session.connection.closed;
  const again = await connect(guid('a'));
  const released = Promise.withResolvers<void>();
  gate = released.promise;
  const reclaiming = client.reconnect(again);
  const written = Buffer.alloc(16, 'new');
  // Sent after the reclaim, which the store keeps waiting; the writer does not wait for it.
  await again.session.connection.echo();
  const writing = others.write(0, written);
  gate = undefined;
  released.resolve();
  await Promise.all([reclaiming, writing]);
  await again.session.connection.echo();
  assert.equal(file.isOpen, true);
  assert.deepEqual((await file.read(0)).data, written, noticed.join('; '));
  await server.close({ drainMs: 0 });
});

test('a durable open whose reclaim fails in the store can be reclaimed again, and is not left behind', async () => {
  let isBroken = false;
  const clock = new VirtualClock();
  let core: FileCore | undefined;
  const server = memoryServer({
    clock,
    onCore: (made) => {
      core = made;
    },
    wrapStore: (store) =>
      wrapBackend(store, {
        name: store.name,
        gate: ({ operation }, proceed) => {
          if (isBroken && operation === 'handleStat') throw new BackendError('EIO', 'fstat');
          return proceed();
        },
      }),
  });
  const connect = async (): Promise<TestTree> =>
    (await (await connectClient(server.connect())).logOn(alice)).connectTree('files');
  const dialect = DialectRevision.SMB_3_1_1;
  const wish = { kind: 'lease', isDurable: true, createGuid: guid('c'), leaseKey: guid('d') } as const;
  const first = await connect();
  const { fileId } = await first.open('a', wishOptions(wish, dialect));
  first.session.connection.close();
  await first.session.connection.closed;
  const again = await connect();
  const options = reconnectOptions(wish, dialect, { fileId, state: RWH });
  isBroken = true;
  await assert.rejects(again.open('a', options), answered(NtStatus.UNEXPECTED_IO_ERROR));
  isBroken = false;
  await again.open('a', options);
  again.session.connection.close();
  await clock.advance(400_000);
  assert.deepEqual([core?.census().opens, core?.census().disconnectedOpens], [0, 0]);
});

test('an open that makes a durable one without a connection go, and its file with it, leaves nothing behind', async () => {
  let core: FileCore | undefined;
  const server = memoryServer({
    onCore: (made) => {
      core = made;
    },
  });
  const connect = async (): Promise<TestTree> =>
    (await (await connectClient(server.connect())).logOn(alice)).connectTree('files');
  const wish = { kind: 'lease', isDurable: true, createGuid: guid('c'), leaseKey: guid('d') } as const;
  const first = await connect();
  await (await first.open('x:s')).close();
  await first.open('x', {
    ...wishOptions(wish, DialectRevision.SMB_3_1_1),
    createOptions: CreateOption.DELETE_ON_CLOSE,
  });
  first.session.connection.close();
  await first.session.connection.closed;
  const second = await connect();
  const stream = await second.open('x:s', { shareAccess: ShareAccess.READ });
  await stream.close();
  assert.equal(core?.census().files, 0);
  await server.close({ drainMs: 0 });
});

test('a directory is removed when the last open to go is that of one of its streams', () =>
  onTree(async (tree) => {
    const options = { createOptions: CreateOption.DIRECTORY_FILE | CreateOption.DELETE_ON_CLOSE };
    const directory = await tree.open('d', options);
    const stream = await tree.open('d:s');
    await directory.close();
    await stream.close();
    const { OPEN } = CreateDisposition;
    await assert.rejects(
      tree.open('d', { createDisposition: OPEN }),
      answered(NtStatus.OBJECT_NAME_NOT_FOUND),
    );
  }));
