/**
 * One client on its transport: joins bytes and connection, and takes everything down when either ends.
 */

import { PAIR_BYTES_MIN } from '../crypto/signing.ts';
import type { Connection } from '../session/connection.ts';
import type { MessageMemory, TransportListener } from '../session/transport.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { ProtocolViolation } from './ending.ts';
import type { ExchangeHost } from './exchange.ts';
import { sessionsHearingOn } from './notify-client.ts';
import { pace } from './pace.ts';
import { receive, signerOf } from './receive.ts';
import { repeatBreaks } from './volume-notifier.ts';

export interface PeerHost extends ExchangeHost {
  /** The connection is gone and everything on it is released. */
  released(connection: Connection): void;
}

export class Peer implements TransportListener {
  readonly connection: Connection;
  readonly #host: PeerHost;

  constructor(host: PeerHost, connection: Connection) {
    this.#host = host;
    this.connection = connection;
  }

  get messageBytesMax(): number {
    const { limits } = this.connection.server;
    if (!this.connection.isAuthenticated) return limits.frameBytesUnauthenticated;
    return limits.payloadBytes + limits.frameBytesOverhead;
  }

  message(bytes: Buffer, memory?: MessageMemory): void {
    if (this.connection.isClosed) return;
    this.connection.server.statistics.bytesReceived += bytes.length + FRAME_HEADER_BYTES;
    try {
      receive(this.#host, this.connection, { bytes, memory });
    } catch (error) {
      this.#host.fail(this.connection, error);
    }
  }

  isPairable(bytes: Buffer): boolean {
    return bytes.length >= PAIR_BYTES_MIN && signerOf(this.connection, bytes)?.isPairable(bytes) === true;
  }

  pair(first: Buffer, second: Buffer): void {
    const signer = signerOf(this.connection, first);
    if (signer === signerOf(this.connection, second)) signer?.foresee(first, second);
  }

  violation(reason: string): void {
    this.#host.fail(this.connection, new ProtocolViolation(reason));
  }

  drained(): void {
    pace(this.connection);
  }

  closed(): void {
    void this.#release();
  }

  async #release(): Promise<void> {
    const { connection } = this;
    if (connection.isClosed) return;
    const hearing = sessionsHearingOn(connection);
    connection.isClosed = true;
    connection.server.leaveClient(connection);
    pace(connection);
    for (const request of connection.outstanding.values()) {
      if (request.sessionInUse?.adopt(request) !== true) request.end('disconnect');
    }
    const sessions = [...connection.sessions.values()];
    for (const { acceptor, session, purpose } of connection.authentications.values()) {
      acceptor.destroy();
      if (purpose === 'setup') sessions.push(session);
    }
    connection.authentications.clear();
    const results = await Promise.allSettled(sessions.map((session) => session.removeChannel(connection)));
    for (const result of results) {
      if (result.status === 'rejected') {
        connection.server.log.write('error', 'release-failed', { error: String(result.reason) });
      }
    }
    connection.sessions.clear();
    for (const session of hearing) if (session.state !== 'ended') repeatBreaks(session);
    this.#host.released(connection);
  }
}
