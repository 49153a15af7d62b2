/**
 * Two long messages may cost less looked at together than one after the other. So one waits for the next as long as bytes that lie
 * ready are being received, and no longer: a client that sends nothing more does not wait for itself.
 */
import type { MessageMemory, TransportListener } from '../session/transport.ts';
import type { FrameSink } from './frames.ts';

interface Waiting {
  readonly bytes: Buffer;
  readonly memory: MessageMemory | undefined;
}

/** The transport that messages come by. */
export interface PairingHost {
  /** Messages that are there already wait, too. */
  readonly isPaused: boolean;
  /** Runs what may send. */
  together(work: () => void): void;
}

export class Pairing implements FrameSink {
  readonly #listener: TransportListener;
  readonly #host: PairingHost;
  #waiting: Waiting | undefined;
  #isTimed = false;

  constructor(listener: TransportListener, host: PairingHost) {
    this.#listener = listener;
    this.#host = host;
  }

  get messageBytesMax(): number {
    return this.#listener.messageBytesMax;
  }

  message(bytes: Buffer, memory?: MessageMemory): void {
    const first = this.#waiting;
    const isPairable = this.#listener.isPairable?.(bytes) === true;
    if (first === undefined && isPairable) {
      this.#wait({ bytes, memory });
      return;
    }
    if (first !== undefined && isPairable) this.#listener.pair?.(first.bytes, bytes);
    this.settle();
    // What the first has begun may be enough for now.
    if (this.#host.isPaused) this.#waiting = { bytes, memory };
    else this.#listener.message(bytes, memory);
  }

  violation(reason: string): void {
    this.settle();
    this.#listener.violation(reason);
  }

  /** No longer paused. */
  resume(): void {
    if (!this.#host.isPaused) this.settle();
  }

  /** The message that waits goes on its way. */
  settle(): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting !== undefined) this.#listener.message(waiting.bytes, waiting.memory);
  }

  #wait(waiting: Waiting): void {
    this.#waiting = waiting;
    if (this.#isTimed) return;
    this.#isTimed = true;
    // Runs when everything that could be read without waiting has been read.
    setImmediate(received, this);
  }

  /** Nothing more lies ready. */
  received(): void {
    this.#isTimed = false;
    if (this.#waiting !== undefined) this.#host.together(() => this.resume());
  }
}

/** One function for all connections, of which most never have a message that waits. */
function received(pairing: Pairing): void {
  pairing.received();
}
