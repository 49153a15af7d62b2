/**
 * The functions of OpenSSL that hash or encrypt several streams side by side. SHA-256 and AES-CBC cannot go on before their own last step is
 * done, so that one stream leaves the processor waiting most of the time; a second one beside it costs next to nothing.
 *
 * OpenSSL has them for TLS and documents them nowhere; node exports them with everything else. They are used where the processor has
 * the instructions for SHA-256 and AES, and where their answers are right (`evp-self-test.ts`).
 */
import type { Ffi, NativeFunction } from './ffi.ts';
import { processorHas } from './processor.ts';

export interface PairFunctions {
  /** Each of four streams through its blocks; see `Lanes` in `hmac-pair.ts`. */
  readonly hashLanes: NativeFunction<[states: Uint8Array, inputs: Uint8Array, fours: number], void>;
  /** Blocks of 64 bytes into the eight words of `state`. */
  readonly hashBlocks: NativeFunction<[state: Uint8Array, input: Uint8Array, blocks: number], void>;
  /** Each of four streams through its blocks; see `cmac-pair.ts`. */
  readonly encryptLanes: NativeFunction<[streams: Uint8Array, schedule: Uint8Array, fours: number], void>;
  /** Writes a key schedule of 244 bytes; 0 for success. */
  readonly expandKey: NativeFunction<[key: Uint8Array, bits: number, schedule: Uint8Array]>;
  readonly addressOf: (memory: Uint8Array) => bigint;
}

const pointer = 'void *';

/** `undefined` where pairs would not be quicker, or node has no such functions. */
export function bindPairs(ffi: Ffi): PairFunctions | undefined {
  if (!processorHas('sha_ni', 'aes')) return undefined;
  const hashLanes = ffi.bind<[Uint8Array, Uint8Array, number], void>('sha256_multi_block', 'void', [
    pointer,
    pointer,
    'int',
  ]);
  const hashBlocks = ffi.bind<[Uint8Array, Uint8Array, number], void>('sha256_block_data_order', 'void', [
    pointer,
    pointer,
    'size_t',
  ]);
  const encryptLanes = ffi.bind<[Uint8Array, Uint8Array, number], void>('aesni_multi_cbc_encrypt', 'void', [
    pointer,
    pointer,
    'int',
  ]);
  const expandKey = ffi.bind<[Uint8Array, number, Uint8Array]>('aesni_set_encrypt_key', 'int', [
    pointer,
    'int',
    pointer,
  ]);
  if (hashLanes === undefined || hashBlocks === undefined) return undefined;
  if (encryptLanes === undefined || expandKey === undefined) return undefined;
  return { hashLanes, hashBlocks, encryptLanes, expandKey, addressOf: (memory) => ffi.addressOf(memory) };
}

/** One call of either function serves this many streams, wanted or not. */
export const LANES = 4;
/** Their argument for that. */
export const ONE_FOUR = 1;

/** Authenticates two messages with one key at once. */
export interface MacPair {
  /** Writes the 16 bytes of each message into its tag. */
  tag(first: Buffer, second: Buffer, firstTag: Buffer, secondTag: Buffer): void;
  /** Overwrites the key. */
  free(): void;
}
