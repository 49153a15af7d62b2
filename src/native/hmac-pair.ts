/**
 * HMAC-SHA256 of two messages at once. RFC 2104, FIPS 180-4
 */
import { LANES, type MacPair, ONE_FOUR, type PairFunctions } from './pair-functions.ts';

const BLOCK_BYTES = 64;
const WORDS = 8;
const TAG_WORDS = 4;

/** FIPS 180-4 5.3.3 */
const initialState = [
  0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
];

/** OpenSSL's SHA256_MB_CTX: each word of the state for up to eight lanes, then the next word. */
const LANES_MAX = 8;
const lanes = new Uint32Array(new ArrayBuffer(4 * WORDS * LANES_MAX));
const laneBytes = Buffer.from(lanes.buffer);

/** OpenSSL's HASH_DESC, for each lane: where its blocks stand, and how many they are. */
const INPUT_BYTES = 16;
const INPUT_BLOCKS = 8;
const inputs = Buffer.from(new ArrayBuffer(INPUT_BYTES * LANES));

/** The state of one lane. */
const state = new Uint32Array(new ArrayBuffer(4 * WORDS));
const stateBytes = Buffer.from(state.buffer);

/** The end of a message with its padding, and the inner digest with its own. */
const padded = Buffer.from(new ArrayBuffer(2 * BLOCK_BYTES));

export class HmacPair implements MacPair {
  readonly #functions: PairFunctions;
  /** The states behind the key's first block. */
  readonly #inner = new Uint32Array(new ArrayBuffer(4 * WORDS));
  readonly #outer = new Uint32Array(new ArrayBuffer(4 * WORDS));

  /** `key` has at most 64 bytes. */
  constructor(functions: PairFunctions, key: Buffer) {
    this.#functions = functions;
    this.#begin(key, 0x36, this.#inner);
    this.#begin(key, 0x5c, this.#outer);
  }

  #begin(key: Buffer, mask: number, to: Uint32Array): void {
    const block = padded.subarray(0, BLOCK_BYTES).fill(0);
    key.copy(block);
    for (let i = 0; i < BLOCK_BYTES; i++) block[i] = (block[i] ?? 0) ^ mask;
    state.set(initialState);
    this.#functions.hashBlocks(stateBytes, block, 1);
    to.set(state);
    block.fill(0);
    state.fill(0);
  }

  tag(first: Buffer, second: Buffer, firstTag: Buffer, secondTag: Buffer): void {
    const blocks = Math.min(blocksOf(first), blocksOf(second));
    for (let word = 0; word < WORDS; word++) {
      const value = this.#inner[word] ?? 0;
      lanes[word * LANES_MAX] = value;
      lanes[word * LANES_MAX + 1] = value;
    }
    this.#feed(0, first, blocks);
    this.#feed(1, second, blocks);
    this.#functions.hashLanes(laneBytes, inputs, ONE_FOUR);
    this.#finish(1, second, blocks, secondTag);
    this.#finish(0, first, blocks, firstTag);
  }

  /** Overwrites the key. */
  free(): void {
    this.#inner.fill(0);
    this.#outer.fill(0);
  }

  #feed(lane: number, message: Buffer, blocks: number): void {
    inputs.writeBigUInt64LE(this.#functions.addressOf(message), lane * INPUT_BYTES);
    inputs.writeInt32LE(blocks, lane * INPUT_BYTES + INPUT_BLOCKS);
  }

  /** From the lane's state behind `blocks` of `message` to the tag. */
  #finish(lane: number, message: Buffer, blocks: number, tag: Buffer): void {
    for (let word = 0; word < WORDS; word++) state[word] = lanes[word * LANES_MAX + lane] ?? 0;
    const rest = blocksOf(message) - blocks;
    if (rest > 0) this.#functions.hashBlocks(stateBytes, message.subarray(blocks * BLOCK_BYTES), rest);
    message.copy(padded, 0, (blocks + rest) * BLOCK_BYTES);
    this.#end(message.length);
    for (let word = 0; word < WORDS; word++) padded.writeUInt32BE(state[word] ?? 0, 4 * word);
    state.set(this.#outer);
    this.#end(4 * WORDS);
    for (let word = 0; word < TAG_WORDS; word++) tag.writeUInt32BE(state[word] ?? 0, 4 * word);
  }

  /** The last bytes of a text of `textBytes` stand in `padded`; a block came before them. FIPS 180-4 5.1.1 */
  #end(textBytes: number): void {
    const leftBytes = textBytes % BLOCK_BYTES;
    const sizeBytes = leftBytes < BLOCK_BYTES - 8 ? BLOCK_BYTES : 2 * BLOCK_BYTES;
    padded.fill(0, leftBytes, sizeBytes);
    padded[leftBytes] = 0x80;
    padded.writeUIntBE(8 * (BLOCK_BYTES + textBytes), sizeBytes - 6, 6);
    this.#functions.hashBlocks(stateBytes, padded, sizeBytes / BLOCK_BYTES);
  }
}

function blocksOf(message: Buffer): number {
  return Math.floor(message.length / BLOCK_BYTES);
}
