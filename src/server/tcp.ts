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
  #listener: TransportListener | undefined;
  #cutter: FrameCutter | undefined;
  #stalledSinceMs: number | undefined;

  constructor(clock: Clock, socket: Socket) {
    this.#clock = clock;
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.localAddress = socket.localAddress ?? '';
    socket.on('error', () => socket.destroy());
  }

  get queuedBytes(): number {
    return this.#socket.writableLength;
  }

  get frameSinceMs(): number | undefined {
    return this.#cutter?.frameSinceMs;
  }

  get stalledSinceMs(): number | undefined {
    return this.#stalledSinceMs;
  }

  attach(listener: TransportListener): void {
    const socket = this.#socket;
    const cutter = new FrameCutter(listener, () => this.#clock.monotonicMs());
    this.#cutter = cutter;
    this.#listener = listener;
    socket.on('data', (chunk: Buffer) => {
      // Answers to all requests of one read leave in one write.
      socket.cork();
      cutter.push(chunk);
      socket.uncork();
    });
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      cutter.stop();
      listener.closed();
    });
  }

  send(parts: readonly Buffer[]): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    const isTogether = parts.length > 1;
    if (isTogether) socket.cork();
    for (const part of parts) socket.write(part, this.#moved);
    if (isTogether) socket.uncork();
    this.#stalledSinceMs ??= this.#clock.monotonicMs();
  }

  /** Bytes have left. */
  readonly #moved = (): void => {
    this.#stalledSinceMs = this.queuedBytes === 0 ? undefined : this.#clock.monotonicMs();
    this.#listener?.drained();
  };

  pause(): void {
    this.#cutter?.pause();
    this.#socket.pause();
  }

  resume(): void {
    this.#cutter?.resume();
    if (this.#cutter?.isPaused === false) this.#socket.resume();
  }

  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
