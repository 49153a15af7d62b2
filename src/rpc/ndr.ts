/**
 * NDR, transfer syntax version 2.0: how parameters of remote calls lie in a stub. [C706] chapter 14, [MS-RPCE] 2.2.4
 *
 * Little-endian only; a reader never reads beyond its stub and never allocates by a count that the stub claims.
 */
import { alignUp, EMPTY, utf16le } from '../base/bytes.ts';
import { WireError } from '../wire/codec.ts';

/** Reads parameters in the order of the interface definition; throws WireError for bytes that are not those parameters. */
export class NdrReader {
  readonly #bytes: Buffer;
  #at = 0;

  constructor(stub: Buffer) {
    this.#bytes = stub;
  }

  /** Bytes not read yet. */
  get remaining(): number {
    return this.#bytes.length - this.#at;
  }

  u8(): number {
    return this.#bytes.readUInt8(this.#take(1));
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** `count` bytes without alignment, as a view. */
  bytes(count: number): Buffer {
    const start = this.#at;
    if (count > this.remaining) throw new WireError('NDR: truncated');
    this.#at += count;
    return this.#bytes.subarray(start, this.#at);
  }

  /** True when a pointer that may be null is not. What it points to is read where the interface definition places it. */
  pointer(): boolean {
    return this.u32() !== 0;
  }

  /** A unique pointer among the parameters, directly followed by what it points to. */
  unique<T>(read: () => T): T | undefined {
    return this.pointer() ? read() : undefined;
  }

  /** A conformant varying string of UTF-16 units, without its terminating NUL. */
  text(): string {
    const maximum = this.u32();
    const offset = this.u32();
    const actual = this.u32();
    if (offset !== 0 || actual > maximum) throw new WireError('NDR: counts of a string');
    const text = this.bytes(this.#unitBytes(actual)).toString('utf16le');
    return text.endsWith('\0') ? text.slice(0, -1) : text;
  }

  /** MaxCount of a conformant array whose elements take at least `elementBytes`, at most `countMax`. */
  arrayCount(elementBytes: number, countMax = Number.POSITIVE_INFINITY): number {
    const count = this.u32();
    if (count > countMax) throw new WireError('NDR: count out of range');
    if (count * elementBytes > this.remaining) throw new WireError('NDR: truncated');
    return count;
  }

  align(alignment: number): void {
    const at = alignUp(this.#at, alignment);
    if (at > this.#bytes.length) throw new WireError('NDR: truncated');
    this.#at = at;
  }

  #take(size: number): number {
    this.align(size);
    if (size > this.remaining) throw new WireError('NDR: truncated');
    const at = this.#at;
    this.#at += size;
    return at;
  }

  #unitBytes(units: number): number {
    if (units * 2 > this.remaining) throw new WireError('NDR: truncated');
    return units * 2;
  }
}

/** First referent id; each further one is four more, as Windows counts. [C706] 14.3.10 */
const firstReferent = 0x0002_0000;

/**
 * Writes parameters in the order of the interface definition. What embedded pointers point to follows the constructed type
 * that embeds them, depth first. [C706] 14.3.12.3
 */
export class NdrWriter {
  #target = Buffer.alloc(256);
  #at = 0;
  #referent = firstReferent;
  #deferred: (() => void)[] | undefined;

  u8(value: number): void {
    const at = this.#room(1, 1);
    this.#target.writeUInt8(value, at);
  }

  u16(value: number): void {
    const at = this.#room(2, 2);
    this.#target.writeUInt16LE(value, at);
  }

  u32(value: number): void {
    const at = this.#room(4, 4);
    this.#target.writeUInt32LE(value >>> 0, at);
  }

  bytes(value: Uint8Array): void {
    const at = this.#room(value.length, 1);
    this.#target.set(value, at);
  }

  align(alignment: number): void {
    this.#room(0, alignment);
  }

  /**
   * A pointer, null where `write` is absent. Inside {@link constructed} what it points to is deferred, otherwise it follows
   * at once.
   */
  pointer(write: (() => void) | undefined): void {
    if (write === undefined) {
      this.u32(0);
      return;
    }
    this.u32(this.#referent);
    this.#referent += 4;
    if (this.#deferred) this.#deferred.push(write);
    else this.constructed(write);
  }

  /** Runs `write`, which lays out a structure, array or union, then lays out what its pointers point to. */
  constructed(write: () => void): void {
    const outer = this.#deferred;
    const own: (() => void)[] = [];
    this.#deferred = own;
    write();
    for (const pointee of own) this.constructed(pointee);
    this.#deferred = outer;
  }

  /** A conformant varying string with its terminating NUL. */
  text(value: string): void {
    const units = utf16le(`${value}\0`);
    this.u32(units.length / 2);
    this.u32(0);
    this.u32(units.length / 2);
    this.bytes(units);
  }

  /** A pointer to a string. */
  textPointer(value: string | undefined): void {
    this.pointer(value === undefined ? undefined : () => this.text(value));
  }

  /** A pointer to a conformant array of bytes. */
  bytesPointer(value: Uint8Array | undefined): void {
    const write = (array: Uint8Array): void => {
      this.u32(array.length);
      this.bytes(array);
    };
    this.pointer(value === undefined ? undefined : () => write(value));
  }

  /** The stub written so far. */
  stub(): Buffer {
    return this.#at === 0 ? EMPTY : this.#target.subarray(0, this.#at);
  }

  /** The position of `size` more bytes; the target may be another buffer afterwards. */
  #room(size: number, alignment: number): number {
    const at = alignUp(this.#at, alignment);
    const end = at + size;
    if (end > this.#target.length) {
      const grown = Buffer.alloc(Math.max(end, 2 * this.#target.length));
      this.#target.copy(grown, 0, 0, this.#at);
      this.#target = grown;
    }
    this.#at = end;
    return at;
  }
}
