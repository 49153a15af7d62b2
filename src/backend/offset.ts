/**
 * Offsets and sizes as callers hand them in.
 */
import { BackendError } from './error.ts';

/** `offset`, if it is one (EINVAL) and a double holds it exactly (EFBIG). */
export function checkedOffset(offset: number, operation: string): number {
  if (offset > Number.MAX_SAFE_INTEGER) throw new BackendError('EFBIG', operation);
  if (!(offset >= 0) || !Number.isInteger(offset)) throw new BackendError('EINVAL', operation);
  return offset;
}
