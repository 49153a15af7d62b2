/**
 * Who computes for this process: OpenSSL in place where native calls load, which is several times faster for messages of every
 * size and every algorithm, and node:crypto where they do not.
 */
import { unreachable } from '../base/assert.ts';
import { Cipher, type CipherParameters, SigningAlgorithm, TAG_BYTES } from '../crypto/algorithms.ts';
import { nodeProvider } from '../crypto/node-provider.ts';
import { type Aead, type CryptoProvider, IntegrityError, type Mac } from '../crypto/provider.ts';
import { wipe } from '../crypto/secret.ts';
import { type Evp, loadEvp, type NativeAead, type NativeCipher, type NativeMac } from '../native/evp.ts';

/** A provider that seals and opens where the message stands. */
export function createNativeProvider(evp: Evp): CryptoProvider {
  return {
    name: 'native',
    mac: (algorithm, key) => macOf(takenOver(key, () => nativeMac(evp, algorithm, key))),
    aead: (cipher, key) => aeadOf(takenOver(key, () => evp.aead(nativeCipher(cipher), key))),
  };
}

/** The faster one that there is. */
export function fastestCryptoProvider(): CryptoProvider {
  const evp = loadEvp();
  return evp === undefined ? nodeProvider : createNativeProvider(evp);
}

/** Overwrites `key` once OpenSSL has copied it, or has not. */
function takenOver<T>(key: Buffer, copy: () => T): T {
  try {
    return copy();
  } finally {
    wipe(key);
  }
}

function nativeMac(evp: Evp, algorithm: SigningAlgorithm, key: Buffer): NativeMac {
  switch (algorithm) {
    case SigningAlgorithm.HMAC_SHA256:
      return evp.hmacSha256(key);
    case SigningAlgorithm.AES_CMAC:
      return evp.cmac(key);
    case SigningAlgorithm.AES_GMAC:
      return evp.gmac(key);
    default:
      return unreachable(algorithm, 'signing algorithm');
  }
}

function nativeCipher({ id }: CipherParameters): NativeCipher {
  switch (id) {
    case Cipher.AES_128_CCM:
      return 'AES-128-CCM';
    case Cipher.AES_128_GCM:
      return 'AES-128-GCM';
    case Cipher.AES_256_CCM:
      return 'AES-256-CCM';
    case Cipher.AES_256_GCM:
      return 'AES-256-GCM';
    default:
      return unreachable(id, 'cipher');
  }
}

function macOf(native: NativeMac): Mac {
  const { pair } = native;
  return {
    tagPair:
      pair &&
      ((first, second) => {
        checkUsable(native);
        const tags = [Buffer.allocUnsafe(TAG_BYTES), Buffer.allocUnsafe(TAG_BYTES)] as const;
        pair.tag(first, second, ...tags);
        return tags;
      }),
    tag(nonce, parts) {
      checkUsable(native);
      const tag = Buffer.allocUnsafe(TAG_BYTES);
      native.tag(nonce, parts, tag);
      return tag;
    },
    destroy: () => native.free(),
  };
}

function aeadOf(native: NativeAead): Aead {
  return {
    seal(nonce, associated, parts) {
      checkUsable(native);
      const tag = Buffer.allocUnsafe(TAG_BYTES);
      return { ciphertext: native.seal(nonce, associated, parts, tag), tag };
    },
    open(nonce, associated, ciphertext, tag) {
      checkUsable(native);
      if (tag.length === TAG_BYTES && native.open(nonce, associated, ciphertext, tag)) return ciphertext;
      throw new IntegrityError('the authentication tag is wrong');
    },
    destroy: () => native.free(),
  };
}

function checkUsable(native: NativeMac | NativeAead): void {
  if (!native.isUsable) throw new IntegrityError('the key is destroyed');
}
