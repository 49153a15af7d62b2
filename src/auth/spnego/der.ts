/**
 * The little of DER that SPNEGO needs. ITU-T X.690
 */
import { WireError } from '../../wire/codec.ts';

/** Tags, class and form bits included. */
export const Tag = Object.freeze({
  OCTET_STRING: 0x04,
  OBJECT_IDENTIFIER: 0x06,
  ENUMERATED: 0x0a,
  GENERAL_STRING: 0x1b,
  SEQUENCE: 0x30,
  APPLICATION_0: 0x60,
});

/** The tag of a constructed, context-specific element. */
export function contextTag(number: number): number {
  return 0xa0 | number;
}

/** An element, as views of the bytes it was read from. */
export interface DerElement {
  readonly tag: number;
  readonly content: Buffer;
  /** Tag, length and content. */
  readonly whole: Buffer;
}

/**
 * Reads the elements of one content, one after the other; what is inside an element is read with a reader of its own, so that
 * depth is what the caller's code says and nothing is read past its parent. Every fault is a {@link WireError}.
 */
export class DerReader {
  readonly #bytes: Buffer;
  #position = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  get isAtEnd(): boolean {
    return this.#position >= this.#bytes.length;
  }

  /** The next element. */
  next(): DerElement {
    const start = this.#position;
    const tag = this.#byte();
    if ((tag & 0x1f) === 0x1f) throw new WireError('DER: tags of several bytes do not occur');
    const length = this.#length();
    const from = this.#position;
    if (length > this.#bytes.length - from) throw new WireError('DER: an element is longer than its parent');
    this.#position = from + length;
    return {
      tag,
      content: this.#bytes.subarray(from, this.#position),
      whole: this.#bytes.subarray(start, this.#position),
    };
  }

  /** The next element, which must have `tag`. */
  expect(tag: number): DerElement {
    const element = this.next();
    if (element.tag !== tag) throw new WireError(`DER: tag ${element.tag} where ${tag} is due`);
    return element;
  }

  #byte(): number {
    const byte = this.#bytes[this.#position++];
    if (byte === undefined) throw new WireError('DER: truncated');
    return byte;
  }

  /** X.690 8.1.3; the indefinite form is not DER. More octets than needed are tolerated, as some clients write them. */
  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const octets = first & 0x7f;
    if (octets === 0 || octets > 4) throw new WireError('DER: length form');
    let length = 0;
    for (let i = 0; i < octets; i++) length = length * 256 + this.#byte();
    return length;
  }
}

/** The only element of `bytes`, which must have `tag`. Bytes behind it are ignored. */
export function only(bytes: Buffer, tag: number): DerElement {
  return new DerReader(bytes).expect(tag);
}

/** An element around the contents, one after the other. */
export function der(tag: number, ...contents: readonly Buffer[]): Buffer {
  const content = Buffer.concat(contents);
  return Buffer.concat([Buffer.from([tag]), lengthOctets(content.length), content]);
}

function lengthOctets(length: number): Buffer {
  if (length < 0x80) return Buffer.from([length]);
  if (length < 0x100) return Buffer.from([0x81, length]);
  if (length < 0x1_0000) return Buffer.from([0x82, length >>> 8, length & 0xff]);
  return Buffer.from([0x83, length >>> 16, (length >>> 8) & 0xff, length & 0xff]);
}

/** An OBJECT IDENTIFIER from its dotted form. X.690 8.19 */
export function derOid(dotted: string): Buffer {
  const [first = 0, second = 0, ...rest] = dotted.split('.').map(Number);
  const octets = [first * 40 + second, ...rest].flatMap((arc) => base128(arc));
  return der(Tag.OBJECT_IDENTIFIER, Buffer.from(octets));
}

function base128(arc: number): number[] {
  const octets = [arc & 0x7f];
  for (let rest = arc >>> 7; rest > 0; rest >>>= 7) octets.unshift((rest & 0x7f) | 0x80);
  return octets;
}
