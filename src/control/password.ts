/**
 * Passwords on their way from people to hashes. Buffers are overwritten as soon as the hash exists; text that came from a
 * YAML file or a variable cannot be, which is why password files of their own are better.
 */
import { transcode } from 'node:buffer';
import { open } from 'node:fs/promises';
import type { Entropy } from '../base/entropy.ts';
import { md4 } from '../crypto/md4.ts';
import { wipe } from '../crypto/secret.ts';
import { reasonOf } from './system-error.ts';

/** A password or a password file that cannot be used; the message says why and what to do. */
export class PasswordError extends Error {
  override readonly name = 'PasswordError';
}

/** No letters or digits that look alike: 32 characters, 5 bits each. */
const alphabet = 'abcdefghijkmnpqrstuvwxyz23456789';

/** A password of 80 bits that is easy to type: `k7fm-x2qp-…`, four groups of four. */
export function generatePassword(entropy: Entropy): string {
  const bytes = entropy.fill(Buffer.alloc(16));
  const letters = Array.from(bytes, (byte) => alphabet[byte & 31]).join('');
  wipe(bytes);
  return (letters.match(/.{4}/g) ?? []).join('-');
}

/** NTOWFv1: the MD4 of the password in UTF-16LE. A Buffer holds UTF-8 and is overwritten. [MS-NLMP] 3.3.1 */
export function ntHashOf(password: string | Buffer): Buffer {
  const utf8 = typeof password === 'string' ? Buffer.from(password, 'utf8') : password;
  const utf16 = utf8.length === 0 ? Buffer.alloc(0) : transcode(utf8, 'utf8', 'utf16le');
  const hash = md4(utf16);
  wipe(utf8, utf16);
  return hash;
}

/** Bytes of a password file; longer ones hold something else. */
const passwordBytesMax = 4096;

/** The first line of `bytes`, without its line break; `bytes` are overwritten. */
export function firstLine(bytes: Buffer, source: string): Buffer {
  const hasMark = bytes.subarray(0, 3).equals(Buffer.from([0xef, 0xbb, 0xbf]));
  const breakAt = bytes.indexOf(0x0a);
  const line = bytes.subarray(hasMark ? 3 : 0, breakAt === -1 ? bytes.length : breakAt);
  const end = line.at(-1) === 0x0d ? line.length - 1 : line.length;
  const password = Buffer.from(line.subarray(0, end));
  wipe(bytes);
  if (password.length === 0) {
    throw new PasswordError(`the password in ${source} is empty: put it on the first line`);
  }
  return password;
}

/** The password in a file: its first line. */
export async function readPasswordFile(path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(passwordBytesMax + 1);
  let length = 0;
  try {
    await using file = await open(path, 'r');
    length = (await file.read(bytes, 0, bytes.length, null)).bytesRead;
  } catch (error) {
    throw new PasswordError(`the password file ${path} cannot be read: ${reasonOf(error)}`);
  }
  if (length > passwordBytesMax)
    throw new PasswordError(`the password file ${path} is larger than ${passwordBytesMax} bytes`);
  return firstLine(bytes.subarray(0, length), path);
}
