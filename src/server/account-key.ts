/**
 * What counts as one account where wrong passwords are counted.
 */

/** UTF-16 units; no configured account has a longer name. */
const NAME_CHARS_MAX = 256;

/** The name without regard to case. Names that are too long to be one are cut: what is remembered of them is bounded. */
export function accountKey(name: string): string {
  return name.toLowerCase().slice(0, NAME_CHARS_MAX);
}
