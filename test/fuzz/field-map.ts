/**
 * Where the fields of an encoded structure lie, nested structures, lists and chains included: what mutation is guided by.
 */
import { alignUp } from '../../src/base/bytes.ts';
import type { Codec } from '../../src/wire/codec.ts';
import { spansOf } from '../../src/wire/interpret.ts';
import { isFixedCodec, isTail, layoutOf } from '../../src/wire/schema.ts';

/** One field. */
export interface MappedField {
  readonly name: string;
  readonly kind: string;
  readonly start: number;
  readonly end: number;
}

export type FieldMap = readonly MappedField[];

/** Says what a blob holds, where the structure around it does not know. */
export type Content = (field: string) => Codec<unknown> | undefined;

/** Elements of a list that are mapped; those behind look the same. */
const listElementsMax = 4;

/** The fields of `codec` in `bytes` from `start` on; none where the bytes are not a valid encoding. */
export function fieldMapOf(codec: Codec<unknown>, bytes: Buffer, start = 0, content?: Content): FieldMap {
  const fields: MappedField[] = [];
  try {
    descend({ codec, bytes, content, fields }, start, bytes.length);
  } catch {
    return fields;
  }
  return fields;
}

interface Walk {
  readonly codec: Codec<unknown>;
  readonly bytes: Buffer;
  readonly content: Content | undefined;
  readonly fields: MappedField[];
}

function descend(walk: Walk, start: number, end: number): void {
  const { codec, bytes, fields, content } = walk;
  if ('entry' in codec) {
    descendChain(walk, start, end);
    return;
  }
  const layout = layoutOf(codec);
  if (layout === undefined) return;
  for (const span of spansOf(layout, bytes, start, end)) {
    fields.push(span);
    const part = layout.parts.find(({ name }) => name === span.name);
    if (part === undefined) continue;
    const inner = isTail(part) ? (part.spec.codec ?? content?.(span.name)) : innerOf(part.spec);
    if (inner === undefined) continue;
    const isList = isTail(part) && part.spec.shape === 'list';
    if (!isList) descend({ ...walk, codec: inner }, span.start, span.end);
    else if (isFixedCodec(inner)) descendList({ ...walk, codec: inner }, span, part.spec.elementAlign);
  }
}

function innerOf(spec: object): Codec<unknown> | undefined {
  return 'codec' in spec && isCodec(spec.codec) ? spec.codec : undefined;
}

function isCodec(value: unknown): value is Codec<unknown> {
  return typeof value === 'object' && value !== null && 'decode' in value;
}

function descendList(walk: Walk, { start, end }: MappedField, align: number): void {
  const { codec } = walk;
  if (!isFixedCodec(codec)) return;
  let at = start;
  for (let index = 0; index < listElementsMax && at + codec.fixedBytes <= end; index++) {
    descend(walk, at, at + codec.fixedBytes);
    at = start + alignUp(at - start + codec.fixedBytes, align);
  }
}

function descendChain(walk: Walk, start: number, end: number): void {
  const { codec, bytes } = walk;
  if (!('entry' in codec) || !isCodec(codec.entry)) return;
  for (let at = start; end - at >= 4; ) {
    const next = bytes.readUInt32LE(at);
    const isLast = next === 0 || next > end - at;
    descend({ ...walk, codec: codec.entry }, at, isLast ? end : at + next);
    if (isLast) return;
    at += next;
  }
}
