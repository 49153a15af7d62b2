/**
 * Turns a layout into straight-line JavaScript, once, at load. The text is made of the declaration only: field names, positions
 * and sizes; nothing that comes from outside is ever part of it. What it does is what `interpret.ts` does, and the tests hold the
 * two against each other. Where code generation is forbidden (`--disallow-code-generation-from-strings`) the interpreter stays.
 */
import { EMPTY } from '../base/bytes.ts';
import type { Codec } from './codec.ts';
import { interpreted, type Machine } from './interpret.ts';
import { listBytes, readList, writeList } from './list.ts';
import * as raw from './primitives.ts';
import {
  type Described,
  endAfter,
  type FixedPart,
  isComputed,
  isTail,
  type Layout,
  layoutOf,
  type TailPart,
} from './schema.ts';

/** The compiled machine of `layout`, or the interpreted one where code generation is forbidden. */
export function compiled(layout: Layout): Machine {
  const unit = new Unit(layout);
  const text = `'use strict';\n${unit.decode()}\n${unit.sizeOf()}\n${unit.encodeInto()}\nreturn { decode, sizeOf, encodeInto };`;
  try {
    return new Function('raw', 'linked', text)(
      { ...raw, EMPTY, endAfter, listBytes, readList, writeList },
      unit.linked,
    );
  } catch (error) {
    if (error instanceof EvalError) return interpreted(layout);
    throw error;
  }
}

/** `text` as a JavaScript literal. */
function literal(text: string): string {
  return JSON.stringify(text);
}

/** `from + count` without a needless sum. */
function plus(from: string, count: number): string {
  return count === 0 ? from : `${from} + ${count}`;
}

/** The source text of one structure's three functions. */
class Unit {
  readonly linked: (Codec<unknown> | ((...fields: never[]) => boolean))[] = [];
  readonly #layout: Layout;
  readonly #name: string;

  constructor(layout: Layout) {
    this.#layout = layout;
    this.#name = literal(layout.name);
  }

  decode(): string {
    const { parts, fixedBytes, totals } = this.#layout;
    const lines = [
      'function decode(b, s = 0, e = b.length) {',
      "if (s < 0 || e > b.length) throw new RangeError('outside the buffer');",
      `if (e - s < ${fixedBytes}) raw.truncated(${this.#name});`,
    ];
    for (const [index, total] of totals.entries()) {
      lines.push(`const total${index} = ${total.from} + ${readInt('s', total)};`);
      lines.push(`if (total${index} < ${fixedBytes} || total${index} > e - s) raw.truncated(${this.#name});`);
      lines.push(`e = s + total${index};`);
    }
    if (!this.#layout.isFixed) lines.push(`let p = s + ${fixedBytes};`);
    const values: string[] = [];
    for (const [index, part] of parts.entries()) {
      if (isTail(part)) lines.push(this.#readTail(part, index, values));
      else lines.push(this.#readPart(part, index));
      if (isTail(part) || !isComputed(part.spec)) values.push(`${literal(part.name)}: f${index}`);
    }
    lines.push(`return { ${values.join(', ')} };`, '}');
    return lines.join('\n');
  }

  #readPart(part: FixedPart, index: number): string {
    const { spec, at } = part;
    const where = at === undefined ? 'p' : plus('s', at);
    const lines: string[] = [];
    if (at === undefined) lines.push(`if (p + ${spec.bytes} > e) raw.truncated(${this.#name});`);
    if (spec.kind === 'constant') {
      const found = readInt(where, { at: 0, bytes: spec.bytes });
      lines.push(`const f${index} = ${found};`);
      lines.push(
        `if (f${index} !== ${spec.value}) raw.unexpected(${literal(`${this.#layout.name}.${part.name}`)}, f${index});`,
      );
    } else if (!isComputed(spec)) {
      if (spec.kind === 'slot' && part.length !== undefined) {
        lines.push(`const n${index} = ${readInt('s', part.length)};`);
        lines.push(
          `if (n${index} > ${spec.bytes}) raw.unexpected(${literal(`${this.#layout.name}.${part.length.name}`)}, n${index});`,
        );
      }
      lines.push(`const f${index} = ${this.#readValue(part, where, `n${index}`)};`);
    }
    if (at === undefined) lines.push(`p += ${spec.bytes};`);
    return lines.join('\n');
  }

  /** The expression of a field's value. */
  #readValue(part: FixedPart, where: string, slotBytes: string): string {
    const { spec } = part;
    switch (spec.kind) {
      case 'int':
        return readInt(where, { at: 0, bytes: spec.bytes, signed: spec.signed });
      case 'bool':
        return `b[${where}] !== 0`;
      case 'big':
      case 'id': {
        const read = spec.kind === 'id' ? 'raw.idOf' : spec.signed ? 'raw.signedBigOf' : 'raw.bigOf';
        const halves = [0, 4].map((at) => readInt(where, { at, bytes: 4 }));
        return `${read}(${halves.join(', ')})`;
      }
      case 'bytes':
        return `b.subarray(${where}, ${where} + ${spec.bytes})`;
      case 'slot':
        if (part.length === undefined) return `raw.readSlot(b, ${where}, ${where} + ${spec.bytes})`;
        return `raw.readUtf16(b, ${where}, ${where} + ${slotBytes})`;
      case 'fixed': {
        const inner = plainLayout(spec.codec);
        if (inner === undefined)
          return `${this.#link(spec.codec)}.decode(b, ${where}, ${where} + ${spec.bytes})`;
        const fields = plainParts(inner).filter((each) => !isComputed(each.spec));
        const value = (each: FixedPart) => this.#readValue(each, plus(where, each.at ?? 0), '0');
        return `{ ${fields.map((each) => `${literal(each.name)}: ${value(each)}`).join(', ')} }`;
      }
      default:
        return 'undefined';
    }
  }

  #readTail(part: TailPart, index: number, before: readonly string[]): string {
    const { spec, offset, length, count } = part;
    const name = literal(`${this.#layout.name}.${part.name}`);
    const isRest = offset === undefined && length === undefined && count === undefined;
    const present: string[] = [];
    if (length) present.push(`l${index} !== 0`);
    if (count) present.push(`c${index} !== 0`);
    if (offset && spec.optional) present.push(`o${index} !== 0`);
    if (isRest && (spec.optional || spec.shape !== 'nested')) present.push('p < e');
    const from = offset ? `o${index} + ${offset.from}` : align('p - s', spec.align);
    return [
      offset ? `const o${index} = ${readInt('s', offset)};` : '',
      length ? `const l${index} = ${readInt('s', length)};` : '',
      count ? `const c${index} = ${readInt('s', count)};` : '',
      `let f${index};`,
      spec.when ? `if (${this.#link(spec.when)}({ ${before.join(', ')} })) {` : '',
      present.length === 0 ? '{' : `if (${present.join(' && ')}) {`,
      `let q = ${from};`,
      `if (q < ${this.#layout.fixedBytes}) raw.misplaced(${name});`,
      'q += s;',
      `const r = ${length ? `q + l${index}` : 'e'};`,
      `if (q > e || r > e) raw.truncated(${this.#name});`,
      this.#readContent(part, index),
      present.length === 0 ? '}' : `} else f${index} = ${this.#emptyTail(part)};`,
      spec.when ? '}' : '',
    ].join('\n');
  }

  /** Sets the field from the bytes between q and r, and p to the position behind it. */
  #readContent({ spec, offset, length, count }: TailPart, index: number): string {
    const field = `f${index}`;
    switch (spec.shape) {
      case 'blob':
        return `${field} = b.subarray(q, r); p = r;`;
      case 'utf16':
        return `${field} = raw.readUtf16(b, q, r); p = r;`;
      case 'latin1':
        return `${field} = raw.readLatin1(b, q, r); p = r;`;
      case 'list': {
        const counted = count ? `c${index}` : 'undefined';
        const place = `{ bytes: b, from: q, to: r, count: ${counted}, align: ${spec.elementAlign} }`;
        const read = `raw.readList(${this.#linkCodec(spec.codec)}, ${field} = [], ${place})`;
        return length ? `${read}; p = r;` : `p = ${read};`;
      }
      case 'nested': {
        const codec = this.#linkCodec(spec.codec);
        const behind = length ? 'r' : `raw.endAfter(${codec}, b, q, r) ?? ${offset ? 'p' : 'r'}`;
        return `${field} = ${codec}.decode(b, q, r); p = ${behind};`;
      }
    }
  }

  #emptyTail({ spec }: TailPart): string {
    if (spec.optional) return 'undefined';
    if (spec.shape === 'blob') return 'raw.EMPTY';
    if (spec.shape === 'list') return '[]';
    return spec.shape === 'nested' ? `${this.#linkCodec(spec.codec)}.decode(raw.EMPTY, 0, 0)` : "''";
  }

  sizeOf(): string {
    const { parts, fixedBytes, isFixed, paddedBytes } = this.#layout;
    if (isFixed) return `function sizeOf() { return ${fixedBytes}; }`;
    const lines = ['function sizeOf(v) {', `let n = ${fixedBytes}, m = 0;`];
    for (const part of parts) {
      if (isTail(part)) {
        lines.push(`m = ${this.#tailBytes(part, this.#tailValue(part))};`);
        lines.push(`if (m > 0) n = ${part.spec.align === 1 ? 'n' : align('n', part.spec.align)} + m;`);
      } else if (part.at === undefined) lines.push(`n += ${part.spec.bytes};`);
    }
    lines.push(paddedBytes > 0 ? `return n < ${paddedBytes} ? ${paddedBytes} : n;` : 'return n;', '}');
    return lines.join('\n');
  }

  #tailValue({ name, spec }: TailPart): string {
    const value = `v[${literal(name)}]`;
    return spec.when ? `(${this.#link(spec.when)}(v) ? ${value} : undefined)` : value;
  }

  #tailBytes({ spec }: TailPart, value: string): string {
    const bytes = this.#presentBytes(spec, value);
    return spec.optional || spec.when ? `${value} === undefined ? 0 : ${bytes}` : bytes;
  }

  #presentBytes(spec: TailPart['spec'], value: string): string {
    if (spec.shape === 'utf16') return `${value}.length * 2`;
    if (spec.shape === 'blob' || spec.shape === 'latin1') return `${value}.length`;
    const codec = this.#linkCodec(spec.codec);
    return spec.shape === 'nested'
      ? `${codec}.sizeOf(${value})`
      : `raw.listBytes(${codec}, ${value}, ${spec.elementAlign})`;
  }

  encodeInto(): string {
    const { parts, fixedBytes, isFixed, paddedBytes } = this.#layout;
    const lines = ['function encodeInto(v, t, s) {'];
    if (isFixed) lines.push(`const p = s + ${fixedBytes};`);
    else lines.push(`let p = s + ${fixedBytes};`);
    for (const [index, part] of parts.entries()) {
      if (isTail(part)) lines.push(this.#writeTail(part, index));
      else if (part.at === undefined) lines.push(this.#writePart(part, 'p', 'v'), `p += ${part.spec.bytes};`);
    }
    if (paddedBytes > 0) lines.push(`if (p < s + ${paddedBytes}) p = raw.zero(t, p, s + ${paddedBytes});`);
    lines.push(`if (p > t.length) throw new RangeError(${literal(`${this.#layout.name} does not fit`)});`);
    for (const part of parts) {
      if (!isTail(part) && part.at !== undefined) lines.push(this.#writePart(part, plus('s', part.at), 'v'));
    }
    lines.push('return p;', '}');
    return lines.join('\n');
  }

  #writeTail(part: TailPart, index: number): string {
    const { spec } = part;
    const isZero = spec.emptyOffset === 'zero';
    const from = part.offset?.from ?? 0;
    const absent = spec.when && !isZero ? `x${index} === undefined ? 0 : ` : '';
    return [
      `const x${index} = ${this.#tailValue(part)};`,
      `const l${index} = ${this.#tailBytes(part, `x${index}`)};`,
      part.offset ? `let o${index} = ${isZero ? 0 : `${absent}p - s - ${from}`};` : '',
      `if (l${index} > 0) {`,
      spec.align === 1 ? '' : `p = raw.zero(t, p, s + ${align('p - s', spec.align)});`,
      part.offset ? `o${index} = p - s - ${from};` : '',
      `p = ${this.#writeContent(spec, `x${index}`)};`,
      '}',
    ].join('\n');
  }

  #writeContent(spec: TailPart['spec'], value: string): string {
    switch (spec.shape) {
      case 'blob':
        return `raw.writeBlob(t, p, ${value})`;
      case 'utf16':
        return `raw.writeUtf16(t, p, ${value})`;
      case 'latin1':
        return `raw.writeLatin1(t, p, ${value})`;
      case 'list':
        return `raw.writeList(${this.#linkCodec(spec.codec)}, ${value}, { target: t, from: p, align: ${spec.elementAlign} })`;
      case 'nested':
        return `${this.#linkCodec(spec.codec)}.encodeInto(${value}, t, p)`;
    }
  }

  #writePart(part: FixedPart, where: string, owner: string): string {
    const { spec } = part;
    const value = `${owner}[${literal(part.name)}]`;
    switch (spec.kind) {
      case 'int':
        return writeInt(where, spec.bytes, value);
      case 'bool':
        return `t[${where}] = ${value} === true ? 1 : 0;`;
      case 'constant':
        return writeInt(where, spec.bytes, String(spec.value));
      case 'big':
        return `raw.split(${value}); ${writeHalves(where, 'raw.lowHalf()', 'raw.highHalf()')}`;
      case 'id':
        return writeHalves(where, `raw.idLow(${value})`, `raw.idHigh(${value})`);
      case 'bytes':
        return `raw.writeBytes(t, ${where}, ${spec.bytes}, ${value});`;
      case 'slot':
        return `raw.writeSlot(t, ${where}, ${spec.bytes}, ${value});`;
      case 'fixed': {
        const inner = plainLayout(spec.codec);
        if (inner === undefined) return `${this.#link(spec.codec)}.encodeInto(${value}, t, ${where});`;
        return plainParts(inner)
          .map((each) => this.#writePart(each, plus(where, each.at ?? 0), value))
          .join('\n');
      }
      case 'offset':
      case 'length':
      case 'count':
      case 'total':
        return this.#writeComputed(part, spec.bytes, where);
      default:
        return Array.from({ length: spec.bytes }, (_, at) => `t[${plus(where, at)}] = 0;`).join(' ');
    }
  }

  #writeComputed({ name, spec }: FixedPart, size: number, where: string): string {
    let value = spec.kind === 'total' ? `p - s - ${spec.from}` : '';
    if (spec.kind === 'offset' || spec.kind === 'length' || spec.kind === 'count') {
      const index = this.#layout.parts.findIndex((part) => part.name === spec.of);
      const target = this.#layout.parts[index];
      if (target?.spec.kind === 'slot') value = `v[${literal(spec.of)}].length * 2`;
      else if (spec.kind === 'count') value = `(x${index} === undefined ? 0 : x${index}.length)`;
      else value = `${spec.kind === 'offset' ? 'o' : 'l'}${index}`;
    }
    if (size === 4) return writeInt(where, size, `(${value})`);
    return `{ const k = raw.fits(${literal(`${this.#layout.name}.${name}`)}, ${value}, ${size}); ${writeInt(where, size, 'k')} }`;
  }

  #linkCodec(codec: Codec<unknown> | undefined): string {
    return codec === undefined ? 'undefined' : this.#link(codec);
  }

  /** The expression of something that the text refers to. */
  #link(value: Codec<unknown> | ((...fields: never[]) => boolean)): string {
    let index = this.linked.indexOf(value);
    if (index < 0) index = this.linked.push(value) - 1;
    return `linked[${index}]`;
  }
}

/** The layout of a fixed structure that can be written out in place: nothing in it needs to be verified. */
function plainLayout(codec: Codec<unknown>): Layout | undefined {
  const layout = layoutOf(codec);
  if (!layout?.isFixed || layout.totals.length > 0) return undefined;
  const isPlain = (part: FixedPart) => part.spec.kind !== 'constant' && part.length === undefined;
  return plainParts(layout).every(isPlain) ? layout : undefined;
}

function plainParts(layout: Layout): readonly FixedPart[] {
  return layout.parts.filter((part): part is FixedPart => !isTail(part));
}

function readInt(
  from: string,
  { at, bytes, signed = false }: Pick<Described, 'at' | 'bytes'> & { signed?: boolean },
): string {
  const byte = (index: number) => `b[${plus(from, at + index)}]`;
  if (bytes === 1) return signed ? `(${byte(0)} << 24 >> 24)` : byte(0);
  if (bytes === 2) {
    const both = `${byte(0)} | ${byte(1)} << 8`;
    return signed ? `((${both}) << 16 >> 16)` : `(${both})`;
  }
  const all = `${byte(0)} | ${byte(1)} << 8 | ${byte(2)} << 16 | ${byte(3)} << 24`;
  return signed ? `(${all})` : `((${all}) >>> 0)`;
}

function writeInt(where: string, bytes: number, value: string): string {
  const stores = Array.from(
    { length: bytes },
    (_, at) => `t[${plus(where, at)}] = k${at === 0 ? '' : ` >>> ${8 * at}`};`,
  );
  return value === 'k' ? stores.join(' ') : `{ const k = ${value}; ${stores.join(' ')} }`;
}

function writeHalves(where: string, low: string, high: string): string {
  return `${writeInt(where, 4, low)} ${writeInt(`${where} + 4`, 4, high)}`;
}

/** `position` rounded up. */
function align(position: string, alignment: number): string {
  return alignment === 1 ? `(${position})` : `((${position} + ${alignment - 1}) & ${-alignment})`;
}
