/**
 * Valid inputs made from the declarations of the wire.
 */
import fc from 'fast-check';
import type { Codec } from '../../src/wire/codec.ts';
import { registry } from '../../src/wire/registry.ts';
import { everyStructure } from '../wire/all.ts';
import { valuesOf } from '../wire/arbitrary.ts';
import { corpusOf } from './corpus.ts';
import { type Content, fieldMapOf } from './field-map.ts';
import type { Seed } from './target.ts';

await everyStructure();

/** Values made of each structure. */
const valuesEach = 3;

/** The structure called `name`. */
export function codecNamed(name: string): Codec<unknown> | undefined {
  return registry().find(({ codec }) => codec.name === name)?.codec;
}

/** Encodings of `codec`. */
export function encodingsOf(codec: Codec<unknown>, count = valuesEach): readonly Buffer[] {
  return fc.sample(valuesOf(codec), { numRuns: count, seed: 7 }).map((value) => codec.encode(value));
}

/** Seeds of `codec`, generated and kept. */
export function seedsOf(codec: Codec<unknown>, target?: string, content?: Content): readonly Seed[] {
  const kept = target === undefined ? [] : corpusOf(target);
  return [...encodingsOf(codec), ...kept].map((bytes) => seedOf(codec, bytes, content));
}

/** One input with the field map of `codec`. */
export function seedOf(codec: Codec<unknown>, bytes: Buffer, content?: Content): Seed {
  return { bytes, fields: fieldMapOf(codec, bytes, 0, content), frozenBytes: 0 };
}
