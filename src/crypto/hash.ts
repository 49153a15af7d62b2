/**
 * The digests that authentication needs, as functions.
 */
import { createHash, createHmac } from 'node:crypto';

/** MD5 of the parts, one after the other. RFC 1321 */
export function md5(...parts: readonly Uint8Array[]): Buffer {
  const hash = createHash('md5');
  for (const part of parts) hash.update(part);
  return hash.digest();
}

/** HMAC-MD5 of the parts, one after the other. RFC 2104 */
export function hmacMd5(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  return hmac('md5', key, parts);
}

/** HMAC-SHA256 of the parts, one after the other. RFC 2104 */
export function hmacSha256(key: Uint8Array, ...parts: readonly Uint8Array[]): Buffer {
  return hmac('sha256', key, parts);
}

function hmac(digest: string, key: Uint8Array, parts: readonly Uint8Array[]): Buffer {
  const mac = createHmac(digest, key);
  for (const part of parts) mac.update(part);
  return mac.digest();
}
