/**
 * A server in memory with time that stands still, an honest client beside, and a client whose messages are given: it has a session,
 * trees and opens, and signs or seals what it is given with the right keys.
 */
import { present } from '../../src/base/assert.ts';
import { defaultLimits } from '../../src/base/limits.ts';
import type { Log } from '../../src/base/log.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import type { Server } from '../../src/server/server.ts';
import type { Share } from '../../src/session/tree-connect.ts';
import {
  ConnectionClosedError,
  connectClient,
  type TestClient,
  type TestFile,
  type TestSession,
  type TestTree,
} from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { PipeShare } from '../../src/vfs/pipe.ts';
import { Volume } from '../../src/vfs/volume.ts';
import { AccessMask, CreateOption, OplockLevel } from '../../src/wire/flags.ts';
import { HEADER_BYTES, UNSOLICITED_MESSAGE_ID } from '../../src/wire/smb2/header.ts';
import { TRANSFORM_PROTOCOL_ID } from '../../src/wire/smb2/transform.ts';
import { alice, bob, memoryServer } from '../testing/memory-server.ts';
import { place, placeholder, sealedMode, slots } from './request-seed.ts';
import { bindTo, endpoints } from './rpc-targets.ts';
import { expect, type Runner, type Tell } from './target.ts';

/** Longer than anything that a server waits for: breaks, durable opens, halves of logons. */
const longMs = 75_000;
/** The largest message to answer a request that pays for one credit, or for more than one. */
const smallAnswerBytes = 80_000;
const answerBytesMax = 16_777_215;
/** Comparisons with the start between two servers: what clients store is theirs, and grows. */
const epochsPerServer = 16;
/** Steps of promises that a request takes at most when it need not wait. */
const turns = 60;

/** IPC$, as the product serves it. */
export function pipeShare(): Share {
  return {
    name: 'IPC$',
    comment: '',
    isHidden: false,
    encryption: 'available',
    isContinuouslyAvailable: false,
    target: new PipeShare(endpoints, defaultLimits),
    maximalAccess: () => AccessMask.FILE_ALL_ACCESS,
  };
}

/** How far a client has come when its messages begin. */
export type Stage = 'connected' | 'negotiated' | 'logged on';

interface Attacker {
  readonly client: TestClient;
  readonly session: TestSession;
  readonly files: TestTree;
  readonly pipes: TestTree;
  readonly opens: Map<number, TestFile>;
  /** What has been sent and not been answered finally, by MessageId. */
  readonly sent: Map<number, Sent>;
}

interface Sent {
  readonly tell: Tell;
  isPending: boolean;
}

export class ServerWorld implements Runner {
  readonly #seed: number;
  readonly #stage: Stage;
  #clock = new VirtualClock();
  #server: Server;
  #neighbour: TestFile | undefined;
  #attacker: Attacker | undefined;
  #baseline = '';
  #epochs = 0;
  #names = 0;
  #error: string | undefined;

  constructor(seed: number, stage: Stage = 'logged on') {
    this.#seed = seed;
    this.#stage = stage;
    this.#server = this.#newServer();
  }

  #newServer(): Server {
    const log: Log = {
      enabled: (level) => level === 'error',
      write: (level, event, fields) => {
        if (level === 'error') this.#error ??= `${event} ${String(fields?.['stack'] ?? fields?.['error'])}`;
      },
    };
    this.#clock = new VirtualClock();
    const entropy = new SeededEntropy(this.#seed + this.#epochs);
    const limits = {
      openCountPerSession: 256,
      breakTimeoutMs: 5000,
      durableTimeoutMs: 60_000,
      lockCountPerOpen: 2000,
      pendingCount: 64,
    };
    const server = memoryServer({ clock: this.#clock, entropy, log, limits });
    server.addShare(pipeShare());
    return server;
  }

  /** Begins with the client beside and notes what the tables hold then. */
  async open(): Promise<this> {
    const client = await connectClient(this.#server.connect('neighbour'));
    const session = await this.#live(client.logOn(bob));
    const tree = await this.#live(session.connectTree('secret'));
    this.#neighbour = await this.#live(tree.open('neighbour.bin'));
    await this.#neighbourGoesOn();
    await this.#clock.advance(longMs);
    this.#baseline = this.#tables();
    return this;
  }

  async feed(input: Buffer, tell: Tell): Promise<void> {
    if (this.#stage !== 'logged on') return this.#feedStranger(input, tell);
    const attacker = await this.#ready();
    const { client, session } = attacker;
    const message = Buffer.from(input);
    const ids = this.#fillIn(attacker, message);
    for (const id of ids) attacker.sent.set(id, { tell, isPending: false });
    const isSealed = message.length > place.mode && (message[place.mode] ?? 0) === sealedMode;
    const { crypto } = session;
    client.sendRaw(isSealed && crypto !== undefined ? Buffer.concat(crypto.seal([message])) : message);
    for (let turn = 0; turn < turns && attacker.sent.size > 0 && !client.isClosed; turn++) await undefined;
    if (client.isClosed) tell('closed');
    this.#expectNoError();
  }

  /** On a connection of its own, before anybody is known. */
  async #feedStranger(input: Buffer, tell: Tell): Promise<void> {
    const connection = this.#server.connect('stranger');
    expect(connection !== undefined, 'the server takes the connection');
    if (this.#stage === 'negotiated') await connectClient(connection);
    let word = 'nothing';
    connection.onMessage = (message) => {
      expect(message.length <= smallAnswerBytes, 'a stranger is answered in short');
      word = statusName(message.readUInt32LE(8));
    };
    const message = Buffer.from(input);
    if (isPlaceholder(message, place.messageId, 8, placeholder))
      message.writeBigUInt64LE(this.#stage === 'negotiated' ? 1n : 0n, place.messageId);
    if (isPlaceholder(message, place.sessionId, 8, placeholder))
      message.writeBigUInt64LE(0n, place.sessionId);
    if (message.length > 16 && message[16] === 8) message[16] = 0;
    connection.send(message);
    for (let turn = 0; turn < turns; turn++) await undefined;
    tell(connection.isClosed ? 'closed' : word);
    connection.close();
    this.#expectNoError();
  }

  /** Compares with the start: only the client beside is left, and it is served. */
  async settle(): Promise<void> {
    await this.#leave();
    await this.#neighbourGoesOn();
    await this.#clock.advance(longMs);
    expect(this.#tables() === this.#baseline, `the tables hold ${this.#tables()}, not ${this.#baseline}`);
    this.#expectNoError();
    if (++this.#epochs % epochsPerServer !== 0) return;
    await this.close();
    this.#server = this.#newServer();
    await this.open();
  }

  async close(): Promise<void> {
    await this.#leave();
    let isOver = false;
    const closing = this.#server.close().finally(() => {
      isOver = true;
    });
    while (!isOver) await this.#clock.advance(20);
    await closing;
  }

  /** Puts the ids of the moment where placeholders stand, and signs; returns the MessageIds of all elements. */
  #fillIn(attacker: Attacker, message: Buffer): readonly number[] {
    const { client, session } = attacker;
    const ids: number[] = [];
    for (let start = 0; message.length - start >= HEADER_BYTES; ) {
      const element = message.subarray(start);
      const next = element.readUInt32LE(place.nextCommand);
      const isLast = next < HEADER_BYTES || next > element.length - HEADER_BYTES;
      const own = isLast ? element : element.subarray(0, next);
      if (isPlaceholder(own, place.messageId, 8, placeholder)) {
        ids.push(client.nextMessageId);
        own.writeBigUInt64LE(BigInt(client.nextMessageId++), place.messageId);
        client.credits--;
      }
      this.#fillInIds(attacker, own);
      if ((own.readUInt32LE(16) & 8) !== 0) session.signer?.sign(own);
      if (isLast) break;
      start += next;
    }
    return ids;
  }

  #fillInIds({ session, files, pipes, opens }: Attacker, own: Buffer): void {
    if (isPlaceholder(own, place.sessionId, 8, placeholder))
      own.writeBigUInt64LE(BigInt(session.sessionId), place.sessionId);
    for (const slot of Object.values(slots)) {
      const tree = slot === slots.pipe ? pipes : files;
      if (isPlaceholder(own, place.treeId, 4, slot)) own.writeUInt32LE(tree.treeId, place.treeId);
      const at = own.indexOf(Buffer.alloc(16, slot), HEADER_BYTES);
      const fileId = opens.get(slot)?.fileId;
      if (at < 0 || fileId === undefined) continue;
      own.writeBigUInt64LE(BigInt(fileId.persistent), at);
      own.writeBigUInt64LE(BigInt(fileId.volatile), at + 8);
    }
  }

  /** The client whose messages are given, with all that it needs. */
  async #ready(): Promise<Attacker> {
    try {
      return await this.#prepared();
    } catch (error) {
      // What was sent before may have spent MessageIds that the client does not know of: its own next request ends the connection.
      if (!(error instanceof ConnectionClosedError)) throw error;
      return await this.#prepared();
    }
  }

  async #prepared(): Promise<Attacker> {
    let attacker = this.#attacker;
    const isUsable =
      attacker !== undefined &&
      !attacker.client.isClosed &&
      attacker.client.credits > 8 &&
      this.#isLoggedOn(attacker);
    if (attacker === undefined || !isUsable) {
      await this.#leave();
      attacker = await this.#live(this.#arrive());
      this.#attacker = attacker;
    }
    const own = this.#server.state.sessions.get(attacker.session.sessionId);
    for (const [slot, { fileId }] of attacker.opens) {
      if (own?.findOpen(fileId) === undefined)
        attacker.opens.set(slot, await this.#live(this.#openSlot(attacker, slot)));
    }
    return attacker;
  }

  #isLoggedOn({ session, files, pipes }: Attacker): boolean {
    const own = this.#server.state.sessions.get(session.sessionId);
    return (
      own?.state === 'valid' &&
      own.trees.has(files.treeId) &&
      own.trees.has(pipes.treeId) &&
      own.openCount < 200
    );
  }

  async #arrive(): Promise<Attacker> {
    const client = await connectClient(this.#server.connect('attacker'));
    const session = await client.logOn(alice);
    const files = await session.connectTree('files');
    const pipes = await session.connectTree('IPC$');
    const attacker = { client, session, files, pipes, opens: new Map(), sent: new Map() };
    for (const slot of Object.values(slots)) attacker.opens.set(slot, await this.#openSlot(attacker, slot));
    const ordinary = client.transport.onMessage;
    client.transport.onMessage = (message) => this.#answered(attacker, message, ordinary);
    return attacker;
  }

  async #openSlot({ files, pipes }: Pick<Attacker, 'files' | 'pipes'>, slot: number): Promise<TestFile> {
    const name = `own${this.#names++}`;
    if (slot === slots.pipe) {
      const pipe = await pipes.open('srvsvc', { createDisposition: 1 });
      await pipe.write(0n, bindTo(present(endpoints[0], 'endpoint')));
      await pipe.read(0n, 4280);
      return pipe;
    }
    if (slot === slots.directory) {
      const directory = await files.open(name, { createOptions: CreateOption.DIRECTORY_FILE });
      await (await files.open(`${name}\\child`)).close();
      return directory;
    }
    const file = await files.open(name, { oplockLevel: OplockLevel.BATCH });
    await file.write(0n, Buffer.alloc(5000, 'content '));
    return file;
  }

  #answered(attacker: Attacker, message: Buffer, ordinary: (message: Buffer) => void): void {
    const isSealed = message.readUInt32LE(0) === TRANSFORM_PROTOCOL_ID;
    const plain = isSealed ? present(attacker.session.crypto, 'keys').open(Buffer.from(message)) : message;
    const first = Number(plain.readBigInt64LE(place.messageId));
    // What the client beside its fuzzing asked for itself.
    if (
      !attacker.sent.has(first) &&
      (first === UNSOLICITED_MESSAGE_ID || first < attacker.client.nextMessageId)
    ) {
      if (first === UNSOLICITED_MESSAGE_ID) return;
      if (attacker.client.outstandingCount > 0) {
        ordinary(message);
        return;
      }
    }
    expect(message.length <= answerBytesMax, 'an answer fits its frame');
    for (let start = 0; ; ) {
      const next = plain.readUInt32LE(start + place.nextCommand);
      const end = next === 0 ? plain.length : start + next;
      this.#answeredOne(attacker, plain.subarray(start, end));
      if (next === 0) return;
      start = end;
    }
  }

  #answeredOne({ client, sent }: Attacker, element: Buffer): void {
    const status = element.readUInt32LE(8);
    const messageId = Number(element.readBigInt64LE(place.messageId));
    client.credits += element.readUInt16LE(14);
    const request = sent.get(messageId);
    if (request === undefined) return;
    if (element.readUInt16LE(6) <= 1)
      expect(element.length <= smallAnswerBytes, `an answer of ${element.length} bytes`);
    const command = element.readUInt16LE(12);
    if (status === NtStatus.PENDING) {
      expect(!request.isPending, 'one interim answer at most');
      request.isPending = true;
    } else sent.delete(messageId);
    request.tell(`${command} ${statusName(status)}`);
  }

  async #leave(): Promise<void> {
    this.#attacker?.client.close();
    this.#attacker = undefined;
    await this.#clock.advance(1);
  }

  async #neighbourGoesOn(): Promise<void> {
    const file = present(this.#neighbour, 'client beside');
    const data = Buffer.alloc(2000, `round ${this.#epochs}`);
    await this.#live(file.write(0n, data));
    expect(
      (await this.#live(file.read(0n, data.length))).equals(data),
      'the client beside reads what it wrote',
    );
  }

  /** Waits for `work`, letting time pass when it needs that. */
  async #live<T>(work: Promise<T>): Promise<T> {
    let isDone = false;
    const done = work.finally(() => {
      isDone = true;
    });
    done.catch(() => {});
    for (let step = 0; step < 200 && !isDone; step++) {
      for (let turn = 0; turn < 20 * turns && !isDone; turn++) await undefined;
      if (!isDone) await this.#clock.advance(1000);
    }
    expect(isDone, 'an honest request is answered');
    return done;
  }

  #tables(): string {
    const volumes = [...this.#server.state.shares.values()].flatMap(({ target }) =>
      target instanceof Volume ? [target.driver.core.census()] : [],
    );
    return JSON.stringify([this.#server.counters(), volumes[0], this.#clock.pendingCount]);
  }

  #expectNoError(): void {
    const error = this.#error;
    this.#error = undefined;
    expect(error === undefined, `the server logged an error: ${error}`);
  }
}

function isPlaceholder(bytes: Buffer, at: number, count: number, slot: number): boolean {
  for (let index = at; index < at + count; index++) if (bytes[index] !== slot) return false;
  return true;
}
