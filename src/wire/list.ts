/**
 * Elements one after the other, as compiled and interpreted codecs read and write them.
 */
import { alignUp } from '../base/bytes.ts';
import type { Codec } from './codec.ts';
import { truncated, zero } from './primitives.ts';
import { endAfter, minimumOf } from './schema.ts';

export interface ListPlace {
  readonly bytes: Buffer;
  readonly from: number;
  readonly to: number;
  /** Absent: as many as there are bytes for. */
  readonly count: number | undefined;
  readonly align: number;
}

/** Appends the elements to `items`; returns the position behind the last. */
export function readList(codec: Codec<unknown>, items: unknown[], place: ListPlace): number {
  const { bytes, from, to, count, align } = place;
  const minimum = minimumOf(codec);
  if (count !== undefined && count * minimum > to - from) truncated(codec.name);
  let at = from;
  while (count === undefined ? at < to : items.length < count) {
    const start = from + alignUp(at - from, align);
    if (count === undefined && start >= to) break;
    if (start + minimum > to) truncated(codec.name);
    const end = endAfter(codec, bytes, start, to) ?? to;
    if (end > to) truncated(codec.name);
    items.push(codec.decode(bytes, start, end));
    at = end;
  }
  return at;
}

/** Bytes that the elements take. */
export function listBytes(codec: Codec<unknown>, items: readonly unknown[], align: number): number {
  let size = 0;
  for (const item of items) size = alignUp(size, align) + codec.sizeOf(item);
  return size;
}

/** Writes the elements; returns the position behind the last. */
export function writeList(
  codec: Codec<unknown>,
  items: readonly unknown[],
  place: { readonly target: Buffer; readonly from: number; readonly align: number },
): number {
  const { target, from, align } = place;
  let at = from;
  for (const item of items) {
    at = zero(target, at, from + alignUp(at - from, align));
    at = codec.encodeInto(item, target, at);
  }
  return at;
}
