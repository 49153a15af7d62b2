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

/** Two messages of at least so many bytes are worth being signed or verified together. */
export const PAIR_BYTES_MIN = 16 * 1024;

/** Signs and verifies with one key and one algorithm. */
export interface Signer {
  readonly algorithm: SigningAlgorithm;
  /** Whether `message` costs less when it is signed or verified together with another such one. */
  isPairable(message: Buffer): boolean;
  /**
   * Writes the signature into `message`, which begins with the SMB2 header; `tail` is the rest of the message where it
   * stands elsewhere (and includes the padding of a compound element).
   */
  sign(message: Buffer, tail?: readonly Buffer[]): void;
  /** As {@link sign} for a pairable message, but its signature may come only with that of the next one, or with {@link settle}. */
  signSoon(message: Buffer): void;
  /** Signs the message that waits, if any. */
  settle(): void;
  /** Whether the signature in `message` is right. Leaves the bytes as they were. */
  verify(message: Buffer, tail?: readonly Buffer[]): boolean;
  /** Two pairable messages are the next to be verified, unchanged: does the work for both. */
  foresee(first: Buffer, second: Buffer): void;
  /** Signs the message that waits and forgets the key; signing afterwards throws. */
  destroy(): void;
}

/** A signer over `key`, which it takes over. */
export function createSigner(provider: CryptoProvider, algorithm: SigningAlgorithm, key: Buffer): Signer {
  assert(key.length === SIGNING_KEY_BYTES, 'a signing key has 16 bytes');
  return new MacSigner(algorithm, provider.mac(algorithm, key));
}

interface Foreseen {
  readonly message: Buffer;
  readonly tag: Buffer;
}

class MacSigner implements Signer {
  readonly algorithm: SigningAlgorithm;
  readonly #mac: Mac;
  readonly #nonce: Buffer;
  /** Of {@link signSoon}. */
  #waiting: Buffer | undefined;
  #foreseen: readonly Foreseen[] = NONE;

  constructor(algorithm: SigningAlgorithm, mac: Mac) {
    this.algorithm = algorithm;
    this.#mac = mac;
    this.#nonce = algorithm === SigningAlgorithm.AES_GMAC ? Buffer.alloc(12) : EMPTY;
  }

  isPairable(message: Buffer): boolean {
    return this.#mac.tagPair !== undefined && message.length >= PAIR_BYTES_MIN;
  }

  sign(message: Buffer, tail: readonly Buffer[] = []): void {
    assert(message.length >= HEADER_BYTES, 'a signed message begins with a whole header');
    message.fill(0, SIGNATURE, SIGNATURE + TAG_BYTES);
    this.#tag(message, tail).copy(message, SIGNATURE);
  }

  signSoon(message: Buffer): void {
    const other = this.#waiting;
    if (other === undefined) {
      this.#waiting = message;
      return;
    }
    this.#waiting = undefined;
    const signatures = this.#tagPair(other, message);
    signatures[0].copy(other, SIGNATURE);
    signatures[1].copy(message, SIGNATURE);
  }

  settle(): void {
    const message = this.#waiting;
    this.#waiting = undefined;
    if (message !== undefined) this.sign(message);
  }

  verify(message: Buffer, tail: readonly Buffer[] = []): boolean {
    if (message.length < HEADER_BYTES) return false;
    const received = receivedSignature(message);
    return equalSecrets(this.#foreseenTag(message) ?? this.#tagWithout(received, message, tail), received);
  }

  foresee(first: Buffer, second: Buffer): void {
    const received = [receivedSignature(first), receivedSignature(second)] as const;
    const tags = this.#tagPair(first, second);
    received[0].copy(first, SIGNATURE);
    received[1].copy(second, SIGNATURE);
    this.#foreseen = [
      { message: first, tag: tags[0] },
      { message: second, tag: tags[1] },
    ];
  }

  destroy(): void {
    this.settle();
    this.#foreseen = NONE;
    this.#mac.destroy();
  }

  /** What {@link foresee} found for `message`; once, and for nothing that comes in between. */
  #foreseenTag(message: Buffer): Buffer | undefined {
    const [next, ...others] = this.#foreseen;
    if (next === undefined) return undefined;
    this.#foreseen = next.message === message ? others : NONE;
    return next.message === message ? next.tag : undefined;
  }

  /** The tag of `message` with the field of the signature zero, which is put back afterwards. */
  #tagWithout(received: Buffer, message: Buffer, tail: readonly Buffer[]): Buffer {
    message.fill(0, SIGNATURE, SIGNATURE + TAG_BYTES);
    const tag = this.#tag(message, tail);
    received.copy(message, SIGNATURE);
    return tag;
  }

  #tag(message: Buffer, tail: readonly Buffer[]): Buffer {
    if (this.#nonce.length > 0) writeSigningNonce(message, this.#nonce);
    return this.#mac.tag(this.#nonce, tail.length === 0 ? [message] : [message, ...tail]);
  }

  /** Leaves zeros in the fields of the signatures. */
  #tagPair(first: Buffer, second: Buffer): readonly [Buffer, Buffer] {
    const { tagPair } = this.#mac;
    assert(tagPair !== undefined, 'only pairable messages come in pairs');
    first.fill(0, SIGNATURE, SIGNATURE + TAG_BYTES);
    second.fill(0, SIGNATURE, SIGNATURE + TAG_BYTES);
    return tagPair(first, second);
  }
}

function receivedSignature(message: Buffer): Buffer {
  return Buffer.from(message.subarray(SIGNATURE, SIGNATURE + TAG_BYTES));
}

const NONE: readonly Foreseen[] = Object.freeze([]);

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
