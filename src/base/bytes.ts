/**
 * Byte helpers shared by every codec.
 */

export const EMPTY = Buffer.alloc(0);

/** `value` rounded up to a multiple of `alignment` (a power of two). */
export function alignUp(value: number, alignment: number): number {
  return (value + alignment - 1) & ~(alignment - 1);
}

/** UTF-16LE bytes of `text`; lone surrogates are kept. */
export function utf16le(text: string): Buffer {
  return Buffer.from(text, 'utf16le');
}

/** Bytes of a hex string; spaces and line breaks are ignored. */
export function hex(text: string): Buffer {
  return Buffer.from(text.replace(/\s+/g, ''), 'hex');
}

/** A view of the same memory as a Buffer; never copies. */
export function bufferOf(bytes: Uint8Array): Buffer {
  return Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
