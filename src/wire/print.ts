/**
 * Labelled dumps of values and of encoded bytes, for logs, failing tests and the inspection tools.
 */
import { type Span, spansOf } from './interpret.ts';
import type { Layout } from './schema.ts';

/** Bytes of a blob that are shown. */
const SHOWN_BYTES = 32;

/** The value's fields, one a line, nested ones indented. */
export function printFields(name: string, value: unknown, indent = ''): string {
  return `${indent}${name}${printed(value, indent)}`;
}

function printed(value: unknown, indent: string): string {
  if (value instanceof Uint8Array) return `: ${shownBytes(value)}`;
  if (typeof value === 'string') return `: ${JSON.stringify(value)}`;
  if (typeof value === 'number' || typeof value === 'bigint') return `: ${value} (0x${hexOf(value)})`;
  if (typeof value !== 'object' || value === null) return `: ${String(value)}`;
  const entries = Object.entries(value);
  if (entries.length === 0) return Array.isArray(value) ? ': []' : ': {}';
  const inner = `${indent}  `;
  return `\n${entries.map(([key, field]) => printFields(key, field, inner)).join('\n')}`;
}

function hexOf(value: number | bigint): string {
  return value < 0 ? `-${(-value).toString(16)}` : value.toString(16);
}

function shownBytes(bytes: Uint8Array): string {
  const view = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, SHOWN_BYTES));
  return `${bytes.length} bytes${bytes.length > 0 ? ` ${view.toString('hex')}` : ''}${bytes.length > SHOWN_BYTES ? '…' : ''}`;
}

/** The encoded bytes field by field, computed and reserved fields included: offset, size, name, content. */
export function dumpBytes(layout: Layout, bytes: Buffer, start = 0, end = bytes.length): string {
  const line = ({ name, kind, start: from, end: to }: Span): string => {
    const place = `${String(from - start).padStart(5)} +${String(to - from).padEnd(5)}`;
    return `${place} ${name} <${kind}> ${shownBytes(bytes.subarray(from, to))}`;
  };
  return [layout.name, ...spansOf(layout, bytes, start, end).map(line)].join('\n');
}
