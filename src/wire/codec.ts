/**
 * What every wire structure offers, whether it is declared in the struct notation or written by hand.
 */

/** The bytes are not a valid encoding of the structure. Carries no bytes of the message. */
export class WireError extends Error {
  override readonly name = 'WireError';
}

export interface Codec<T> {
  /** The document's name of the structure. */
  readonly name: string;
  /**
   * Decodes the bytes from `start` to `end` (default: all of them). Blobs in the result are views of `bytes`.
   * Throws {@link WireError} when they are not a complete, valid structure.
   */
  decode(bytes: Buffer, start?: number, end?: number): T;
  /** Encodes `value` into a fresh buffer of exactly the needed size. */
  encode(value: T): Buffer;
  /** Bytes that {@link encodeInto} will write for `value`. */
  sizeOf(value: T): number;
  /** Writes `value` at `start`, every byte of it including reserved fields and padding; returns the end position. */
  encodeInto(value: T, target: Buffer, start: number): number;
}
