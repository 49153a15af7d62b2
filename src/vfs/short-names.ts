/**
 * Generated 8.3 names. They follow from the long name alone, so that nothing has to be stored and no directory has to be
 * read to tell one; two long names with the same short one are rare and harmless: the first found is opened.
 */
import type { BackendPath } from '../backend/contract.ts';
import { nameOf } from '../backend/path.ts';
import { isShortInUpperCase, shortNameOf, upper } from '../fs/names.ts';
import { shownName } from './name-mapping.ts';

/** From this attempt on a generated name carries a checksum of the long name. */
const checksumAttempt = 5;

/** The short name of the file at `path`. */
export function shortNameAt(path: BackendPath): string {
  return generatedName(shownName(nameOf(path)));
}

/** The short name of `name`: itself where it is one. */
export function generatedName(name: string): string {
  return isShortInUpperCase(name) ? upper(name) : shortNameOf(name, checksumAttempt);
}

/** What a listing says: nothing where the name itself is short enough. [MS-FSCC] 2.4.8 */
export function listedShortName(name: string): string {
  if (name === '.' || name === '..' || isShortInUpperCase(name)) return '';
  return shortNameOf(name, checksumAttempt);
}
