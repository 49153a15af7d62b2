/**
 * The server: connections in, shares out. Owns no sockets until told to listen, and no global state.
 */
import type { Identity } from '../auth/identity.ts';
import { type Audit, noAudit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import type { Entropy } from '../base/entropy.ts';
import { type Log, printable } from '../base/log.ts';
import { Table } from '../base/table.ts';
import { telemetry } from '../base/telemetry.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import { Connection } from '../session/connection.ts';
import {
  type Authenticator,
  type Counters,
  type KeyLog,
  type NetworkInterface,
  ServerState,
} from '../session/server-state.ts';
import type { Settings } from '../session/settings.ts';
import type { Transport, TransportListener } from '../session/transport.ts';
import type { Share } from '../session/tree-connect.ts';
import { addressKey } from './address.ts';
import { commands } from './commands/index.ts';
import { fastestCryptoProvider } from './crypto-provider.ts';
import { Deadlines } from './deadlines.ts';
import type { CommandTable } from './dispatch.ts';
import { ProtocolViolation } from './ending.ts';
import { type AccountNames, Lockout } from './lockout.ts';
import { connectInMemory, type MemoryConnection } from './memory-transport.ts';
import { Peer, type PeerHost } from './peer.ts';
import { type ServerStats, statsOf } from './stats.ts';
import { type TcpAddress, TcpListener } from './tcp.ts';
import { FailedLogonThrottle } from './throttle.ts';

export interface ServerOptions {
  readonly serverGuid: string;
  /** NetBIOS-like name for clients to show. */
  readonly serverName: string;
  readonly settings: Settings;
  readonly authenticator: Authenticator;
  readonly shares: readonly Share[];
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Takes what must be found afterwards; by default nobody. */
  readonly audit?: Audit | undefined;
  readonly keyLog?: KeyLog | undefined;
  /** Who signs and seals; by default the fastest that there is. */
  readonly cryptoProvider?: CryptoProvider | undefined;
  /** The addresses to offer for further channels; by default the one that the client uses. [MS-SMB2] 3.3.5.15.11 */
  readonly networkInterfaces?: ((localAddress: string) => readonly NetworkInterface[]) | undefined;
  /** Who exists and who administers, for lock-outs; by default nobody. */
  readonly accounts?: AccountNames | undefined;
  /** The commands that are served; by default the product's. Others are for tests alone. */
  readonly commands?: CommandTable | undefined;
}

const noAccounts: AccountNames = { has: () => false, administrators: () => [] };

/** How long {@link Server.close} waits for requests under way, at most. */
const DRAIN_POLL_MS = 20;
/** How long it waits for requests that have ended to let go of their store, at most. */
const UNWIND_MS = 5000;

export class Server {
  readonly state: ServerState;
  readonly #listeners: TcpListener[] = [];
  readonly #deadlines: Deadlines;
  readonly #lockout: Lockout;
  readonly #peers = new Map<Connection, Peer>();
  readonly #addresses = new Table<string, number>();
  readonly #host: PeerHost;
  #closing: Promise<Counters> | undefined;

  constructor(options: ServerOptions) {
    const { clock, log, audit = noAudit, accounts = noAccounts } = options;
    const settings = () => this.state.settings.lockout;
    this.#lockout = new Lockout({ clock, log, audit, accounts, settings });
    const delayMs = () => this.state.limits.failedLogonDelayMs;
    const throttle = new FailedLogonThrottle({ clock, delayMs, lockout: this.#lockout, audit });
    const { cryptoProvider = fastestCryptoProvider() } = options;
    this.state = new ServerState({ ...options, cryptoProvider, throttle });
    this.#host = {
      commands: options.commands ?? commands,
      fail: (connection, error) => this.#fail(connection, error),
      released: (connection) => this.#released(connection),
    };
    for (const share of options.shares) this.addShare(share);
    this.#deadlines = new Deadlines(this.state, this.#lockout, (connection, reason) =>
      this.#drop(connection, reason),
    );
    this.#deadlines.start();
  }

  addShare(share: Share): void {
    this.state.shares.set(share.name.toLowerCase(), share);
  }

  /** Listens on one more address; returns it with the port that was taken. Rejects with the system's error. */
  async listen(address: TcpAddress): Promise<TcpAddress> {
    const listener = new TcpListener(this.state.clock, (transport) => this.#accept(transport));
    const bound = await listener.listen(address);
    this.#listeners.push(listener);
    return bound;
  }

  /** A connection without a socket; undefined when the limits refuse it. */
  connect(remoteAddress = 'memory'): MemoryConnection | undefined {
    const { clock } = this.state;
    return connectInMemory((transport) => this.#accept(transport), { clock, remoteAddress });
  }

  /**
   * Feeds whole messages to a connection of its own and returns every answer that is there when all of them have been worked
   * on, or when the server closed the connection.
   */
  async inject(...messages: readonly Buffer[]): Promise<readonly Buffer[]> {
    const answers: Buffer[] = [];
    const connection = this.connect();
    if (connection === undefined) return answers;
    connection.onMessage = (message) => answers.push(message);
    for (const message of messages) {
      connection.send(message);
      await this.#idle();
    }
    connection.close();
    await this.#idle();
    return answers;
  }

  /** Settings for connections made from now on. */
  update(settings: Settings): void {
    this.state.settings = settings;
  }

  /** Ends the sessions of those that `isMeant` says, durable opens included; their requests, opens and locks end with them. Resolves to their number. */
  async endSessions(isMeant: (identity: Identity) => boolean): Promise<number> {
    const meant = [...this.state.sessions.values()].filter(
      ({ authenticated }) => authenticated !== undefined && isMeant(authenticated.identity),
    );
    for (const session of meant) {
      const user = session.authenticated?.identity.name;
      this.state.audit('session-ended', { user, session: session.sessionId, reason: 'revoked' });
    }
    await Promise.allSettled(meant.map((session) => session.end('tree-disconnect')));
    return meant.length;
  }

  /**
   * Ends the tree connects whose share does not permit any more what it permitted when they were made; what is open through them is closed.
   * Resolves to their number.
   */
  async endTreesWithoutRight(): Promise<number> {
    const ending: Promise<void>[] = [];
    for (const session of this.state.sessions.values()) {
      const identity = session.authenticated?.identity;
      if (identity === undefined) continue;
      for (const tree of session.trees.values()) {
        if ((tree.maximalAccess & ~tree.share.maximalAccess(identity)) === 0) continue;
        this.state.audit('share-ended', { user: identity.name, share: tree.share.name, reason: 'revoked' });
        ending.push(session.disconnectTree(tree, 'tree-disconnect'));
      }
    }
    await Promise.allSettled(ending);
    return ending.length;
  }

  /** Ends the lock-out of an account, and forgets its wrong passwords; false when it was not locked out. */
  liftLockout(account: string, reason: 'lifted' | 'account-changed'): boolean {
    return this.#lockout.lift(account, reason);
  }

  /** The server in numbers. */
  stats(): ServerStats {
    return statsOf(this.state, commands);
  }

  counters(): Counters {
    return this.state.tableSizes();
  }

  /**
   * Takes no more connections, lets requests under way finish for up to `drainMs`, ends every session and closes the
   * shares. Resolves to the sizes of the tables between the two: what clients had left behind. Idempotent.
   */
  close(options: { readonly drainMs?: number } = {}): Promise<Counters> {
    this.#closing ??= this.#close(options.drainMs ?? 0);
    return this.#closing;
  }

  async #close(drainMs: number): Promise<Counters> {
    for (const listener of this.#listeners) listener.close();
    await this.#drain(drainMs);
    const left = this.counters();
    this.#deadlines.stop();
    const sessions = [...this.state.sessions.values()];
    await Promise.allSettled(sessions.map((session) => session.end('shutdown')));
    for (const { connection } of this.#peers.values()) connection.transport.end();
    for (const { connection } of this.#peers.values()) connection.transport.destroy();
    while (this.#peers.size > 0) await this.#pause(1);
    await this.#unwind();
    for (const share of this.state.shares.values()) await share.target.close();
    return left;
  }

  #accept(transport: Transport): TransportListener | undefined {
    const { limits, connections, log } = this.state;
    const address = addressKey(transport.remoteAddress);
    const fromAddress = this.#addresses.get(address) ?? 0;
    const isFull =
      this.#closing !== undefined ||
      connections.size >= limits.connectionCount ||
      fromAddress >= limits.connectionCountPerAddress ||
      this.#unauthenticatedCount() >= limits.unauthenticatedConnectionCount;
    if (isFull) {
      this.state.statistics.connectionsRefused++;
      if (telemetry.connection.hasSubscribers) telemetry.connection.publish({ event: 'refused', address });
      log.write('warn', 'connection-refused', { address, connections: connections.size });
      return undefined;
    }
    this.#addresses.set(address, fromAddress + 1);
    const connection = new Connection(this.state, transport);
    const peer = new Peer(this.#host, connection);
    connections.add(connection);
    this.#peers.set(connection, peer);
    this.state.statistics.connectionsAccepted++;
    if (telemetry.connection.hasSubscribers) telemetry.connection.publish({ event: 'opened', address });
    log.write('debug', 'connected', { address });
    return peer;
  }

  #unauthenticatedCount(): number {
    const { connections, limits } = this.state;
    if (connections.size < limits.unauthenticatedConnectionCount) return 0;
    let count = 0;
    for (const connection of connections) if (!connection.isAuthenticated) count++;
    return count;
  }

  #fail(connection: Connection, error: unknown): void {
    const address = connection.transport.remoteAddress;
    if (error instanceof ProtocolViolation) {
      this.#drop(connection, error.message);
      return;
    }
    const stack = error instanceof Error ? error.stack : String(error);
    this.state.log.write('error', 'connection-failed', { address, stack });
    connection.transport.destroy();
  }

  #drop(connection: Connection, reason: string): void {
    const address = connection.transport.remoteAddress;
    this.state.log.write('info', 'connection-closed', { address, reason: printable(reason) });
    connection.transport.destroy();
  }

  #released(connection: Connection): void {
    const address = addressKey(connection.transport.remoteAddress);
    const left = (this.#addresses.get(address) ?? 1) - 1;
    if (left === 0) this.#addresses.delete(address);
    else this.#addresses.set(address, left);
    this.state.connections.delete(connection);
    this.#peers.delete(connection);
    if (telemetry.connection.hasSubscribers) telemetry.connection.publish({ event: 'closed', address });
    this.state.log.write('debug', 'disconnected', { address });
  }

  async #drain(drainMs: number): Promise<void> {
    const until = this.state.clock.monotonicMs() + drainMs;
    while (this.#isBusy() && this.state.clock.monotonicMs() < until) await this.#pause(DRAIN_POLL_MS);
  }

  /** Requests whose connection is gone may still be with their store; it is not closed under them, unless it hangs. */
  async #unwind(): Promise<void> {
    const until = this.state.clock.monotonicMs() + UNWIND_MS;
    const { counters, clock } = this.state;
    while (counters.outstandingRequests > 0 && clock.monotonicMs() < until) await this.#pause(1);
  }

  /** Something is being worked on; what merely waits (an interim was sent) does not count. */
  #isBusy(): boolean {
    for (const { outstanding } of this.state.connections) {
      for (const request of outstanding.values()) if (request.asyncId === undefined) return true;
    }
    return false;
  }

  async #idle(): Promise<void> {
    do await this.#pause(0);
    while (this.#isBusy());
  }

  #pause(delayMs: number): Promise<void> {
    return new Promise((resolve) => {
      this.state.clock.setTimer(delayMs, resolve, true);
    });
  }
}
