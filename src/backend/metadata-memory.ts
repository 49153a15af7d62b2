/**
 * File metadata kept in memory only: for a local folder without a place for it, and for tests.
 */
import type { StreamInfo } from './contract.ts';
import { BackendError } from './error.ts';
import {
  type FileMetadata,
  type FileReference,
  isPlain,
  type MetadataStore,
  type StreamContent,
  type StreamStore,
} from './metadata-store.ts';
import { type SpaceLedger, SparseData } from './sparse-data.ts';

const PLAIN: FileMetadata = Object.freeze({});

interface Kept {
  readonly generation: bigint;
  metadata: FileMetadata;
  readonly streams: Map<string, SparseData>;
}

/** Keeps metadata for the life of the process; streams may take `streamBytesMax` in all. */
export function memoryMetadata(streamBytesMax = 2 ** 30): MetadataStore {
  const files = new Map<bigint, Kept>();
  let freeBytes = streamBytesMax;
  const ledger: SpaceLedger = {
    charge(bytes) {
      if (bytes > freeBytes) throw new BackendError('ENOSPC', 'write');
      freeBytes -= bytes;
    },
  };

  const forget = (kept: Kept | undefined, fileId: bigint): void => {
    for (const data of kept?.streams.values() ?? []) data.release();
    files.delete(fileId);
  };
  const find = ({ fileId, generation }: FileReference): Kept | undefined => {
    // Most often nothing is kept, and to look up a bigint costs a call into the runtime.
    if (files.size === 0) return undefined;
    const kept = files.get(fileId);
    if (kept === undefined || kept.generation === generation) return kept;
    forget(kept, fileId);
    return undefined;
  };
  const obtain = (file: FileReference): Kept => {
    const kept = find(file) ?? { generation: file.generation, metadata: PLAIN, streams: new Map() };
    files.set(file.fileId, kept);
    return kept;
  };

  return {
    read: (file) => find(file)?.metadata ?? PLAIN,
    write(file, metadata) {
      const kept = obtain(file);
      kept.metadata = metadata;
      if (isPlain(metadata) && kept.streams.size === 0) files.delete(file.fileId);
    },
    forget: (file) => forget(files.get(file.fileId), file.fileId),
    streams: streamStore({
      find: (file) => find(file)?.streams,
      obtain: (file) => obtain(file).streams,
      ledger,
    }),
    sync() {},
    close() {},
  };
}

type Streams = Map<string, SparseData>;

function streamStore(kept: {
  find: (file: FileReference) => Streams | undefined;
  obtain: (file: FileReference) => Streams;
  ledger: SpaceLedger;
}): StreamStore {
  const existing = (file: FileReference, name: string): SparseData => {
    const data = kept.find(file)?.get(name);
    if (data === undefined) throw new BackendError('ENOENT', 'stream', name);
    return data;
  };
  return {
    list: (file) =>
      [...(kept.find(file) ?? [])].map(([name, data]): StreamInfo => ({ name, ...sizeOf(data) })),
    has: (file, name) => kept.find(file)?.has(name) ?? false,
    open(file, name, mustCreate) {
      if (!mustCreate) return streamContent(existing(file, name));
      const streams = kept.obtain(file);
      if (streams.has(name)) throw new BackendError('EEXIST', 'stream', name);
      const data = new SparseData(kept.ledger);
      streams.set(name, data);
      return streamContent(data);
    },
    remove(file, name) {
      existing(file, name).release();
      kept.find(file)?.delete(name);
    },
    rename(file, { from, to, replace }) {
      const data = existing(file, from);
      if (from === to) return;
      const streams = kept.obtain(file);
      const taken = streams.get(to);
      if (taken !== undefined && !replace) throw new BackendError('EEXIST', 'stream', to);
      taken?.release();
      streams.delete(from);
      streams.set(to, data);
    },
  };
}

/** Bytes of all streams together that handles have open and that have no place any more. */
let detachedBytesFree = 64 * 1024 * 1024;

/** The bytes of an open stream whose name is gone. */
export function detachedStream(bytes: Buffer): StreamContent {
  const data = new SparseData({
    charge(count) {
      if (count > detachedBytesFree) throw new BackendError('ENOSPC', 'write');
      detachedBytesFree -= count;
    },
  });
  data.write(bytes, 0);
  const content = streamContent(data);
  data.release();
  return content;
}

function sizeOf({ sizeBytes, allocatedBytes }: SparseData): { sizeBytes: number; allocatedBytes: number } {
  return { sizeBytes, allocatedBytes };
}

function streamContent(data: SparseData): StreamContent {
  data.retain();
  return {
    size: () => sizeOf(data),
    read: (target, position) => data.read(target, position),
    write: (source, position) => data.write(source, position),
    truncate: (sizeBytes) => data.truncate(sizeBytes),
    sync() {},
    close: () => data.release(),
  };
}
