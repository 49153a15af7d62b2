/**
 * SP800-108 key derivation in counter mode with HMAC-SHA256 and a 32-bit counter. [MS-SMB2] 3.1.4.2
 */
import { hmacSha256 } from './hash.ts';
import { secretBuffer, wipe } from './secret.ts';

const DIGEST_BYTES = 32;

/** The first `sizeBytes` bytes of HMAC(key, 1 || input) || HMAC(key, 2 || input) || … */
export function deriveBytes(key: Uint8Array, fixedInput: Uint8Array, sizeBytes: number): Buffer {
  const out = secretBuffer(sizeBytes);
  const counter = Buffer.alloc(4);
  for (let start = 0; start < sizeBytes; start += DIGEST_BYTES) {
    counter.writeUInt32BE(start / DIGEST_BYTES + 1);
    const block = hmacSha256(key, counter, fixedInput);
    block.copy(out, start);
    wipe(block);
  }
  return out;
}

/** A key of `sizeBytes` bytes. `label` and `context` are given with their terminating zeros, where they have one. */
export function deriveKey(key: Uint8Array, label: string, context: Uint8Array, sizeBytes: number): Buffer {
  const size = Buffer.alloc(4);
  size.writeUInt32BE(sizeBytes * 8);
  const input = Buffer.concat([Buffer.from(label, 'latin1'), Buffer.alloc(1), context, size]);
  return deriveBytes(key, input, sizeBytes);
}
