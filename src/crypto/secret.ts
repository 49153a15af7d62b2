/**
 * Handling of secret bytes: overwrite them, compare them.
 */
import { timingSafeEqual } from 'node:crypto';

/** Overwrites every buffer with zeros. */
export function wipe(...secrets: readonly (Uint8Array | undefined)[]): void {
  for (const secret of secrets) secret?.fill(0);
}

/** Whether `a` and `b` are the same bytes, in a time that depends on their lengths only. */
export function equalSecrets(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && timingSafeEqual(a, b);
}
