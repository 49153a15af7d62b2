/**
 * What OpenSSL must answer through the door before it is trusted with a message: the same as through node:crypto.
 */
import { createCipheriv, createHmac } from 'node:crypto';
import type { Evp, NativeAead, NativeMac } from './evp.ts';

const TAG_BYTES = 16;
const none = Buffer.alloc(0);
const message = Buffer.alloc(3000, 'not a repetition of whole blocks, ');
const associated = message.subarray(1, 33);
const key = message.subarray(50, 66);
const longKey = message.subarray(70, 102);
const gcmNonce = message.subarray(5, 17);
const ccmNonce = message.subarray(5, 16);

/** Compares all of it; false for any difference. An error means no, too. */
export function givesKnownAnswers(evp: Evp): boolean {
  try {
    return (
      macIs(evp.hmacSha256(key), none, createHmac('sha256', key).update(message).digest()) &&
      macIs(evp.cmac(rfc4493.key), none, rfc4493.tag, rfc4493.message) &&
      macIs(evp.gmac(key), gcmNonce, gmac()) &&
      aeadIs(evp.aead('AES-128-GCM', key), gcmNonce, gcm('aes-128-gcm', key)) &&
      aeadIs(evp.aead('AES-256-GCM', longKey), gcmNonce, gcm('aes-256-gcm', longKey)) &&
      aeadIs(evp.aead('AES-128-CCM', key), ccmNonce, ccm('aes-128-ccm', key)) &&
      aeadIs(evp.aead('AES-256-CCM', longKey), ccmNonce, ccm('aes-256-ccm', longKey))
    );
  } catch {
    return false;
  }
}

/** As {@link givesKnownAnswers}, for two messages at once: of one length and of two, whole blocks and not. */
export function givesKnownPairs(evp: Evp): boolean {
  try {
    return [evp.hmacSha256(key), evp.cmac(key)].every((mac) => {
      const isRight = [message.length, 2944, 64, 16].every((end) => pairIs(mac, message.subarray(0, end)));
      mac.free();
      return isRight;
    });
  } catch {
    return false;
  }
}

function pairIs(mac: NativeMac, first: Buffer): boolean {
  const [firstTag, secondTag, tag] = [
    Buffer.alloc(TAG_BYTES),
    Buffer.alloc(TAG_BYTES),
    Buffer.alloc(TAG_BYTES),
  ];
  mac.pair?.tag(first, message, firstTag, secondTag);
  mac.tag(none, [first], tag);
  if (!tag.equals(firstTag)) return false;
  mac.tag(none, [message], tag);
  return tag.equals(secondTag);
}

/** RFC 4493 4, example 3; node:crypto has no CMAC on every runtime. */
const rfc4493 = {
  key: Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex'),
  message: Buffer.from(
    '6bc1bee22e409f96e93d7e117393172aae2d8a571e03ac9c9eb76fac45af8e5130c81c46a35ce411',
    'hex',
  ),
  tag: Buffer.from('dfa66747de9ae63030ca32611497c827', 'hex'),
};

function gmac(): Buffer {
  const cipher = createCipheriv('aes-128-gcm', key, gcmNonce).setAAD(message);
  cipher.final();
  return cipher.getAuthTag();
}

function gcm(name: 'aes-128-gcm' | 'aes-256-gcm', gcmKey: Buffer): Buffer {
  const cipher = createCipheriv(name, gcmKey, gcmNonce).setAAD(associated);
  return Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
}

function ccm(name: 'aes-128-ccm' | 'aes-256-ccm', ccmKey: Buffer): Buffer {
  const cipher = createCipheriv(name, ccmKey, ccmNonce, { authTagLength: TAG_BYTES });
  cipher.setAAD(associated, { plaintextLength: message.length });
  return Buffer.concat([cipher.update(message), cipher.final(), cipher.getAuthTag()]);
}

/** Twice, since a context is used for many messages, and in two parts. */
function macIs(mac: NativeMac, nonce: Buffer, expected: Buffer, bytes: Buffer = message): boolean {
  const tag = Buffer.alloc(TAG_BYTES);
  const isRight = [bytes.length, 21].every((cut) => {
    mac.tag(nonce, [bytes.subarray(0, cut), bytes.subarray(cut)], tag);
    return tag.equals(expected.subarray(0, TAG_BYTES));
  });
  mac.free();
  return isRight;
}

function aeadIs(aead: NativeAead, nonce: Buffer, expected: Buffer): boolean {
  const ciphertext = expected.subarray(0, -TAG_BYTES);
  const rightTag = expected.subarray(-TAG_BYTES);
  const isRight = [message.length, 21].every((cut) => {
    const bytes = Buffer.from(message);
    const tag = Buffer.alloc(TAG_BYTES);
    aead.seal(nonce, associated, [bytes.subarray(0, cut), bytes.subarray(cut)], tag);
    const isSealed = bytes.equals(ciphertext) && tag.equals(rightTag);
    return isSealed && aead.open(nonce, associated, bytes, tag) && bytes.equals(message);
  });
  const wrongTag = Buffer.from(rightTag);
  wrongTag.writeUInt8(wrongTag.readUInt8(7) ^ 1, 7);
  const forged = Buffer.from(ciphertext);
  const isRefused = !aead.open(nonce, associated, forged, wrongTag) && forged.every((byte) => byte === 0);
  aead.free();
  return isRight && isRefused;
}
