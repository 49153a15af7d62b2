/**
 * Arithmetic of the field of 2^128 elements in which the subkeys of AES-CMAC are made. RFC 4493 2.3
 */

const BYTES = 16;

/** Writes `from`, multiplied by x, into `to`; both have 16 bytes. */
export function double(from: Uint8Array, to: Uint8Array): void {
  let carry = 0;
  for (let i = BYTES - 1; i >= 0; i--) {
    const byte = from[i] ?? 0;
    to[i] = (byte << 1) | carry;
    carry = byte >>> 7;
  }
  to[BYTES - 1] = (to[BYTES - 1] ?? 0) ^ (carry * 0x87);
}
