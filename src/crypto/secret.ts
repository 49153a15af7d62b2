/**
 * Handling of secret bytes: hold them, overwrite them, compare them.
 */
import { timingSafeEqual } from 'node:crypto';

/**
 * A buffer of zeros for a secret. Small typed arrays begin inside the JavaScript heap and move out of it when native code first
 * looks at them; what they held stays behind then, where nobody can overwrite it. This one is outside from the start.
 */
export function secretBuffer(sizeBytes: number): Buffer {
  return Buffer.from(new ArrayBuffer(sizeBytes));
}

/** Overwrites every buffer with zeros. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}

/** Whether `a` and `b` are the same bytes, in a time that depends on their lengths only. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
