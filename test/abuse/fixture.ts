/**
 * A server under abuse, with two clients beside it that must not notice: one reads, one writes, all the time. At the end
 * nothing may be left in any table.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import { type Clock, type FileTime, systemClock, type Timer } from '../../src/base/clock.ts';
import type { Log, LogFields } from '../../src/base/log.ts';
import type { Server } from '../../src/server/server.ts';
import {
  connectClient,
  type NegotiateOffer,
  type TestClient,
  type TestTree,
} from '../../src/testing/client.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import { Volume } from '../../src/vfs/volume.ts';
import { alice, bob, type MemoryServerOptions, memoryServer } from '../testing/memory-server.ts';

export interface AbuseOptions extends MemoryServerOptions {
  /** Errors that the abuse is meant to cause in the server's log. */
  readonly allowsErrors?: boolean;
  /** The server that the clients beside say they mean. */
  readonly bystandersSay?: string;
}

/** What an abusive test has to hand. */
export interface Abuse {
  readonly server: Server;
  /** Events of the server's log, as they came. */
  readonly events: readonly LoggedEvent[];
  /** Another negotiated client, in memory. */
  connect(offer?: NegotiateOffer): Promise<TestClient>;
  /** Another client that is logged on as alice, with its tree connect to `share`. */
  tree(share?: string, offer?: NegotiateOffer): Promise<TestTree>;
  /** Resolves when both clients beside have done something more; throws when they cannot. */
  bystandersGoOn(): Promise<void>;
}

export interface LoggedEvent {
  readonly level: string;
  readonly event: string;
  readonly fields: LogFields | undefined;
}

const settleLimitMs = 10_000;

/** Runs `body` against a server of its own; checks the clients beside it, the log and the tables. */
export async function underAbuse(
  body: (abuse: Abuse) => Promise<void>,
  options: AbuseOptions = {},
): Promise<void> {
  const events: LoggedEvent[] = [];
  const log: Log = {
    enabled: (level) => level !== 'debug',
    write: (level, event, fields) => void events.push({ level, event, fields }),
  };
  const clock = new CountingClock(options.clock ?? systemClock);
  const server = memoryServer({ log, ...options, clock });
  const timersAtStart = clock.timerCount;
  const bystanders = await Promise.all([
    Bystander.start(server, alice, options.bystandersSay),
    Bystander.start(server, bob, options.bystandersSay),
  ]);
  const bystandersGoOn = async (): Promise<void> => {
    await Promise.all(bystanders.map((bystander) => bystander.goesOn()));
  };
  const connect = (offer?: NegotiateOffer): Promise<TestClient> =>
    connectClient(server.connect('10.0.0.66'), offer);
  try {
    await bystandersGoOn();
    await body({
      server,
      events,
      connect,
      tree: async (share = 'files', offer) => (await (await connect(offer)).logOn(alice)).connectTree(share),
      bystandersGoOn,
    });
    await bystandersGoOn();
    await Promise.all(bystanders.map((bystander) => bystander.leave()));
    for (const connection of server.state.connections) connection.transport.destroy();
    await expectEmptyTables(server);
    await expectTimers(clock, timersAtStart);
    const errors = events.filter(({ level }) => level === 'error');
    if (options.allowsErrors !== true) assert.deepEqual(errors, [], 'nothing unexpected was thrown');
  } finally {
    for (const bystander of bystanders) bystander.stop();
    await closed(server, clock);
  }
}

/** Closes the server, whichever clock it lives by. */
async function closed(server: Server, clock: CountingClock): Promise<void> {
  let isClosed = false;
  const closing = server.close({ drainMs: 0 }).finally(() => {
    isClosed = true;
  });
  while (clock.isVirtual && !isClosed) {
    await clock.pass(20);
    await turn();
  }
  await closing;
}

/**
 * Waits until every counter of the server is what it was when nobody had come: no connection, session, open, lock, lease, break, watch,
 * request, credit or byte in a queue.
 */
export async function expectEmptyTables(server: Server): Promise<void> {
  const left = () => Object.entries(countersOf(server)).filter(([, count]) => count !== 0);
  for (const until = performance.now() + settleLimitMs; left().length > 0 && performance.now() < until; )
    await delay(5);
  assert.deepEqual(left(), []);
}

/** The same of a server of which only its counters are seen. */
export async function expectEmptyStats(server: Pick<Server, 'stats'>): Promise<void> {
  const left = () => Object.entries(server.stats().now).filter(([, count]) => count !== 0);
  for (const until = performance.now() + settleLimitMs; left().length > 0 && performance.now() < until; )
    await delay(5);
  assert.deepEqual(left(), []);
}

/** Longer than any time-out of an open that nobody holds any more. */
const longMs = 400_000;
/** For interim answers and for the file-system core there is one timer each, which is left to find nothing to do. */
const sharedTimerCount = 2;

/** Waits until no more timers are set than at the start; where time passes on demand only, none of those that all clients share either. */
async function expectTimers(clock: CountingClock, atStart: number): Promise<void> {
  if (clock.timerCount > atStart) await clock.pass(longMs);
  const count = clock.isVirtual ? atStart : atStart + sharedTimerCount;
  for (
    const until = performance.now() + settleLimitMs;
    clock.timerCount > count && performance.now() < until;
  )
    await delay(5);
  assert.ok(clock.timerCount <= count, `${clock.timerCount} timers, at the start ${atStart}`);
}

/** What the server counts for people, and what it holds beside that. */
function countersOf(server: Server): Readonly<Record<string, number>> {
  const { heldBytes, endingSessions, opensByTarget, shares } = server.state;
  const target = shares.get('files')?.target;
  return {
    ...server.stats().now,
    ...(target instanceof Volume ? target.driver.core.census() : {}),
    heldBytes,
    endingSessions: endingSessions.size,
    opensByTarget: opensByTarget.size,
  };
}

/** A clock that knows how many of its timers have neither run nor been cancelled. */
class CountingClock implements Clock {
  readonly #clock: Clock;
  readonly #set = new Set<object>();

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  get timerCount(): number {
    return this.#set.size;
  }

  get isVirtual(): boolean {
    return this.#clock instanceof VirtualClock;
  }

  /** Lets time pass, where it does so on demand only. */
  async pass(ms: number): Promise<void> {
    if (this.#clock instanceof VirtualClock) await this.#clock.advance(ms);
  }

  now(): FileTime {
    return this.#clock.now();
  }

  monotonicMs(): number {
    return this.#clock.monotonicMs();
  }

  setTimer(delayMs: number, callback: () => void, isVital?: boolean): Timer {
    const mark = {};
    this.#set.add(mark);
    const run = (): void => {
      this.#set.delete(mark);
      callback();
    };
    const timer = this.#clock.setTimer(delayMs, run, isVital);
    const cancel = (): void => {
      this.#set.delete(mark);
      timer.cancel();
    };
    return { cancel };
  }
}

/** A client that reads what it has written, over and over. */
class Bystander {
  readonly #tree: TestTree;
  readonly #running: Promise<void>;
  #rounds = 0;
  #isStopped = false;

  static async start(server: Server, user: typeof alice, targetName?: string): Promise<Bystander> {
    const client = await connectClient(server.connect(`10.0.0.${user.user.length}`));
    const session = await client.logOn(user, { ntlm: targetName === undefined ? {} : { targetName } });
    return new Bystander(await session.connectTree('files'), user.user);
  }

  constructor(tree: TestTree, name: string) {
    this.#tree = tree;
    this.#running = this.#work(`${name}.bin`);
    this.#running.catch(() => {});
  }

  /** Resolves when another round is done; throws what stopped it. */
  async goesOn(): Promise<void> {
    const before = this.#rounds;
    const until = performance.now() + settleLimitMs;
    while (this.#rounds < before + 2) {
      await Promise.race([delay(1), this.#running.then(() => assert.fail('it works until it is told'))]);
      assert.ok(performance.now() < until, 'the clients beside are served');
    }
  }

  stop(): void {
    this.#isStopped = true;
  }

  async leave(): Promise<void> {
    this.stop();
    await this.#running;
    await this.#tree.disconnect();
    await this.#tree.session.logOff();
    this.#tree.session.connection.close();
  }

  async #work(name: string): Promise<void> {
    const file = await this.#tree.open(name);
    for (; !this.#isStopped; this.#rounds++) {
      const data = Buffer.alloc(3000, `${name} ${this.#rounds}`);
      await file.write(0n, data);
      assert.deepEqual(await file.read(0n, data.length), data);
      await turn();
    }
    await file.close();
  }
}
