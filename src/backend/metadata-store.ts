/**
 * The side store: what the local store keeps of a file beside the disk. See metadata-local.ts for what it is given; it is in
 * memory or in a state directory, behind one interface.
 */

import type { FileTime } from '../base/clock.ts';
import type { MaybePromise, StreamInfo } from './contract.ts';
import type { DiskStat } from './disk-stat.ts';
import type { XattrPlace } from './xattr-tasks.ts';

/** A file, for as long as a call lasts. */
export interface FileReference {
  readonly fileId: bigint;
  /** Tells a file from a later one with the same id (birth time in ns); 0 where the file system does not say. */
  readonly generation: bigint;
}

/** A file as it was found, for as long as a task uses it. */
export interface LocalFile extends XattrPlace {
  readonly reference: FileReference;
  readonly stat: DiskStat;
}

/** A time set by a client, true as long as the disk still says `disk` (ns), the nearest that it can hold. */
export interface ToldTime {
  readonly disk: bigint;
  readonly told: FileTime;
}

export interface FileMetadata {
  readonly attributes?: number | undefined;
  readonly creationTime?: FileTime | undefined;
  readonly lastWriteTime?: ToldTime | undefined;
  readonly lastAccessTime?: ToldTime | undefined;
  readonly changeTime?: ToldTime | undefined;
  readonly security?: Buffer | undefined;
  readonly extendedAttributes?: ReadonlyMap<string, Buffer> | undefined;
}

export interface MetadataStore {
  /** What is kept of the file. */
  read(file: FileReference): FileMetadata;
  /** Replaces what is kept of the file, its streams excepted. On return it survives the end of the process. */
  write(file: FileReference, metadata: FileMetadata): void;
  /** The file is gone; so is all that was kept of it. */
  forget(file: FileReference): void;
  readonly streams: StreamStore;
  /** Returns when all that was written survives a power cut. */
  sync(): MaybePromise<void>;
  close(): MaybePromise<void>;
}

/** Named streams of files. Errors as for {@link import('./contract.ts').StreamAbility}. */
export interface StreamStore {
  list(file: FileReference): readonly StreamInfo[];
  has(file: FileReference, name: string): boolean;
  open(file: FileReference, name: string, mustCreate: boolean): StreamContent;
  remove(file: FileReference, name: string): void;
  rename(file: FileReference, move: { from: string; to: string; replace: boolean }): void;
}

/** The bytes of an open stream; usable after its name is gone. */
export interface StreamContent {
  size(): { readonly sizeBytes: number; readonly allocatedBytes: number };
  read(target: Buffer, position: number): MaybePromise<number>;
  write(source: Buffer, position: number): MaybePromise<void>;
  truncate(sizeBytes: number): MaybePromise<void>;
  sync(): MaybePromise<void>;
  close(): MaybePromise<void>;
}

/** True when there is nothing to keep. */
export function isPlain(metadata: FileMetadata): boolean {
  return (
    !metadata.attributes &&
    metadata.creationTime === undefined &&
    metadata.lastWriteTime === undefined &&
    metadata.lastAccessTime === undefined &&
    metadata.changeTime === undefined &&
    metadata.security === undefined &&
    !metadata.extendedAttributes?.size
  );
}

/** `store`, which tells `changed` of each file before what it keeps of it becomes another. */
export function toldOfChanges(store: MetadataStore, changed: (file: FileReference) => void): MetadataStore {
  return {
    streams: store.streams,
    read: (file) => store.read(file),
    write(file, metadata) {
      changed(file);
      store.write(file, metadata);
    },
    forget(file) {
      changed(file);
      store.forget(file);
    },
    sync: () => store.sync(),
    close: () => store.close(),
  };
}
