/**
 * Names on a POSIX disk are bytes, names of the contract are UTF-16. The mapping keeps every byte (no normalisation):
 *
 * - valid UTF-8 is what it says, composed and decomposed forms stay apart;
 * - a lone surrogate, which Windows allows in names, is its three bytes of generalised UTF-8 (WTF-8);
 * - any other byte, as in names from an old Latin-1 disk, is the lone surrogate U+DC80 … U+DCFF with the byte's value, as
 *   in PEP 383, and becomes that byte again on the way back.
 *
 * The few byte strings and names that would not come back as they were are hidden, or refused with EINVAL.
 */
import { isUtf8 } from 'node:buffer';
import { BackendError } from './error.ts';

const isAscii = (text: string): boolean => /^[\0-\x7f]*$/.test(text);

/** Byte 0x80 … 0xFF stands as U+DC80 … U+DCFF. */
const ESCAPE_BASE = 0xdc00;
const isEscape = (unit: number): boolean => unit >= 0xdc80 && unit <= 0xdcff;

/** What the file-system calls take for `name`; EINVAL for the rare name that the disk would give back changed. */
export function diskName(name: string): string | Buffer {
  if (name.isWellFormed()) return name;
  const bytes = encoded(name);
  if (decoded(bytes) !== name) throw new BackendError('EINVAL', 'name', name);
  return bytes;
}

/** The name for bytes on disk, given one character per byte; `undefined` for those that no name stands for. */
export function nameOnDisk(latin1: string): string | undefined {
  if (isAscii(latin1)) return latin1;
  const bytes = Buffer.from(latin1, 'latin1');
  if (isUtf8(bytes)) return bytes.toString();
  const name = decoded(bytes);
  return encoded(name).equals(bytes) ? name : undefined;
}

function encoded(name: string): Buffer {
  const bytes: number[] = [];
  for (const char of name) {
    const unit = char.charCodeAt(0);
    const isLone = char.length === 1 && unit >= 0xd800 && unit <= 0xdfff;
    if (!isLone) bytes.push(...Buffer.from(char));
    else if (isEscape(unit)) bytes.push(unit - ESCAPE_BASE);
    else bytes.push(0xe0 | (unit >> 12), 0x80 | ((unit >> 6) & 0x3f), 0x80 | (unit & 0x3f));
  }
  return Buffer.from(bytes);
}

function decoded(bytes: Buffer): string {
  let name = '';
  let at = 0;
  while (at < bytes.length) {
    const { text, length } = decodedAt(bytes, at);
    name += text;
    at += length;
  }
  return name;
}

function decodedAt(bytes: Buffer, at: number): { text: string; length: number } {
  for (let length = 1; length <= 4 && at + length <= bytes.length; length++) {
    const part = bytes.subarray(at, at + length);
    if (isUtf8(part)) return { text: part.toString(), length };
  }
  const [first = 0, second = 0, third = 0] = bytes.subarray(at, at + 3);
  const unit = ((first & 0x0f) << 12) | ((second & 0x3f) << 6) | (third & 0x3f);
  const isSurrogate = first === 0xed && second >= 0xa0 && second <= 0xbf && (third & 0xc0) === 0x80;
  if (isSurrogate && !isEscape(unit)) return { text: String.fromCharCode(unit), length: 3 };
  return { text: String.fromCharCode(ESCAPE_BASE + first), length: 1 };
}
