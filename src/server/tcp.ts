/**
 * Direct TCP, port 445. The only file of the server that knows sockets. [MS-SMB2] 2.1
 */
import { createServer, type Server, type Socket } from 'node:net';
import type { Clock } from '../base/clock.ts';
import type { Transport, TransportListener } from '../session/transport.ts';
import { FrameCutter } from './frames.ts';
import { type Receiving, receiving, receivingByEvents } from './received-socket.ts';

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
  #receiving: Receiving = receivingByEvents;

  constructor(clock: Clock, accept: Accept) {
    this.#server = createServer({
      pauseOnConnect: true,
      noDelay: true,
      keepAlive: true,
      keepAliveInitialDelay: KEEP_ALIVE_DELAY_MS,
    });
    this.#server.on('connection', (socket) => {
      const transport = new TcpTransport(clock, socket);
      const listener = accept(transport);
      if (listener === undefined) socket.destroy();
      else transport.attach(listener, this.#receiving);
    });
  }

  /** Rejects with the system's error: EADDRINUSE, EACCES, EADDRNOTAVAIL, … */
  async listen(address: TcpAddress): Promise<TcpAddress> {
    this.#receiving = await receiving();
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
  #socket: Socket;
  #listener: TransportListener | undefined;
  #cutter: FrameCutter | undefined;
  #stalledSinceMs: number | undefined;
  /** Bytes of the client are being worked on: what is sent leaves when that is over. */
  #isCutting = false;
  #isGathering = false;

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

  attach(listener: TransportListener, receiving: Receiving): void {
    const cutter = new FrameCutter(listener, () => this.#clock.monotonicMs());
    this.#cutter = cutter;
    this.#listener = listener;
    const accepted = this.#socket;
    // Answers to all requests of one read leave in one write.
    const together = (take: () => void): void => {
      this.#socket.cork();
      this.#isCutting = true;
      take();
      this.#isCutting = false;
      this.#socket.uncork();
    };
    const socket = receiving(accepted, {
      room: () => cutter.room(),
      filled: (room, count) => together(() => cutter.filled(room, count)),
      push: (bytes) => together(() => cutter.push(bytes)),
    });
    this.#socket = socket;
    if (socket !== accepted) socket.on('error', () => socket.destroy());
    socket.on('end', () => socket.end());
    socket.on('close', () => {
      cutter.stop();
      listener.closed();
    });
    socket.resume();
  }

  send(parts: readonly Buffer[], left?: () => void): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    if (!this.#isCutting) this.#gather();
    const last = parts.length - 1;
    for (const [index, part] of parts.entries()) {
      if (index === last) socket.write(part, (error) => this.#moved(error, left));
      else socket.write(part);
    }
    this.#stalledSinceMs ??= this.#clock.monotonicMs();
  }

  /** Answers that become ready outside of a read, one soon after the other, leave together. */
  #gather(): void {
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#socket.cork();
    setImmediate(this.#scatter);
  }

  readonly #scatter = (): void => {
    this.#isGathering = false;
    this.#socket.uncork();
  };

  /** Bytes have left; after an error nobody knows whether they still will. */
  #moved(error: Error | null | undefined, left: (() => void) | undefined): void {
    if (error === null || error === undefined) left?.();
    this.#stalledSinceMs = this.queuedBytes === 0 ? undefined : this.#clock.monotonicMs();
    this.#listener?.drained();
  }

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
