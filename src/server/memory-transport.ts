/**
 * A transport without sockets: for tests, and for clients in the same process.
 */
import { EMPTY } from '../base/bytes.ts';
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
}

/** Connects to whatever `accept` belongs to; undefined when it refuses. */
export function connectInMemory(accept: Accept, remoteAddress = 'memory'): MemoryConnection | undefined {
  const pair = new MemoryPair(remoteAddress);
  const listener = accept(pair);
  if (listener === undefined) return undefined;
  pair.attach(listener);
  return pair;
}

class MemoryPair implements Transport, MemoryConnection {
  readonly remoteAddress: string;
  readonly localAddress = 'memory';
  readonly queuedBytes = 0;
  readonly frameSinceMs = undefined;
  onMessage: (message: Buffer) => void = () => {};
  onClose: () => void = () => {};
  isClosed = false;
  #listener: TransportListener | undefined;
  #cutter: FrameCutter | undefined;

  constructor(remoteAddress: string) {
    this.remoteAddress = remoteAddress;
  }

  attach(listener: TransportListener): void {
    this.#listener = listener;
    this.#cutter = new FrameCutter(listener);
  }

  write(bytes: Buffer): void {
    if (!this.isClosed) this.#cutter?.push(Buffer.from(bytes));
  }

  /** Both ends have a `send`: the client's takes a message, the server's the parts of a frame. */
  send(message: Buffer | readonly Buffer[]): void {
    if (this.isClosed) return;
    if (Buffer.isBuffer(message)) {
      const header = Buffer.alloc(FRAME_HEADER_BYTES);
      header.writeUInt32BE(message.length, 0);
      this.write(Buffer.concat([header, message]));
      return;
    }
    const frame = Buffer.concat([EMPTY, ...message]);
    queueMicrotask(() => this.onMessage(frame.subarray(FRAME_HEADER_BYTES)));
  }

  pause(): void {}
  resume(): void {}

  close(): void {
    this.destroy();
  }

  end(): void {
    this.destroy();
  }

  destroy(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#cutter?.stop();
    queueMicrotask(() => {
      this.#listener?.closed();
      this.onClose();
    });
  }
}
