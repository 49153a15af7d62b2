/**
 * One line of the metadata log: a checksum, a space, the record as JSON. Readable by people, and a damaged line spoils no
 * other.
 */
import { crc32 } from 'node:zlib';
import { z } from 'zod';
import type { FileMetadata, ToldTime } from './metadata-store.ts';

const big = z.string().transform((text) => BigInt(text));
const bytes = z.string().transform((text) => Buffer.from(text, 'base64'));
const toldTime = z.tuple([big, big]).transform(([disk, told]) => ({ disk, told }));

const record = z.object({
  id: big,
  /** Absent when the file is gone. */
  generation: big.optional(),
  attributes: z.number().optional(),
  creationTime: big.optional(),
  lastWriteTime: toldTime.optional(),
  lastAccessTime: toldTime.optional(),
  changeTime: toldTime.optional(),
  security: bytes.optional(),
  extendedAttributes: z
    .array(z.tuple([z.string(), bytes]))
    .transform((entries) => new Map(entries))
    .optional(),
  /** Name of the stream, number of the file with its bytes. */
  streams: z
    .array(z.tuple([z.string(), z.number()]))
    .transform((entries) => new Map(entries))
    .optional(),
});

/** All that is kept of one file. */
export interface KeptFile {
  readonly generation: bigint;
  readonly metadata: FileMetadata;
  readonly streams: ReadonlyMap<string, number>;
}

export interface MetadataRecord {
  readonly fileId: bigint;
  /** Absent when the file is gone. */
  readonly kept: KeptFile | undefined;
}

/** The line that says so, with its end. */
export function encodeRecord({ fileId, kept }: MetadataRecord): Buffer {
  const json = JSON.stringify({ id: String(fileId), ...(kept && plainOf(kept)) });
  const checksum = crc32(json).toString(16).padStart(8, '0');
  return Buffer.from(`${checksum} ${json}\n`);
}

/** The record of a line without its end; `undefined` for a damaged one. */
export function decodeRecord(line: Buffer): MetadataRecord | undefined {
  const json = line.subarray(9);
  if (line[8] !== 0x20 || Number.parseInt(line.toString('latin1', 0, 8), 16) !== crc32(json))
    return undefined;
  try {
    const { id, generation, streams, ...metadata } = record.parse(JSON.parse(json.toString()));
    if (generation === undefined) return { fileId: id, kept: undefined };
    return { fileId: id, kept: { generation, metadata, streams: streams ?? new Map() } };
  } catch {
    return undefined;
  }
}

function plainOf({ generation, metadata, streams }: KeptFile): object {
  const { attributes, creationTime, lastWriteTime, lastAccessTime, changeTime } = metadata;
  const { security, extendedAttributes } = metadata;
  return {
    generation: String(generation),
    attributes,
    creationTime: creationTime?.toString(),
    lastWriteTime: plainTime(lastWriteTime),
    lastAccessTime: plainTime(lastAccessTime),
    changeTime: plainTime(changeTime),
    security: security?.toString('base64'),
    extendedAttributes:
      extendedAttributes && [...extendedAttributes].map(([name, value]) => [name, value.toString('base64')]),
    streams: streams.size > 0 ? [...streams] : undefined,
  };
}

function plainTime(time: ToldTime | undefined): readonly string[] | undefined {
  return time && [String(time.disk), String(time.told)];
}
