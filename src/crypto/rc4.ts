/**
 * RC4, which NTLM encrypts its session key and seals its checksums with.
 */
import { secretBuffer } from './secret.ts';

/** One RC4 key stream; its position moves on with every call. */
export class Rc4 {
  readonly #state = new Uint8Array(256);
  #i = 0;
  #j = 0;

  constructor(key: Uint8Array) {
    const state = this.#state;
    for (let i = 0; i < 256; i++) state[i] = i;
    for (let i = 0, j = 0; i < 256; i++) {
      j = (j + at(state, i) + at(key, i % key.length)) & 0xff;
      swap(state, i, j);
    }
  }

  /** `data` combined with the next bytes of the key stream, in a fresh buffer. */
  update(data: Uint8Array): Buffer {
    const state = this.#state;
    const out = secretBuffer(data.length);
    for (let n = 0; n < data.length; n++) {
      this.#i = (this.#i + 1) & 0xff;
      this.#j = (this.#j + at(state, this.#i)) & 0xff;
      swap(state, this.#i, this.#j);
      const index = (at(state, this.#i) + at(state, this.#j)) & 0xff;
      out[n] = at(data, n) ^ at(state, index);
    }
    return out;
  }

  /** Overwrites the state, which is as good as the key. */
  destroy(): void {
    this.#state.fill(0);
    this.#i = 0;
    this.#j = 0;
  }
}

/** One-shot RC4: encrypts and decrypts alike. */
export function rc4(key: Uint8Array, data: Uint8Array): Buffer {
  const stream = new Rc4(key);
  const out = stream.update(data);
  stream.destroy();
  return out;
}

function at(bytes: Uint8Array, index: number): number {
  return bytes[index] ?? 0;
}

function swap(bytes: Uint8Array, i: number, j: number): void {
  const kept = at(bytes, i);
  bytes[i] = at(bytes, j);
  bytes[j] = kept;
}
