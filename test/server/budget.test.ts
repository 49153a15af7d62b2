import assert from 'node:assert/strict';
import { createHook } from 'node:async_hooks';
import { Buffer as NodeBuffer } from 'node:buffer';
import { describe, it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { buffers } from '../../src/server/buffer-pool.ts';
import type { FileIdFields } from '../../src/server/command.ts';
import type { MemoryConnection } from '../../src/server/memory-transport.ts';
import {
  connectClient,
  createRequestOf,
  encodeRequest,
  type RequestSpec,
  type TestConnection,
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

interface Connected {
  readonly transport: MemoryConnection;
  readonly client: TestConnection;
  readonly tree: TestTree;
}

/** A share in memory, reached without sockets. */
async function connected(body: (connected: Connected) => Promise<void>): Promise<void> {
  const server = memoryServer({
    settings: { signing: { required: false, algorithms: ['AES-GMAC'] } },
  });
  const transport = server.connect();
  assert.ok(transport !== undefined);
  const client = await connectClient(transport);
  const session = await client.logOn(alice);
  const tree = await session.connectTree('files');
  await tree.open('file').then((file) => file.write(0n, Buffer.alloc(100_000, 1)));
  await body({ transport, client, tree });
  transport.close();
  await server.close({ drainMs: 0 });
}

function frameOf(spec: RequestSpec, numbers: { messageId: number; creditCharge: number }): Buffer {
  const whole = { ...numbers, credits: 31, nextCommand: 0 };
  const message = encodeRequest({ ...spec, protection: 'none' }, whole);
  const frame = Buffer.alloc(4 + message.length);
  frame.writeUInt32BE(message.length, 0);
  message.copy(frame, 4);
  return frame;
}

/** Requests written straight into the connection. */
function withShare(body: (ask: Ask, tree: TestTree) => Promise<void>): Promise<void> {
  return connected(({ transport, client, tree }) => body(askingOn(transport, client), tree));
}

function askingOn(transport: MemoryConnection, client: TestConnection): Ask {
  return async (spec) => {
    const creditCharge = Math.max(1, Math.ceil((spec.payloadBytes ?? 0) / 65_536));
    const frame = frameOf(spec, { messageId: client.nextMessageId, creditCharge });
    client.nextMessageId += creditCharge;
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

/** Positions in messages. [MS-SMB2] 2.2.1.2, 2.2.14, 2.2.15, 2.2.37 */
const messageIdAt = 24;
const createdFileIdAt = HEADER_BYTES + 64;
const closedFileIdAt = HEADER_BYTES + 8;
const queriedFileIdAt = HEADER_BYTES + 24;

/** The same requests again and again, and few promises, so that little of what is allocated is the test's. */
class RepeatingClient {
  readonly #transport: MemoryConnection;
  #messageId: number;
  /** The last that came. */
  #answer: Buffer = Buffer.alloc(0);
  errorCount = 0;

  constructor({ transport, client }: Connected) {
    this.#transport = transport;
    this.#messageId = client.nextMessageId;
    transport.onMessage = (message) => {
      this.#answer = message;
      if (message.readUInt32LE(8) !== 0) this.errorCount++;
    };
  }

  send(frame: Buffer): void {
    frame.writeUInt32LE(this.#messageId++, 4 + messageIdAt);
    this.#transport.write(frame);
  }

  /** The answer to what was sent last. */
  async answer(): Promise<Buffer> {
    await undefined;
    assert.equal(this.#answer.readUInt32LE(messageIdAt), this.#messageId - 1);
    return this.#answer;
  }
}

function allocatedBytes(): number {
  const bytes: unknown = Reflect.get(getHeapStatistics(), 'total_allocated_bytes');
  assert.ok(typeof bytes === 'number');
  return bytes;
}

/** Bytes of the heap that an operation takes, in the best of some rounds: by then the runtime has compiled what it does. */
async function bytesOf(operation: () => Promise<void>, count = 1): Promise<number> {
  const turnCount = 2000 / count;
  let least = Number.POSITIVE_INFINITY;
  for (let round = 0; round < 10; round++) {
    const before = allocatedBytes();
    for (let turn = 0; turn < turnCount; turn++) await operation();
    least = Math.min(least, (allocatedBytes() - before) / (turnCount * count));
  }
  return least;
}

const numberless = { messageId: 0, creditCharge: 1 };
const skip =
  'total_allocated_bytes' in getHeapStatistics() ? false : 'the runtime does not count allocated bytes';

// A quarter more than was measured, what the client takes included.
describe('the heap that is taken by', { skip }, () => {
  it('open, query, close: 23,000 bytes', () =>
    connected(async (all) => {
      const { tree } = all;
      const client = new RepeatingClient(all);
      const fileId = { persistent: 0, volatile: 0 };
      const createDisposition = CreateDisposition.OPEN;
      const open = frameOf(
        tree.spec(Command.CREATE, createRequestOf('file', { createDisposition })),
        numberless,
      );
      const close = frameOf(tree.spec(Command.CLOSE, CloseRequest.encode({ flags: 0, fileId })), numberless);
      const fixed = { additionalInformation: 0, flags: 0, input: Buffer.alloc(0) };
      const what = { infoType: InfoType.FILE, fileInfoClass: 18, outputBufferLength: 4096 };
      const body = QueryInfoRequest.encode({ ...fixed, ...what, fileId });
      const query = frameOf(tree.spec(Command.QUERY_INFO, body), numberless);
      const bytes = await bytesOf(async () => {
        client.send(open);
        const created = await client.answer();
        created.copy(query, 4 + queriedFileIdAt, createdFileIdAt, createdFileIdAt + 16);
        created.copy(close, 4 + closedFileIdAt, createdFileIdAt, createdFileIdAt + 16);
        client.send(query);
        client.send(close);
      });
      assert.equal(client.errorCount, 0);
      assert.ok(bytes <= 23_000, `${bytes} bytes`);
    }));

  for (const [name, budgetBytes] of [
    ['READ', 4200],
    ['WRITE', 4400],
  ] as const) {
    it(`${name} of 4 KiB: ${budgetBytes} bytes`, () =>
      connected(async (all) => {
        const file = await all.tree.open('file');
        const client = new RepeatingClient(all);
        const isRead = name === 'READ';
        const body = isRead ? file.readRequest(0n, 4096) : file.writeRequest(0n, Buffer.alloc(4096, 2));
        const frame = frameOf(all.tree.spec(isRead ? Command.READ : Command.WRITE, body), numberless);
        const atOnce = 20;
        const bytes = await bytesOf(async () => {
          for (let count = 0; count < atOnce; count++) client.send(frame);
          await client.answer();
        }, atOnce);
        assert.equal(client.errorCount, 0);
        assert.ok(bytes <= budgetBytes, `${bytes} bytes`);
      }));
  }
});

describe('the budget of', () => {
  it('READ: no promise, no timer, no large buffer', () =>
    withShare(async (ask, tree) => {
      const file = await tree.open('file');
      for (const length of [4096, 65_536]) {
        const body = file.readRequest(0n, length);
        const { use } = await third(() => ask(tree.spec(Command.READ, body, { payloadBytes: length })));
        within(use, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, `READ of ${length}`);
      }
    }));

  it('WRITE: no promise, no timer, no large buffer', () =>
    withShare(async (ask, tree) => {
      const file = await tree.open('file');
      for (const length of [4096, 65_536]) {
        const body = file.writeRequest(0n, Buffer.alloc(length, 2));
        const { use } = await third(() => ask(tree.spec(Command.WRITE, body, { payloadBytes: length })));
        within(use, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, `WRITE of ${length}`);
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
      within(open, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'CREATE');
      within(query, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'QUERY_INFO');
      within(close, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'CLOSE');
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
      within(create, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'CREATE of a new file');
      within(rename, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'SET_INFO that renames');
      within(dispose, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'SET_INFO that deletes');
      within(close, { promises: 0, timers: 0, buffers: 6, largeBuffers: 0 }, 'CLOSE that deletes');
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
