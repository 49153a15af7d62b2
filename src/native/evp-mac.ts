/**
 * HMAC-SHA256 and AES-128-CMAC. RFC 2104, RFC 4493; EVP_MAC(3), EVP_MAC-HMAC(7), EVP_MAC-CMAC(7)
 */
import type { NativeMac } from './evp.ts';
import { EvpError, type EvpFunctions, made, reaper, succeeded } from './evp-functions.ts';
import type { MacPair } from './pair-functions.ts';

const TAG_BYTES = 16;

/** Where an authentication code goes, and how long it is. */
const whole = Buffer.from(new ArrayBuffer(64));
const wholeLength = new BigUint64Array(new ArrayBuffer(8));

/** Algorithms are found once for the process. */
const fetched = new Map<string, bigint>();

export class EvpMac implements NativeMac {
  readonly #functions: EvpFunctions;
  readonly pair: MacPair | undefined;
  #context: bigint | undefined;

  private constructor(
    functions: EvpFunctions,
    algorithm: Algorithm,
    { key, pair }: { readonly key: Buffer; readonly pair: MacPair | undefined },
  ) {
    const { name, parameter, value } = algorithm;
    const kind = fetched.get(name) ?? made(functions, functions.fetchMac(null, name, null), name);
    fetched.set(name, kind);
    const context = made(functions, functions.macContext(kind), 'context');
    reaper.watch(this, () => functions.freeMacContext(context));
    this.#functions = functions;
    this.pair = pair;
    this.#context = context;
    const parameters = new TextParameter(functions, parameter, value);
    parameters.use((bytes) =>
      succeeded(functions, functions.initMac(context, key, key.length, bytes), `${name} with this key`),
    );
  }

  static hmacSha256(functions: EvpFunctions, key: Buffer, pair?: MacPair): EvpMac {
    return new EvpMac(functions, { name: 'HMAC', parameter: 'digest', value: 'SHA256' }, { key, pair });
  }

  static cmac(functions: EvpFunctions, key: Buffer, pair?: MacPair): EvpMac {
    if (key.length !== 16) throw new EvpError(`${key.length} bytes where 16 are needed`);
    return new EvpMac(functions, { name: 'CMAC', parameter: 'cipher', value: 'AES-128-CBC' }, { key, pair });
  }

  get isUsable(): boolean {
    return this.#context !== undefined;
  }

  tag(_nonce: Buffer, parts: readonly Buffer[], tag: Buffer): void {
    const context = this.#context ?? null;
    const functions = this.#functions;
    if (context === null) throw new EvpError('the key is freed');
    succeeded(functions, functions.initMac(context, null, 0, null), 'beginning of a message');
    for (const part of parts) {
      if (part.length === 0) continue;
      succeeded(functions, functions.updateMac(context, part, part.length), 'part of a message');
    }
    succeeded(functions, functions.finishMac(context, whole, wholeLength, whole.length), 'end of a message');
    whole.copy(tag, 0, 0, TAG_BYTES);
  }

  free(): void {
    if (this.#context === undefined) return;
    reaper.forget(this);
    this.pair?.free();
    this.#functions.freeMacContext(this.#context);
    this.#context = undefined;
  }
}

interface Algorithm {
  readonly name: string;
  readonly parameter: string;
  readonly value: string;
}

/** OSSL_PARAM(3): an array of one text and the end. */
const PARAMETER_BYTES = 40;
const OSSL_PARAM_UTF8_STRING = 4;

class TextParameter {
  readonly #bytes = Buffer.from(new ArrayBuffer(2 * PARAMETER_BYTES));
  readonly #key: Buffer;
  readonly #value: Buffer;

  constructor(functions: EvpFunctions, key: string, value: string) {
    this.#key = Buffer.from(`${key}\0`);
    this.#value = Buffer.from(`${value}\0`);
    this.#bytes.writeBigUInt64LE(functions.addressOf(this.#key), 0);
    this.#bytes.writeUInt32LE(OSSL_PARAM_UTF8_STRING, 8);
    this.#bytes.writeBigUInt64LE(functions.addressOf(this.#value), 16);
    this.#bytes.writeBigUInt64LE(BigInt(value.length), 24);
  }

  /** Lends the array; what it points to stays where it is as long as `use` runs. */
  use(call: (bytes: Buffer) => void): void {
    call(this.#bytes);
    // Looked at afterwards, so that they are not collected before.
    if (this.#key.length === 0 || this.#value.length === 0) throw new EvpError('no parameter');
  }
}
