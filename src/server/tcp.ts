/**
 * Direct TCP, port 445. The only file of the server that knows sockets. [MS-SMB2] 2.1
 */
import { createServer, type Server, type Socket } from 'node:net';
import { EMPTY } from '../base/bytes.ts';
import type { Clock } from '../base/clock.ts';
import { loadLibc } from '../native/libc.ts';
import type { Transport, TransportListener } from '../session/transport.ts';
import { FrameCutter } from './frames.ts';
import { Outgoing, type SendNow } from './outgoing.ts';
import { Pairing, type PairingHost } from './pairing.ts';
import { type ByteSink, type Receiving, receiving, receivingByEvents } from './received-socket.ts';

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
  readonly #sendNow: SendNow | undefined = loadLibc()?.sockets?.sendNow;
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
      else transport.attach(listener, this.#receiving, this.#sendNow);
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

/** One connection. Its parts are handed the transport itself: an object or a function for each would be memory of every idle one. */
class TcpTransport implements Transport, ByteSink, PairingHost {
  readonly remoteAddress: string;
  readonly localAddress: string;
  readonly #clock: Clock;
  #socket: Socket;
  #outgoing: Outgoing | undefined;
  #listener: TransportListener | undefined;
  #cutter: FrameCutter | undefined;
  #pairing: Pairing | undefined;
  #stalledSinceMs: number | undefined;

  constructor(clock: Clock, socket: Socket) {
    this.#clock = clock;
    this.#socket = socket;
    this.remoteAddress = socket.remoteAddress ?? '';
    this.localAddress = socket.localAddress ?? '';
    socket.on('error', () => socket.destroy());
  }

  get queuedBytes(): number {
    return this.#outgoing?.queuedBytes ?? 0;
  }

  get frameSinceMs(): number | undefined {
    return this.#cutter?.frameSinceMs;
  }

  get stalledSinceMs(): number | undefined {
    return this.#stalledSinceMs;
  }

  attach(listener: TransportListener, receiving: Receiving, sendNow: SendNow | undefined): void {
    const pairing = new Pairing(listener, this);
    const cutter = new FrameCutter(pairing, () => this.#clock.monotonicMs());
    this.#pairing = pairing;
    this.#cutter = cutter;
    this.#listener = listener;
    const accepted = this.#socket;
    // Asks for room already.
    const socket = receiving(accepted, this);
    this.#socket = socket;
    this.#outgoing = new Outgoing(socket, sendNow, (haveLeft) => this.#moved(haveLeft));
    if (socket !== accepted) socket.on('error', () => socket.destroy());
    socket.on('end', () => {
      this.together(() => pairing.resume());
      this.end();
    });
    socket.on('close', () => {
      cutter.stop();
      pairing.settle();
      listener.closed();
    });
    socket.resume();
  }

  get isPaused(): boolean {
    return this.#cutter?.isPaused === true;
  }

  together(work: () => void): void {
    this.#outgoing?.together(work);
  }

  room(): Buffer {
    return this.#cutter?.room() ?? EMPTY;
  }

  filled(room: Buffer, count: number): void {
    this.together(() => this.#cutter?.filled(room, count));
  }

  push(bytes: Buffer): void {
    this.together(() => this.#cutter?.push(bytes));
  }

  send(parts: readonly Buffer[], left?: () => void): void {
    this.#outgoing?.send(parts, left);
  }

  sendLater(parts: readonly Buffer[], left: () => void, complete: () => void): void {
    this.#outgoing?.send(parts, left, complete);
  }

  #moved(haveLeft: boolean): void {
    if (this.queuedBytes === 0) this.#stalledSinceMs = undefined;
    else if (haveLeft || this.#stalledSinceMs === undefined) this.#stalledSinceMs = this.#clock.monotonicMs();
    this.#listener?.drained();
  }

  pause(): void {
    this.#cutter?.pause();
    this.#socket.pause();
  }

  resume(): void {
    this.#cutter?.resume();
    this.#pairing?.resume();
    if (this.#cutter?.isPaused === false) this.#socket.resume();
  }

  end(): void {
    this.#outgoing?.flush();
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }
}
