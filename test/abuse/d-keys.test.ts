import assert from 'node:assert/strict';
import { type ChildProcess, fork } from 'node:child_process';
import { closeSync, mkdtempSync, openSync, readFileSync, readSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, it } from 'node:test';
import { inspect } from 'node:util';
import { z } from 'zod';
import { PreauthHash } from '../../src/crypto/preauth.ts';
import { deriveAllKeys } from '../../src/crypto/session-keys.ts';
import {
  type ClientTransport,
  connectClient,
  type NegotiateOffer,
  streamTransport,
  type TestClient,
  type TestSession,
} from '../../src/testing/client.ts';
import { alice } from '../testing/memory-server.ts';
import type { Order } from './key-holder.ts';
import { refusal, underAbuse } from './scene.ts';

/** Keys by name. */
type Keys = ReadonlyMap<string, Buffer>;

/** Logs on and works out every key of the session, as somebody does who listens and has the session key. */
async function keysOf(
  transport: ClientTransport,
  offer: NegotiateOffer,
): Promise<{ client: TestClient; session: TestSession; keys: Keys }> {
  const messages: Buffer[] = [];
  const tapped: ClientTransport = {
    send(message) {
      messages.push(Buffer.from(message));
      transport.send(message);
    },
    write: (bytes) => transport.write(bytes),
    onMessage: () => {},
    onClose: () => {},
    close: () => transport.close(),
    get isClosed() {
      return transport.isClosed;
    },
  };
  transport.onMessage = (message) => {
    messages.push(Buffer.from(message));
    tapped.onMessage(message);
  };
  transport.onClose = () => tapped.onClose();
  const client = await connectClient(tapped, offer);
  const session = await client.logOn(alice);
  const preauth = new PreauthHash();
  for (const message of messages.slice(0, 5)) preauth.update(message);
  const { dialect, cipher } = client.negotiated;
  const fullSessionKey = Buffer.from(session.sessionKey);
  const derived = deriveAllKeys({ dialect, cipher, fullSessionKey, preauthHash: preauth.value });
  const keys = new Map<string, Buffer>([['session key', fullSessionKey]]);
  for (const [name, key] of Object.entries(derived)) if (Buffer.isBuffer(key)) keys.set(name, key);
  return { client, session, keys };
}

/** How a key could be written. */
function spellings(key: Buffer): readonly string[] {
  const hex = key.toString('hex');
  const pairs = hex.match(/../g) ?? [];
  const base64 = key.toString('base64').replace(/=+$/, '');
  const latin1 = JSON.stringify(key.toString('latin1')).slice(1, -1);
  const decimal = [...key].join(',');
  return [
    hex,
    hex.toUpperCase(),
    pairs.join(' '),
    pairs.join(':'),
    base64,
    latin1,
    decimal,
    [...key].join(', '),
  ];
}

/** The names of the keys that are written anywhere in `text`. */
function foundIn(text: string, keys: Keys): readonly string[] {
  return [...keys]
    .filter(([, key]) => spellings(key).some((way) => text.includes(way)))
    .map(([name]) => name);
}

const dialects: readonly (readonly [string, NegotiateOffer])[] = [
  ['3.1.1, AES-GMAC, AES-128-GCM', {}],
  ['3.1.1, AES-CMAC, AES-256-CCM', { signingAlgorithms: [1], ciphers: [3] }],
  ['3.0.2', { dialects: [0x0302] }],
  ['2.1', { dialects: [0x0210] }],
];

describe('keys in what the server says', () => {
  for (const [name, offer] of dialects) {
    it(`D11 stand in no log line, error or inspection: ${name}`, () =>
      underAbuse(async (scene) => {
        const { client, session, keys } = await keysOf(scene.wire(), offer);
        const tree = await session.connectTree('files');
        await tree.open('logged');
        await refusal(tree.open('x'.repeat(300)));
        await session.reauthenticate(alice);
        await refusal(session.reauthenticate({ ...alice, password: 'wrong' }));
        client.sendRaw(Buffer.alloc(64, 0xfd));
        await scene.settle();
        assert.ok(
          scene.events.some(({ level }) => level === 'debug'),
          'everything is logged',
        );
        const log = inspect(scene.events, { depth: null, maxStringLength: null, maxArrayLength: null });
        assert.deepEqual(foundIn(log, keys), []);
      }));

    it(`D11 stand nowhere in the server's state while the session lives: ${name}`, () =>
      underAbuse(async (scene) => {
        const { session, keys } = await keysOf(scene.wire(), offer);
        const state = scene.server.state.sessions.get(session.sessionId);
        assert.ok(state?.crypto !== undefined);
        for (const options of [
          { depth: null, showHidden: true },
          { depth: 30, getters: true },
        ]) {
          assert.deepEqual(foundIn(inspect(state.crypto, options), keys), []);
          assert.deepEqual(foundIn(inspect(state.authenticated, options), keys), []);
        }
        assert.deepEqual(foundIn(inspect(scene.server.state, { depth: 8, showHidden: true }), keys), []);
        assert.deepEqual(foundIn(JSON.stringify(state.crypto) ?? '', keys), []);
        // Whoever looks like this would find them.
        const held = inspect({ deep: { key: [...keys.values()] } }, { depth: null });
        assert.equal(foundIn(held, keys).length, keys.size);
      }));
  }
});

const reply = z.object({ done: z.string(), port: z.number().optional() });

/** The server in a process of its own. */
class KeyHolder implements AsyncDisposable {
  readonly #child: ChildProcess;
  readonly pid: number;

  constructor() {
    this.#child = fork(join(import.meta.dirname, 'key-holder.ts'), { stdio: 'inherit' });
    this.pid = this.#child.pid ?? 0;
  }

  async next(): Promise<z.infer<typeof reply>> {
    const message = await new Promise((resolve, reject) => {
      this.#child.once('message', resolve);
      this.#child.once('exit', (code) => reject(new Error(`the process ended with ${code}`)));
    });
    return reply.parse(message);
  }

  order(order: Order): Promise<unknown> {
    const answer = this.next();
    this.#child.send(order);
    return answer;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const ended = new Promise((resolve) => this.#child.once('exit', resolve));
    this.#child.send({ do: 'stop' } satisfies Order);
    await ended;
  }
}

/** The names of the keys whose bytes stand in the writable memory of a process. */
function foundInMemory(pid: number, keys: Keys): readonly string[] {
  const found = new Set<string>();
  const memory = openSync(`/proc/${pid}/mem`, 'r');
  try {
    for (const chunk of chunksOf(pid, memory)) {
      const here = [...keys].filter(([, key]) => chunk.includes(key));
      for (const [name] of here) found.add(name);
    }
  } finally {
    closeSync(memory);
  }
  return [...found];
}

const CHUNK_BYTES = 1 << 22;
const OVERLAP_BYTES = 64;

function* chunksOf(pid: number, memory: number): Generator<Buffer> {
  const buffer = Buffer.alloc(CHUNK_BYTES + OVERLAP_BYTES);
  for (const line of readFileSync(`/proc/${pid}/maps`, 'utf8').split('\n')) {
    const [, from, to] = /^([0-9a-f]+)-([0-9a-f]+) rw/.exec(line) ?? [];
    if (from === undefined || to === undefined) continue;
    const end = Number.parseInt(to, 16);
    for (let start = Number.parseInt(from, 16); start < end; start += CHUNK_BYTES) {
      const length = Math.min(CHUNK_BYTES + OVERLAP_BYTES, end - start);
      const read = readMemory(memory, buffer.subarray(0, length), start);
      yield buffer.subarray(0, read);
    }
  }
}

/** Some ranges cannot be read, such as what a driver maps; they hold nothing of ours. */
function readMemory(memory: number, target: Buffer, position: number): number {
  try {
    return readSync(memory, target, 0, target.length, position);
  } catch {
    return 0;
  }
}

describe('keys in memory', () => {
  it('D11 would be found: a key that is planted in the heap is', async () => {
    await using holder = new KeyHolder();
    await holder.next();
    const hex = '00112233445566778899aabbccddeeff';
    const planted = new Map([['planted', Buffer.from(hex, 'hex')]]);
    await holder.order({ do: 'plant', hex });
    assert.deepEqual(foundIn(await snapshotOf(holder), planted), ['planted']);
    assert.deepEqual(foundInMemory(holder.pid, planted), ['planted']);
  });

  for (const [name, offer] of [dialects[0], dialects[2]].filter((row) => row !== undefined)) {
    it(`D11 are gone after LOGOFF, from the heap and from the process: ${name}`, async () => {
      await using holder = new KeyHolder();
      const { port = 0 } = await holder.next();
      const { client, session, keys } = await keysOf(streamTransport(connect(port, '127.0.0.1')), offer);
      const tree = await session.connectTree('secret');
      await (await tree.open('x')).write(0n, Buffer.alloc(100_000));
      // Keys in use are held by OpenSSL.
      assert.ok(foundInMemory(holder.pid, keys).length >= keys.size - 1);
      await session.logOff();
      client.close();
      await holder.order({ do: 'collect' });
      assert.deepEqual(foundInMemory(holder.pid, keys), [], 'in the memory of the process');
      assert.deepEqual(foundIn(await snapshotOf(holder), keys), [], 'in the heap');
    });
  }
});

async function snapshotOf(holder: KeyHolder): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-heap-'));
  try {
    const file = join(folder, 'heap.json');
    await holder.order({ do: 'snapshot', file });
    return readFileSync(file, 'latin1');
  } finally {
    rmSync(folder, { recursive: true });
  }
}
