/**
 * The pre-authentication integrity hash of dialect 3.1.1. [MS-SMB2] 3.3.5.4, 3.3.5.5
 */
import { createHash } from 'node:crypto';

const HASH_BYTES = 64;

/**
 * A SHA-512 chain over the exact bytes of messages. A connection has one over NEGOTIATE; each session setup, and each
 * binding of a channel, forks it and goes on with its own SESSION_SETUP messages.
 */
export class PreauthHash {
  #value: Buffer;

  /** Starts at `initial`, by default zeros: the start of a connection. */
  constructor(initial: Buffer = Buffer.alloc(HASH_BYTES)) {
    this.#value = initial;
  }

  /** The hash so far; 64 bytes that never change. */
  get value(): Buffer {
    return this.#value;
  }

  /** Takes one whole message, given in one or several parts. */
  update(...parts: readonly Uint8Array[]): void {
    const hash = createHash('sha512').update(this.#value);
    for (const part of parts) hash.update(part);
    this.#value = hash.digest();
  }

  /** A chain of its own that starts here. */
  fork(): PreauthHash {
    return new PreauthHash(this.#value);
  }
}
