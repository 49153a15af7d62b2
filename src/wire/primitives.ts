/**
 * The bounded reads and writes of which compiled and interpreted codecs are made. Positions were checked by the caller
 * against the end of the structure, unless a function says that it checks.
 */
import { WireError } from './codec.ts';

const wide = new BigUint64Array(1);
const halves = new Uint32Array(wide.buffer);
const signedWide = new BigInt64Array(wide.buffer);
// Where the low half lies depends on the machine.
const low = new Uint8Array(new Uint16Array([1]).buffer)[0] === 1 ? 0 : 1;
const high = 1 - low;

const BIT_32 = 0x1_0000_0000;
/** High half of 2^53. */
const SAFE_HIGH = 0x20_0000;

export function bigOf(lowHalf: number, highHalf: number): bigint {
  halves[low] = lowHalf;
  halves[high] = highHalf;
  return wide[0] ?? 0n;
}

export function signedBigOf(lowHalf: number, highHalf: number): bigint {
  halves[low] = lowHalf;
  halves[high] = highHalf;
  return signedWide[0] ?? 0n;
}

/** Splits a 64-bit integer; {@link lowHalf} and {@link highHalf} then return its parts. */
export function split(value: bigint): void {
  wide[0] = value;
}

export function lowHalf(): number {
  return halves[low] ?? 0;
}

export function highHalf(): number {
  return halves[high] ?? 0;
}

/**
 * A 64-bit id as a number: exact below 2^53; all ones is -1; any other value, which is no id that we ever issue, becomes the
 * number of its upper 53 bits, which is ≥ 2^53 and therefore equals none that we issued.
 */
export function idOf(lowPart: number, highPart: number): number {
  if (highPart < SAFE_HIGH) return highPart * BIT_32 + lowPart;
  if (highPart === 0xffff_ffff && lowPart === 0xffff_ffff) return -1;
  return highPart * BIT_32 + ((lowPart & 0xffff_f800) >>> 0);
}

/** The low half of an id; -1 is all ones. */
export function idLow(id: number): number {
  return id === -1 ? 0xffff_ffff : id % BIT_32;
}

export function idHigh(id: number): number {
  return id === -1 ? 0xffff_ffff : Math.floor(id / BIT_32);
}

export function writeInt(target: Buffer, at: number, size: number, value: number): void {
  target[at] = value;
  if (size === 1) return;
  target[at + 1] = value >>> 8;
  if (size === 2) return;
  target[at + 2] = value >>> 16;
  target[at + 3] = value >>> 24;
}

/** Strings up to this many units are copied faster here than by a call into the runtime. */
const SHORT_UNITS = 24;

/** UTF-16LE text; lone surrogates are kept. Throws WireError for half a unit. */
export function readUtf16(bytes: Buffer, start: number, end: number): string {
  if (((end - start) & 1) !== 0) throw new WireError('UTF-16 text of odd length');
  return bytes.toString('utf16le', start, end);
}

/** Returns the end position. */
export function writeUtf16(target: Buffer, at: number, text: string): number {
  if (text.length > SHORT_UNITS) return at + target.write(text, at, 'utf16le');
  let to = at;
  for (let index = 0; index < text.length; index++) {
    const unit = text.charCodeAt(index);
    target[to] = unit;
    target[to + 1] = unit >>> 8;
    to += 2;
  }
  return to;
}

/** Text in a slot: up to the first NUL. */
export function readSlot(bytes: Buffer, start: number, end: number): string {
  const text = readUtf16(bytes, start, end);
  const nul = text.indexOf('\0');
  return nul < 0 ? text : text.slice(0, nul);
}

export function writeSlot(target: Buffer, at: number, size: number, text: string): void {
  if (text.length * 2 > size) throw new RangeError(`text of ${text.length} units in a slot of ${size} bytes`);
  target.fill(0, writeUtf16(target, at, text), at + size);
}

export function readLatin1(bytes: Buffer, start: number, end: number): string {
  return bytes.toString('latin1', start, end);
}

export function writeLatin1(target: Buffer, at: number, text: string): number {
  return at + target.write(text, at, 'latin1');
}

/** Copies `source`, unless it lies there already; returns the end position. Throws RangeError when it does not fit. */
export function writeBlob(target: Buffer, at: number, source: Uint8Array): number {
  const isInPlace = source.byteOffset === target.byteOffset + at && source.buffer === target.buffer;
  if (!isInPlace) target.set(source, at);
  return at + source.length;
}

/** Copies exactly `size` bytes. */
export function writeBytes(target: Buffer, at: number, size: number, source: Uint8Array): void {
  if (source.length !== size) throw new RangeError(`${source.length} bytes where ${size} belong`);
  target.set(source, at);
}

/** Zeros from `from` to `to`; returns `to`. */
export function zero(target: Buffer, from: number, to: number): number {
  for (let at = from; at < to; at++) target[at] = 0;
  return to;
}

export function truncated(name: string): never {
  throw new WireError(`${name}: truncated`);
}

export function misplaced(name: string): never {
  throw new WireError(`${name}: offset before the variable part`);
}

export function unexpected(name: string, value: number): never {
  throw new WireError(`${name}: unexpected value ${value}`);
}

/** A described length or count that its field cannot hold is a mistake of the program, not of the peer. */
export function fits(name: string, value: number, size: number): number {
  if (size < 4 && value >= 2 ** (8 * size))
    throw new RangeError(`${name}: ${value} needs more than ${size} bytes`);
  return value;
}
