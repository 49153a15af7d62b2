/**
 * A server under abuse, with two clients beside it that must not notice: one reads, one writes, all the time. At the end
 * nothing may be left in any table.
 */
import assert from 'node:assert/strict';
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises';
import type { Log, LogFields } from '../../src/base/log.ts';
import type { Server } from '../../src/server/server.ts';
import {
  connectClient,
  type NegotiateOffer,
  type TestClient,
  type TestTree,
} from '../../src/testing/client.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
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
  const server = memoryServer({ log, ...options });
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
    const errors = events.filter(({ level }) => level === 'error');
    if (options.allowsErrors !== true) assert.deepEqual(errors, [], 'nothing unexpected was thrown');
  } finally {
    for (const bystander of bystanders) bystander.stop();
    await closed(server);
  }
}

/** Closes the server, whichever clock it lives by. */
async function closed(server: Server): Promise<void> {
  const { clock } = server.state;
  let isClosed = false;
  const closing = server.close({ drainMs: 0 }).finally(() => {
    isClosed = true;
  });
  while (clock instanceof VirtualClock && !isClosed) {
    await clock.advance(20);
    await turn();
  }
  await closing;
}

/**
 * Waits until every counter of the server is what it was when nobody had come: no connection, session, open, lock, lease, break, watch,
 * request, credit or byte in a queue.
 */
export async function expectEmptyTables(server: Server): Promise<void> {
  const left = () => Object.entries(server.stats().now).filter(([, count]) => count !== 0);
  for (const until = performance.now() + settleLimitMs; left().length > 0 && performance.now() < until; )
    await delay(5);
  assert.deepEqual(left(), []);
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
