/**
 * What a connection needs of its transport: whole messages out, whole messages in. [MS-SMB2] 2.1
 */

export interface Transport {
  /** The client's address, for limits and logs. */
  readonly remoteAddress: string;
  /** The address the client connected to. */
  readonly localAddress: string;
  /** Bytes handed to {@link send} that have not left yet. */
  readonly queuedBytes: number;
  /** Clock.monotonicMs since when the peer has owed the rest of a frame. */
  readonly frameSinceMs: number | undefined;
  /** Clock.monotonicMs since when queued bytes have not moved: the peer does not take them. */
  readonly stalledSinceMs: number | undefined;
  /**
   * Queues one frame, given in parts, its 4-byte header included. The parts are the transport's until it calls `left`, which it
   * does when all of them have left; never, when they are dropped.
   */
  send(parts: readonly Buffer[], left?: () => void): void;
  /** As {@link send}, for a frame whose bytes `complete` completes: called right before they leave, after other frames have come. */
  sendLater?(parts: readonly Buffer[], left: () => void, complete: () => void): void;
  /** Stops (or resumes) reading; messages that are there already wait, too. */
  pause(): void;
  resume(): void;
  /** Sends what is queued, then closes. Idempotent. */
  end(): void;
  /** Drops everything and closes. Idempotent. */
  destroy(): void;
}

/** Memory that can be used for something else once nothing refers to it any more. */
export interface MessageMemory {
  /** Once at most; never called, the runtime collects it. */
  release(): void;
}

/** The receiving side of a transport. */
export interface TransportListener {
  /** The largest message taken now, in bytes; grows when a session becomes valid. */
  readonly messageBytesMax: number;
  /** One whole message without its frame header. The buffer is the listener's, until it releases `memory`. */
  message(bytes: Buffer, memory?: MessageMemory): void;
  /** Whether `bytes`, a message that was not handed over yet, should wait for the next one if that comes at once; see {@link pair}. */
  isPairable?(bytes: Buffer): boolean;
  /** Two pairable messages follow, by {@link message}. */
  pair?(first: Buffer, second: Buffer): void;
  /** The bytes were no frame of direct TCP, or too large. */
  violation(reason: string): void;
  /** Queued bytes have left. */
  drained(): void;
  closed(): void;
}
