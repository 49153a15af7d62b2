/**
 * Password hashes at rest: sealed with AES-256-GCM under a key that is kept elsewhere, each for the one account that it belongs to.
 * [MS-NLMP] 3.3.1 makes the hash worth as much as the password.
 */
import { createCipheriv, createDecipheriv } from 'node:crypto';
import { open } from 'node:fs/promises';
import { dirname, resolve } from 'node:path';
import { type Entropy, randomBytesOf } from '../base/entropy.ts';
import { wipe } from '../crypto/secret.ts';
import { PasswordError } from './password.ts';
import { reasonOf } from './system-error.ts';

const keyBytes = 32;
const nonceBytes = 12;
const hashBytes = 16;
const tagBytes = 16;
const version = 'v1.';

/** The form of a sealed hash. */
export const sealedHashPattern = /^v1\.[A-Za-z0-9_-]{59}$/;

/** Seals `ntHash`, which is overwritten, for the account. */
export function sealHash(ntHash: Buffer, account: string, secret: { key: Buffer; entropy: Entropy }): string {
  const nonce = randomBytesOf(secret.entropy, nonceBytes);
  const cipher = createCipheriv('aes-256-gcm', secret.key, nonce, { authTagLength: tagBytes });
  cipher.setAAD(contextOf(account));
  const sealed = Buffer.concat([nonce, cipher.update(ntHash), cipher.final(), cipher.getAuthTag()]);
  wipe(ntHash);
  return `${version}${sealed.toString('base64url')}`;
}

/** The hash inside; throws PasswordError when it is for another account, was sealed with another key, or was changed. */
export function openHash(text: string, account: string, key: Buffer): Buffer {
  const sealed = Buffer.from(text.slice(version.length), 'base64url');
  const isWhole = sealed.length === nonceBytes + hashBytes + tagBytes;
  try {
    if (!isWhole) throw new Error('length');
    const nonce = sealed.subarray(0, nonceBytes);
    const decipher = createDecipheriv('aes-256-gcm', key, nonce, { authTagLength: tagBytes });
    decipher.setAAD(contextOf(account));
    decipher.setAuthTag(sealed.subarray(nonceBytes + hashBytes));
    const hash = decipher.update(sealed.subarray(nonceBytes, nonceBytes + hashBytes));
    decipher.final();
    return hash;
  } catch {
    throw new PasswordError(
      `the sealed hash of "${account}" does not open: it was sealed with another key or for another account`,
    );
  }
}

function contextOf(account: string): Buffer {
  return Buffer.from(`smbkit account ${account.toLowerCase()}`, 'utf8');
}

/** The key in a file: 64 hexadecimal digits on one line. Throws PasswordError, also where others than the owner may read it. */
export async function readSealingKey(path: string): Promise<Buffer> {
  const bytes = Buffer.alloc(256);
  let length = 0;
  try {
    await using file = await open(path, 'r');
    const { mode } = await file.stat();
    if ((mode & (isCredential(path) ? 0o037 : 0o077)) !== 0)
      throw new PasswordError(`the key file ${path} is open to others: chmod 600 ${path}`);
    length = (await file.read(bytes, 0, bytes.length, null)).bytesRead;
  } catch (error) {
    if (error instanceof PasswordError) throw error;
    throw new PasswordError(`the key file ${path} cannot be read: ${reasonOf(error)}`);
  }
  const key = Buffer.from(bytes.toString('latin1', 0, length).trim(), 'hex');
  wipe(bytes);
  if (key.length !== keyBytes) {
    throw new PasswordError(
      `the key file ${path} must hold 64 hexadecimal digits: openssl rand -hex 32 > ${path}`,
    );
  }
  return key;
}

/**
 * Whether systemd put the file there for this service alone. It may belong to root and grant the service's user access by a list,
 * the mask of which shows as the permission of the group. systemd.exec(5), LoadCredential=
 */
function isCredential(path: string): boolean {
  const folder = process.env['CREDENTIALS_DIRECTORY'];
  return folder !== undefined && dirname(resolve(path)) === resolve(folder);
}
