/**
 * The ciphers and authentication codes of the OpenSSL inside node, used where the message stands: node:crypto makes new memory
 * for each message and a new context for each key schedule, which costs several times what the cipher does.
 *
 * A key is expanded once, into a context that is kept and overwritten when it is freed. Everything runs on the event loop:
 * AES takes 0.1 ms for a MiB.
 */

import { CmacPair } from './cmac-pair.ts';
import { EvpAead, GcmAead } from './evp-aead.ts';
import { bindEvp, type EvpFunctions } from './evp-functions.ts';
import { EvpMac } from './evp-mac.ts';
import { givesKnownAnswers, givesKnownPairs } from './evp-self-test.ts';
import { type Ffi, sharedFfi } from './ffi.ts';
import { HmacPair } from './hmac-pair.ts';
import { bindPairs, type MacPair, type PairFunctions } from './pair-functions.ts';

/** A keyed authentication code; made for one key, usable until {@link free}. */
export interface NativeMac {
  /** Writes the 16 bytes for the parts, one after the other, into `tag`. `nonce` is empty for all but GMAC. */
  tag(nonce: Buffer, parts: readonly Buffer[], tag: Buffer): void;
  /** For two long messages at once, where that is quicker; freed with this. */
  readonly pair?: MacPair | undefined;
  /** Whether {@link free} has not been called. */
  readonly isUsable: boolean;
  /** Overwrites the key. */
  free(): void;
}

/** A keyed cipher with associated data and tags of 16 bytes. */
export interface NativeAead {
  /** Encrypts the parts as one message where they stand, and writes the tag. CCM joins parts that are not neighbours first. */
  seal(nonce: Buffer, associated: Buffer, parts: readonly Buffer[], tag: Buffer): readonly Buffer[];
  /** Decrypts where it stands. When the tag is wrong: false, and zeros. */
  open(nonce: Buffer, associated: Buffer, message: Buffer, tag: Buffer): boolean;
  readonly isUsable: boolean;
  /** Overwrites the key. */
  free(): void;
}

export type NativeCipher = 'AES-128-GCM' | 'AES-256-GCM' | 'AES-128-CCM' | 'AES-256-CCM';

/** What can be computed natively. The keys that are handed in are copied; the caller overwrites its own. */
export class Evp {
  readonly #functions: EvpFunctions;
  readonly #pairs: PairFunctions | undefined;

  constructor(functions: EvpFunctions, pairs?: PairFunctions) {
    this.#functions = functions;
    this.#pairs = pairs;
  }

  hmacSha256(key: Buffer): NativeMac {
    return EvpMac.hmacSha256(this.#functions, key, this.#pairs && new HmacPair(this.#pairs, key));
  }

  /** AES-128-CMAC. */
  cmac(key: Buffer): NativeMac {
    return EvpMac.cmac(this.#functions, key, this.#pairs && new CmacPair(this.#pairs, key));
  }

  /** AES-128-GMAC with nonces of 12 bytes. */
  gmac(key: Buffer): NativeMac {
    return GcmAead.mac(this.#functions, key);
  }

  /** GCM with nonces of 12 bytes, or CCM with nonces of 11. */
  aead(cipher: NativeCipher, key: Buffer): NativeAead {
    return EvpAead.of(this.#functions, cipher, key);
  }
}

/** Binds the functions and compares their answers with published ones; `undefined` when one of them is missing or wrong, pairs apart. */
export function bindTriedEvp(ffi: Ffi): Evp | undefined {
  const functions = bindEvp(ffi);
  if (functions === undefined) return undefined;
  const evp = new Evp(functions);
  if (!givesKnownAnswers(evp)) return undefined;
  const pairing = new Evp(functions, bindPairs(ffi));
  return givesKnownPairs(pairing) ? pairing : evp;
}

let loaded: { readonly evp: Evp | undefined } | undefined;

/** Native computation; `undefined` without koffi, elsewhere than on Linux, or with `SMBKIT_NATIVE=off`. */
export function loadEvp(): Evp | undefined {
  if (loaded === undefined) {
    const ffi = sharedFfi();
    loaded = { evp: typeof ffi === 'string' ? undefined : bindTriedEvp(ffi) };
  }
  return loaded.evp;
}
