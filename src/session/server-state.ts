/**
 * The state that all connections of one server share. [MS-SMB2] 3.3.1.5
 */

import type { AcceptorContext, AuthenticationStep } from '../auth/mechanism.ts';
import { type Audit, noAudit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import { type Entropy, randomId, randomId32 } from '../base/entropy.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { Table } from '../base/table.ts';
import type { CryptoProvider } from '../crypto/provider.ts';
import type { Connection } from './connection.ts';
import type { Open, OpenTarget } from './open.ts';
import type { Session } from './session.ts';
import type { Settings } from './settings.ts';
import { Statistics } from './statistics.ts';
import type { Share } from './tree-connect.ts';

/** Sizes of the tables, all zero when everything is closed. */
export interface Counters {
  connections: number;
  sessions: number;
  treeConnects: number;
  opens: number;
  outstandingRequests: number;
}

/** Receives a session's id and full session key; the key must be copied at once or not at all. */
export type KeyLog = (sessionId: number, fullSessionKey: Buffer) => void;

/** Makes acceptors for SESSION_SETUP; SPNEGO with the configured mechanisms. */
export interface Authenticator {
  /** The security buffer of NEGOTIATE. [MS-SMB2] 3.3.5.4 */
  negotiationHint(): Buffer;
  begin(): AcceptorContext;
}

/** An address at which the server can be reached. */
export interface NetworkInterface {
  readonly index: number;
  /** IPv4 or IPv6, as text. */
  readonly address: string;
  /** Bits per second. */
  readonly linkSpeedBits: bigint;
}

/** One token of a client. */
export interface LogonAttempt {
  readonly token: Buffer;
  readonly address: string;
  /** Lets so much time pass; rejects when nobody waits for the answer any more. */
  pause(delayMs: number): Promise<void>;
}

/** Steps an authentication, slowing down those who guess. */
export interface LogonThrottle {
  /** Names that are locked out after too many wrong passwords. */
  readonly lockedCount: number;
  step(acceptor: AcceptorContext, attempt: LogonAttempt): Promise<AuthenticationStep>;
}

export interface ServerStateOptions {
  /** The addresses to offer for further channels to a client that is connected to `localAddress`. */
  readonly networkInterfaces?: ((localAddress: string) => readonly NetworkInterface[]) | undefined;
  readonly throttle: LogonThrottle;
  readonly authenticator: Authenticator;
  /** Sees every session's key, for a key log that somebody asked for. */
  readonly keyLog?: KeyLog | undefined;
  /** Who signs and seals; by default the runtime. */
  readonly cryptoProvider?: CryptoProvider | undefined;
  readonly serverGuid: string;
  readonly serverName: string;
  readonly settings: Settings;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Takes what must be found afterwards; by default nobody. */
  readonly audit?: Audit | undefined;
}

export class ServerState {
  readonly serverGuid: string;
  readonly serverName: string;
  /** Replaced as a whole; a connection keeps what it negotiated. */
  settings: Settings;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly audit: Audit;
  readonly authenticator: Authenticator;
  readonly throttle: LogonThrottle;
  readonly networkInterfaces: (localAddress: string) => readonly NetworkInterface[];
  readonly keyLog: KeyLog | undefined;
  readonly cryptoProvider: CryptoProvider | undefined;
  readonly connections = new Set<Connection>();
  /** Connections by their ClientGuid, the oldest first. */
  readonly #clients = new Table<string, Set<Connection>>();
  /** GlobalSessionTable. [MS-SMB2] 3.3.1.5 */
  readonly sessions = new Map<number, Session>();
  /** Those that have ended, and for which something is still closed or worked on. */
  readonly endingSessions = new Map<number, Session>();
  /** ShareList, by name in lower case. */
  readonly shares = new Map<string, Share>();
  /** Opens by what is behind them, for what files have to tell their clients. */
  readonly opensByTarget = new Map<OpenTarget, Open>();
  readonly counters = { treeConnects: 0, opens: 0, outstandingRequests: 0 };
  /** Bytes that payloads at work and unsent answers of all connections hold. */
  heldBytes = 0;
  readonly startTime: bigint;
  /** Clock.monotonicMs of the start. */
  readonly startMs: number;
  /** What was done since. */
  readonly statistics = new Statistics();

  constructor(options: ServerStateOptions) {
    this.serverGuid = options.serverGuid;
    this.serverName = options.serverName;
    this.settings = options.settings;
    this.clock = options.clock;
    this.entropy = options.entropy;
    this.log = options.log;
    this.audit = options.audit ?? noAudit;
    this.authenticator = options.authenticator;
    this.keyLog = options.keyLog;
    this.cryptoProvider = options.cryptoProvider;
    this.throttle = options.throttle;
    this.networkInterfaces = options.networkInterfaces ?? theSameAddress;
    this.startTime = options.clock.now();
    this.startMs = options.clock.monotonicMs();
  }

  get limits(): Limits {
    return this.settings.limits;
  }

  /** An unpredictable id that `isTaken` does not know. */
  newId(isTaken: (id: number) => boolean): number {
    for (;;) {
      const id = randomId(this.entropy);
      if (!isTaken(id)) return id;
    }
  }

  /** An unpredictable SessionId that is free. smbtorture, for one, keeps only 32 bits of it. */
  newSessionId(): number {
    for (;;) {
      const id = randomId32(this.entropy);
      if (!this.sessions.has(id)) return id;
    }
  }

  /** `connection` has negotiated: from now on it counts among its client's. */
  joinClient(connection: Connection, clientGuid: string): void {
    const joined = this.#clients.get(clientGuid) ?? new Set();
    this.#clients.set(clientGuid, joined.add(connection));
  }

  /** It is closed: nothing is sent on it any more. */
  leaveClient(connection: Connection): void {
    const clientGuid = connection.negotiated?.clientGuid ?? '';
    const joined = this.#clients.get(clientGuid);
    joined?.delete(connection);
    if (joined?.size === 0) this.#clients.delete(clientGuid);
  }

  /** The connections of a client that are not closed, the oldest first. */
  connectionsOf(clientGuid: string): Iterable<Connection> {
    return this.#clients.get(clientGuid) ?? [];
  }

  tableSizes(): Counters {
    return { connections: this.connections.size, sessions: this.sessions.size, ...this.counters };
  }
}

const GIGABIT = 1_000_000_000n;

/** Without knowledge of the machine, the address that the client uses already is one that it can use again. */
function theSameAddress(localAddress: string): readonly NetworkInterface[] {
  return [{ index: 1, address: localAddress, linkSpeedBits: GIGABIT }];
}
