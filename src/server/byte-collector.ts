/**
 * Collects pieces of a stream. Small pieces are copied together, so that a peer that sends byte by byte costs no more memory
 * than one that does not; large ones are kept as they are.
 */
import { EMPTY } from '../base/bytes.ts';

/** Pieces from this size on are kept as they are. */
const LARGE_BYTES = 4096;
const ROOM_BYTES_MIN = 64;
const ROOM_BYTES_MAX = 16_384;

export class ByteCollector {
  #pieces: Buffer[] = [];
  /** Where small pieces are copied to; its first `#roomUsed` bytes are taken. */
  #room = EMPTY;
  #roomUsed = 0;
  #sizeBytes = 0;

  /** Bytes collected. */
  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  add(bytes: Buffer): void {
    if (bytes.length === 0) return;
    this.#sizeBytes += bytes.length;
    if (bytes.length >= LARGE_BYTES) {
      this.#closeRoom();
      this.#pieces.push(bytes);
      return;
    }
    this.#makeRoom(bytes.length);
    bytes.copy(this.#room, this.#roomUsed);
    this.#roomUsed += bytes.length;
  }

  /** Everything collected, in one buffer; nothing is left behind. */
  take(): Buffer {
    this.#closeRoom();
    const pieces = this.#pieces;
    const sizeBytes = this.#sizeBytes;
    this.#pieces = [];
    this.#sizeBytes = 0;
    const [first = EMPTY] = pieces;
    return pieces.length < 2 ? first : Buffer.concat(pieces, sizeBytes);
  }

  #makeRoom(sizeBytes: number): void {
    const wanted = this.#roomUsed + sizeBytes;
    if (wanted <= this.#room.length) return;
    if (wanted > ROOM_BYTES_MAX) this.#closeRoom();
    const used = this.#room.subarray(0, this.#roomUsed);
    const larger = Math.max(ROOM_BYTES_MIN, this.#roomUsed * 2, this.#roomUsed + sizeBytes);
    // Not from the shared pool, of which a small buffer that lives long would hold a whole slab.
    this.#room = Buffer.allocUnsafeSlow(Math.min(larger, ROOM_BYTES_MAX));
    used.copy(this.#room);
  }

  #closeRoom(): void {
    if (this.#roomUsed > 0) this.#pieces.push(this.#room.subarray(0, this.#roomUsed));
    this.#room = EMPTY;
    this.#roomUsed = 0;
  }
}
