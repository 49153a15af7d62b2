/**
 * The one check that hand-written codecs use.
 */
import { WireError } from '../codec.ts';

/** Throws {@link WireError} with `message` unless `condition` holds. */
export function check(condition: unknown, message: string): asserts condition {
  if (!condition) throw new WireError(message);
}
