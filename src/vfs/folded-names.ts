/**
 * Names found by what they are without regard to case, packed: a directory of a million names takes about 40 MB here, where
 * a map of strings takes 150.
 */
import { upper } from '../fs/names.ts';
import { shownName } from './name-mapping.ts';

/** A record begins with the bytes that follow, and whether they are two to a character. */
const HEADER_BYTES = 4;
const WIDE = 0x8000_0000;
const SLOTS_MIN = 16;
const ARENA_BYTES_MIN = 256;
/** Slots that hold no record: never used, and given up. */
const FREE = 0;
const GONE = 0xffff_ffff;

export class FoldedNames {
  readonly #seed: number;
  /** Open addressing, a power of two: where the record begins, plus one. */
  #slots = new Uint32Array(SLOTS_MIN);
  /** The hash of each slot's folded name: only equal ones are looked at. */
  #hashes = new Uint32Array(SLOTS_MIN);
  #arena: Buffer = Buffer.allocUnsafeSlow(ARENA_BYTES_MIN);
  #arenaBytes = 0;
  #deadBytes = 0;
  #goneCount = 0;
  #size = 0;

  /** Equal seeds make equal orders; who chooses names must not know it. */
  constructor(seed: number) {
    this.#seed = seed;
  }

  /** Names held. */
  get size(): number {
    return this.#size;
  }

  /** A stored name whose shown form folds to `folded` (in upper case already). */
  find(folded: string): string | undefined {
    const hash = this.#hash(folded);
    for (let slot = this.#next(hash, hash); slot !== undefined; slot = this.#next(hash, slot + 1)) {
      const stored = this.#record(slot);
      if (upper(shownName(stored)) === folded) return stored;
    }
    return undefined;
  }

  /** Takes note of a name; one that is known already stays as it is. */
  add(stored: string): void {
    const hash = this.#hash(upper(shownName(stored)));
    if (this.#slotOf(stored, hash) !== undefined) return;
    if ((this.#size + this.#goneCount + 1) * 5 > this.#slots.length * 3) this.#resize();
    this.#insert(this.#append(stored) + 1, hash);
    this.#size += 1;
  }

  remove(stored: string): void {
    const slot = this.#slotOf(stored, this.#hash(upper(shownName(stored))));
    if (slot === undefined) return;
    this.#deadBytes += this.#recordBytes(slot);
    this.#slots[slot] = GONE;
    this.#goneCount += 1;
    this.#size -= 1;
    if (this.#deadBytes > ARENA_BYTES_MIN && this.#deadBytes * 2 > this.#arenaBytes) this.#compact();
  }

  clear(): void {
    this.#slots = new Uint32Array(SLOTS_MIN);
    this.#hashes = new Uint32Array(SLOTS_MIN);
    this.#arena = Buffer.allocUnsafeSlow(ARENA_BYTES_MIN);
    this.#arenaBytes = 0;
    this.#deadBytes = 0;
    this.#goneCount = 0;
    this.#size = 0;
  }

  /** All stored names. */
  *stored(): Iterable<string> {
    for (const [slot, at] of this.#slots.entries()) if (at !== FREE && at !== GONE) yield this.#record(slot);
  }

  /** The slot of a name with this hash, the first from `from` on. */
  #next(hash: number, from: number): number | undefined {
    const mask = this.#slots.length - 1;
    for (let slot = from & mask; this.#slots[slot] !== FREE; slot = (slot + 1) & mask) {
      if (this.#slots[slot] !== GONE && this.#hashes[slot] === hash) return slot;
    }
    return undefined;
  }

  #slotOf(stored: string, hash: number): number | undefined {
    for (let slot = this.#next(hash, hash); slot !== undefined; slot = this.#next(hash, slot + 1)) {
      if (this.#record(slot) === stored) return slot;
    }
    return undefined;
  }

  #insert(at: number, hash: number): void {
    const mask = this.#slots.length - 1;
    let slot = hash & mask;
    // A slot that was given up is used again: a name that comes and goes leaves no more than one behind.
    while (this.#slots[slot] !== FREE && this.#slots[slot] !== GONE) slot = (slot + 1) & mask;
    if (this.#slots[slot] === GONE) this.#goneCount -= 1;
    this.#slots[slot] = at;
    this.#hashes[slot] = hash;
  }

  /** Writes the record of a name; returns where it begins. */
  #append(stored: string): number {
    const isWide = !isLatin1(stored);
    const length = isWide ? stored.length * 2 : stored.length;
    const at = this.#arenaBytes;
    const needed = at + HEADER_BYTES + length;
    if (needed > this.#arena.length) this.#arena = enlarged(this.#arena, at, needed);
    this.#arena.writeUInt32LE(isWide ? (length | WIDE) >>> 0 : length, at);
    this.#arena.write(stored, at + HEADER_BYTES, isWide ? 'utf16le' : 'latin1');
    this.#arenaBytes = needed;
    return at;
  }

  #record(slot: number): string {
    const at = (this.#slots[slot] ?? 0) - 1;
    const header = this.#arena.readUInt32LE(at);
    const begin = at + HEADER_BYTES;
    const isWide = header >= WIDE;
    const end = begin + (isWide ? header - WIDE : header);
    return this.#arena.toString(isWide ? 'utf16le' : 'latin1', begin, end);
  }

  #recordBytes(slot: number): number {
    const header = this.#arena.readUInt32LE((this.#slots[slot] ?? 0) - 1);
    return HEADER_BYTES + (header >= WIDE ? header - WIDE : header);
  }

  /** Makes room for as many names again, and forgets which slots were given up. */
  #resize(): void {
    const [slots, hashes] = [this.#slots, this.#hashes];
    let length = SLOTS_MIN;
    while (length * 3 < (this.#size + 1) * 5 * 1.5) length *= 2;
    this.#slots = new Uint32Array(length);
    this.#hashes = new Uint32Array(length);
    this.#goneCount = 0;
    for (let slot = 0; slot < slots.length; slot++) {
      const at = slots[slot];
      if (at !== undefined && at !== FREE && at !== GONE) this.#insert(at, hashes[slot] ?? 0);
    }
  }

  /** Drops the records of removed names. */
  #compact(): void {
    const kept = Buffer.allocUnsafeSlow(Math.max(ARENA_BYTES_MIN, this.#arenaBytes - this.#deadBytes));
    let end = 0;
    for (let slot = 0; slot < this.#slots.length; slot++) {
      const at = this.#slots[slot];
      if (at === undefined || at === FREE || at === GONE) continue;
      const length = this.#recordBytes(slot);
      this.#arena.copy(kept, end, at - 1, at - 1 + length);
      this.#slots[slot] = end + 1;
      end += length;
    }
    this.#arena = kept;
    this.#arenaBytes = end;
    this.#deadBytes = 0;
  }

  #hash(folded: string): number {
    let hash = this.#seed;
    for (let at = 0; at < folded.length; at++) {
      hash = Math.imul(hash ^ folded.charCodeAt(at), 0x9e37_79b1);
      hash ^= hash >>> 15;
    }
    hash = Math.imul(hash ^ (hash >>> 13), 0x85eb_ca6b);
    return (hash ^ (hash >>> 16)) >>> 0;
  }
}

function isLatin1(text: string): boolean {
  for (let at = 0; at < text.length; at++) if (text.charCodeAt(at) > 0xff) return false;
  return true;
}

function enlarged(arena: Buffer, used: number, needed: number): Buffer {
  const larger = Buffer.allocUnsafeSlow(Math.max(needed, Math.ceil(arena.length * 1.5)));
  arena.copy(larger, 0, 0, used);
  return larger;
}
