/**
 * File metadata in a state directory: a log of records, and a file for each named stream.
 *
 * What is written survives the end of the process at once and a power cut after `sync`. Records of files that others
 * removed stay until the file id is used again; they are told apart by the file's birth time.
 */
import fs from 'node:fs';
import path from 'node:path';
import { type Clock, systemClock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { StreamInfo } from './contract.ts';
import { Descriptor } from './descriptor.ts';
import { BackendError } from './error.ts';
import { type KeptFile, metadataForm } from './metadata-record.ts';
import {
  type FileMetadata,
  type FileReference,
  isPlain,
  type MetadataStore,
  type StreamContent,
  type StreamStore,
} from './metadata-store.ts';
import { RecordLog } from './record-log.ts';
import { lockState } from './state-lock.ts';

const PLAIN: FileMetadata = Object.freeze({});
const STREAM_DIRECTORY = 'streams';
const BLOCK_BYTES = 512;

/** Opens (or makes) the store in `directory`, which belongs to it alone; EBUSY while another has it open. */
export function metadataLog(directory: string, options: { clock?: Clock; log?: Log } = {}): MetadataStore {
  fs.mkdirSync(path.join(directory, STREAM_DIRECTORY), { recursive: true, mode: 0o700 });
  const unlock = lockState(directory);
  try {
    return new MetadataLog(directory, { ...options, unlock });
  } catch (error) {
    unlock();
    throw error;
  }
}

class MetadataLog implements MetadataStore {
  readonly streams: StreamStore;
  readonly #records: RecordLog<bigint, KeptFile>;
  readonly #blobs: string;
  readonly #clock: Clock;
  readonly #unlock: () => void;
  #nextBlob = 1;

  constructor(directory: string, { clock, log, unlock }: { clock?: Clock; log?: Log; unlock: () => void }) {
    this.#unlock = unlock;
    this.#blobs = path.join(directory, STREAM_DIRECTORY);
    this.#clock = clock ?? systemClock;
    this.#records = new RecordLog({ directory, name: 'metadata', form: metadataForm, log });
    this.#sweep();
    this.streams = {
      list: (file) => this.#listStreams(file),
      has: (file, name) => this.#find(file)?.streams.has(name) ?? false,
      open: (file, name, mustCreate) => this.#openStream(file, name, mustCreate),
      remove: (file, name) => this.#removeStream(file, name),
      rename: (file, move) => this.#renameStream(file, move),
    };
  }

  read(file: FileReference): FileMetadata {
    return this.#find(file)?.metadata ?? PLAIN;
  }

  write(file: FileReference, metadata: FileMetadata): void {
    this.#put(file, { metadata, streams: this.#find(file)?.streams ?? new Map() });
  }

  forget({ fileId }: FileReference): void {
    const kept = this.#records.living.get(fileId);
    if (kept === undefined) return;
    this.#records.append(fileId, undefined);
    for (const blob of kept.streams.values()) fs.rmSync(this.#pathOf(blob), { force: true });
  }

  sync(): Promise<void> {
    return this.#records.sync();
  }

  async close(): Promise<void> {
    try {
      await this.#records.close();
    } finally {
      this.#unlock();
    }
  }

  #find(file: FileReference): KeptFile | undefined {
    const kept = this.#records.living.get(file.fileId);
    if (kept === undefined || kept.generation === file.generation) return kept;
    this.forget(file);
    return undefined;
  }

  #put(file: FileReference, { metadata, streams }: Omit<KeptFile, 'generation'>): void {
    const isEmpty = isPlain(metadata) && streams.size === 0;
    if (isEmpty && this.#find(file) === undefined) return;
    const kept = isEmpty ? undefined : { generation: file.generation, metadata, streams };
    this.#records.append(file.fileId, kept);
  }

  #putStreams(file: FileReference, streams: ReadonlyMap<string, number>): void {
    this.#put(file, { metadata: this.read(file), streams });
  }

  #pathOf(blob: number): string {
    return path.join(this.#blobs, blob.toString(16));
  }

  #listStreams(file: FileReference): StreamInfo[] {
    return [...(this.#find(file)?.streams ?? [])].map(([name, blob]) => {
      const stat = fs.statSync(this.#pathOf(blob));
      return { name, sizeBytes: stat.size, allocatedBytes: stat.blocks * BLOCK_BYTES };
    });
  }

  #openStream(file: FileReference, name: string, mustCreate: boolean): StreamContent {
    const streams = this.#find(file)?.streams;
    const known = streams?.get(name);
    if (!mustCreate) {
      if (known === undefined) throw new BackendError('ENOENT', 'stream', name);
      return this.#content(fs.openSync(this.#pathOf(known), 'r+'));
    }
    if (known !== undefined) throw new BackendError('EEXIST', 'stream', name);
    const blob = this.#nextBlob;
    this.#nextBlob += 1;
    const fd = fs.openSync(this.#pathOf(blob), 'wx+', 0o600);
    try {
      this.#putStreams(file, new Map([...(streams ?? []), [name, blob]]));
    } catch (error) {
      fs.closeSync(fd);
      fs.rmSync(this.#pathOf(blob), { force: true });
      throw error;
    }
    return this.#content(fd);
  }

  #content(fd: number): StreamContent {
    const descriptor = new Descriptor(fd, this.#clock);
    return {
      size() {
        const stat = fs.fstatSync(fd);
        return { sizeBytes: stat.size, allocatedBytes: stat.blocks * BLOCK_BYTES };
      },
      read: (target, position) => descriptor.read(target, position),
      write: (source, position) => descriptor.write(source, position),
      truncate: (sizeBytes) => descriptor.truncate(sizeBytes),
      sync: async () => {
        await descriptor.sync();
        await this.#syncBlobNames();
        await this.sync();
      },
      close: () => descriptor.close(),
    };
  }

  async #syncBlobNames(): Promise<void> {
    const { O_RDONLY, O_DIRECTORY } = fs.constants;
    const directory = new Descriptor(fs.openSync(this.#blobs, O_RDONLY | O_DIRECTORY), this.#clock);
    try {
      await directory.sync();
    } finally {
      await directory.close();
    }
  }

  #removeStream(file: FileReference, name: string): void {
    const streams = new Map(this.#find(file)?.streams);
    const blob = streams.get(name);
    if (blob === undefined) throw new BackendError('ENOENT', 'stream', name);
    streams.delete(name);
    this.#putStreams(file, streams);
    fs.rmSync(this.#pathOf(blob), { force: true });
  }

  #renameStream(
    file: FileReference,
    { from, to, replace }: { from: string; to: string; replace: boolean },
  ): void {
    const streams = new Map(this.#find(file)?.streams);
    const blob = streams.get(from);
    if (blob === undefined) throw new BackendError('ENOENT', 'stream', from);
    if (from === to) return;
    const taken = streams.get(to);
    if (taken !== undefined && !replace) throw new BackendError('EEXIST', 'stream', to);
    streams.delete(from);
    streams.set(to, blob);
    this.#putStreams(file, streams);
    if (taken !== undefined) fs.rmSync(this.#pathOf(taken), { force: true });
  }

  /** Removes stream files that no record names, as a crash between the two leaves them. */
  #sweep(): void {
    const named = new Set<number>();
    for (const { streams } of this.#records.living.values()) {
      for (const blob of streams.values()) named.add(blob);
    }
    for (const name of fs.readdirSync(this.#blobs)) {
      const blob = Number.parseInt(name, 16);
      this.#nextBlob = Math.max(this.#nextBlob, blob + 1);
      if (!named.has(blob)) fs.rmSync(path.join(this.#blobs, name), { force: true });
    }
    for (const blob of named) this.#nextBlob = Math.max(this.#nextBlob, blob + 1);
  }
}
