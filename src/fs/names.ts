/**
 * File names: comparison without case, validity, stream names and generated short names. Ordinal, one UTF-16 unit at a
 * time, the same everywhere: no locale. Wildcards are in wildcards.ts.
 */

const unitCount = 0x1_0000;

/** The upper-case partner of every UTF-16 unit: simple case folding, as the table on an NTFS volume. [MS-UCODEREF] 3.1.5.3 */
const upperCase = ((): Uint16Array => {
  const table = new Uint16Array(unitCount);
  for (let unit = 0; unit < unitCount; unit++) {
    const upper = String.fromCharCode(unit).toUpperCase();
    const isSimple = upper.length === 1 && !(unit >= 0x80 && upper.charCodeAt(0) < 0x80) && unit !== 0xb5;
    table[unit] = isSimple ? upper.charCodeAt(0) : unit;
  }
  return table;
})();

/** The upper-case partner of one UTF-16 unit. */
export function upperUnit(unit: number): number {
  return upperCase[unit] ?? unit;
}

/** `name` in upper case, unit by unit; two names are the same file name when these are equal. */
export function upper(name: string): string {
  let changed = '';
  let start = 0;
  for (let at = 0; at < name.length; at++) {
    const unit = name.charCodeAt(at);
    const folded = upperUnit(unit);
    if (folded === unit) continue;
    changed += name.slice(start, at) + String.fromCharCode(folded);
    start = at + 1;
  }
  return start === 0 ? name : changed + name.slice(start);
}

/** True when both are the same name without regard to case. */
export function isSameName(left: string, right: string): boolean {
  return left === right || (left.length === right.length && upper(left) === upper(right));
}

/** Longest component and longest stream name, in UTF-16 units. [MS-FSCC] 2.1.5 */
export const nameCharsMax = 255;

// biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what a name must not hold.
const badInName = /["*/:<>?\\|\u0000-\u001f]/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: as above.
const badInStream = /[/:\\\u0000]/;

/** True for a component that a file or directory may be given. [MS-FSCC] 2.1.5.2 */
export function isValidName(name: string): boolean {
  return isPlainLength(name) && name !== '.' && name !== '..' && !badInName.test(name);
}

/** True for the name of a stream. [MS-FSCC] 2.1.5.3 */
export function isValidStreamName(name: string): boolean {
  return isPlainLength(name) && !badInStream.test(name);
}

function isPlainLength(name: string): boolean {
  return name.length > 0 && name.length <= nameCharsMax;
}

/** A last component taken apart. */
export interface StreamPath {
  readonly name: string;
  /** `''` for the unnamed stream; the client's spelling. */
  readonly stream: string;
  /** `$INDEX_ALLOCATION` was asked for: only a directory will do. */
  readonly isIndex: boolean;
  /** A type was given: `name::$DATA` opens data, never a directory. */
  readonly isData: boolean;
}

/** Takes `name[:stream[:type]]` apart; undefined when it is not one. [MS-FSCC] 2.1.5 */
export function splitStream(component: string): StreamPath | undefined {
  const [name = '', stream, type, ...rest] = component.split(':');
  if (rest.length > 0) return undefined;
  if (stream === undefined) return { name, stream: '', isIndex: false, isData: false };
  if (stream !== '' && !isValidStreamName(stream)) return undefined;
  const typeName = type === undefined ? '$DATA' : upper(type);
  if (typeName === '$INDEX_ALLOCATION') {
    const isIndex = stream === '' || upper(stream) === '$I30';
    return isIndex ? { name, stream: '', isIndex, isData: false } : undefined;
  }
  if (typeName !== '$DATA' || (type === undefined && stream === '')) return undefined;
  return { name, stream, isIndex: false, isData: true };
}

const DOT = 0x2e;
const SPACE = 0x20;

/** Characters of an 8.3 name: before the dot, behind it, and in all. */
const baseCharsMax = 8;
const extensionCharsMax = 3;
const shortCharsMax = baseCharsMax + 1 + extensionCharsMax;

/** True for the units that an 8.3 name may hold beside its dot. */
const isShortUnit = ((): readonly boolean[] => {
  const allowed = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789!#$%&'()@^_`{}~-";
  return Array.from({ length: 0x80 }, (_, unit) => allowed.includes(String.fromCharCode(unit)));
})();

/** True when `name` already is an 8.3 name. [MS-FSCC] 2.1.5.2.1 */
export function isShortName(name: string): boolean {
  return isShort(name, false);
}

/** True when `name` is an 8.3 name but for its case. */
export function isShortInUpperCase(name: string): boolean {
  return isShort(name, true);
}

function isShort(name: string, folds: boolean): boolean {
  if (name.length > shortCharsMax) return false;
  let dot = -1;
  for (let at = 0; at < name.length; at++) {
    const own = name.charCodeAt(at);
    const unit = folds ? upperUnit(own) : own;
    if (unit === DOT && dot < 0) dot = at;
    else if (isShortUnit[unit] !== true) return false;
  }
  const baseChars = dot < 0 ? name.length : dot;
  const extensionChars = name.length - baseChars - 1;
  return (
    baseChars > 0 && baseChars <= baseCharsMax && extensionChars !== 0 && extensionChars <= extensionCharsMax
  );
}

/**
 * The `attempt`-th short name of `name`, counting from 1: `LONGNA~1.TXT`, from the fifth on with a checksum of the long
 * name, `LO1A2B~1.TXT`. Who generates one looks for a collision in the directory and tries the next.
 */
export function shortNameOf(name: string, attempt: number): string {
  let start = 0;
  while (name.charCodeAt(start) === DOT) start++;
  const lastDot = name.lastIndexOf('.');
  const dot = lastDot > start ? lastDot : name.length;
  const extension = cleaned(name, dot + 1, { end: name.length, charsMax: extensionCharsMax });
  const usesChecksum = attempt > 4;
  const tail = `~${usesChecksum ? attempt - 4 : attempt}`;
  const base = cleaned(name, start, { end: dot, charsMax: usesChecksum ? 2 : 6 });
  const stem = usesChecksum ? base + checksum(name) : base;
  return stem.slice(0, baseCharsMax - tail.length) + tail + (extension === '' ? '' : `.${extension}`);
}

/** The first `charsMax` characters from `start` on that count in a short name, in upper case. */
function cleaned(text: string, start: number, { end, charsMax }: { end: number; charsMax: number }): string {
  let clean = '';
  for (let at = start; at < end && clean.length < charsMax; at++) {
    const unit = upperUnit(text.charCodeAt(at));
    if (unit === DOT || unit === SPACE) continue;
    clean += isShortUnit[unit] === true ? String.fromCharCode(unit) : '_';
  }
  return clean;
}

function checksum(name: string): string {
  let sum = 0;
  for (let at = 0; at < name.length; at++) sum = (sum * 0x25 + name.charCodeAt(at)) & 0xffff;
  return `${hexOfByte[sum >> 8]}${hexOfByte[sum & 0xff]}`;
}

const hexOfByte: readonly string[] = Array.from({ length: 0x100 }, (_, byte) =>
  byte.toString(16).toUpperCase().padStart(2, '0'),
);
