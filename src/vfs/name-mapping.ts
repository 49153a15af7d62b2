/**
 * Names that Windows cannot hold, shown with characters of the private range U+F001 … U+F029 as macOS and Linux clients
 * do it ("Services for Macintosh" mapping), and the way back.
 */
import type { BackendPath } from '../backend/contract.ts';
import { NtStatus, NtStatusError } from '../base/status.ts';

const pairs: readonly (readonly [string, string])[] = [
  ...Array.from({ length: 31 }, (_, index): readonly [string, string] => [
    String.fromCharCode(index + 1),
    String.fromCharCode(0xf001 + index),
  ]),
  ['"', '\uf020'],
  ['*', '\uf021'],
  [':', '\uf022'],
  ['<', '\uf023'],
  ['>', '\uf024'],
  ['?', '\uf025'],
  ['\\', '\uf026'],
  ['|', '\uf027'],
];
const spaceAtEnd = '\uf028';
const dotAtEnd = '\uf029';

const shownAs = new Map(pairs);
const storedAs = new Map<string, string>([
  ...pairs.map(([stored, shown]): [string, string] => [shown, stored]),
  [spaceAtEnd, ' '],
  [dotAtEnd, '.'],
]);

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is mapped
const unshowable = /[\u0001-\u001f"*:<>?\\|]|[ .]$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is mapped
const unshowablePath = /[\u0001-\u001f"*:<>?\\|]|[ .](?:\/|$)/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is mapped
const unshowableChar = /[\u0001-\u001f"*:<>?\\|]/g;
const mapped = /[\uf001-\uf029]/;
const mappedChar = /[\uf001-\uf029]/g;

/** How clients see the backend's `name`. */
export function shownName(name: string): string {
  if (!unshowable.test(name)) return name;
  const shown = name.replace(unshowableChar, (char) => shownAs.get(char) ?? char);
  if (shown.endsWith(' ')) return shown.slice(0, -1) + spaceAtEnd;
  return shown.endsWith('.') ? shown.slice(0, -1) + dotAtEnd : shown;
}

/** The path with backslashes under which clients see the backend's `path`. */
export function shownPath(path: BackendPath): string {
  if (!unshowablePath.test(path)) return path.replaceAll('/', '\\');
  return path.split('/').map(shownName).join('\\');
}

/** The backend's name for the valid component `name`. Throws OBJECT_NAME_INVALID for what would become `.` or `..`. */
export function storedName(name: string): string {
  if (!mapped.test(name)) return name;
  const stored = name.replace(mappedChar, (char) => storedAs.get(char) ?? char);
  if (stored === '.' || stored === '..') throw new NtStatusError(NtStatus.OBJECT_NAME_INVALID);
  return stored;
}
