/**
 * AES-CMAC from AES-CBC, for runtimes without a native one. RFC 4493
 */
import { createCipheriv } from 'node:crypto';
import { double } from '../base/gf128.ts';
import { secretBuffer, wipe } from './secret.ts';

const BLOCK = 16;
/** Ciphertext is made only to be thrown away, so it is made in pieces that stay in the cache. */
const PIECE = 64 * 1024;
const zeroBlock = Buffer.alloc(BLOCK);

/**
 * One AES-CBC cipher kept over all messages. The chain is never reset: the first block of a message is combined with the
 * last ciphertext, which the cipher combines away again, so that every message starts from a zero vector.
 */
export class CbcCmac {
  readonly #cipher;
  readonly #k1 = secretBuffer(BLOCK);
  readonly #k2 = secretBuffer(BLOCK);
  readonly #chain = secretBuffer(BLOCK);
  readonly #block = secretBuffer(BLOCK);
  #filled = 0;
  #isFirst = true;

  constructor(key: Buffer) {
    this.#cipher = createCipheriv('aes-128-cbc', key, zeroBlock).setAutoPadding(false);
    const l = this.#cipher.update(zeroBlock);
    l.copy(this.#chain);
    double(l, this.#k1);
    double(this.#k1, this.#k2);
    wipe(l);
  }

  /** The 16-byte tag of the parts, one after the other. */
  tag(parts: readonly Buffer[]): Buffer {
    this.#filled = 0;
    this.#isFirst = true;
    for (const part of parts) this.#absorb(part);
    const isWhole = this.#filled === BLOCK;
    if (!isWhole) {
      this.#block.fill(0, this.#filled);
      this.#block[this.#filled] = 0x80;
    }
    xor(this.#block, isWhole ? this.#k1 : this.#k2);
    this.#encryptBlock();
    return Buffer.from(this.#chain);
  }

  /** Frees the cipher, which overwrites its key, and overwrites the subkeys. */
  destroy(): void {
    this.#cipher.final();
    wipe(this.#k1, this.#k2, this.#chain, this.#block);
  }

  /** Encrypts all of `part` but the last block seen, which is treated differently if nothing follows. */
  #absorb(part: Buffer): void {
    let position = 0;
    while (position < part.length) {
      if (this.#filled === BLOCK) this.#encryptBlock();
      position = this.#filled === 0 && !this.#isFirst ? this.#encryptRun(part, position) : position;
      const taken = part.copy(this.#block, this.#filled, position, position + BLOCK - this.#filled);
      this.#filled += taken;
      position += taken;
    }
  }

  /** Encrypts whole blocks straight from `part`, leaving at least one byte; returns the new position. */
  #encryptRun(part: Buffer, start: number): number {
    const end = start + (Math.ceil((part.length - start) / BLOCK) - 1) * BLOCK;
    for (let position = start; position < end; position += PIECE) {
      const out = this.#cipher.update(part.subarray(position, Math.min(position + PIECE, end)));
      out.copy(this.#chain, 0, out.length - BLOCK);
    }
    return end;
  }

  #encryptBlock(): void {
    if (this.#isFirst) xor(this.#block, this.#chain);
    this.#isFirst = false;
    this.#cipher.update(this.#block).copy(this.#chain);
    this.#filled = 0;
  }
}

function xor(target: Buffer, mask: Buffer): void {
  for (let i = 0; i < BLOCK; i++) target[i] = (target[i] ?? 0) ^ (mask[i] ?? 0);
}
