/**
 * The notation in which every structure of the wire is declared once, in the order of the document's table. Type, decoder,
 * encoder, dump, field map and test generators follow from the declaration.
 *
 *     export const EchoRequest = struct('EchoRequest', { structureSize: size(4), reserved: reserved(2) });
 *     export type EchoRequest = Infer<typeof EchoRequest>;
 *
 * Fields of fixed size stand first; variable parts (`blob`, `utf16`, `latin1`, `list`, `nested`) follow in the order in which they
 * are encoded. A variable part lies where its `offsetOf` says, or else directly behind what precedes it; it is as long as its
 * `lengthOf` or `countOf` says, or else extends to the end. This is the one file with type assertions: a layout is data, and
 * here it is said which type its values have.
 */
import { assert } from '../base/assert.ts';
import type { Codec } from './codec.ts';
import { compiled } from './compile.ts';
import { endOf, interpreted, type Machine, type Span, spansOf } from './interpret.ts';
import { dumpBytes, printFields } from './print.ts';
import { register } from './registry.ts';
import {
  type BigSpec,
  type FieldSpec,
  type Fields,
  type FixedCodec,
  type IntSpec,
  isFixedCodec,
  type Layout,
  layOut,
  type SelfSizedCodec,
  type StructOptions,
  type TailSpec,
} from './schema.ts';

declare const valueType: unique symbol;

/** A field whose decoded value is a `T`; `never` for those that have no property in the value. */
export interface Field<T> {
  readonly spec: FieldSpec;
  readonly [valueType]?: T;
}
/** An integer of up to 32 bits. */
export interface IntField<T extends number = number> extends Field<T> {
  readonly spec: IntSpec;
}
export interface BigField extends Field<bigint> {
  readonly spec: BigSpec;
}
export interface TailField<T> extends Field<T> {
  readonly spec: TailSpec;
}
/** Derived from other fields or without meaning: absent from the value. */
export type Computed = Field<never>;

/** A declared structure. */
export interface StructCodec<T> extends SelfSizedCodec<T> {
  readonly layout: Layout;
  /** Size of every encoding; absent where there are variable parts. */
  readonly fixedBytes?: number;
  /** The value's fields, one a line. */
  print(value: T): string;
  /** The encoded bytes, field by field. */
  dump(bytes: Buffer, start?: number, end?: number): string;
  /** Where each field lies, computed and reserved ones included. */
  spans(bytes: Buffer, start?: number, end?: number): Span[];
}

type Declared = Field<unknown> | Codec<unknown>;
type Value<F> = F extends Field<infer T> ? T : F extends Codec<infer T> ? T : never;
type Presence<T> = [T] extends [never] ? 'none' : undefined extends T ? 'optional' : 'required';
type Keys<F, P> = { [K in keyof F]: Presence<Value<F[K]>> extends P ? K : never }[keyof F];
type Shape<F> = { readonly [K in Keys<F, 'required'>]: Value<F[K]> } & {
  readonly [K in Keys<F, 'optional'>]?: Value<F[K]>;
} extends infer S
  ? { [K in keyof S]: S[K] }
  : never;

/** The values of a structure or codec: computed fields are absent, optional ones may be. */
export type Infer<C> = C extends Codec<infer T> ? T : never;

/** Options of {@link struct}. */
export interface DeclarationOptions<T> extends StructOptions {
  /** Valid values for tests, where a generator that does not know how fields depend on each other would find none. */
  readonly samples?: readonly T[];
}

/** Declares a structure under the document's name. Throws AssertionError for a declaration that makes no sense. */
export function struct<const F extends Readonly<Record<string, Declared>>>(
  name: string,
  fields: F,
  options: DeclarationOptions<Shape<F>> = {},
): StructCodec<Shape<F>> {
  const specs = new Map(
    Object.entries(fields).map(([field, declared]) => [field, specOf(name, field, declared)]),
  );
  const layout = layOut(name, specs, options);
  return register(codecOf<Shape<F>>(layout, compiled(layout)), options.samples);
}

function specOf(name: string, field: string, declared: Declared): FieldSpec {
  if ('spec' in declared) return declared.spec;
  assert(isFixedCodec(declared), `${name}.${field}: ${declared.name} is not of fixed size, use nested()`);
  return { kind: 'fixed', bytes: declared.fixedBytes, codec: declared };
}

function codecOf<T>(layout: Layout, machine: Machine): StructCodec<T> {
  const typed = machine as unknown as Pick<Codec<T>, 'decode' | 'sizeOf' | 'encodeInto'>;
  const { decode, sizeOf, encodeInto } = typed;
  return {
    name: layout.name,
    layout,
    minimumBytes: layout.minimumBytes,
    ...(layout.isFixed && { fixedBytes: layout.fixedBytes }),
    decode,
    sizeOf,
    encodeInto,
    encode(value) {
      const target = Buffer.allocUnsafe(sizeOf(value));
      encodeInto(value, target, 0);
      return target;
    },
    endOf: (bytes, start, end) => endOf(layout, bytes, start, end),
    print: (value) => printFields(layout.name, value),
    dump: (bytes, start, end) => dumpBytes(layout, bytes, start, end),
    spans: (bytes, start, end) => spansOf(layout, bytes, start, end),
  };
}

// Fields of fixed size.

export const u8: IntField = { spec: { kind: 'int', bytes: 1, signed: false } };
export const u16: IntField = { spec: { kind: 'int', bytes: 2, signed: false } };
export const u32: IntField = { spec: { kind: 'int', bytes: 4, signed: false } };
export const i32: IntField = { spec: { kind: 'int', bytes: 4, signed: true } };
/** 64 bits, exact. */
export const u64: BigField = { spec: { kind: 'big', bytes: 8, signed: false } };
export const i64: BigField = { spec: { kind: 'big', bytes: 8, signed: true } };
/** One byte; any value but zero is true. */
export const bool: Field<boolean> = { spec: { kind: 'bool', bytes: 1 } };
/**
 * A 64-bit id as a number. Below 2^53, where all ids that we issue lie, it is exact; all ones is -1 both ways; of any other value
 * the upper 53 bits are kept, so that it equals no id that we issued and is echoed as closely as a number can.
 */
export const id64: Field<number> = { spec: { kind: 'id', bytes: 8 } };

/** An integer of a narrower type: an enumeration or a flag word. Values unknown to the type pass as they are. */
export function as<T extends number>(type: IntField): IntField<T> {
  return type as unknown as IntField<T>;
}

/** StructureSize: the document's number, verified on decode. */
export function size(value: number, type: IntField = u16): Computed {
  return constant(type, value);
}

/** A number that is always the same; WireError when it is not. */
export function constant(type: IntField, value: number): Computed {
  return { spec: { kind: 'constant', bytes: type.spec.bytes, value } };
}

/** Zero when sent, ignored when received. */
export function reserved(bytes: number): Computed {
  return { spec: { kind: 'reserved', bytes } };
}

/** Exactly so many opaque bytes, as a view. */
export function bytes(count: number): Field<Buffer> {
  return { spec: { kind: 'bytes', bytes: count } };
}

/** UTF-16 text in a slot of fixed size: as long as its `lengthOf` says, or else up to the first NUL. */
export function utf16Slot(bytes: number): Field<string> {
  return { spec: { kind: 'slot', bytes } };
}

/** Where the variable part `field` lies, counted from `from` in this structure (default: from the structure's `base`). */
export function offsetOf(type: IntField, field: string, from?: number): Computed {
  return { spec: { kind: 'offset', bytes: type.spec.bytes, of: field, from } };
}

/** Bytes of the variable part `field`. */
export function lengthOf(type: IntField, field: string): Computed {
  return { spec: { kind: 'length', bytes: type.spec.bytes, of: field, from: undefined } };
}

/** Elements of the list `field`. */
export function countOf(type: IntField, field: string): Computed {
  return { spec: { kind: 'count', bytes: type.spec.bytes, of: field, from: undefined } };
}

/** Bytes of the structure itself (those behind position `from` in it); what it holds ends there. */
export function totalSize(type: IntField, from = 0): Computed {
  return { spec: { kind: 'total', bytes: type.spec.bytes, from } };
}

/** NextEntryOffset, the first field of an entry of a `chain`. */
export function next(): Computed {
  return { spec: { kind: 'next', bytes: 4 } };
}

// Variable parts.

export interface TailOptions {
  /** Of the part's start, counted from the start of the structure. */
  readonly align?: number;
  /** What the offset of an empty part says; by default its position, for lists and optional parts zero. */
  readonly emptyOffset?: 'zero' | 'position';
}

export interface ListOptions extends TailOptions {
  /** Alignment of each element, counted from the start of the list. */
  readonly elementAlign?: number;
}

/** Bytes, as a view. */
export function blob(options: TailOptions = {}): TailField<Buffer> {
  return tail('blob', undefined, options);
}

/** Everything up to the end of the structure, as a view. */
export function rest(options: TailOptions = {}): TailField<Buffer> {
  return blob(options);
}

/** UTF-16LE text; lone surrogates are kept; WireError for half a unit. */
export function utf16(options: TailOptions = {}): TailField<string> {
  return tail('utf16', undefined, options);
}

/** One byte a character. */
export function latin1(options: TailOptions = {}): TailField<string> {
  return tail('latin1', undefined, options);
}

/** Elements one after the other. */
export function list<T>(element: Codec<T>, options?: ListOptions): TailField<readonly T[]>;
export function list<T extends number>(element: IntField<T>, options?: ListOptions): TailField<readonly T[]>;
export function list(element: BigField, options?: ListOptions): TailField<readonly bigint[]>;
export function list(
  element: Codec<unknown> | IntField | BigField,
  options: ListOptions = {},
): TailField<readonly never[]> {
  return tail('list', codecOfItem(element), { emptyOffset: 'zero', ...options }, options.elementAlign);
}

/** Another structure (or a `chain`) of variable size; it cannot read beyond its part. */
export function nested<T>(codec: Codec<T>, options?: TailOptions): TailField<T>;
export function nested<T extends number>(integer: IntField<T>, options?: TailOptions): TailField<T>;
export function nested(integer: BigField, options?: TailOptions): TailField<bigint>;
export function nested(
  content: Codec<unknown> | IntField | BigField,
  options: TailOptions = {},
): TailField<never> {
  return tail('nested', codecOfItem(content), options);
}

/** The same part, undefined where it is empty; its offset then says zero. */
export function optional<T>(field: TailField<T>): TailField<T | undefined> {
  return { spec: { ...field.spec, optional: true, emptyOffset: 'zero' } };
}

/** The same part, present only where `condition` holds of the fields before it. */
export function when<T>(
  field: TailField<T>,
  condition: (fields: Fields) => boolean,
): TailField<T | undefined> {
  return { spec: { ...field.spec, when: condition } };
}

function tail<T>(
  shape: TailSpec['shape'],
  codec: Codec<unknown> | undefined,
  options: TailOptions,
  elementAlign = 1,
): TailField<T> {
  const { align = 1, emptyOffset = 'position' } = options;
  return {
    spec: { kind: 'tail', shape, codec, align, elementAlign, optional: false, when: undefined, emptyOffset },
  };
}

function codecOfItem(item: Codec<unknown> | IntField | BigField): Codec<unknown> {
  return 'spec' in item ? scalar(item.spec) : item;
}

/** An integer where a structure may stand. */
function scalar(spec: IntSpec | BigSpec): FixedCodec<unknown> {
  const layout = layOut(`${spec.kind}${spec.bytes * 8}`, new Map([['value', spec]]), {});
  const machine = interpreted(layout);
  return {
    name: layout.name,
    fixedBytes: spec.bytes,
    decode: (from, start, end) => machine.decode(from, start, end)['value'],
    sizeOf: () => spec.bytes,
    encodeInto: (value, target, start) => machine.encodeInto({ value }, target, start),
    encode(value) {
      const target = Buffer.allocUnsafe(spec.bytes);
      machine.encodeInto({ value }, target, 0);
      return target;
    },
  };
}
