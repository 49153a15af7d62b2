/**
 * The world of one run: a real server on a volatile disk, behind a network, in a time of its own.
 */
import { createHash } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import type { Backend } from '../../src/backend/contract.ts';
import { type Fault, type FaultPlan, fault, faultsBy } from '../../src/backend/fault.ts';
import { latency } from '../../src/backend/latency.ts';
import type { Log } from '../../src/base/log.ts';
import type { FileCore } from '../../src/fs/contract.ts';
import type { Server } from '../../src/server/server.ts';
import {
  type ClientTransport,
  ConnectionClosedError,
  connectClient,
  type NegotiateOffer,
  type TestClient,
} from '../../src/testing/client.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { SimulatedNetwork } from '../../src/testing/simulated-network.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { OpenFile } from '../../src/vfs/open-file.ts';
import { restoreOpens } from '../../src/vfs/restore-opens.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { Ledger, type Moment } from '../durability/ledger.ts';
import { memoryServer } from '../testing/memory-server.ts';
import { type Counts, nothingCounted } from './counts.ts';
import { MortalClock } from './mortal-clock.ts';
import { NameHistory } from './name-history.ts';
import { OpenLog } from './open-log.ts';
import type { Plan } from './plan.ts';
import { Register } from './register.ts';
import { VolatileStore } from './volatile-store.ts';

export const blockBytes = 512;
export const sharedFiles: readonly string[] = ['s0', 's1', 's2'];
export const blocksPerFile = 3;

/** Directories that clients list and change the names in. */
export const sharedDirectories: readonly string[] = ['d0', 'd1'];
export const sharedNames: readonly string[] = ['a', 'b', 'c', 'd'];

/** A client that was told that it has a lock. */
export interface LockHolder {
  readonly name: string;
  /** Its connection is lost, and with it the lock. */
  isGone(): boolean;
}

export class World {
  readonly plan: Plan;
  /** One turn of the event loop is as long as anything can go on without time passing. */
  readonly clock = new VirtualClock(() => turn());
  readonly network: SimulatedNetwork;
  readonly store = new VolatileStore(this.clock);
  readonly registers = new Map<string, Register>();
  /** Of each shared name in each shared directory. */
  readonly #histories = new Map<string, NameHistory>();
  /** Who holds which of the ranges that are locked. */
  readonly locks = new Map<number, LockHolder>();
  readonly trace: string[] = [];
  readonly counts: Counts = nothingCounted();
  /** Changes with each crash: who remembers an older one remembers nothing. */
  epoch = 0;
  ledger = new Ledger();
  failure: unknown;
  readonly #random: SeededEntropy;
  readonly #hash = createHash('sha256');
  #server: Server | undefined;
  #serverClock: MortalClock;
  #core: FileCore | undefined;
  readonly #opens = new OpenLog();
  /** The server that runs now has its persistent opens again. */
  #restored: Promise<unknown> = Promise.resolve();
  #event = 0;
  #address = 0;
  #value = 0;
  readonly #crashCallbacks = new Set<() => void>();
  readonly #addresses = new WeakMap<ClientTransport, string>();

  constructor(plan: Plan) {
    this.plan = plan;
    this.#random = new SeededEntropy(plan.seed ^ 0x5eed);
    this.network = new SimulatedNetwork({
      clock: this.clock,
      chance: new SeededEntropy(plan.seed ^ 0xcab1e),
      traits: plan.features.network,
      onArrival: (connection, end, bytes) => this.#arrived(connection, end, bytes),
    });
    this.#makeCheckers();
    this.#serverClock = new MortalClock(this.clock);
    this.start();
  }

  get server(): Server {
    if (this.#server === undefined) throw new Error('no server');
    return this.#server;
  }

  get core(): FileCore {
    if (this.#core === undefined) throw new Error('no core');
    return this.#core;
  }

  /** Timers of the server. */
  get serverTimers(): number {
    return this.#serverClock.pendingCount;
  }

  /** Everything that arrived, in order, as one number. */
  digest(): string {
    return this.#hash.copy().digest('hex');
  }

  note(who: string, what: string): void {
    this.trace.push(`${this.clock.monotonicMs().toFixed(0).padStart(7)} ${who}: ${what}`);
  }

  /** The first thing that went wrong. */
  fail(error: unknown): void {
    if (this.failure !== undefined) return;
    this.failure = error;
    this.note('FAILED', error instanceof Error ? error.message : String(error));
  }

  rest(ms: number): Promise<void> {
    return new Promise((resolve) => void this.clock.setTimer(ms, resolve));
  }

  /** Persistent opens that are kept for a next server. */
  get keptOpenCount(): number {
    return this.#opens.count;
  }

  /** Starts a server on what the disk holds, or on what the server before left. */
  start(from: 'disk' | 'machine' = 'disk'): void {
    const { features, seed } = this.plan;
    const { epoch } = this;
    const isAlive = () => epoch === this.epoch;
    this.#serverClock = new MortalClock(this.clock);
    const opens = this.#opens.view(() => isAlive() && this.plan.sabotage !== 'lost-opens');
    this.#restored = Promise.resolve();
    this.#server = memoryServer({
      clock: this.#serverClock,
      entropy: new SeededEntropy(seed ^ (0x5e12 + this.epoch)),
      log: this.#log(),
      settings: {
        encryption: { mode: 'available', ciphers: ciphersAll },
        session: { lifetimeMs: features.lifetimeMs },
      },
      limits: { creditCount: features.creditCount },
      wrapStore: (store, share) => (share === 'files' ? this.#storage(from, isAlive) : store),
      onCore: (core) => {
        this.#core = core;
      },
      openStore: features.persistent ? opens : undefined,
      onVolumes: (driver, volumes) => {
        if (!features.persistent) return;
        const ended = new Promise<void>((resolve) => {
          this.onCrash(resolve);
        });
        this.#restored = Promise.race([restoreOpens(driver, opens, volumes), ended]);
      },
    });
    this.note('server', `starts, epoch ${this.epoch}, durable ${features.durable}`);
  }

  /** A negotiated connection; throws ConnectionClosedError when it is cut before. */
  async connect(offer: NegotiateOffer, random: SeededEntropy): Promise<TestClient> {
    for (let restored: unknown; restored !== this.#restored; ) {
      restored = this.#restored;
      await restored;
    }
    this.#address += 1;
    const address = addressOf(this.#address);
    const end = this.server.connect(address);
    if (end === undefined) throw new ConnectionClosedError('refused');
    const wire = this.network.join(end);
    this.#addresses.set(wire, address);
    const connecting = connectClient(wire, offer, { entropy: random });
    const { onMessage } = wire;
    // What the client asserts of an answer is part of what is tested.
    wire.onMessage = (message) => {
      const isBreak =
        message.readUInt16LE(12) === Command.OPLOCK_BREAK && message.readUInt32LE(24) === 0xffff_ffff;
      if (this.plan.sabotage === 'lost-breaks' && isBreak) return;
      try {
        onMessage(message);
      } catch (error) {
        this.fail(error);
      }
    };
    return connecting;
  }

  #makeCheckers(): void {
    const { features } = this.plan;
    const moments = { next: () => this.#event++, nowMs: () => this.clock.monotonicMs() };
    const { delayMs } = features.network;
    // See name-history.ts: a break may be lost with its channel, which takes as long again to be noticed.
    const delays = { staleMs: 2 * delayMs, storeMs: features.storeDelayMs };
    for (const file of sharedFiles) {
      for (let index = 0; index < blocksPerFile; index++) {
        const name = `${file}/${index}`;
        this.registers.set(name, new Register(name, moments, delayMs));
      }
    }
    for (const directory of sharedDirectories) {
      for (const shared of sharedNames) {
        const name = `${directory}\\${shared}`;
        this.#histories.set(name, new NameHistory(name, moments, delays));
      }
    }
  }

  /** What is known of a name in a shared directory. */
  historyOf(directory: string, name: string): NameHistory {
    const history = this.#histories.get(`${directory}\\${name}`);
    if (history === undefined) throw new Error(`no history of ${directory}\\${name}`);
    return history;
  }

  /** How many opens the server has that a CREATE with `createGuid` made. */
  opensMadeBy(createGuid: string): number {
    let count = 0;
    for (const { opens } of this.server.state.sessions.values()) {
      for (const { target } of opens) {
        if (target instanceof OpenFile && target.core.createGuid === createGuid) count += 1;
      }
    }
    return count;
  }

  /** A value that nobody has written. */
  newValue(): number {
    this.#value += 1;
    return this.#value;
  }

  /** The credits that the server believes the client at the other end to have; undefined when it knows none. */
  creditsOf(wire: ClientTransport): number | undefined {
    const address = this.#addresses.get(wire);
    for (const { transport, window } of this.server.state.connections) {
      if (transport.remoteAddress === address) return window.available;
    }
    return undefined;
  }

  /** Calls `callback` when the server ends, until the result is called. */
  onCrash(callback: () => void): () => void {
    this.#crashCallbacks.add(callback);
    return () => void this.#crashCallbacks.delete(callback);
  }

  /** The power fails: what was not flushed may be gone. A new server starts. Says what may not be lost. */
  crash(): Moment {
    this.counts.crashes += 1;
    this.note('POWER', `fails with ${this.store.pendingCount} changes not flushed`);
    for (const connection of [...this.network.connections]) connection.cut();
    for (const callback of this.#crashCallbacks) callback();
    this.#serverClock.die();
    this.store.cut(this.#random, this.plan.features.keepPercent);
    this.#opens.cut();
    const moment = this.ledger.moment('flushed');
    this.ledger = new Ledger();
    for (const file of sharedFiles) {
      const data = Buffer.concat([
        this.store.read(file) ?? Buffer.alloc(0),
        Buffer.alloc(blockBytes * blocksPerFile),
      ]);
      for (let index = 0; index < blocksPerFile; index++) {
        const value = valueIn(data.subarray(index * blockBytes, (index + 1) * blockBytes));
        this.register(file, index).crashed(value);
      }
    }
    for (const history of this.#histories.values()) history.forget();
    this.epoch += 1;
    this.start();
    return moment;
  }

  /** The server's process ends in the middle of everything; the machine goes on, with another server. */
  restart(): void {
    this.counts.restarts += 1;
    this.note('SERVER', `ends, ${this.#opens.count} opens are kept`);
    for (const connection of [...this.network.connections]) connection.cut();
    for (const callback of this.#crashCallbacks) callback();
    this.#serverClock.die();
    this.epoch += 1;
    this.start('machine');
  }

  register(file: string, index: number): Register {
    const register = this.registers.get(`${file}/${index}`);
    if (register === undefined) throw new Error(`no register ${file}/${index}`);
    return register;
  }

  #storage(from: 'disk' | 'machine', isAlive: () => boolean): Backend {
    const { storeDelayMs, faultPerMille, crashes } = this.plan.features;
    const random = this.#random;
    let store = from === 'disk' ? this.store.live() : this.store.again();
    // A process that has ended changes nothing any more.
    store = fault(store, () => (isAlive() ? undefined : { kind: 'error', code: 'EIO' }));
    const isLying = this.plan.sabotage === 'lost-syncs';
    if (isLying)
      store = fault(store, ({ operation }) => (operation === 'sync' ? { kind: 'lostSync' } : undefined));
    if (faultPerMille > 0) store = fault(store, faultPlan(random, faultPerMille));
    if (storeDelayMs > 0) store = latency(store, this.#serverClock, () => random.below(storeDelayMs));
    this.note('store', `delay ${storeDelayMs}, faults ${faultPerMille}, crashes ${crashes}`);
    return store;
  }

  #log(): Log {
    const { epoch } = this;
    return {
      enabled: (level) => level === 'warn' || level === 'error',
      write: (level, event, fields) => {
        if (epoch !== this.epoch || level === 'debug' || level === 'info') return;
        this.note('log', `${level} ${event} ${JSON.stringify(fields)}`);
        if (level === 'error' && this.plan.features.faultPerMille === 0) {
          this.fail(new Error(`the server logged ${event}: ${JSON.stringify(fields)}`));
        }
      },
    };
  }

  #arrived(connection: number, end: 'server' | 'client', bytes: Buffer): void {
    if (end === 'server') this.counts.requests += 1;
    this.#hash.update(`${this.clock.monotonicMs()} ${connection} ${end} ${bytes.length}\n`).update(bytes);
  }
}

function faultPlan(random: SeededEntropy, perMille: number): FaultPlan {
  const faults = ['EIO', 'ENOSPC', 'EDQUOT'].flatMap((code): Fault[] => [
    { kind: 'error', code },
    { kind: 'errorAfter', code },
  ]);
  const plan = faultsBy(() => random.below(1000) / 1000, perMille / 1000, faults);
  return (call) => {
    const planned = plan(call);
    // A handle that was opened and reported as not opened would be nobody's to close.
    const isOpening = ['open', 'openForWriting', 'create'].includes(call.operation);
    return planned?.kind === 'errorAfter' && isOpening ? { ...planned, kind: 'error' } : planned;
  };
}

const ciphersAll = ['AES-128-GCM', 'AES-128-CCM', 'AES-256-GCM', 'AES-256-CCM'] as const;

const addressOf = (number: number): string => `10.${number >> 16}.${(number >> 8) & 255}.${number & 255}`;

/** A block that holds `value`. */
export function blockOf(value: number): Buffer {
  const one = Buffer.alloc(8);
  one.writeUIntLE(value, 0, 6);
  return Buffer.alloc(blockBytes, one);
}

/** The value that a block holds; throws for a block that nobody wrote as it is. */
export function valueIn(block: Buffer): number {
  const value = block.readUIntLE(0, 6);
  if (!block.equals(blockOf(value))) throw new Error(`a block of several values, ${value} first`);
  return value;
}
