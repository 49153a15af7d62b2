/**
 * A record of the metadata log.
 */
import { z } from 'zod';
import type { FileMetadata, ToldTime } from './metadata-store.ts';
import type { RecordForm } from './record-log.ts';

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

/** How what is kept of a file stands in the log, by file id. */
export const metadataForm: RecordForm<bigint, KeptFile> = {
  plain: (fileId, kept) => ({ id: String(fileId), ...(kept && plainOf(kept)) }),
  parse(plain) {
    const { id, generation, streams, ...metadata } = record.parse(plain);
    if (generation === undefined) return [id, undefined];
    return [id, { generation, metadata, streams: streams ?? new Map() }];
  },
};

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
