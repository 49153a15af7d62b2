/**
 * An authenticated session, its channels, tree connects and opens. [MS-SMB2] 3.3.1.8, 3.3.1.14
 */

import type { Identity } from '../auth/identity.ts';
import { assert, present } from '../base/assert.ts';
import { randomId } from '../base/entropy.ts';
import { demand, NtStatus } from '../base/status.ts';
import { telemetry } from '../base/telemetry.ts';
import type { Cipher, SigningAlgorithm } from '../crypto/algorithms.ts';
import type { SessionCrypto } from '../crypto/session-crypto.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Connection, OutstandingRequest } from './connection.ts';
import type { Dialect } from './dialect.ts';
import { type CloseReason, type FileIdValue, Open, type OpenTarget } from './open.ts';
import type { ServerState } from './server-state.ts';
import { type Share, TreeConnect } from './tree-connect.ts';

/** What exists once authentication succeeded. User and keys never change afterwards, the user's groups when it authenticates again. */
export interface Authenticated {
  readonly identity: Identity;
  /** Absent for guest and anonymous sessions, which neither sign nor encrypt. */
  readonly crypto: SessionCrypto | undefined;
  /** Unsigned requests are refused, unless they are sealed. [MS-SMB2] 3.3.5.2.4 */
  readonly signingRequired: boolean;
  readonly encryptData: boolean;
}

/** A connection that the session was established on or bound to. [MS-SMB2] 3.3.1.14 */
export interface Channel {
  /** Channel.SigningKey; absent for sessions without keys. */
  readonly signer: Signer | undefined;
}

export type SessionState = 'in-progress' | 'valid' | 'expired' | 'ended';

export class Session {
  readonly sessionId: number;
  readonly server: ServerState;
  /** The connection's dialect when the session was made; every channel has the same. */
  readonly dialect: Dialect;
  readonly clientGuid: string;
  /** The algorithms of the connection it was made on; every channel has the same. */
  readonly cipher: Cipher | undefined;
  readonly signingAlgorithm: SigningAlgorithm | undefined;
  state: SessionState = 'in-progress';
  authenticated: Authenticated | undefined;
  /** Session.ChannelList: the connections that carry this session. */
  readonly channels = new Map<Connection, Channel>();
  readonly trees = new Map<number, TreeConnect>();
  readonly #opens = new Map<number, Open>();
  /** Requests whose channel is gone and that go on: the client sends them again on another one. */
  readonly orphans = new Set<OutstandingRequest>();
  #users = 0;
  #isTornDown = false;
  #tellGone: () => void = () => {};
  /** Resolves when it has ended and nothing is worked on for it any more. */
  readonly gone = new Promise<void>((resolve) => {
    this.#tellGone = resolve;
  });
  /** Clock.monotonicMs after which the client must authenticate again. */
  expiresMs = Number.POSITIVE_INFINITY;

  constructor(server: ServerState, connection: Connection) {
    const negotiated = present(connection.negotiated, 'negotiated connection');
    this.server = server;
    this.sessionId = server.newSessionId();
    this.dialect = negotiated.dialect;
    this.clientGuid = negotiated.clientGuid;
    this.cipher = negotiated.cipher;
    this.signingAlgorithm = negotiated.signingAlgorithm;
  }

  get crypto(): SessionCrypto | undefined {
    return this.authenticated?.crypto;
  }

  /** The signer of the session on `connection`. */
  signerOn(connection: Connection): Signer | undefined {
    return this.channels.get(connection)?.signer;
  }

  /**
   * The connection is gone. The session ends with its last channel; durable opens may stay behind. [MS-SMB2] 3.3.7.1
   */
  async removeChannel(connection: Connection): Promise<void> {
    const channel = this.channels.get(connection);
    if (channel === undefined) return;
    if (this.channels.size === 1) {
      await this.end('disconnect');
      return;
    }
    this.channels.delete(connection);
    if (channel.signer !== undefined) this.crypto?.releaseChannel(channel.signer);
  }

  /** The channel of `request` is lost: true when the request goes on for a session that has others. */
  adopt(request: OutstandingRequest): boolean {
    if (!request.outlivesChannel || this.channels.size < 2) return false;
    if (this.orphans.size >= this.server.limits.pendingCount) return false;
    this.orphans.add(request);
    return true;
  }

  /** Valid, or expired by now. */
  currentState(nowMs: number): SessionState {
    if (this.state === 'valid' && nowMs >= this.expiresMs) this.state = 'expired';
    return this.state;
  }

  get opens(): Iterable<Open> {
    return this.#opens.values();
  }

  get openCount(): number {
    return this.#opens.size;
  }

  /** Throws INSUFFICIENT_RESOURCES when the session has as many as it may. [MS-SMB2] 3.3.5.7 */
  addTree(share: Share, maximalAccess: number, encryptData: boolean): TreeConnect {
    demand(this.trees.size < this.server.limits.treeConnectCountPerSession, NtStatus.INSUFFICIENT_RESOURCES);
    let treeId = 1;
    while (this.trees.has(treeId)) treeId++;
    const tree = new TreeConnect({ treeId, session: this, share, maximalAccess, encryptData });
    this.trees.set(treeId, tree);
    this.server.counters.treeConnects++;
    return tree;
  }

  /**
   * Registers an open of `target`. A durable open that is reclaimed keeps its `persistent` id. Throws
   * TOO_MANY_OPENED_FILES at the limits.
   */
  addOpen(tree: TreeConnect, target: OpenTarget, persistent?: number): Open {
    const { limits, counters, entropy } = this.server;
    demand(
      this.#opens.size < limits.openCountPerSession && counters.opens < limits.openCount,
      NtStatus.TOO_MANY_OPENED_FILES,
    );
    let volatile = randomId(entropy);
    while (this.#opens.has(volatile)) volatile = randomId(entropy);
    const open = new Open({ persistent: persistent ?? randomId(entropy), volatile }, tree, target);
    this.#opens.set(volatile, open);
    this.server.opensByTarget.set(target, open);
    counters.opens++;
    this.server.statistics.opensMade++;
    if (telemetry.open.hasSubscribers) this.#tellOpen('opened', open);
    return open;
  }

  /** [MS-SMB2] 3.3.5.10: both halves of the FileId must match. */
  findOpen(fileId: FileIdValue): Open | undefined {
    const open = this.#opens.get(fileId.volatile);
    return open?.fileId.persistent === fileId.persistent ? open : undefined;
  }

  /** Takes the open out of the table and ends it; every request that uses it ends with FILE_CLOSED. */
  closeOpen(open: Open, reason: CloseReason): Promise<void> | void {
    if (open.isClosed) return;
    open.isClosed = true;
    this.#opens.delete(open.fileId.volatile);
    this.server.opensByTarget.delete(open.target);
    this.server.counters.opens--;
    if (telemetry.open.hasSubscribers) this.#tellOpen('closed', open, reason);
    assert(this.server.counters.opens >= 0, 'open counter below zero');
    const ended = this.#hasRequests ? this.#endRequestsOn(open, reason) : undefined;
    const closed = open.target.close(reason);
    return ended === undefined ? closed : Promise.all([ended, closed]).then(() => undefined);
  }

  /** Some of its channels have requests that wait or are worked on. */
  get #hasRequests(): boolean {
    if (this.orphans.size > 0) return true;
    for (const channel of this.channels.keys()) if (channel.outstanding.size > 0) return true;
    return false;
  }

  #endRequestsOn(open: Open, reason: CloseReason): Promise<unknown> | undefined {
    return this.#endRequests((request) => request.openInUse === open, reason);
  }

  /** [MS-SMB2] 3.3.5.8 */
  async disconnectTree(tree: TreeConnect, reason: CloseReason): Promise<void> {
    if (!this.trees.delete(tree.treeId)) return;
    this.server.counters.treeConnects--;
    const opens = [...this.#opens.values()].filter((open) => open.tree === tree);
    await this.#closeAll(opens, reason);
    await this.#endRequests((request) => request.treeInUse === tree, reason);
  }

  /**
   * Ends the session: requests, opens, trees, channels and keys. Idempotent. `reason` decides whether durable opens
   * stay behind. [MS-SMB2] 3.3.5.6, 3.3.7.1
   */
  async end(reason: CloseReason): Promise<void> {
    if (this.state === 'ended') return;
    const { sessionId } = this;
    const user = this.authenticated?.identity.name;
    if (telemetry.session.hasSubscribers)
      telemetry.session.publish({ event: 'ended', sessionId, user, reason });
    this.state = 'ended';
    this.server.sessions.delete(this.sessionId);
    this.server.endingSessions.set(this.sessionId, this);
    const ended = this.#endRequests((request) => request.sessionInUse === this, reason);
    for (const channel of this.channels.keys()) {
      channel.sessions.delete(this.sessionId);
      channel.authentications.delete(this.sessionId);
    }
    this.server.counters.treeConnects -= this.trees.size;
    this.trees.clear();
    await this.#closeAll([...this.#opens.values()], reason);
    await ended;
    this.channels.clear();
    this.#isTornDown = true;
    this.#destroyWhenUnused();
  }

  /** A request of this session begins; its answer will need the keys even when the session ends meanwhile. */
  retain(): void {
    this.#users++;
  }

  /** The answer has left. */
  release(): void {
    this.#users--;
    this.#destroyWhenUnused();
  }

  #destroyWhenUnused(): void {
    if (!this.#isTornDown || this.#users > 0) return;
    this.crypto?.destroy();
    this.server.endingSessions.delete(this.sessionId);
    this.#tellGone();
  }

  #tellOpen(event: string, open: Open, reason?: CloseReason): void {
    telemetry.open.publish({ event, sessionId: this.sessionId, share: open.tree.share.name, reason });
  }

  /** Resolves when those of them that waited have their answers, which come first; undefined where none did. */
  #endRequests(
    concerned: (request: OutstandingRequest) => boolean,
    reason: CloseReason,
  ): Promise<unknown> | undefined {
    let ended: Promise<void>[] | undefined;
    const end = (request: OutstandingRequest): void => {
      const answered = concerned(request) ? request.end(reason) : undefined;
      if (answered !== undefined) ended = [...(ended ?? []), answered];
    };
    for (const channel of this.channels.keys())
      for (const request of channel.outstanding.values()) end(request);
    for (const request of this.orphans) end(request);
    return ended && Promise.all(ended);
  }

  /**
   * One open after the other ends, with its requests: a lock that one held is granted to the next before that one goes too.
   */
  async #closeAll(opens: readonly Open[], reason: CloseReason): Promise<void> {
    for (const open of opens) {
      try {
        await this.closeOpen(open, reason);
      } catch (error) {
        this.server.log.write('error', 'close-failed', { reason, error: String(error) });
      }
    }
  }
}
