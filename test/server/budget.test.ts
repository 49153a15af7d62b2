import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { Buffer as NodeBuffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { buffers } from '../../src/server/buffer-pool.ts';
import type { FileIdFields } from '../../src/server/command.ts';
import {
  connectClient,
  createRequestOf,
  encodeRequest,
  type RequestSpec,
  type TestTree,
} from '../../src/testing/client.ts';
import { CreateDisposition } from '../../src/wire/flags.ts';
import { FileDispositionInformation } from '../../src/wire/fscc/file.ts';
import { FileInformationClass } from '../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { CloseRequest } from '../../src/wire/smb2/close.ts';
import { CreateResponse } from '../../src/wire/smb2/create.ts';
import { Command, HEADER_BYTES, ResponseHeader } from '../../src/wire/smb2/header.ts';
import { InfoType, QueryInfoRequest } from '../../src/wire/smb2/query-info.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { alice, memoryServer } from '../testing/memory-server.ts';

/** What one operation makes beside its work: each costs time when it is made and again when it is collected. */
interface Use {
  promises: number;
  /** Timers and immediates. */
  timers: number;
  /** Buffers made by any of Buffer's functions, views of others included. */
  buffers: number;
  /** Large buffers that the pool did not have. */
  largeBuffers: number;
}

type Maker = 'alloc' | 'allocUnsafe' | 'allocUnsafeSlow' | 'from' | 'concat';
const makers: readonly Maker[] = ['alloc', 'allocUnsafe', 'allocUnsafeSlow', 'from', 'concat'];

/** The server is at work, not the test, which waits for the answer with promises of its own. */
function isOurs(): boolean {
  return new Error('where').stack?.includes('/src/') === true;
}

/** Counts what is made until `stop`. */
function counted(): { readonly use: Use; stop(): void } {
  const use: Use = { promises: 0, timers: 0, buffers: 0, largeBuffers: 0 };
  const hook = createHook({
    init(_id, type) {
      if (type === 'PROMISE') use.promises += isOurs() ? 1 : 0;
      else if (type === 'Timeout' || type === 'Immediate') use.timers++;
    },
  }).enable();
  const originals = makers.map((name) => [name, Reflect.get(NodeBuffer, name)] as const);
  const { subarray } = NodeBuffer.prototype;
  for (const [name, make] of originals) {
    Reflect.set(NodeBuffer, name, (...words: unknown[]) => {
      use.buffers++;
      if (name === 'allocUnsafeSlow') use.largeBuffers++;
      return Reflect.apply(make, NodeBuffer, words);
    });
  }
  NodeBuffer.prototype.subarray = function counting(this: Buffer, start?: number, end?: number) {
    use.buffers++;
    return subarray.call(this, start, end);
  };
  return {
    use,
    stop() {
      hook.disable();
      NodeBuffer.prototype.subarray = subarray;
      for (const [name, make] of originals) Reflect.set(NodeBuffer, name, make);
    },
  };
}

/** A share in memory, reached without sockets, and requests written straight into the connection. */
async function withShare(body: (ask: Ask, tree: TestTree) => Promise<void>): Promise<void> {
  const server = memoryServer({
    settings: { signing: { required: false, algorithms: ['AES-GMAC'] } },
  });
  const transport = server.connect();
  assert.ok(transport !== undefined);
  const client = await connectClient(transport);
  const session = await client.logOn(alice);
  const tree = await session.connectTree('files');
  await tree.open('file').then((file) => file.write(0n, Buffer.alloc(100_000, 1)));
  const ask: Ask = async (spec) => {
    const creditCharge = Math.max(1, Math.ceil((spec.payloadBytes ?? 0) / 65_536));
    const numbers = { messageId: client.nextMessageId, creditCharge, credits: 31, nextCommand: 0 };
    client.nextMessageId += creditCharge;
    const message = encodeRequest({ ...spec, protection: 'none' }, numbers);
    const frame = Buffer.alloc(4 + message.length);
    frame.writeUInt32BE(message.length, 0);
    message.copy(frame, 4);
    const answered = Promise.withResolvers<Buffer>();
    const take = transport.onMessage;
    transport.onMessage = (answer) => answered.resolve(answer);
    const count = counted();
    transport.write(frame);
    const answer = await answered.promise;
    count.stop();
    transport.onMessage = take;
    assert.equal(ResponseHeader.decode(answer, 0, HEADER_BYTES).status, 0);
    return { use: count.use, message: answer };
  };
  await body(ask, tree);
  transport.close();
  await server.close({ drainMs: 0 });
}

function within(use: Use, budget: Use, what: string): void {
  const text = `${what}: made ${JSON.stringify(use)}, may make ${JSON.stringify(budget)}`;
  for (const key of ['promises', 'timers', 'buffers', 'largeBuffers'] as const)
    assert.ok(use[key] <= budget[key], text);
}

/** The third request of a kind is counted: by then everything that is made once is there. */
async function third<T>(make: () => Promise<T>): Promise<T> {
  await make();
  await make();
  return make();
}

type Ask = (spec: RequestSpec) => Promise<{ use: Use; message: Buffer }>;

async function opened(
  ask: Ask,
  tree: TestTree,
  name: string,
  createDisposition: CreateDisposition,
): Promise<{ created: Use; fileId: FileIdFields }> {
  const { use, message } = await ask(tree.spec(Command.CREATE, createRequestOf(name, { createDisposition })));
  return { created: use, fileId: CreateResponse.decode(message, HEADER_BYTES).fileId };
}

async function closed(ask: Ask, tree: TestTree, fileId: FileIdFields): Promise<Use> {
  return (await ask(tree.spec(Command.CLOSE, CloseRequest.encode({ flags: 0, fileId })))).use;
}

describe('the budget of', () => {
  it('READ: no promise, no timer, no large buffer', () =>
    withShare(async (ask, tree) => {
      const file = await tree.open('file');
      for (const length of [4096, 65_536]) {
        const body = file.readRequest(0n, length);
        const { use } = await third(() => ask(tree.spec(Command.READ, body, { payloadBytes: length })));
        within(use, { promises: 0, timers: 0, buffers: 12, largeBuffers: 0 }, `READ of ${length}`);
      }
    }));

  it('WRITE: no promise, no timer, no large buffer', () =>
    withShare(async (ask, tree) => {
      const file = await tree.open('file');
      for (const length of [4096, 65_536]) {
        const body = file.writeRequest(0n, Buffer.alloc(length, 2));
        const { use } = await third(() => ask(tree.spec(Command.WRITE, body, { payloadBytes: length })));
        within(use, { promises: 0, timers: 0, buffers: 12, largeBuffers: 0 }, `WRITE of ${length}`);
      }
    }));

  it('open, query, close: no promise, no timer', () =>
    withShare(async (ask, tree) => {
      const [open, query, close] = await third(async () => {
        const { created, fileId } = await opened(ask, tree, 'file', CreateDisposition.OPEN);
        const fixed = { additionalInformation: 0, flags: 0, input: Buffer.alloc(0) };
        const all = { infoType: InfoType.FILE, fileInfoClass: 18, outputBufferLength: 4096 };
        const queried = await ask(
          tree.spec(Command.QUERY_INFO, QueryInfoRequest.encode({ ...fixed, ...all, fileId })),
        );
        return [created, queried.use, await closed(ask, tree, fileId)];
      });
      assert.ok(open !== undefined && query !== undefined && close !== undefined);
      within(open, { promises: 0, timers: 0, buffers: 12, largeBuffers: 0 }, 'CREATE');
      within(query, { promises: 0, timers: 0, buffers: 9, largeBuffers: 0 }, 'QUERY_INFO');
      within(close, { promises: 0, timers: 0, buffers: 8, largeBuffers: 0 }, 'CLOSE');
    }));

  it('create, rename, delete: no promise, no timer', () =>
    withShare(async (ask, tree) => {
      let number = 0;
      const set = (fileId: FileIdFields, fileInfoClass: number, buffer: Buffer) => {
        const target = { infoType: InfoType.FILE, fileInfoClass, additionalInformation: 0, fileId };
        return ask(tree.spec(Command.SET_INFO, SetInfoRequest.encode({ ...target, buffer })));
      };
      const [create, rename, dispose, close] = await third(async () => {
        const name = `new-${number++}`;
        const { created, fileId } = await opened(ask, tree, name, CreateDisposition.CREATE);
        const target = { replaceIfExists: false, rootDirectory: 0n, fileName: `${name}-moved` };
        const renamed = await set(
          fileId,
          FileInformationClass.FileRenameInformation,
          FileRenameInformation.encode(target),
        );
        const disposed = await set(
          fileId,
          FileInformationClass.FileDispositionInformation,
          FileDispositionInformation.encode({ deletePending: true }),
        );
        return [created, renamed.use, disposed.use, await closed(ask, tree, fileId)];
      });
      assert.ok(create !== undefined && rename !== undefined && dispose !== undefined && close !== undefined);
      within(create, { promises: 0, timers: 0, buffers: 12, largeBuffers: 0 }, 'CREATE of a new file');
      within(rename, { promises: 0, timers: 0, buffers: 12, largeBuffers: 0 }, 'SET_INFO that renames');
      within(dispose, { promises: 0, timers: 0, buffers: 12, largeBuffers: 0 }, 'SET_INFO that deletes');
      within(close, { promises: 0, timers: 0, buffers: 8, largeBuffers: 0 }, 'CLOSE that deletes');
    }));

  it('the pool: as many buffers lie ready after a request as before it', () =>
    withShare(async (ask, tree) => {
      const file = await tree.open('file');
      const read = () => ask(tree.spec(Command.READ, file.readRequest(0n, 65_536), { payloadBytes: 65_536 }));
      await third(read);
      const before = buffers.keptBytes;
      await read();
      assert.equal(buffers.keptBytes, before);
    }));
});
