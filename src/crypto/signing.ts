/**
 * Signing and verifying messages. [MS-SMB2] 3.1.4.1, 3.1.5.1
 */
import { assert } from '../base/assert.ts';
import { EMPTY } from '../base/bytes.ts';
import { SIGNING_KEY_BYTES, SigningAlgorithm, TAG_BYTES } from './algorithms.ts';
import type { CryptoProvider, Mac } from './provider.ts';
import { equalSecrets } from './secret.ts';

/** Positions in the SMB2 header. [MS-SMB2] 2.2.1 */
const COMMAND = 12;
const FLAGS = 16;
const MESSAGE_ID = 24;
const SIGNATURE = 48;
const HEADER_BYTES = 64;

const FLAG_SERVER_TO_REDIR = 1;
const COMMAND_CANCEL = 0x000c;

/** The two bits that tell messages of one MessageId apart. [MS-SMB2] 3.1.4.1 */
const NONCE_FROM_SERVER = 1;
const NONCE_CANCEL = 2;

/** Signs and verifies with one key and one algorithm. */
export interface Signer {
  readonly algorithm: SigningAlgorithm;
  /**
   * Writes the signature into `message`, which begins with the SMB2 header; `tail` is the rest of the message where it
   * stands elsewhere (and includes the padding of a compound element).
   */
  sign(message: Buffer, tail?: readonly Buffer[]): void;
  /** Whether the signature in `message` is right. Leaves the bytes as they were. */
  verify(message: Buffer, tail?: readonly Buffer[]): boolean;
  /** Forgets the key; signing afterwards throws. */
  destroy(): void;
}

/** A signer over `key`, which it takes over. */
export function createSigner(provider: CryptoProvider, algorithm: SigningAlgorithm, key: Buffer): Signer {
  assert(key.length === SIGNING_KEY_BYTES, 'a signing key has 16 bytes');
  return new MacSigner(algorithm, provider.mac(algorithm, key));
}

class MacSigner implements Signer {
  readonly algorithm: SigningAlgorithm;
  readonly #mac: Mac;
  readonly #nonce: Buffer;

  constructor(algorithm: SigningAlgorithm, mac: Mac) {
    this.algorithm = algorithm;
    this.#mac = mac;
    this.#nonce = algorithm === SigningAlgorithm.AES_GMAC ? Buffer.alloc(12) : EMPTY;
  }

  sign(message: Buffer, tail: readonly Buffer[] = []): void {
    assert(message.length >= HEADER_BYTES, 'a signed message begins with a whole header');
    message.fill(0, SIGNATURE, SIGNATURE + TAG_BYTES);
    this.#tag(message, tail).copy(message, SIGNATURE);
  }

  verify(message: Buffer, tail: readonly Buffer[] = []): boolean {
    if (message.length < HEADER_BYTES) return false;
    const received = Buffer.from(message.subarray(SIGNATURE, SIGNATURE + TAG_BYTES));
    message.fill(0, SIGNATURE, SIGNATURE + TAG_BYTES);
    const computed = this.#tag(message, tail);
    received.copy(message, SIGNATURE);
    return equalSecrets(computed, received);
  }

  destroy(): void {
    this.#mac.destroy();
  }

  #tag(message: Buffer, tail: readonly Buffer[]): Buffer {
    if (this.#nonce.length > 0) writeSigningNonce(message, this.#nonce);
    return this.#mac.tag(this.#nonce, tail.length === 0 ? [message] : [message, ...tail]);
  }
}

/** The 12-byte nonce of AES-GMAC for the message that begins with `header`. [MS-SMB2] 3.1.4.1 */
export function writeSigningNonce(header: Buffer, nonce: Buffer): void {
  header.copy(nonce, 0, MESSAGE_ID, MESSAGE_ID + 8);
  const fromServer = isFromServer(header) ? NONCE_FROM_SERVER : 0;
  const cancel = header.readUInt16LE(COMMAND) === COMMAND_CANCEL ? NONCE_CANCEL : 0;
  nonce.writeUInt32LE(fromServer | cancel, 8);
}

/** Whether the header says that a server sent the message (SMB2_FLAGS_SERVER_TO_REDIR). */
export function isFromServer(header: Buffer): boolean {
  return (header.readUInt32LE(FLAGS) & FLAG_SERVER_TO_REDIR) !== 0;
}
