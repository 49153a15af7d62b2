/**
 * Names that an object like `node:fs` keeps as they are.
 */
import { sep } from 'node:path';
import type { BackendPath } from './contract.ts';
import { BackendError } from './error.ts';
import { namesOf } from './path.ts';

/** Longest name, in UTF-16 units, as on NTFS. */
const NAME_CHARS_MAX = 255;

/** The names of `path`; ENAMETOOLONG, or EINVAL for one that would become another below. */
export function checkedNames(path: BackendPath, operation: string): readonly string[] {
  const names = namesOf(path, operation);
  for (const name of names) {
    if (name.length > NAME_CHARS_MAX) throw new BackendError('ENAMETOOLONG', operation, path);
    // On Windows a backslash or a colon would also be a way out of the root.
    const isForeign = !name.isWellFormed() || (sep === '\\' && /[\\:]/.test(name));
    if (isForeign) throw new BackendError('EINVAL', operation, path);
  }
  return names;
}
