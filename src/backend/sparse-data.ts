/**
 * The bytes of one file or stream in memory. Kept in chunks, so that growing never copies what is there and a hole costs
 * nothing; the chunks of a small file are small.
 */
import type { ByteRange } from './contract.ts';
import { BackendError } from './error.ts';

/** Bytes that are reserved and freed together; also the size of a hole that punching frees. */
export const CHUNK_BYTES = 64 * 1024;
/** Unit in which space is charged. */
export const CLUSTER_BYTES = 4096;

const CHUNK_BYTES_MIN = 64;
const COPY_BYTES = 1024 * 1024;

/** Keeps the account of a volume's space. */
export interface SpaceLedger {
  /** Takes `bytes` (gives back, when negative); throws ENOSPC when there is not enough. */
  charge(bytes: number): void;
  /** The file grows (shrinks, when negative), whether or not it shares its bytes; throws EDQUOT when it may not. */
  own?(bytes: number): void;
}

interface Chunk {
  /** As long as or longer than `used`; bytes from `used` on are zero. */
  bytes: Buffer;
  used: number;
  /** The data that have it; what several have is copied before it is changed. */
  holderCount: number;
}

const clusters = (used: number): number => Math.ceil(used / CLUSTER_BYTES) * CLUSTER_BYTES;

export class SparseData {
  readonly #ledger: SpaceLedger;
  readonly #chunks = new Map<number, Chunk>();
  #sizeBytes = 0;
  #allocatedBytes = 0;
  #holders = 1;

  constructor(ledger: SpaceLedger) {
    this.#ledger = ledger;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  get allocatedBytes(): number {
    return this.#allocatedBytes;
  }

  /** The same bytes once more, to be changed apart from these; nothing is copied until then. */
  share(ledger: SpaceLedger): SparseData {
    const twin = new SparseData(ledger);
    for (const [index, chunk] of this.#chunks) {
      chunk.holderCount += 1;
      twin.#chunks.set(index, chunk);
    }
    twin.#sizeBytes = this.#sizeBytes;
    twin.#allocatedBytes = this.#allocatedBytes;
    ledger.own?.(this.#allocatedBytes);
    return twin;
  }

  /** One more name or handle needs the bytes. */
  retain(): void {
    this.#holders += 1;
  }

  /** One name or handle less; the last one frees the bytes. */
  release(): void {
    this.#holders -= 1;
    if (this.#holders === 0) this.truncate(0);
  }

  /** Fills `target` from `position`; returns the bytes read. */
  read(target: Buffer, position: number): number {
    const length = Math.min(target.length, this.#sizeBytes - position);
    let done = 0;
    while (done < length) {
      const at = position + done;
      const index = Math.floor(at / CHUNK_BYTES);
      const from = at - index * CHUNK_BYTES;
      const count = Math.min(length - done, CHUNK_BYTES - from);
      const chunk = this.#chunks.get(index);
      const copied =
        chunk === undefined || from >= chunk.used
          ? 0
          : chunk.bytes.copy(target, done, from, Math.min(from + count, chunk.used));
      if (copied < count) target.fill(0, done + copied, done + count);
      done += count;
    }
    return done;
  }

  /** Writes all of `source` at `position`, or nothing (ENOSPC, EFBIG). */
  write(source: Buffer, position: number): void {
    if (source.length === 0) return;
    const end = position + source.length;
    if (end > Number.MAX_SAFE_INTEGER) throw new BackendError('EFBIG', 'write');
    const { own, taken } = this.#growth(position, end);
    this.#charge(own, taken);
    let done = 0;
    while (done < source.length) {
      const at = position + done;
      const index = Math.floor(at / CHUNK_BYTES);
      const from = at - index * CHUNK_BYTES;
      const count = Math.min(source.length - done, CHUNK_BYTES - from);
      source.copy(this.#room(index, from + count).bytes, from, done, done + count);
      done += count;
    }
    if (end > this.#sizeBytes) this.#sizeBytes = end;
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.#sizeBytes) this.#drop(sizeBytes, this.#sizeBytes, 'clusters');
    this.#sizeBytes = sizeBytes;
  }

  /** Makes `range` read as zeros and frees the chunks within it, whole ones only, as NTFS does. The size stays. */
  punch(range: ByteRange): void {
    this.#drop(range.offset, Math.min(range.offset + range.length, this.#sizeBytes), 'chunks');
  }

  /** The parts of `range` that hold data, in order, neighbours joined. */
  allocatedRanges(range: ByteRange): ByteRange[] {
    const limit = Math.min(range.offset + range.length, this.#sizeBytes);
    const found: { offset: number; length: number }[] = [];
    for (const index of this.#indexes(range.offset, limit)) {
      const start = index * CHUNK_BYTES;
      const from = Math.max(start, range.offset);
      const to = Math.min(start + clusters(this.#chunks.get(index)?.used ?? 0), limit);
      if (to <= from) continue;
      const last = found.at(-1);
      if (last !== undefined && last.offset + last.length === from) last.length += to - from;
      else found.push({ offset: from, length: to - from });
    }
    return found;
  }

  /** Copies `range` of `source` to `position`, holes as holes; returns the bytes copied. */
  copyFrom(source: SparseData, range: ByteRange, position: number): number {
    const length = Math.max(0, Math.min(range.length, source.#sizeBytes - range.offset));
    const pieces = Math.ceil(length / COPY_BYTES);
    const backwards = source === this && position > range.offset;
    const buffer = Buffer.allocUnsafe(Math.min(length, COPY_BYTES));
    for (let turn = 0; turn < pieces; turn++) {
      const start = (backwards ? pieces - 1 - turn : turn) * COPY_BYTES;
      const count = Math.min(COPY_BYTES, length - start);
      this.#copyPiece(source, range.offset + start, position + start, buffer.subarray(0, count));
    }
    return length;
  }

  #copyPiece(source: SparseData, from: number, to: number, buffer: Buffer): void {
    const range = { offset: from, length: buffer.length };
    if (source.allocatedRanges(range).length > 0) {
      source.read(buffer, from);
      this.write(buffer, to);
      return;
    }
    this.punch({ offset: to, length: buffer.length });
    this.#sizeBytes = Math.max(this.#sizeBytes, to + buffer.length);
  }

  /** The file grows by `own`, the volume is fuller by `taken`: these differ where bytes are shared. */
  #charge(own: number, taken: number): void {
    if (own !== 0) this.#ledger.own?.(own);
    try {
      if (taken !== 0) this.#ledger.charge(taken);
    } catch (error) {
      this.#ledger.own?.(-own);
      throw error;
    }
    this.#allocatedBytes += own;
  }

  /** The space that writing up to `end` will take. */
  #growth(position: number, end: number): { own: number; taken: number } {
    let own = 0;
    let taken = 0;
    for (let index = Math.floor(position / CHUNK_BYTES); index * CHUNK_BYTES < end; index++) {
      const chunk = this.#chunks.get(index);
      const used = chunk?.used ?? 0;
      const needed = Math.max(used, Math.min(end - index * CHUNK_BYTES, CHUNK_BYTES));
      const grown = clusters(needed) - clusters(used);
      own += grown;
      taken += chunk !== undefined && chunk.holderCount > 1 ? clusters(needed) : grown;
    }
    return { own, taken };
  }

  /** The chunk, with at least `needed` usable bytes, and no one else's. */
  #room(index: number, needed: number): Chunk {
    const chunk = this.#chunks.get(index);
    if (chunk === undefined) {
      const fresh = { bytes: Buffer.alloc(capacity(needed)), used: needed, holderCount: 1 };
      this.#chunks.set(index, fresh);
      return fresh;
    }
    if (chunk.holderCount > 1) return this.#split(index, chunk, Math.max(needed, chunk.used));
    if (needed > chunk.bytes.length) {
      const larger = Buffer.alloc(capacity(needed));
      chunk.bytes.copy(larger, 0, 0, chunk.used);
      chunk.bytes = larger;
    }
    if (needed > chunk.used) chunk.used = needed;
    return chunk;
  }

  /** Leaves the shared chunk to the others and takes a copy, `used` bytes long. */
  #split(index: number, chunk: Chunk, used: number): Chunk {
    const copy = { bytes: Buffer.alloc(capacity(used)), used, holderCount: 1 };
    chunk.bytes.copy(copy.bytes, 0, 0, Math.min(used, chunk.used));
    chunk.holderCount -= 1;
    this.#chunks.set(index, copy);
    return copy;
  }

  /** Makes [from, to) read as zeros and frees the chunks that hold nothing else, or also what lies behind the rest. */
  #drop(from: number, to: number, units: 'chunks' | 'clusters'): void {
    for (const index of this.#indexes(from, to)) {
      const chunk = this.#chunks.get(index);
      if (chunk === undefined) continue;
      const first = Math.max(0, from - index * CHUNK_BYTES);
      const last = Math.min(chunk.used, to - index * CHUNK_BYTES);
      const isFreed = last === chunk.used && (first === 0 || units === 'clusters');
      const used = isFreed ? Math.min(chunk.used, first) : chunk.used;
      if (used === 0) this.#leave(index, chunk);
      else if (first < last) this.#erase(index, chunk, { first, last, used });
    }
  }

  #leave(index: number, chunk: Chunk): void {
    const freed = clusters(chunk.used);
    chunk.holderCount -= 1;
    this.#chunks.delete(index);
    this.#charge(-freed, chunk.holderCount === 0 ? -freed : 0);
  }

  /** Zeros within a chunk that stays, with `used` bytes. */
  #erase(
    index: number,
    chunk: Chunk,
    { first, last, used }: { first: number; last: number; used: number },
  ): void {
    const own = clusters(used) - clusters(chunk.used);
    const isShared = chunk.holderCount > 1;
    this.#charge(own, isShared ? clusters(used) : own);
    const mine = isShared ? this.#split(index, chunk, used) : chunk;
    mine.bytes.fill(0, first, last);
    mine.used = used;
  }

  /** Indexes of the chunks present in [from, to), ascending; by whichever of range and map is shorter. */
  #indexes(from: number, to: number): number[] {
    if (to <= from) return [];
    const first = Math.floor(from / CHUNK_BYTES);
    const last = Math.floor((to - 1) / CHUNK_BYTES);
    const found: number[] = [];
    if (last - first < this.#chunks.size) {
      for (let index = first; index <= last; index++) if (this.#chunks.has(index)) found.push(index);
      return found;
    }
    for (const index of this.#chunks.keys()) if (index >= first && index <= last) found.push(index);
    return found.sort((a, b) => a - b);
  }
}

/** Bytes to reserve for a chunk that must hold `needed`: powers of two, so that appending copies little. */
function capacity(needed: number): number {
  let bytes = CHUNK_BYTES_MIN;
  while (bytes < needed) bytes *= 2;
  return bytes;
}
