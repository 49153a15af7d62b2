/**
 * The provider that every runtime has: node:crypto. Keys are held as KeyObjects, outside the JavaScript heap, where OpenSSL
 * overwrites them when they are collected; the source buffer is overwritten at once.
 */
import * as nodeCrypto from 'node:crypto';
import { unreachable } from '../base/assert.ts';
import { EMPTY } from '../base/bytes.ts';
import { type CipherParameters, SigningAlgorithm, TAG_BYTES } from './algorithms.ts';
import { CbcCmac } from './cmac.ts';
import { type Aead, type CryptoProvider, IntegrityError, type Mac, type Sealed } from './provider.ts';
import { wipe } from './secret.ts';

export interface NodeProviderOptions {
  /** Use the runtime's own CMAC where it has one. Default true. */
  readonly nativeCmac?: boolean;
}

/** A provider over node:crypto. */
export function createNodeProvider(options: NodeProviderOptions = {}): CryptoProvider {
  const nativeCmac = (options.nativeCmac ?? true) && hasNativeCmac;
  return {
    name: 'node',
    mac(algorithm, key) {
      switch (algorithm) {
        case SigningAlgorithm.HMAC_SHA256:
          return hmacOf(key);
        case SigningAlgorithm.AES_CMAC:
          return nativeCmac ? nativeCmacOf(key) : cbcCmacOf(key);
        case SigningAlgorithm.AES_GMAC:
          return gmacOf(key);
        default:
          return unreachable(algorithm, 'signing algorithm');
      }
    },
    aead: (cipher, key) => (cipher.mode === 'gcm' ? gcmOf(cipher, key) : ccmOf(cipher, key)),
  };
}

/** The part of `crypto.Mac` that is used; newer runtimes have it, their type declarations not yet. */
interface NativeMac {
  update(data: Uint8Array): unknown;
  final(): Buffer;
}

const createMac: unknown = Reflect.get(nodeCrypto, 'createMac');

/** Whether `crypto.createMac('cmac', …)` exists. */
export const hasNativeCmac = typeof createMac === 'function' && worksAsCmac();

function newNativeCmac(key: nodeCrypto.KeyObject): NativeMac {
  if (typeof createMac !== 'function') throw new TypeError('the runtime has no native CMAC');
  return Reflect.apply(createMac, undefined, ['cmac', key, { cipher: 'aes-128-cbc' }]);
}

/** RFC 4493 4, example 1: the interface is young, so it is believed only when it gives the right answer. */
function worksAsCmac(): boolean {
  try {
    const key = nodeCrypto.createSecretKey(Buffer.from('2b7e151628aed2a6abf7158809cf4f3c', 'hex'));
    const mac = newNativeCmac(key);
    mac.update(EMPTY);
    return mac.final().toString('hex') === 'bb1d6929e95937287fa37d129b756746';
  } catch {
    return false;
  }
}

/** A KeyObject that can be dropped. */
class KeyHolder {
  #key: nodeCrypto.KeyObject | undefined;

  constructor(source: Buffer) {
    this.#key = nodeCrypto.createSecretKey(source);
    wipe(source);
  }

  get key(): nodeCrypto.KeyObject {
    if (this.#key === undefined) throw new IntegrityError('the key is destroyed');
    return this.#key;
  }

  destroy(): void {
    this.#key = undefined;
  }
}

function hmacOf(source: Buffer): Mac {
  const holder = new KeyHolder(source);
  return {
    tag(_nonce, parts) {
      const mac = nodeCrypto.createHmac('sha256', holder.key);
      for (const part of parts) mac.update(part);
      // [MS-SMB2] 3.1.4.1: the first 16 of the 32 bytes.
      return mac.digest().subarray(0, TAG_BYTES);
    },
    destroy: () => holder.destroy(),
  };
}

function nativeCmacOf(source: Buffer): Mac {
  const holder = new KeyHolder(source);
  return {
    tag(_nonce, parts) {
      const mac = newNativeCmac(holder.key);
      for (const part of parts) mac.update(part);
      return mac.final();
    },
    destroy: () => holder.destroy(),
  };
}

function cbcCmacOf(source: Buffer): Mac {
  let cmac: CbcCmac | undefined = new CbcCmac(source);
  wipe(source);
  return {
    tag(_nonce, parts) {
      if (cmac === undefined) throw new IntegrityError('the key is destroyed');
      return cmac.tag(parts);
    },
    destroy() {
      cmac?.destroy();
      cmac = undefined;
    },
  };
}

/** AES-GMAC is AES-GCM of nothing, with the message as associated data. RFC 4543 */
function gmacOf(source: Buffer): Mac {
  const holder = new KeyHolder(source);
  return {
    tag(nonce, parts) {
      const cipher = nodeCrypto.createCipheriv('aes-128-gcm', holder.key, nonce);
      for (const part of parts) cipher.setAAD(part);
      cipher.final();
      return cipher.getAuthTag();
    },
    destroy: () => holder.destroy(),
  };
}

const tagOptions = { authTagLength: TAG_BYTES };

function gcmOf({ opensslName }: CipherParameters, source: Buffer): Aead {
  const name = opensslName === 'aes-128-gcm' ? 'aes-128-gcm' : 'aes-256-gcm';
  const holder = new KeyHolder(source);
  return {
    seal(nonce, associated, parts): Sealed {
      const cipher = nodeCrypto.createCipheriv(name, holder.key, nonce, tagOptions).setAAD(associated);
      const ciphertext = parts.map((part) => cipher.update(part));
      cipher.final();
      return { ciphertext, tag: cipher.getAuthTag() };
    },
    open(nonce, associated, ciphertext, tag) {
      const decipher = nodeCrypto.createDecipheriv(name, holder.key, nonce, tagOptions);
      decipher.setAAD(associated).setAuthTag(tag);
      const plaintext = decipher.update(ciphertext);
      verified(plaintext, () => decipher.final());
      return plaintext;
    },
    destroy: () => holder.destroy(),
  };
}

function ccmOf({ opensslName }: CipherParameters, source: Buffer): Aead {
  const name = opensslName === 'aes-128-ccm' ? 'aes-128-ccm' : 'aes-256-ccm';
  const holder = new KeyHolder(source);
  return {
    seal(nonce, associated, parts): Sealed {
      // CCM takes its message in one piece.
      const [only = EMPTY] = parts;
      const plaintext = parts.length > 1 ? Buffer.concat(parts) : only;
      const cipher = nodeCrypto.createCipheriv(name, holder.key, nonce, tagOptions);
      cipher.setAAD(associated, { plaintextLength: plaintext.length });
      const ciphertext = cipher.update(plaintext);
      cipher.final();
      return { ciphertext: [ciphertext], tag: cipher.getAuthTag() };
    },
    open(nonce, associated, ciphertext, tag) {
      const decipher = nodeCrypto.createDecipheriv(name, holder.key, nonce, tagOptions);
      decipher.setAuthTag(tag).setAAD(associated, { plaintextLength: ciphertext.length });
      // Unlike GCM, CCM may throw from update already.
      return verified(undefined, () => {
        const plaintext = decipher.update(ciphertext);
        decipher.final();
        return plaintext;
      });
    },
    destroy: () => holder.destroy(),
  };
}

/** Runs `finish`; when the tag is wrong, overwrites `unverified` and throws {@link IntegrityError}. */
function verified<T>(unverified: Buffer | undefined, finish: () => T): T {
  try {
    return finish();
  } catch {
    wipe(unverified);
    throw new IntegrityError('the authentication tag is wrong');
  }
}

/** The provider used when none is handed in. */
export const nodeProvider: CryptoProvider = createNodeProvider();
