/**
 * MD4, which the NT hash of a password is made with. RFC 1320
 */
import { secretBuffer } from './secret.ts';

/** The 16-byte MD4 digest of `message`. */
export function md4(message: Uint8Array): Buffer {
  const padded = pad(message);
  const state = Uint32Array.of(0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476);
  const words = new Uint32Array(16);
  for (let block = 0; block < padded.length; block += 64) {
    for (let i = 0; i < 16; i++) words[i] = padded.readUInt32LE(block + i * 4);
    compress(state, words);
  }
  const digest = secretBuffer(16);
  for (const [i, word] of state.entries()) digest.writeUInt32LE(word, i * 4);
  padded.fill(0);
  words.fill(0);
  return digest;
}

/** RFC 1320 3.1 and 3.2: a one bit, zeros, and the length in bits. */
function pad(message: Uint8Array): Buffer {
  const padded = secretBuffer((message.length + 9 + 63) & ~63);
  padded.set(message);
  padded[message.length] = 0x80;
  padded.writeBigUInt64LE(BigInt(message.length) * 8n, padded.length - 8);
  return padded;
}

type Mix = (x: number, y: number, z: number) => number;

interface Round {
  readonly mix: Mix;
  readonly constant: number;
  readonly order: readonly number[];
  readonly shifts: readonly number[];
}

/** RFC 1320 3.4 */
const rounds: readonly Round[] = [
  {
    mix: (x, y, z) => (x & y) | (~x & z),
    constant: 0,
    order: [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15],
    shifts: [3, 7, 11, 19],
  },
  {
    mix: (x, y, z) => (x & y) | (x & z) | (y & z),
    constant: 0x5a827999,
    order: [0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15],
    shifts: [3, 5, 9, 13],
  },
  {
    mix: (x, y, z) => x ^ y ^ z,
    constant: 0x6ed9eba1,
    order: [0, 8, 4, 12, 2, 10, 6, 14, 1, 9, 5, 13, 3, 11, 7, 15],
    shifts: [3, 9, 11, 15],
  },
];

function compress(state: Uint32Array, words: Uint32Array): void {
  let [a = 0, b = 0, c = 0, d = 0] = state;
  for (const { mix, constant, order, shifts } of rounds) {
    for (const [step, index] of order.entries()) {
      const sum = (a + mix(b, c, d) + (words[index] ?? 0) + constant) | 0;
      const shift = shifts[step & 3] ?? 0;
      const rotated = (sum << shift) | (sum >>> (32 - shift));
      [a, b, c, d] = [d, rotated, b, c];
    }
  }
  for (const [i, word] of [a, b, c, d].entries()) state[i] = (state[i] ?? 0) + word;
}
