import assert from 'node:assert/strict';
import { afterEach, beforeEach, describe, it } from 'node:test';
import { fault } from '../../src/backend/fault.ts';
import { BufferPool, buffers } from '../../src/server/buffer-pool.ts';
import { connectClient, type TestTree } from '../../src/testing/client.ts';
import { CreateOption } from '../../src/wire/flags.ts';
import { FileInformationClass } from '../../src/wire/fscc/information-class-table.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

const CANARY = 0xca;
const canaries = Buffer.alloc(12, CANARY);

describe('a pool of buffers', () => {
  it('hands out what was given back last, whole, and nothing twice', () => {
    const pool = new BufferPool();
    const [one, two] = [pool.take(5000), pool.take(5000)];
    assert.ok(one.length >= 5000 && one.buffer !== two.buffer);
    pool.give(one);
    pool.give(two);
    assert.equal(pool.keptBytes, one.length + two.length);
    assert.equal(pool.take(5000).buffer, two.buffer);
    assert.equal(pool.take(4700).buffer, one.buffer);
    assert.equal(pool.keptBytes, 0);
  });

  it('gives at least what is asked for, of every size', () => {
    const pool = new BufferPool();
    for (const exponent of Array.from({ length: 25 }, (_, index) => index)) {
      for (const extra of [-1, 0, 1, 511, 512, 513]) {
        const sizeBytes = Math.max(0, 2 ** exponent + extra);
        const buffer = pool.take(sizeBytes);
        assert.ok(buffer.length >= sizeBytes, `${sizeBytes}`);
        pool.give(buffer);
        const again = pool.take(sizeBytes);
        assert.ok(again.length >= sizeBytes, `${sizeBytes} again`);
      }
    }
  });

  it('keeps a bounded number of bytes, and frees what it does not keep', () => {
    const pool = new BufferPool();
    const taken = Array.from({ length: 100 }, () => pool.take(1024 * 1024));
    for (const buffer of taken) pool.give(buffer);
    assert.ok(pool.keptBytes > 0 && pool.keptBytes <= 64 * 1024 * 1024);
    const leftBytes = taken.reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
    assert.equal(leftBytes, pool.keptBytes);
  });

  it('keeps what was needed since the last trim, and frees the rest little by little', () => {
    const pool = new BufferPool();
    const give = (buffers: readonly Buffer[]): void => {
      for (const buffer of buffers) pool.give(buffer);
    };
    give(Array.from({ length: 16 }, () => pool.take(5000)));
    const { keptBytes } = pool;
    pool.trim();
    assert.equal(pool.keptBytes, keptBytes, 'all of them were needed');
    give(Array.from({ length: 16 }, () => pool.take(5000)));
    pool.trim();
    assert.equal(pool.keptBytes, keptBytes, 'and again');
    give([pool.take(5000)]);
    pool.trim();
    assert.ok(pool.keptBytes < keptBytes && pool.keptBytes > keptBytes / 2);
    for (let round = 0; round < 50; round++) pool.trim();
    assert.equal(pool.keptBytes, 0);
    assert.ok(pool.take(5000).length >= 5000);
  });
});

/** Poisons what is given back, and every buffer that lies ready: whatever shows the canary leaks or comes too late. */
describe('with a poisoned pool', () => {
  beforeEach(() => {
    buffers.onGive = (buffer) => buffer.fill(CANARY);
    // Nothing that lay ready before is without poison.
    const sizes = Array.from({ length: 14 }, (_, index) => 2 ** (index + 9));
    for (const size of sizes) {
      const taken = Array.from({ length: 8 }, () => buffers.take(size));
      for (const buffer of taken) buffers.give(buffer);
    }
  });
  afterEach(() => {
    buffers.onGive = undefined;
  });

  async function onShare(
    protection: 'sign' | 'seal',
    body: (tree: TestTree, seen: readonly Buffer[]) => Promise<void>,
  ): Promise<void> {
    const server = memoryServer();
    const transport = server.connect();
    assert.ok(transport !== undefined);
    const client = await connectClient(transport);
    const seen: Buffer[] = [];
    const take = transport.onMessage;
    transport.onMessage = (message) => {
      seen.push(Buffer.from(message));
      take(message);
    };
    const session = await client.logOn(alice);
    const tree = await session.connectTree('files');
    tree.protection = protection;
    await body(tree, seen);
    await server.close({ drainMs: 0 });
  }

  for (const protection of ['sign', 'seal'] as const) {
    it(`no answer shows what its memory held before: short reads, holes, listings, errors, compounds (${protection})`, () =>
      onShare(protection, async (tree, seen) => {
        const file = await tree.open('file');
        await file.write(0n, Buffer.alloc(5000, 0x61));
        await file.write(100_000n, Buffer.from('end'));
        assert.equal((await file.read(90_000n, 65_536)).length, 10_003);
        assert.deepEqual(await file.read(6000n, 4096), Buffer.alloc(4096));
        assert.equal((await file.read(100_000n, 65_536)).toString(), 'end');
        await assert.rejects(file.read(200_000n, 4096));
        await assert.rejects(tree.open('missing\\file'));
        for (const name of ['a', 'bcd', 'efghi', 'j'.repeat(77)]) await tree.open(name);
        const folder = await tree.open('', { createOptions: CreateOption.DIRECTORY_FILE });
        for (const infoClass of [
          FileInformationClass.FileDirectoryInformation,
          FileInformationClass.FileIdBothDirectoryInformation,
          FileInformationClass.FileNamesInformation,
        ]) {
          assert.ok((await folder.queryDirectory(infoClass, '*', 1)).length > 0);
        }
        const flags = HeaderFlags.RELATED_OPERATIONS;
        const sent = tree.session.connection.sendCompound([
          tree.spec(Command.READ, file.readRequest(99_999n, 13)),
          tree.spec(Command.READ, file.readRequest(3n, 13), { header: { flags } }),
        ]);
        for (const { response } of sent) assert.equal((await response).status, 0);
        const opened = seen.map((message) =>
          message.readUInt8(0) === 0xfd && tree.session.crypto !== undefined
            ? tree.session.crypto.open(Buffer.from(message))
            : message,
        );
        assert.ok(opened.length > 15);
        for (const message of opened) assert.equal(message.indexOf(canaries.subarray(0, 3)), -1);
      }));
  }

  it('the payload of a write stays what it is while a slow store holds it, whatever comes meanwhile', async () => {
    const stalled = Promise.withResolvers<void>();
    let isStalling = true;
    const server = memoryServer({
      wrapStore: (store) =>
        fault(store, ({ operation }) =>
          operation === 'write' && isStalling ? { kind: 'stall', until: stalled.promise } : undefined,
        ),
    });
    const client = await connectClient(server.connect());
    const tree = await (await client.logOn(alice)).connectTree('files');
    const [slow, quick] = [await tree.open('slow'), await tree.open('quick')];
    const payload = Buffer.from(Array.from({ length: 70_000 }, (_, index) => index * 7));
    const slowWrite = slow.write(0n, payload);
    await new Promise(setImmediate);
    isStalling = false;
    for (let round = 0; round < 20; round++) await quick.write(0n, Buffer.alloc(70_000, round));
    stalled.resolve();
    assert.equal(await slowWrite, payload.length);
    assert.deepEqual(await slow.read(0n, payload.length), payload);
    await server.close({ drainMs: 0 });
  });

  it('a read that a slow store fills late brings its own bytes only', async () => {
    const stalled = Promise.withResolvers<void>();
    let isStalling = false;
    const server = memoryServer({
      wrapStore: (store) =>
        fault(store, ({ operation }) =>
          operation === 'read' && isStalling ? { kind: 'stall', until: stalled.promise } : undefined,
        ),
    });
    const client = await connectClient(server.connect());
    const tree = await (await client.logOn(alice)).connectTree('files');
    const [slow, quick] = [await tree.open('slow'), await tree.open('quick')];
    await slow.write(0n, Buffer.alloc(50_000, 1));
    await quick.write(0n, Buffer.alloc(50_000, 2));
    isStalling = true;
    const slowRead = slow.read(0n, 50_000);
    await new Promise(setImmediate);
    isStalling = false;
    for (let round = 0; round < 20; round++)
      assert.deepEqual(await quick.read(0n, 50_000), Buffer.alloc(50_000, 2));
    stalled.resolve();
    assert.deepEqual(await slowRead, Buffer.alloc(50_000, 1));
    await server.close({ drainMs: 0 });
  });
});
