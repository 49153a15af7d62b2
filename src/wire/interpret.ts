/**
 * Walks a layout field by field. The oracle for the compiled codecs, their stand-in where code generation is forbidden, and the
 * maker of the field map by which fuzzers and dumps find their way.
 */
import { present } from '../base/assert.ts';
import { alignUp, EMPTY } from '../base/bytes.ts';
import { listBytes, readList, writeList } from './list.ts';
import * as raw from './primitives.ts';
import {
  type Described,
  endAfter,
  type Fields,
  type FixedFieldSpec,
  type FixedPart,
  isComputed,
  isTail,
  type Layout,
  type TailPart,
} from './schema.ts';

/** Where one field lies in an encoding. */
export interface Span {
  readonly name: string;
  /** The specification's kind, or the shape of a variable part. */
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

/** What a struct needs of an implementation: this interpreter's or the compiler's. */
export interface Machine {
  decode(bytes: Buffer, start?: number, end?: number): Fields;
  sizeOf(value: Fields): number;
  encodeInto(value: Fields, target: Buffer, start: number): number;
}

export function interpreted(layout: Layout): Machine {
  return {
    decode: (bytes, start = 0, end = bytes.length) => walk(layout, { bytes, start, end }),
    sizeOf: (value) => sizeOf(layout, value),
    encodeInto: (value, target, start) => encodeInto(layout, value, target, start),
  };
}

/** The place of every field in the encoding at `start`. Throws WireError where decoding would. */
export function spansOf(layout: Layout, bytes: Buffer, start = 0, end = bytes.length): Span[] {
  const spans: Span[] = [];
  walk(layout, { bytes, start, end }, (name, kind, from, to) =>
    spans.push({ name, kind, start: from, end: to }),
  );
  return spans;
}

/** Position after the structure: the furthest end of any of its parts. */
export function endOf(layout: Layout, bytes: Buffer, start: number, end: number): number {
  let last = start + layout.fixedBytes;
  walk(layout, { bytes, start, end }, (_name, _kind, _from, to) => {
    last = Math.max(last, to);
  });
  return layout.totals.length === 0 ? last : ownEnd(layout, bytes, start, end);
}

type Visit = (name: string, kind: string, start: number, end: number) => void;

/** Where a structure lies. */
interface Place {
  readonly bytes: Buffer;
  readonly start: number;
  readonly end: number;
}

function walk(layout: Layout, { bytes, start, end: outerEnd }: Place, visit?: Visit): Fields {
  if (start < 0 || outerEnd > bytes.length) throw new RangeError('outside the buffer');
  if (outerEnd - start < layout.fixedBytes) raw.truncated(layout.name);
  const end = ownEnd(layout, bytes, start, outerEnd);
  const fields: Record<string, unknown> = {};
  let at = start;
  for (const part of layout.parts) {
    if (isTail(part)) {
      at = readTail(layout, part, { bytes, start, end, at, fields, visit });
      continue;
    }
    const { name, spec } = part;
    if (at + spec.bytes > end) raw.truncated(layout.name);
    visit?.(name, spec.kind, at, at + spec.bytes);
    if (spec.kind === 'constant' && intOf(bytes, at, spec.bytes) !== spec.value)
      raw.unexpected(`${layout.name}.${name}`, intOf(bytes, at, spec.bytes));
    if (!isComputed(spec)) fields[name] = readFixed(layout, part, { bytes, start, end }, at);
    at += spec.bytes;
  }
  return fields;
}

/** Where the structure says that it ends. */
function ownEnd(layout: Layout, bytes: Buffer, start: number, outerEnd: number): number {
  let end = outerEnd;
  for (const total of layout.totals) {
    const size = total.from + intAt(bytes, start, total);
    if (size < layout.fixedBytes || size > end - start) raw.truncated(layout.name);
    end = start + size;
  }
  return end;
}

function intOf(bytes: Buffer, at: number, size: number): number {
  return bytes.readUIntLE(at, size);
}

function intAt(bytes: Buffer, start: number, where: Described): number {
  return intOf(bytes, start + where.at, where.bytes);
}

function readFixed(layout: Layout, part: FixedPart, { bytes, start }: Place, at: number): unknown {
  const { spec } = part;
  switch (spec.kind) {
    case 'int':
      return spec.signed ? bytes.readIntLE(at, spec.bytes) : intOf(bytes, at, spec.bytes);
    case 'bool':
      return bytes[at] !== 0;
    case 'big':
      return spec.signed ? bytes.readBigInt64LE(at) : bytes.readBigUInt64LE(at);
    case 'id':
      return raw.idOf(bytes.readUInt32LE(at), bytes.readUInt32LE(at + 4));
    case 'bytes':
      return bytes.subarray(at, at + spec.bytes);
    case 'fixed':
      return spec.codec.decode(bytes, at, at + spec.bytes);
    case 'slot': {
      if (part.length === undefined) return raw.readSlot(bytes, at, at + spec.bytes);
      const length = intAt(bytes, start, part.length);
      if (length > spec.bytes) raw.unexpected(`${layout.name}.${part.length.name}`, length);
      return raw.readUtf16(bytes, at, at + length);
    }
    default:
      return undefined;
  }
}

interface Walk extends Place {
  readonly at: number;
  readonly fields: Record<string, unknown>;
  readonly visit: Visit | undefined;
}

/** Where the content of a variable part lies. */
interface Content {
  readonly from: number;
  readonly to: number;
  readonly count: number | undefined;
}

/** Reads one variable part; returns the position behind it. */
function readTail(layout: Layout, part: TailPart, walk: Walk): number {
  const { bytes, start, fields, at } = walk;
  const { spec } = part;
  const offset = part.offset && intAt(bytes, start, part.offset);
  const length = part.length && intAt(bytes, start, part.length);
  const count = part.count && intAt(bytes, start, part.count);
  const isEmpty = length === 0 || count === 0 || (spec.optional && offset === 0);
  const isRest = offset === undefined && length === undefined && count === undefined;
  // A part that does not exist here is undefined, one that is empty is empty.
  const exists = spec.when === undefined || spec.when(fields);
  const isMissing = isRest && at >= walk.end && (spec.optional || spec.shape !== 'nested');
  if (!exists || isEmpty || isMissing) {
    fields[part.name] = exists ? emptyTail(part) : undefined;
    return at;
  }
  let from =
    part.offset && offset !== undefined ? offset + part.offset.from : alignUp(at - start, spec.align);
  if (from < layout.fixedBytes) raw.misplaced(`${layout.name}.${part.name}`);
  from += start;
  const to = length === undefined ? walk.end : from + length;
  if (from > walk.end || to > walk.end) raw.truncated(layout.name);
  const behind = readContent(part, walk, { from, to, count });
  walk.visit?.(part.name, spec.shape, from, behind ?? from);
  return behind ?? at;
}

/** Sets the field; returns the position behind it, or undefined where that is unknown. */
function readContent(
  part: TailPart,
  { bytes, fields }: Walk,
  { from, to, count }: Content,
): number | undefined {
  const { name, spec } = part;
  switch (spec.shape) {
    case 'blob':
      fields[name] = bytes.subarray(from, to);
      return to;
    case 'utf16':
      fields[name] = raw.readUtf16(bytes, from, to);
      return to;
    case 'latin1':
      fields[name] = raw.readLatin1(bytes, from, to);
      return to;
    case 'list': {
      const items: unknown[] = [];
      fields[name] = items;
      const behind = readList(present(spec.codec, name), items, {
        bytes,
        from,
        to,
        count,
        align: spec.elementAlign,
      });
      return part.length === undefined ? behind : to;
    }
    case 'nested': {
      const codec = present(spec.codec, name);
      fields[name] = codec.decode(bytes, from, to);
      if (part.length !== undefined) return to;
      return endAfter(codec, bytes, from, to) ?? (part.offset === undefined ? to : undefined);
    }
  }
}

function emptyTail({ name, spec }: TailPart): unknown {
  if (spec.optional) return undefined;
  switch (spec.shape) {
    case 'blob':
      return EMPTY;
    case 'list':
      return [];
    case 'nested':
      return present(spec.codec, name).decode(EMPTY, 0, 0);
    case 'utf16':
    case 'latin1':
      return '';
  }
}

/** The value of a variable part, or undefined where it is absent. */
function tailValue({ name, spec }: TailPart, value: Fields): unknown {
  return spec.when !== undefined && !spec.when(value) ? undefined : value[name];
}

function sizeOf(layout: Layout, value: Fields): number {
  let size = 0;
  for (const part of layout.parts) {
    if (!isTail(part)) {
      size += part.spec.bytes;
      continue;
    }
    const bytes = tailBytes(part, tailValue(part, value));
    if (bytes > 0) size = alignUp(size, part.spec.align) + bytes;
  }
  return Math.max(size, layout.paddedBytes);
}

function tailBytes({ name, spec }: TailPart, content: unknown): number {
  if (content === undefined) {
    if (spec.optional || spec.when !== undefined) return 0;
    throw new TypeError(`${name} is missing`);
  }
  const isText = spec.shape === 'utf16' || spec.shape === 'latin1';
  if (isText) return String(content).length * (spec.shape === 'utf16' ? 2 : 1);
  if (spec.shape === 'blob') return content instanceof Uint8Array ? content.length : NaN;
  const codec = present(spec.codec, name);
  if (spec.shape === 'nested') return codec.sizeOf(content);
  return listBytes(codec, arrayOf(content), spec.elementAlign);
}

function arrayOf(value: unknown): readonly unknown[] {
  if (!Array.isArray(value)) throw new TypeError('not a list');
  return value;
}

function encodeInto(layout: Layout, value: Fields, target: Buffer, start: number): number {
  const placed = new Map<string, { offset: number; length: number; count: number }>();
  let at = start;
  for (const part of layout.parts) {
    if (!isTail(part)) {
      if (part.at === undefined) writeFixed(part.spec, value[part.name], target, at);
      at += part.spec.bytes;
      continue;
    }
    const content = tailValue(part, value);
    const bytes = tailBytes(part, content);
    const from = bytes === 0 ? at : start + alignUp(at - start, part.spec.align);
    raw.zero(target, at, from);
    at = bytes === 0 ? at : writeTail(part, content, target, from);
    const isNowhere = bytes === 0 && (part.spec.emptyOffset === 'zero' || content === undefined);
    const offset = isNowhere ? 0 : from - start - (part.offset?.from ?? 0);
    placed.set(part.name, { offset, length: at - from, count: Array.isArray(content) ? content.length : 0 });
  }
  at = raw.zero(target, at, Math.max(at, start + layout.paddedBytes));
  if (at > target.length) throw new RangeError(`${layout.name} does not fit`);
  for (const part of layout.parts) {
    if (isTail(part) || part.at === undefined) continue;
    const { name, spec } = part;
    const here = start + part.at;
    if (spec.kind === 'offset' || spec.kind === 'length' || spec.kind === 'count') {
      const place = placed.get(spec.of);
      const text = value[spec.of];
      const number = place?.[spec.kind] ?? (typeof text === 'string' ? text.length * 2 : 0);
      raw.writeInt(target, here, spec.bytes, raw.fits(`${layout.name}.${name}`, number, spec.bytes));
    } else if (spec.kind === 'total') {
      const size = at - start - spec.from;
      raw.writeInt(target, here, spec.bytes, raw.fits(`${layout.name}.${name}`, size, spec.bytes));
    } else {
      writeFixed(spec, value[name], target, here);
    }
  }
  return at;
}

function writeTail({ name, spec }: TailPart, content: unknown, target: Buffer, from: number): number {
  if (spec.shape === 'utf16') return raw.writeUtf16(target, from, String(content));
  if (spec.shape === 'latin1') return raw.writeLatin1(target, from, String(content));
  if (spec.shape === 'blob') {
    if (!(content instanceof Uint8Array)) throw new TypeError(`${name} is not bytes`);
    return raw.writeBlob(target, from, content);
  }
  const codec = present(spec.codec, name);
  if (spec.shape === 'nested') return codec.encodeInto(content, target, from);
  return writeList(codec, arrayOf(content), { target, from, align: spec.elementAlign });
}

function writeFixed(spec: FixedFieldSpec, value: unknown, target: Buffer, at: number): void {
  switch (spec.kind) {
    case 'int':
      raw.writeInt(target, at, spec.bytes, Number(value));
      break;
    case 'bool':
      raw.writeInt(target, at, 1, value === true ? 1 : 0);
      break;
    case 'constant':
      raw.writeInt(target, at, spec.bytes, spec.value);
      break;
    case 'big':
      raw.split(typeof value === 'bigint' ? value : BigInt(Number(value)));
      raw.writeInt(target, at, 4, raw.lowHalf());
      raw.writeInt(target, at + 4, 4, raw.highHalf());
      break;
    case 'id':
      raw.writeInt(target, at, 4, raw.idLow(Number(value)));
      raw.writeInt(target, at + 4, 4, raw.idHigh(Number(value)));
      break;
    case 'bytes':
      if (!(value instanceof Uint8Array)) throw new TypeError('not bytes');
      raw.writeBytes(target, at, spec.bytes, value);
      break;
    case 'slot':
      raw.writeSlot(target, at, spec.bytes, String(value));
      break;
    case 'fixed':
      spec.codec.encodeInto(value, target, at);
      break;
    default:
      raw.zero(target, at, at + spec.bytes);
  }
}
