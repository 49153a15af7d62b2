/**
 * What a declared structure is made of: the field specifications that `struct.ts` writes down, the compiler compiles, the
 * interpreter walks, the printer prints and the tests generate from.
 */
import { AssertionError, assert } from '../base/assert.ts';
import type { Codec } from './codec.ts';

/** A codec whose encodings all have the same size; it may stand directly as a field. */
export interface FixedCodec<T> extends Codec<T> {
  readonly fixedBytes: number;
}

/** A codec that can tell from the bytes alone where its structure ends, so that others may follow it without a length. */
export interface SelfSizedCodec<T> extends Codec<T> {
  /** Position after the structure that starts at `start` and lies before `end`. Throws WireError when it does not fit. */
  endOf(bytes: Buffer, start: number, end: number): number;
  /** Bytes that every encoding has at least; at least 1. */
  readonly minimumBytes: number;
}

/** Decoded values, seen without their types. */
export type Fields = Readonly<Record<string, unknown>>;

export type IntBytes = 1 | 2 | 4;

export interface IntSpec {
  readonly kind: 'int';
  readonly bytes: IntBytes;
  readonly signed: boolean;
}
/** One byte, any non-zero value being true. */
export interface BoolSpec {
  readonly kind: 'bool';
  readonly bytes: 1;
}
/** 64 bits as a bigint. */
export interface BigSpec {
  readonly kind: 'big';
  readonly bytes: 8;
  readonly signed: boolean;
}
/** 64 bits as a number, see `id64`. */
export interface IdSpec {
  readonly kind: 'id';
  readonly bytes: 8;
}
/** Verified on decode, absent from the value. */
export interface ConstantSpec {
  readonly kind: 'constant';
  readonly bytes: IntBytes;
  readonly value: number;
}
/** Zero on encode, ignored on decode, absent from the value. */
export interface ReservedSpec {
  readonly kind: 'reserved';
  readonly bytes: number;
}
/** A fixed number of opaque bytes. */
export interface BytesSpec {
  readonly kind: 'bytes';
  readonly bytes: number;
}
/** UTF-16 text in a slot of fixed size: as long as its length field says, or up to the first NUL. */
export interface SlotSpec {
  readonly kind: 'slot';
  readonly bytes: number;
}
export interface FixedSpec {
  readonly kind: 'fixed';
  readonly bytes: number;
  readonly codec: Codec<unknown>;
}
/** A number that describes another field of the same structure; absent from the value. */
export interface ComputedSpec {
  readonly kind: 'offset' | 'length' | 'count';
  readonly bytes: IntBytes;
  readonly of: string;
  /** Of an offset: position in the structure that it counts from (negative: before the structure). */
  readonly from: number | undefined;
}
/** The size of the structure, or of what follows position `from` in it; absent from the value. */
export interface TotalSpec {
  readonly kind: 'total';
  readonly bytes: IntBytes;
  readonly from: number;
}
/** NextEntryOffset: written and followed by the chain that the structure is an entry of. */
export interface NextSpec {
  readonly kind: 'next';
  readonly bytes: 4;
}
/** A variable part. */
export interface TailSpec {
  readonly kind: 'tail';
  readonly shape: 'blob' | 'utf16' | 'latin1' | 'list' | 'nested';
  /** The content of `nested`, the element of `list`. */
  readonly codec: Codec<unknown> | undefined;
  /** Of the tail's start, counted from the start of the structure. */
  readonly align: number;
  /** Of a list's elements, counted from the start of the list. */
  readonly elementAlign: number;
  /** Absent (undefined) when empty. */
  readonly optional: boolean;
  /** The tail exists only where this holds of the fields before it. */
  readonly when: ((fields: Fields) => boolean) | undefined;
  /** What the offset field of an empty tail says. */
  readonly emptyOffset: 'zero' | 'position';
}

export type FixedFieldSpec =
  | IntSpec
  | BoolSpec
  | BigSpec
  | IdSpec
  | ConstantSpec
  | ReservedSpec
  | BytesSpec
  | SlotSpec
  | FixedSpec
  | ComputedSpec
  | TotalSpec
  | NextSpec;
export type FieldSpec = FixedFieldSpec | TailSpec;

/** A field of fixed size in its place. */
export interface FixedPart {
  readonly name: string;
  readonly spec: FixedFieldSpec;
  /** Position in the structure; undefined behind a variable part. */
  readonly at: number | undefined;
  /** Of a slot: the field that holds its length. */
  readonly length: Described | undefined;
}

/** A variable part with the places of the fields that describe it. */
export interface TailPart {
  readonly name: string;
  readonly spec: TailSpec;
  readonly offset: Described | undefined;
  readonly length: Described | undefined;
  readonly count: Described | undefined;
}

/** Where a computed field stands. */
export interface Described {
  readonly name: string;
  readonly at: number;
  readonly bytes: IntBytes;
  readonly from: number;
}

export type Part = FixedPart | TailPart;

export interface Layout {
  readonly name: string;
  readonly parts: readonly Part[];
  /** Bytes before the first variable part. */
  readonly fixedBytes: number;
  /** Bytes that every encoding has at least. */
  readonly minimumBytes: number;
  /** Encodings are filled up with zeros to this size. */
  readonly paddedBytes: number;
  readonly isFixed: boolean;
  /** Fields that say where the structure itself ends. */
  readonly totals: readonly Described[];
  readonly described: ReadonlyMap<string, Describing>;
}

/** The computed fields that describe one field. */
export interface Describing {
  offset?: Described;
  length?: Described;
  count?: Described;
}

export interface StructOptions {
  /** Offsets count from this many bytes before the structure: 64 for the bodies of SMB2 messages. */
  readonly base?: number;
  /** Encodings shorter than this are filled up with zeros. */
  readonly minimum?: number;
}

export function isTail(part: Part): part is TailPart {
  return part.spec.kind === 'tail';
}

/** True where the field has no property in the decoded value. */
export function isComputed(spec: FieldSpec): boolean {
  return ['constant', 'reserved', 'offset', 'length', 'count', 'total', 'next'].includes(spec.kind);
}

export function isSelfSized(codec: Codec<unknown>): codec is SelfSizedCodec<unknown> {
  return 'endOf' in codec;
}

export function isFixedCodec(codec: Codec<unknown>): codec is FixedCodec<unknown> {
  return 'fixedBytes' in codec && typeof codec.fixedBytes === 'number';
}

/** The layout of a declared structure. */
export function layoutOf(codec: Codec<unknown> & { readonly layout?: Layout }): Layout | undefined {
  return codec.layout;
}

/** True where the codec's structure needs no length to be followed by another. */
export function endsByItself(codec: Codec<unknown>): boolean {
  return isFixedCodec(codec) || isSelfSized(codec);
}

/** Position after the structure at `start`, or undefined where only a length could tell. */
export function endAfter(
  codec: Codec<unknown>,
  bytes: Buffer,
  start: number,
  end: number,
): number | undefined {
  if (isFixedCodec(codec)) return start + codec.fixedBytes;
  return isSelfSized(codec) ? codec.endOf(bytes, start, end) : undefined;
}

/** Smallest encoding of one list element. */
export function minimumOf(codec: Codec<unknown>): number {
  if (isFixedCodec(codec)) return codec.fixedBytes;
  if (isSelfSized(codec)) return codec.minimumBytes;
  throw new AssertionError(`${codec.name} has neither a fixed size nor a way to find its end`);
}

/** Puts the fields in their places; throws AssertionError for a declaration that makes no sense. */
export function layOut(name: string, fields: ReadonlyMap<string, FieldSpec>, options: StructOptions): Layout {
  const described = describedFields(name, fields, options.base ?? 0);
  const parts: Part[] = [];
  let at: number | undefined = 0;
  let fixedBytes = 0;
  let minimumBytes = 0;
  const totals: Described[] = [];
  for (const [field, spec] of fields) {
    const describing = described.get(field);
    if (spec.kind === 'tail') {
      at = undefined;
      parts.push({
        name: field,
        spec,
        offset: describing?.offset,
        length: describing?.length,
        count: describing?.count,
      });
      continue;
    }
    parts.push({ name: field, spec, at, length: describing?.length });
    if (spec.kind === 'total') totals.push({ name: field, at: at ?? 0, bytes: spec.bytes, from: spec.from });
    minimumBytes += spec.bytes;
    if (at === undefined) continue;
    at += spec.bytes;
    fixedBytes = at;
  }
  checkTails(name, parts);
  const paddedBytes = options.minimum ?? 0;
  const isFixed = !parts.some(isTail) && paddedBytes <= fixedBytes;
  return { name, parts, fixedBytes, minimumBytes, paddedBytes, isFixed, totals, described };
}

function describedFields(
  name: string,
  fields: ReadonlyMap<string, FieldSpec>,
  base: number,
): Map<string, Describing> {
  const described = new Map<string, Describing>();
  let at = 0;
  let behindTail = false;
  for (const [field, spec] of fields) {
    if (spec.kind === 'tail') {
      behindTail = true;
      continue;
    }
    const isDescribing = spec.kind === 'offset' || spec.kind === 'length' || spec.kind === 'count';
    assert(
      !behindTail || !(isDescribing || spec.kind === 'total'),
      `${name}.${field} stands behind a variable part`,
    );
    if (isDescribing) {
      const target = fields.get(spec.of)?.kind;
      const fits = target === 'tail' || (target === 'slot' && spec.kind === 'length');
      assert(fits, `${name}.${field} describes ${spec.of}, which has no variable size`);
      const entry = described.get(spec.of) ?? {};
      entry[spec.kind] = { name: field, at, bytes: spec.bytes, from: spec.from ?? -base };
      described.set(spec.of, entry);
    }
    at += spec.bytes;
  }
  return described;
}

function checkTails(name: string, parts: readonly Part[]): void {
  let isOpen = false;
  for (const part of parts) {
    if (!isTail(part)) {
      assert(!isOpen, `${name}.${part.name} follows a variable part that extends to the end`);
      continue;
    }
    const { spec } = part;
    assert(!isOpen || part.offset !== undefined, `${name}.${part.name} has no known place`);
    if (spec.shape === 'list' && spec.codec !== undefined)
      assert(minimumOf(spec.codec) > 0, `${name}: empty elements`);
    const endsItself = spec.shape === 'nested' && spec.codec !== undefined && endsByItself(spec.codec);
    isOpen ||=
      part.length === undefined && part.count === undefined && part.offset === undefined && !endsItself;
    assert(part.count === undefined || spec.shape === 'list', `${name}.${part.name}: only lists are counted`);
  }
}
