/**
 * A transport without sockets: for tests, and for clients in the same process.
 */
import type { Clock } from '../base/clock.ts';
import type { Transport, TransportListener } from '../session/transport.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { FrameCutter } from './frames.ts';
import type { Accept } from './tcp.ts';

/** The client's end. */
export interface MemoryConnection {
  /** Sends bytes of the stream: frames, or parts of them. */
  write(bytes: Buffer): void;
  /** Sends one message, framed. */
  send(message: Buffer): void;
  /** The server's messages, without their frame headers. */
  onMessage: (message: Buffer) => void;
  /** The server closed the connection. */
  onClose: () => void;
  close(): void;
  readonly isClosed: boolean;
  /** Takes no more messages: they stay in the server's queue. */
  stopReading(): void;
  /** Takes those that wait, and whatever comes. */
  startReading(): void;
}

export interface MemoryPeer {
  readonly clock: Clock;
  /** Where the server believes the client to be. */
  readonly remoteAddress: string;
}

/** Connects to whatever `accept` belongs to; undefined when it refuses. */
export function connectInMemory(accept: Accept, peer: MemoryPeer): MemoryConnection | undefined {
  const pair = new MemoryPair(peer);
  const listener = accept(pair);
  if (listener === undefined) return undefined;
  pair.attach(listener);
  return pair;
}

class MemoryPair implements Transport, MemoryConnection {
  readonly remoteAddress: string;
  readonly localAddress = 'memory';
  onMessage: (message: Buffer) => void = () => {};
  onClose: () => void = () => {};
  isClosed = false;
  readonly #clock: Clock;
  #listener: TransportListener | undefined;
  #cutter: FrameCutter | undefined;
  /** Frames that the client does not take. */
  #queue: Buffer[] = [];
  #queuedBytes = 0;
  #isReading = true;
  #stalledSinceMs: number | undefined;

  constructor({ clock, remoteAddress }: MemoryPeer) {
    this.#clock = clock;
    this.remoteAddress = remoteAddress;
  }

  get queuedBytes(): number {
    return this.#queuedBytes;
  }

  get frameSinceMs(): number | undefined {
    return this.#cutter?.frameSinceMs;
  }

  get stalledSinceMs(): number | undefined {
    return this.#stalledSinceMs;
  }

  attach(listener: TransportListener): void {
    this.#listener = listener;
    this.#cutter = new FrameCutter(listener, () => this.#clock.monotonicMs());
  }

  write(bytes: Buffer): void {
    if (!this.isClosed) this.#cutter?.push(bytes);
  }

  /** Both ends have a `send`: the client's takes a message, the server's the parts of a frame. */
  send(message: Buffer | readonly Buffer[], left?: () => void): void {
    if (this.isClosed) return;
    if (Buffer.isBuffer(message)) {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      header.writeUInt32BE(message.length, 0);
      this.write(Buffer.concat([header, message]));
      return;
    }
    const frame = Buffer.concat(message);
    left?.();
    if (this.#isReading) {
      this.#deliver(frame);
      return;
    }
    this.#queue.push(frame);
    this.#queuedBytes += frame.length;
    this.#stalledSinceMs ??= this.#clock.monotonicMs();
  }

  stopReading(): void {
    this.#isReading = false;
  }

  startReading(): void {
    this.#isReading = true;
    for (const frame of this.#queue) this.#deliver(frame);
    this.#queue = [];
    this.#queuedBytes = 0;
    this.#stalledSinceMs = undefined;
    this.#listener?.drained();
  }

  #deliver(frame: Buffer): void {
    queueMicrotask(() => this.onMessage(frame.subarray(FRAME_HEADER_BYTES)));
  }

  pause(): void {
    this.#cutter?.pause();
  }

  resume(): void {
    this.#cutter?.resume();
  }

  close(): void {
    this.destroy();
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#queue = [];
    this.#cutter?.stop();
    queueMicrotask(() => {
      this.#listener?.closed();
      this.onClose();
    });
  }
}
