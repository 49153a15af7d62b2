/**
 * What leaves through a socket. The answers to all requests of one read leave together, as do those that become ready soon after one another.
 * Where nothing waits before them they are handed to the system at once, small ones by one call, and their memory is free for the next
 * answers while it is still in the processor's cache; what the system does not take goes through the stream, which waits for the client.
 */
import type { Socket } from 'node:net';
import type { Sockets } from '../native/socket.ts';

/** Hands the system what it takes at once. */
export type SendNow = Sockets['sendNow'];

/** Where parts are put together that leave by one call. Nothing stays in it; more than it holds is not worth being copied. */
const arena = Buffer.allocUnsafeSlow(128 * 1024);

interface Part {
  readonly bytes: Buffer;
  /** To be called when the frame has left that ends with this part. */
  readonly left: (() => void) | undefined;
  /** To be called before any of the frame leaves. */
  readonly complete: (() => void) | undefined;
}

function nothing(): void {}

export class Outgoing {
  readonly #socket: Socket;
  readonly #sendNow: SendNow | undefined;
  readonly #moved: (haveLeft: boolean) => void;
  #parts: Part[] = [];
  #partBytes = 0;
  /** Something will call {@link flush}. */
  #isGathering = false;

  /**
   * Without `sendNow` everything goes through the stream. `moved` is called when there is less to send, or more that the client does not
   * take; `haveLeft` tells them apart.
   */
  constructor(socket: Socket, sendNow: SendNow | undefined, moved: (haveLeft: boolean) => void) {
    this.#socket = socket;
    this.#sendNow = sendNow;
    this.#moved = moved;
  }

  /** Bytes that have not left. */
  get queuedBytes(): number {
    return this.#partBytes + this.#socket.writableLength;
  }

  /** What `work` sends leaves when it is over. */
  together(work: () => void): void {
    this.#isGathering = true;
    work();
    this.scatter();
  }

  /** A frame, in parts; `left` is called when all of them have left, `complete` before any has. */
  send(parts: readonly Buffer[], left: () => void = nothing, complete?: () => void): void {
    if (this.#socket.destroyed) return;
    const last = parts.at(-1);
    for (const bytes of parts) {
      const isLast = bytes === last;
      this.#parts.push({ bytes, left: isLast ? left : undefined, complete: isLast ? complete : undefined });
      this.#partBytes += bytes.length;
    }
    if (!this.#isGathering) this.#flushSoon();
  }

  /** What was sent waits for nothing more. */
  flush(): void {
    const parts = this.#parts;
    if (parts.length === 0) return;
    for (const { complete } of parts) complete?.();
    const sentBytes = this.#sendAtOnce(parts);
    this.#parts = [];
    this.#partBytes = 0;
    let restBytes = sentBytes;
    let index = 0;
    for (const { bytes, left } of parts) {
      if (bytes.length > restBytes) break;
      restBytes -= bytes.length;
      left?.();
      index++;
    }
    if (index < parts.length) this.#leaveLater(parts.slice(index), restBytes);
    this.#moved(sentBytes > 0);
  }

  #flushSoon(): void {
    this.#isGathering = true;
    setImmediate(scatter, this);
  }

  /** What was gathered leaves. */
  scatter(): void {
    this.#isGathering = false;
    this.flush();
  }

  /** Bytes of `parts` that the system took. */
  #sendAtOnce(parts: readonly Part[]): number {
    const sendNow = this.#sendNow;
    const { destroyed, writableLength } = this.#socket;
    if (sendNow === undefined || destroyed || writableLength > 0) return 0;
    const fd = descriptorOf(this.#socket);
    let sentBytes = 0;
    try {
      if (this.#partBytes <= arena.length) return sendNow(fd, joined(parts), this.#partBytes);
      for (const { bytes } of parts) {
        const count = sendNow(fd, bytes, bytes.length);
        sentBytes += count;
        if (count < bytes.length) break;
      }
    } catch {
      // What is wrong with the socket the stream finds out as well, and tells those who listen to it.
    }
    return sentBytes;
  }

  /** Through the stream, the first part without its first `sentBytes`. */
  #leaveLater(parts: readonly Part[], sentBytes: number): void {
    const socket = this.#socket;
    if (socket.destroyed) return;
    socket.cork();
    let skip = sentBytes;
    for (const { bytes, left } of parts) {
      const rest = bytes.subarray(skip);
      skip = 0;
      if (left === undefined) socket.write(rest);
      else {
        socket.write(rest, (error) => {
          // After an error nobody knows whether the bytes still will leave.
          if (error === null || error === undefined) left();
          this.#moved(true);
        });
      }
    }
    socket.uncork();
  }
}

/** One function for all connections. */
function scatter(outgoing: Outgoing): void {
  outgoing.scatter();
}

/** The bytes of all, from the beginning of what is returned. */
function joined(parts: readonly Part[]): Buffer {
  const [first] = parts;
  if (first !== undefined && parts.length === 1) return first.bytes;
  let end = 0;
  for (const { bytes } of parts) end += bytes.copy(arena, end);
  return arena;
}

/** Of the open socket: asked for at each use, since a number that was closed may be somebody else's. */
function descriptorOf(socket: Socket): number {
  if (!('_handle' in socket)) return -1;
  const handle = socket._handle;
  return typeof handle === 'object' && handle !== null && 'fd' in handle && typeof handle.fd === 'number'
    ? handle.fd
    : -1;
}
