/**
 * Direct TCP, port 445. The only file of the server that knows sockets. [MS-SMB2] 2.1
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Transport, TransportListener } from '../session/transport.ts';
import { FrameCutter } from './frames.ts';

/** Takes a new connection, or refuses it (undefined); then the socket is closed at once. */
export type Accept = (transport: Transport) => TransportListener | undefined;

export interface TcpAddress {
  readonly host: string;
  readonly port: number;
}

const KEEP_ALIVE_DELAY_MS = 60_000;

/** A listening socket. */
export class TcpListener {
  readonly #server: Server;

  constructor(clock: Clock, accept: Accept) {
    this.#server = createServer({
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    });
    this.#server.on('connection', (socket) => {
      const transport = new TcpTransport(clock, socket);
      const listener = accept(transport);
      if (listener === undefined) socket.destroy();
      else transport.attach(listener);
    });
  }

  /** Rejects with the system's error: EADDRINUSE, EACCES, EADDRNOTAVAIL, … */
  listen(address: TcpAddress): Promise<TcpAddress> {
    return new Promise((resolve, reject) => {
      this.#server.once('error', reject);
      this.#server.listen({ host: address.host, port: address.port }, () => {
        this.#server.off('error', reject);
        this.#server.on('error', () => {});
        const bound = this.#server.address();
        const port = typeof bound === 'object' && bound !== null ? bound.port : address.port;
        resolve({ host: address.host, port });
      });
    });
  }

  /** Takes no more connections; those that are there stay. */
  close(): void {
    this.#server.close();
  }
}

class TcpTransport implements Transport {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #clock: Clock;
  readonly #socket: Socket;
  #frameSinceMs: number | undefined;

  constructor(clock: Clock, socket: Socket) {
    this.#clock = clock;
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.localAddress = socket.localAddress ?? '';
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get frameSinceMs(): number | undefined {
    return this.#frameSinceMs;
  }

  attach(listener: TransportListener): void {
    const socket = this.#socket;
    const cutter = new FrameCutter(listener);
    socket.on('data', (chunk: Buffer) => {
      const { messageCount } = cutter;
      // Answers to all requests of one read leave in one write.
      socket.cork();
      cutter.push(chunk);
      socket.uncork();
      if (!cutter.isPartial) this.#frameSinceMs = undefined;
      else if (cutter.messageCount !== messageCount) this.#frameSinceMs = this.#clock.monotonicMs();
      else this.#frameSinceMs ??= this.#clock.monotonicMs();
    });
    socket.on('drain', () => listener.drained());
    socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      cutter.stop();
      listener.closed();
    });
  }

  send(parts: readonly Buffer[]): void {
    if (this.#socket.destroyed) return;
    if (parts.length === 1) {
      for (const part of parts) this.#socket.write(part);
      return;
    }
    this.#socket.cork();
    for (const part of parts) this.#socket.write(part);
    this.#socket.uncork();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
