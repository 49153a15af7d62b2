/**
 * AES-128-CMAC of two messages at once. RFC 4493
 */
import { double } from '../base/gf128.ts';
import { EvpError } from './evp-functions.ts';
import { LANES, type MacPair, ONE_FOUR, type PairFunctions } from './pair-functions.ts';

const BLOCK_BYTES = 16;
const KEY_BITS = 128;
const SCHEDULE_BYTES = 244;

/** OpenSSL's CIPH_DESC, for each lane: where its blocks stand, where they go, how many they are, and what the first is combined with. */
const STREAM_BYTES = 40;
const STREAM_OUT = 8;
const STREAM_BLOCKS = 16;
const STREAM_CHAIN = 24;
const streams = Buffer.from(new ArrayBuffer(STREAM_BYTES * LANES));

/** Ciphertext is made only to be thrown away, so it is made in pieces that stay in the cache. */
const PIECE_BLOCKS = 4096;
const PIECE_BYTES = PIECE_BLOCKS * BLOCK_BYTES;
const out = Buffer.from(new ArrayBuffer(PIECE_BYTES * LANES));

/** The last block of each message. */
const lastBlocks = Buffer.from(new ArrayBuffer(2 * BLOCK_BYTES));

export class CmacPair implements MacPair {
  readonly #functions: PairFunctions;
  readonly #schedule = Buffer.from(new ArrayBuffer(SCHEDULE_BYTES));
  readonly #k1 = Buffer.from(new ArrayBuffer(BLOCK_BYTES));
  readonly #k2 = Buffer.from(new ArrayBuffer(BLOCK_BYTES));

  /** `key` has 16 bytes. */
  constructor(functions: PairFunctions, key: Buffer) {
    this.#functions = functions;
    if (functions.expandKey(key, KEY_BITS, this.#schedule) !== 0) throw new EvpError('AES with this key');
    lastBlocks.fill(0);
    this.#start();
    this.#encrypt(lastBlocks, lastBlocks, 0, [1, 0]);
    const l = chainOf(0);
    double(l, this.#k1);
    double(this.#k1, this.#k2);
    l.fill(0);
    out.fill(0, 0, BLOCK_BYTES);
  }

  tag(first: Buffer, second: Buffer, firstTag: Buffer, secondTag: Buffer): void {
    this.#start();
    const ends = [blocksBeforeLast(first), blocksBeforeLast(second)] as const;
    for (let block = 0; block < Math.max(...ends); block += PIECE_BLOCKS) {
      const [firstCount, secondCount] = ends.map((end) => Math.min(Math.max(end - block, 0), PIECE_BLOCKS));
      this.#encrypt(first, second, block, [firstCount ?? 0, secondCount ?? 0]);
    }
    this.#putLast(first, lastOf(0));
    this.#putLast(second, lastOf(1));
    this.#encrypt(lastOf(0), lastOf(1), 0, [1, 1]);
    chainOf(0).copy(firstTag);
    chainOf(1).copy(secondTag);
  }

  free(): void {
    for (const secret of [this.#schedule, this.#k1, this.#k2]) secret.fill(0);
  }

  /** Each lane's ciphertext goes to a place of its own; the chains begin with zeros. */
  #start(): void {
    const place = this.#functions.addressOf(out);
    streams.fill(0);
    for (let lane = 0; lane < LANES; lane++) {
      const own = place + BigInt(lane * PIECE_BYTES);
      streams.writeBigUInt64LE(own, lane * STREAM_BYTES);
      streams.writeBigUInt64LE(own, lane * STREAM_BYTES + STREAM_OUT);
    }
  }

  /** Takes both chains on by `counts` blocks of their message, from its block `block` on. */
  #encrypt(first: Buffer, second: Buffer, block: number, counts: readonly [number, number]): void {
    [first, second].forEach((message, lane) => {
      const place = this.#functions.addressOf(message) + BigInt(block * BLOCK_BYTES);
      streams.writeBigUInt64LE(place, lane * STREAM_BYTES);
      streams.writeInt32LE(counts[lane] ?? 0, lane * STREAM_BYTES + STREAM_BLOCKS);
    });
    this.#functions.encryptLanes(streams, this.#schedule, ONE_FOUR);
    counts.forEach((count, lane) => {
      const end = lane * PIECE_BYTES + count * BLOCK_BYTES;
      if (count > 0) out.copy(chainOf(lane), 0, end - BLOCK_BYTES, end);
    });
  }

  /** RFC 4493 2.4, steps 2 to 4 */
  #putLast(message: Buffer, block: Buffer): void {
    const start = blocksBeforeLast(message) * BLOCK_BYTES;
    const isWhole = message.length - start === BLOCK_BYTES;
    block.fill(0);
    message.copy(block, 0, start);
    if (!isWhole) block[message.length - start] = 0x80;
    const subkey = isWhole ? this.#k1 : this.#k2;
    for (let i = 0; i < BLOCK_BYTES; i++) block[i] = (block[i] ?? 0) ^ (subkey[i] ?? 0);
  }
}

function blocksBeforeLast(message: Buffer): number {
  return Math.max(Math.ceil(message.length / BLOCK_BYTES) - 1, 0);
}

/** What the next block of the lane is combined with. */
function chainOf(lane: number): Buffer {
  const start = lane * STREAM_BYTES + STREAM_CHAIN;
  return streams.subarray(start, start + BLOCK_BYTES);
}

function lastOf(lane: number): Buffer {
  return lastBlocks.subarray(lane * BLOCK_BYTES, (lane + 1) * BLOCK_BYTES);
}
