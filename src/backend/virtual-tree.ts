/**
 * A tree of text, buffers and functions as a store.
 */
import { createHash } from 'node:crypto';
import { type Clock, type FileTime, fileTimeOfUnixMs, systemClock } from '../base/clock.ts';
import type {
  Backend,
  BackendHandle,
  BackendPath,
  BackendStat,
  DirectoryEntry,
  OpenOptions,
  VolumeStat,
} from './contract.ts';
import { BackendError, throwIfAborted } from './error.ts';
import { checkedOffset } from './offset.ts';
import { join, namesOf } from './path.ts';
import { ContentBudget, OpenContent } from './virtual-content.ts';
import {
  nodeOf,
  type VirtualDirectory,
  type VirtualEntry,
  type VirtualFileParts,
  type VirtualFolderParts,
  type VirtualNode,
} from './virtual-entry.ts';

const BATCH_COUNT = 256;
/** Files whose size and time are remembered; the longest unused is forgotten first. */
const KNOWN_COUNT_MAX = 100_000;
/** Directories whose names are remembered for a moment. */
const CACHED_COUNT_MAX = 64;
const NAME_CHARS_MAX = 255;

export interface VirtualTreeOptions {
  /** For messages and as the label of the volume; default `virtual`. */
  readonly name?: string;
  /** Memory for the contents of all open files together; ENOMEM beyond. Default 256 MiB. */
  readonly openBytesMax?: number;
  /** For how long the names of a directory made by a function are believed; default 1000. A listing always asks anew. */
  readonly cacheMs?: number;
  readonly clock?: Clock;
}

/**
 * Serves an object as a folder: text, buffers, functions and streams are files, objects and generator functions are
 * directories. Files can be written that are made by {@link file} with `write`; names cannot be changed (EROFS).
 */
export function virtualTree(entries: VirtualDirectory, options: VirtualTreeOptions = {}): Backend {
  return new VirtualTree(nodeOf(entries, ''), options);
}

interface KnownFile {
  readonly sizeBytes: number;
  /** Set once the file was written through this store. */
  readonly writtenAt: FileTime | undefined;
}

interface CachedNames {
  readonly untilMs: number;
  readonly entries: ReadonlyMap<string, VirtualEntry>;
}

class VirtualTree implements Backend {
  readonly name: string;
  readonly #root: VirtualNode;
  readonly #clock: Clock;
  readonly #cacheMs: number;
  readonly #budget: ContentBudget;
  readonly #madeAt: FileTime;
  readonly #known = new Map<BackendPath, KnownFile>();
  readonly #cached = new Map<BackendPath, CachedNames>();
  readonly #shared = new Map<BackendPath, Promise<OpenContent>>();

  constructor(root: VirtualNode, options: VirtualTreeOptions) {
    this.name = options.name ?? 'virtual';
    this.#root = root;
    this.#clock = options.clock ?? systemClock;
    this.#cacheMs = options.cacheMs ?? 1000;
    this.#budget = new ContentBudget(options.openBytesMax ?? 256 * 2 ** 20);
    this.#madeAt = this.#clock.now();
  }

  async stat(path: BackendPath): Promise<BackendStat> {
    return this.#statOf(path, await this.#find(path, 'stat'));
  }

  async open(path: BackendPath, options: OpenOptions): Promise<BackendHandle> {
    throwIfAborted(options.signal, 'open', path);
    if (options.stream !== undefined) throw new BackendError('ENOTSUP', 'open', path);
    if (options.create) return this.#refuse(path, 'open');
    const node = await this.#find(path, 'open');
    if (node.kind === 'directory') return new VirtualHandle({ stat: () => this.#statOf(path, node) });
    const { parts } = node;
    if (options.write && parts.write === undefined) throw new BackendError('EACCES', 'open', path);
    const content = await this.#content(path, parts);
    this.#learn(path, content.sizeBytes, undefined);
    return new VirtualHandle({
      content,
      isWritable: options.write ?? false,
      stat: () => ({ ...this.#statOf(path, node), ...sizesOf(content.sizeBytes) }),
      written: () => this.#learn(path, content.sizeBytes, this.#clock.now()),
    });
  }

  async *list(path: BackendPath, signal?: AbortSignal): AsyncGenerator<readonly DirectoryEntry[]> {
    const node = await this.#find(path, 'scandir');
    if (node.kind !== 'directory') throw new BackendError('ENOTDIR', 'scandir', path);
    let batch: DirectoryEntry[] = [];
    for (const [name, entry] of await this.#names(path, node.parts, true)) {
      throwIfAborted(signal, 'scandir', path);
      batch.push({ name, stat: this.#statOf(join(path, name), nodeOf(entry, name)) });
      if (batch.length < BATCH_COUNT) continue;
      yield batch;
      batch = [];
    }
    if (batch.length > 0) yield batch;
  }

  makeDirectory(path: BackendPath): Promise<never> {
    return this.#refuse(path, 'mkdir');
  }

  removeFile(path: BackendPath): Promise<never> {
    return this.#refuseChange(path, 'unlink');
  }

  removeDirectory(path: BackendPath): Promise<never> {
    return this.#refuseChange(path, 'rmdir');
  }

  async rename(from: BackendPath, to: BackendPath): Promise<void> {
    namesOf(to, 'rename');
    await this.#refuseChange(from, 'rename');
  }

  volume(): VolumeStat {
    return {
      label: this.name,
      serialNumber: 0x5654_5245,
      totalBytes: this.#budget.sizeBytesMax,
      freeBytes: this.#budget.freeBytes,
      sectorBytes: 512,
      clusterBytes: 4096,
    };
  }

  close(): void {}

  /** Made anew for each open; a file that can be written is one for all that have it open. */
  #content(path: BackendPath, parts: VirtualFileParts): Promise<OpenContent> {
    if (parts.write === undefined) return OpenContent.make(parts, this.#budget);
    const shared = this.#shared.get(path);
    if (shared !== undefined) {
      // It may have been closed by the last who had it before this open gets its turn.
      return shared.then((content) => (content.isOpen ? content.retain() : this.#content(path, parts)));
    }
    const made = OpenContent.make(parts, this.#budget, () => this.#shared.delete(path));
    this.#shared.set(path, made);
    made.catch(() => this.#shared.delete(path));
    return made;
  }

  /** A name is not made: EEXIST where it is there, what is wrong with its directory, or EROFS. */
  async #refuse(path: BackendPath, operation: string): Promise<never> {
    const names = namesOf(path, operation);
    const parent = names.slice(0, -1).join('/');
    const found =
      names.length === 0 ? this.#root : await this.#childOf(parent, names.at(-1) ?? '', operation);
    throw new BackendError(found === undefined ? 'EROFS' : 'EEXIST', operation, path);
  }

  async #refuseChange(path: BackendPath, operation: string): Promise<never> {
    await this.#find(path, operation);
    throw new BackendError('EROFS', operation, path);
  }

  /** The node at `path`; ENOENT, ENOTDIR, EINVAL, ENAMETOOLONG. */
  async #find(path: BackendPath, operation: string): Promise<VirtualNode> {
    const names = namesOf(path, operation);
    let node = this.#root;
    for (const [depth, name] of names.entries()) {
      if (name.length > NAME_CHARS_MAX) throw new BackendError('ENAMETOOLONG', operation, path);
      if (node.kind !== 'directory') throw new BackendError('ENOTDIR', operation, path);
      const entry = await this.#entry(names.slice(0, depth).join('/'), node.parts, name);
      if (entry === undefined) throw new BackendError('ENOENT', operation, path);
      node = nodeOf(entry, name);
    }
    return node;
  }

  async #childOf(directory: BackendPath, name: string, operation: string): Promise<VirtualEntry | undefined> {
    const node = await this.#find(directory, operation);
    if (node.kind !== 'directory') throw new BackendError('ENOTDIR', operation, join(directory, name));
    if (name.length > NAME_CHARS_MAX) throw new BackendError('ENAMETOOLONG', operation, name);
    return this.#entry(directory, node.parts, name);
  }

  async #entry(
    path: BackendPath,
    parts: VirtualFolderParts,
    name: string,
  ): Promise<VirtualEntry | undefined> {
    if (parts.find !== undefined) return parts.find(name);
    return (await this.#names(path, parts, false)).get(name);
  }

  async #names(
    path: BackendPath,
    parts: VirtualFolderParts,
    isAnew: boolean,
  ): Promise<ReadonlyMap<string, VirtualEntry>> {
    const now = this.#clock.monotonicMs();
    const cached = this.#cached.get(path);
    if (!isAnew && cached !== undefined && now < cached.untilMs) return cached.entries;
    const entries = new Map<string, VirtualEntry>();
    for await (const [name, entry] of parts.list()) {
      if (namesOf(name, 'scandir').length !== 1) throw new BackendError('EINVAL', 'scandir', name);
      entries.set(name, entry);
    }
    // What is looked up one by one needs no memory of its list.
    if (parts.find === undefined)
      keep(this.#cached, path, { untilMs: now + this.#cacheMs, entries }, CACHED_COUNT_MAX);
    return entries;
  }

  #learn(path: BackendPath, sizeBytes: number, writtenAt: FileTime | undefined): void {
    const known = { sizeBytes, writtenAt: writtenAt ?? this.#known.get(path)?.writtenAt };
    keep(this.#known, path, known, KNOWN_COUNT_MAX);
  }

  #statOf(path: BackendPath, { kind, parts }: VirtualNode): BackendStat {
    const known = this.#known.get(path);
    const told = parts.mtime === undefined ? this.#madeAt : fileTimeOfUnixMs(parts.mtime.getTime());
    const writtenAt = known?.writtenAt ?? 0n;
    const time = writtenAt > told ? writtenAt : told;
    return {
      fileId: fileIdOf(path),
      kind,
      ...sizesOf(kind === 'file' ? sizeOf(parts, known) : 0),
      linkCount: 1,
      creationTime: told,
      lastAccessTime: time,
      lastWriteTime: time,
      changeTime: time,
    };
  }
}

/** What was found last goes before what was said. */
function sizeOf(parts: VirtualFileParts | VirtualFolderParts, known: KnownFile | undefined): number {
  return known?.sizeBytes ?? ('size' in parts ? (parts.size ?? 0) : 0);
}

const sizesOf = (sizeBytes: number) => ({ sizeBytes, allocatedBytes: sizeBytes });

/** Of the path alone: nothing is ever renamed, so that it is the same after a restart. */
function fileIdOf(path: BackendPath): bigint {
  const id = createHash('sha256').update(path, 'utf16le').digest().readBigUInt64LE();
  return id === 0n ? 1n : id;
}

function keep<T>(map: Map<BackendPath, T>, path: BackendPath, value: T, countMax: number): void {
  map.delete(path);
  map.set(path, value);
  const [oldest] = map.keys();
  if (map.size > countMax && oldest !== undefined) map.delete(oldest);
}

interface VirtualOpen {
  stat(): BackendStat;
  /** Absent for a directory. */
  readonly content?: OpenContent;
  readonly isWritable?: boolean;
  /** The content was changed. */
  written?(): void;
}

class VirtualHandle implements BackendHandle {
  readonly #open: VirtualOpen;
  #isClosed = false;

  constructor(open: VirtualOpen) {
    this.#open = open;
  }

  stat(): BackendStat {
    this.#check('fstat');
    return this.#open.stat();
  }

  setStat(): void {
    this.#check('utimes');
  }

  read(target: Buffer, position: number) {
    return this.#content('read').read(target, checkedOffset(position, 'read'));
  }

  write(source: Buffer, position: number): void {
    this.#writable('write').write(source, checkedOffset(position, 'write'));
    if (source.length > 0) this.#open.written?.();
  }

  truncate(sizeBytes: number): void {
    this.#writable('truncate').truncate(checkedOffset(sizeBytes, 'truncate'));
    this.#open.written?.();
  }

  async sync(): Promise<void> {
    this.#check('fsync');
    await this.#open.content?.handBack();
  }

  async close(): Promise<void> {
    this.#check('close');
    this.#isClosed = true;
    const { content } = this.#open;
    try {
      await content?.handBack();
    } finally {
      await content?.close();
    }
  }

  #content(operation: string): OpenContent {
    this.#check(operation);
    const { content } = this.#open;
    if (content === undefined) throw new BackendError('EISDIR', operation);
    return content;
  }

  #writable(operation: string): OpenContent {
    const content = this.#content(operation);
    if (!this.#open.isWritable) throw new BackendError('EBADF', operation);
    return content;
  }

  #check(operation: string): void {
    if (this.#isClosed) throw new BackendError('EBADF', operation);
  }
}
