/**
 * Encrypting and decrypting messages under an SMB2 TRANSFORM_HEADER. [MS-SMB2] 2.2.41, 3.1.4.3, 3.3.5.2.1.1
 */
import { assert } from '../base/assert.ts';
import { type CipherParameters, TAG_BYTES } from './algorithms.ts';
import { type Aead, type CryptoProvider, IntegrityError } from './provider.ts';

/** Bytes of the transform header. */
export const TRANSFORM_HEADER_BYTES = 52;

/** Positions in the transform header. [MS-SMB2] 2.2.41 */
const SIGNATURE = 4;
const NONCE = 20;
const ORIGINAL_MESSAGE_SIZE = 36;
const FLAGS = 42;
const SESSION_ID = 44;

const PROTOCOL_ID = 0x424d_53fd;
const FLAG_ENCRYPTED = 1;

/** Messages one key may seal: centuries of work, and far below the 64-bit counter that must not repeat. */
const NONCE_COUNT_MAX = 2 ** 48;

/** The key has sealed as many messages as it may; the session must end. */
export class SealingExhaustedError extends Error {
  override readonly name = 'SealingExhaustedError';
}

/** Seals with one key. The nonce is a counter, so that no nonce is ever used twice with the key. */
export class Sealer {
  readonly #aead: Aead;
  readonly #nonceBytes: number;
  readonly #nonceCountMax: number;
  readonly #sessionId: number;
  #nonceCount = 0;

  /** Takes `key` over. */
  constructor(provider: CryptoProvider, cipher: CipherParameters, options: SealerOptions) {
    assert(options.key.length === cipher.keyBytes, 'the key fits the cipher');
    this.#aead = provider.aead(cipher, options.key);
    this.#nonceBytes = cipher.nonceBytes;
    this.#nonceCountMax = options.nonceCountMax ?? NONCE_COUNT_MAX;
    this.#sessionId = options.sessionId;
  }

  /**
   * Seals the parts as one message. Returns the buffers to send: the transform header, written into the first 52 bytes of
   * `header`, then the ciphertext, which may or may not stand in the memory of the parts.
   * Throws {@link SealingExhaustedError} when the key may not be used any more.
   */
  seal(parts: readonly Buffer[], header: Buffer = Buffer.alloc(TRANSFORM_HEADER_BYTES)): readonly Buffer[] {
    const transform = header.subarray(0, TRANSFORM_HEADER_BYTES);
    assert(transform.length === TRANSFORM_HEADER_BYTES, 'a transform header has 52 bytes');
    const nonce = this.#writeHeader(transform, sizeOf(parts));
    const { ciphertext, tag } = this.#aead.seal(nonce, transform.subarray(NONCE), parts);
    assert(tag.length === TAG_BYTES, 'a tag has 16 bytes');
    tag.copy(transform, SIGNATURE);
    return [transform, ...ciphertext];
  }

  /** Forgets the key; sealing afterwards throws. */
  destroy(): void {
    this.#aead.destroy();
  }

  #writeHeader(transform: Buffer, sizeBytes: number): Buffer {
    if (this.#nonceCount >= this.#nonceCountMax) throw new SealingExhaustedError('no nonces are left');
    transform.fill(0);
    transform.writeUInt32LE(PROTOCOL_ID, 0);
    writeUInt64(transform, this.#nonceCount, NONCE);
    transform.writeUInt32LE(sizeBytes, ORIGINAL_MESSAGE_SIZE);
    transform.writeUInt16LE(FLAG_ENCRYPTED, FLAGS);
    writeUInt64(transform, this.#sessionId, SESSION_ID);
    this.#nonceCount += 1;
    return transform.subarray(NONCE, NONCE + this.#nonceBytes);
  }
}

export interface SealerOptions {
  readonly key: Buffer;
  readonly sessionId: number;
  /** Messages the key may seal. */
  readonly nonceCountMax?: number;
}

/** Opens what the peer sealed with one key. */
export class Opener {
  readonly #aead: Aead;
  readonly #nonceBytes: number;

  /** Takes `key` over. */
  constructor(provider: CryptoProvider, cipher: CipherParameters, key: Buffer) {
    assert(key.length === cipher.keyBytes, 'the key fits the cipher');
    this.#aead = provider.aead(cipher, key);
    this.#nonceBytes = cipher.nonceBytes;
  }

  /**
   * The plaintext of `frame`, a transform header and its ciphertext; it may stand in the memory of the frame. Throws
   * {@link IntegrityError} for anything that is not exactly what the peer sealed.
   */
  open(frame: Buffer): Buffer {
    if (!isTransform(frame)) throw new IntegrityError('not an encrypted message');
    const nonce = frame.subarray(NONCE, NONCE + this.#nonceBytes);
    const associated = frame.subarray(NONCE, TRANSFORM_HEADER_BYTES);
    const tag = frame.subarray(SIGNATURE, SIGNATURE + TAG_BYTES);
    return this.#aead.open(nonce, associated, frame.subarray(TRANSFORM_HEADER_BYTES), tag);
  }

  /** Forgets the key; opening afterwards throws. */
  destroy(): void {
    this.#aead.destroy();
  }
}

/** [MS-SMB2] 3.3.5.2.1.1: Flags must be 1 and OriginalMessageSize what follows; an empty message is none. */
function isTransform(frame: Buffer): boolean {
  return (
    frame.length > TRANSFORM_HEADER_BYTES &&
    frame.readUInt32LE(0) === PROTOCOL_ID &&
    frame.readUInt32LE(ORIGINAL_MESSAGE_SIZE) === frame.length - TRANSFORM_HEADER_BYTES &&
    frame.readUInt16LE(FLAGS) === FLAG_ENCRYPTED
  );
}

function sizeOf(parts: readonly Buffer[]): number {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.length;
  return sizeBytes;
}

function writeUInt64(target: Buffer, value: number, position: number): void {
  target.writeUInt32LE(value % 2 ** 32, position);
  target.writeUInt32LE(Math.floor(value / 2 ** 32), position + 4);
}
