/**
 * Who computes. Everything above asks a provider for keyed objects, so that a faster one (in place, native) can be handed
 * in without any other change.
 */
import type { CipherParameters, SigningAlgorithm } from './algorithms.ts';

/** The bytes did not verify: forged, damaged, or protected with another key. Carries none of them. */
export class IntegrityError extends Error {
  override readonly name = 'IntegrityError';
}

/** A keyed message authentication code. */
export interface Mac {
  /** The 16-byte tag of the parts, one after the other. `nonce` is empty for algorithms without one. */
  tag(nonce: Buffer, parts: readonly Buffer[]): Buffer;
  /** The tags of two messages, each in one piece and without a nonce; there where it costs less than two calls for long ones. */
  readonly tagPair?: ((first: Buffer, second: Buffer) => readonly [Buffer, Buffer]) | undefined;
  /** Forgets the key. */
  destroy(): void;
}

/** A keyed cipher with associated data and 16-byte tags. */
export interface Aead {
  /**
   * Encrypts the parts as one message and returns the ciphertext, in order, with its tag. The ciphertext may stand in the
   * memory of the parts or in memory of its own.
   */
  seal(nonce: Buffer, associated: Buffer, parts: readonly Buffer[]): Sealed;
  /**
   * The plaintext; it may stand in the memory of `ciphertext` or in memory of its own. Throws {@link IntegrityError}, with
   * no byte of plaintext left anywhere, when the tag is wrong.
   */
  open(nonce: Buffer, associated: Buffer, ciphertext: Buffer, tag: Buffer): Buffer;
  /** Forgets the key. */
  destroy(): void;
}

export interface Sealed {
  readonly ciphertext: readonly Buffer[];
  readonly tag: Buffer;
}

/**
 * Makes keyed objects. Each method takes the key over: the provider overwrites that buffer as soon as it holds a copy out
 * of reach, and at the latest in `destroy()`.
 */
export interface CryptoProvider {
  readonly name: string;
  mac(algorithm: SigningAlgorithm, key: Buffer): Mac;
  aead(cipher: CipherParameters, key: Buffer): Aead;
}
