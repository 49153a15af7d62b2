/**
 * The functions of OpenSSL's libcrypto that are used, with their signatures. EVP_EncryptInit(3), EVP_MAC(3)
 */
import type { Ffi, NativeFunction } from './ffi.ts';

/** An object of OpenSSL; null for none. */
export type Pointer = bigint | null;
type Bytes = Uint8Array | null;

/** Answers are 1 for success; 0 or less for failure. Lengths are C's `int`, those of EVP_MAC `size_t`. */
export interface EvpFunctions {
  readonly cipherContext: NativeFunction<[], Pointer>;
  readonly freeCipherContext: NativeFunction<[context: Pointer], void>;
  readonly fetchCipher: NativeFunction<[library: null, name: string, properties: null], Pointer>;
  readonly initCipher: NativeFunction<
    [context: Pointer, cipher: Pointer, engine: null, key: Bytes, nonce: Bytes, encrypts: number]
  >;
  readonly updateCipher: NativeFunction<
    [context: Pointer, out: Bytes, outLength: Int32Array, input: Bytes, length: number]
  >;
  readonly finishCipher: NativeFunction<[context: Pointer, out: Uint8Array, outLength: Int32Array]>;
  readonly controlCipher: NativeFunction<[context: Pointer, command: number, value: number, bytes: Bytes]>;
  readonly fetchMac: NativeFunction<[library: null, name: string, properties: null], Pointer>;
  readonly macContext: NativeFunction<[mac: Pointer], Pointer>;
  readonly freeMacContext: NativeFunction<[context: Pointer], void>;
  readonly initMac: NativeFunction<[context: Pointer, key: Bytes, length: number, parameters: Bytes]>;
  readonly updateMac: NativeFunction<[context: Pointer, input: Uint8Array, length: number]>;
  readonly finishMac: NativeFunction<
    [context: Pointer, out: Uint8Array, outLength: BigUint64Array, size: number]
  >;
  readonly clearErrors: NativeFunction<[], void>;
  readonly addressOf: (memory: Uint8Array) => bigint;
}

const pointer = 'void *';

/** `undefined` where node exports no such OpenSSL. */
export function bindEvp(ffi: Ffi): EvpFunctions | undefined {
  let isWhole = true;
  const bound = <A extends readonly unknown[], R>(
    name: string,
    result: string,
    ...parameters: readonly string[]
  ): NativeFunction<A, R> => {
    const call = ffi.bind<A, R>(name, result, parameters);
    if (call !== undefined) return call;
    isWhole = false;
    return missing;
  };
  const cipher: Pick<EvpFunctions, CipherName> = {
    cipherContext: bound('EVP_CIPHER_CTX_new', pointer),
    freeCipherContext: bound('EVP_CIPHER_CTX_free', 'void', pointer),
    fetchCipher: bound('EVP_CIPHER_fetch', pointer, pointer, 'str', pointer),
    initCipher: bound('EVP_CipherInit_ex', 'int', pointer, pointer, pointer, pointer, pointer, 'int'),
    updateCipher: bound('EVP_CipherUpdate', 'int', pointer, pointer, pointer, pointer, 'int'),
    finishCipher: bound('EVP_CipherFinal_ex', 'int', pointer, pointer, pointer),
    controlCipher: bound('EVP_CIPHER_CTX_ctrl', 'int', pointer, 'int', 'int', pointer),
  };
  const functions: EvpFunctions = {
    ...cipher,
    fetchMac: bound('EVP_MAC_fetch', pointer, pointer, 'str', pointer),
    macContext: bound('EVP_MAC_CTX_new', pointer, pointer),
    freeMacContext: bound('EVP_MAC_CTX_free', 'void', pointer),
    initMac: bound('EVP_MAC_init', 'int', pointer, pointer, 'size_t', pointer),
    updateMac: bound('EVP_MAC_update', 'int', pointer, pointer, 'size_t'),
    finishMac: bound('EVP_MAC_final', 'int', pointer, pointer, pointer, 'size_t'),
    clearErrors: bound('ERR_clear_error', 'void'),
    addressOf: (memory) => ffi.addressOf(memory),
  };
  return isWhole ? functions : undefined;
}

type CipherName = Extract<keyof EvpFunctions, `${string}Cipher${string}` | `cipher${string}`>;

/** Stands for a function that is not there; never called, since nothing is bound then. */
const missing = Object.assign(
  (): never => {
    throw new TypeError('OpenSSL has no such function');
  },
  { async: (): void => {} },
);

/** Objects of OpenSSL that nobody freed go with the objects here that held them. */
export class Reaper {
  readonly #registry = new FinalizationRegistry<() => void>((free) => free());

  /** Calls `free` when `owner` is collected. */
  watch(owner: object, free: () => void): void {
    this.#registry.register(owner, free, owner);
  }

  /** `owner` has freed what it held. */
  forget(owner: object): void {
    this.#registry.unregister(owner);
  }
}

export const reaper = new Reaper();

/** OpenSSL refused what it never refuses: out of memory, or a mistake here. Carries nothing of the message. */
export class EvpError extends Error {
  override readonly name = 'EvpError';
}

/** Throws unless `answer` is OpenSSL's success. */
export function succeeded(functions: EvpFunctions, answer: number, what: string): void {
  if (answer === 1) return;
  functions.clearErrors();
  throw new EvpError(`OpenSSL failed: ${what}`);
}

/** Throws unless `object` is one. */
export function made(functions: EvpFunctions, object: Pointer, what: string): bigint {
  if (object !== null) return object;
  functions.clearErrors();
  throw new EvpError(`OpenSSL has no ${what}`);
}
