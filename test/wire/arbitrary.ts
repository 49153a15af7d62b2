/**
 * Random values of any registered codec, derived from its declaration or drawn from its samples.
 */
import assert from 'node:assert/strict';
import fc, { type Arbitrary } from 'fast-check';
import type { chain } from '../../src/wire/chain.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { registrationOf } from '../../src/wire/registry.ts';
import {
  type FieldSpec,
  type Fields,
  isComputed,
  isTail,
  type Layout,
  layoutOf,
} from '../../src/wire/schema.ts';

/** UTF-16 text of any units, lone surrogates included. */
export const anyUnits: Arbitrary<string> = fc
  .array(fc.oneof(fc.integer({ min: 0x20, max: 0x7e }), fc.integer({ min: 0, max: 0xffff })), {
    maxLength: 40,
  })
  .map((units) => String.fromCharCode(...units));

const id: Arbitrary<number> = fc.oneof(
  fc.maxSafeNat(),
  fc.constant(-1),
  fc.constant(2 ** 53 - 1),
  fc.constant(2 ** 63),
);

/** Values of `codec`, as its decoder would make them. */
export function valuesOf(codec: Codec<unknown>): Arbitrary<unknown> {
  const layout = layoutOf(codec);
  const samples = registrationOf(codec)?.samples ?? [];
  if (layout !== undefined) {
    const derived = fieldsOf(layout);
    return samples.length === 0 ? derived : fc.oneof(derived, fc.constantFrom(...samples));
  }
  if (isChain(codec)) return fc.array(valuesOf(codec.entry), { maxLength: 4 });
  if (/^(int|big)\d+$/.test(codec.name)) return integer(codec.name);
  assert(samples.length > 0, `${codec.name} is written by hand and has no samples`);
  return fc.constantFrom(...samples);
}

function isChain(codec: Codec<unknown>): codec is ReturnType<typeof chain<unknown>> {
  return 'entry' in codec;
}

function integer(name: string): Arbitrary<unknown> {
  if (name.startsWith('big')) return fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  return fc.integer({ min: 0, max: 2 ** Number(name.slice(3)) - 1 });
}

function fieldsOf(layout: Layout): Arbitrary<Fields> {
  const model: Record<string, Arbitrary<unknown>> = {};
  for (const { name, spec } of layout.parts) if (!isComputed(spec)) model[name] = fieldOf(spec);
  return fc.record(model).map((fields) => consistent(layout, fields));
}

/** The same value without the parts that do not exist for it, and with text that its slot can give back. */
function consistent(layout: Layout, fields: Record<string, unknown>): Fields {
  const kept: Record<string, unknown> = {};
  for (const part of layout.parts) {
    const { name, spec } = part;
    if (isComputed(spec)) continue;
    let value = fields[name];
    if (isTail(part) && part.spec.when?.(kept) === false) value = undefined;
    if (spec.kind === 'slot' && !isTail(part) && part.length === undefined && typeof value === 'string') {
      value = value.replace(/\0/g, '_');
    }
    kept[name] = value;
  }
  return kept;
}

function fieldOf(spec: FieldSpec): Arbitrary<unknown> {
  switch (spec.kind) {
    case 'int': {
      const range = 2 ** (8 * spec.bytes);
      return fc.integer(spec.signed ? { min: -range / 2, max: range / 2 - 1 } : { min: 0, max: range - 1 });
    }
    case 'bool':
      return fc.boolean();
    case 'big':
      return spec.signed
        ? fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n })
        : fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
    case 'id':
      return id;
    case 'bytes':
      return bytes(spec.bytes, spec.bytes);
    case 'slot':
      return anyUnits.map((text) => text.slice(0, spec.bytes / 2));
    case 'fixed':
      return valuesOf(spec.codec);
    case 'tail': {
      const content = tailOf(spec);
      return spec.optional ? fc.option(content, { nil: undefined }) : content;
    }
    default:
      return fc.constant(undefined);
  }
}

function tailOf(spec: Extract<FieldSpec, { kind: 'tail' }>): Arbitrary<unknown> {
  const least = spec.optional ? 1 : 0;
  switch (spec.shape) {
    case 'blob':
      return bytes(least, 40);
    case 'utf16':
      return anyUnits.filter((text) => text.length >= least);
    case 'latin1':
      return bytes(least, 40).map((each) => each.toString('latin1'));
    case 'list':
      assert(spec.codec);
      return fc.array(valuesOf(spec.codec), { minLength: least, maxLength: 4 });
    case 'nested':
      assert(spec.codec);
      return valuesOf(spec.codec);
  }
}

function bytes(minLength: number, maxLength: number): Arbitrary<Buffer> {
  return fc.uint8Array({ minLength, maxLength }).map((each) => Buffer.from(each));
}
