/**
 * The tree of the memory store: files, directories and links, their names, and the account of space.
 */

import { present } from '../base/assert.ts';
import type { Clock, FileTime } from '../base/clock.ts';
import type { BackendPath, BackendStat, NodeKind } from './contract.ts';
import { BackendError } from './error.ts';
import { namesOf } from './path.ts';
import { type SpaceLedger, SparseData } from './sparse-data.ts';

/** Longest name, in UTF-16 units, as on NTFS. */
const NAME_CHARS_MAX = 255;

/** A name of a node. A file has one per hard link, anything else one in all. */
export interface MemoryEntry {
  readonly node: MemoryNode;
  name: string;
  /** Absent for the root and once the name is gone. */
  parent: MemoryNode | undefined;
  /** Grows with every name put into a directory, so that a listing can stop where it began. */
  sequence: number;
}

export interface MemoryTimes {
  creationTime: FileTime;
  lastAccessTime: FileTime;
  lastWriteTime: FileTime;
  changeTime: FileTime;
}

export class MemoryNode {
  readonly fileId: bigint;
  readonly kind: NodeKind;
  readonly times: MemoryTimes;
  attributes = 0;
  linkCount = 0;
  /** The data of a file. */
  readonly data: SparseData | undefined;
  /** The names in a directory, in the order of their sequence. */
  readonly entries: Map<string, MemoryEntry> | undefined;
  /** What a symbolic link says. */
  readonly target: string | undefined;
  /** The name of a directory. */
  entry: MemoryEntry | undefined;
  readonly streams = new Map<string, SparseData>();
  extendedAttributes: ReadonlyMap<string, Buffer> = new Map();
  security: Buffer | undefined;

  constructor(
    fileId: bigint,
    kind: NodeKind,
    content: { now: FileTime; ledger: SpaceLedger; target?: string },
  ) {
    this.fileId = fileId;
    this.kind = kind;
    const { now } = content;
    this.times = { creationTime: now, lastAccessTime: now, lastWriteTime: now, changeTime: now };
    this.data = kind === 'file' ? new SparseData(content.ledger) : undefined;
    this.entries = kind === 'directory' ? new Map() : undefined;
    this.target = content.target;
  }

  stat(stream?: SparseData): BackendStat {
    const data = stream ?? this.data;
    return {
      fileId: this.fileId,
      kind: stream === undefined ? this.kind : 'file',
      sizeBytes: data?.sizeBytes ?? Buffer.byteLength(this.target ?? ''),
      allocatedBytes: data?.allocatedBytes ?? 0,
      linkCount: this.linkCount,
      ...this.times,
      attributes: this.attributes,
    };
  }
}

export interface MemoryTreeOptions {
  readonly clock: Clock;
  readonly sizeBytes: number;
  readonly nodeCountMax: number;
}

export class MemoryTree {
  readonly clock: Clock;
  readonly sizeBytes: number;
  readonly root: MemoryNode;
  readonly #nodeCountMax: number;
  #usedBytes = 0;
  #nodeCount = 0;
  #nextFileId: bigint;
  #nextSequence = 1;
  readonly #ledger: SpaceLedger = { charge: (bytes) => this.#charge(bytes) };

  constructor(options: MemoryTreeOptions) {
    this.clock = options.clock;
    this.sizeBytes = options.sizeBytes;
    this.#nodeCountMax = options.nodeCountMax;
    // Clients remember file ids: those of the next run must not repeat those of this one.
    this.#nextFileId = ((this.clock.now() / 10_000_000n) << 24n) + 1n;
    this.root = this.createNode('directory');
    this.root.linkCount = 1;
    this.root.entry = { node: this.root, name: '', parent: undefined, sequence: 0 };
  }

  get freeBytes(): number {
    return this.sizeBytes - this.#usedBytes;
  }

  /** The sequence that the next name will get. */
  get nextSequence(): number {
    return this.#nextSequence;
  }

  createNode(kind: NodeKind, target?: string): MemoryNode {
    if (this.#nodeCount >= this.#nodeCountMax) throw new BackendError('ENOSPC', 'create');
    this.#nodeCount += 1;
    const fileId = this.#nextFileId;
    this.#nextFileId += 1n;
    const content = { now: this.clock.now(), ledger: this.#ledger };
    return new MemoryNode(fileId, kind, target === undefined ? content : { ...content, target });
  }

  createStream(node: MemoryNode, name: string): SparseData {
    const data = new SparseData(this.#ledger);
    node.streams.set(name, data);
    return data;
  }

  /** The names of the directory that `path` is in, and the last name of `path`. EBUSY for the root. */
  locate(path: BackendPath, operation: string): { parent: MemoryNode; name: string } {
    const names = namesOf(path, operation);
    const name = names.pop();
    if (name === undefined) throw new BackendError('EBUSY', operation, path);
    let parent = this.root;
    for (const step of names) parent = this.#descend(parent, step, { operation, path });
    if (name.length > NAME_CHARS_MAX) throw new BackendError('ENAMETOOLONG', operation, path);
    return { parent, name };
  }

  /** The entry at `path`; ENOENT when there is none. */
  entry(path: BackendPath, operation: string): MemoryEntry {
    if (path === '') return present(this.root.entry, 'root entry');
    const { parent, name } = this.locate(path, operation);
    const found = parent.entries?.get(name);
    if (found === undefined) throw new BackendError('ENOENT', operation, path);
    return found;
  }

  /** The directory at `path`. */
  directory(path: BackendPath, operation: string): MemoryNode {
    const { node } = this.entry(path, operation);
    if (node.kind === 'symlink') throw new BackendError('ELOOP', operation, path);
    if (node.kind === 'file') throw new BackendError('ENOTDIR', operation, path);
    return node;
  }

  /** Gives `node` the name; EEXIST when it is taken. */
  attach(node: MemoryNode, path: BackendPath, operation: string): MemoryEntry {
    const { parent, name } = this.locate(path, operation);
    if (parent.entries?.has(name)) throw new BackendError('EEXIST', operation, path);
    const entry: MemoryEntry = { node, name, parent: undefined, sequence: 0 };
    this.insert(entry, parent, name);
    node.linkCount += 1;
    if (node.kind === 'directory') node.entry = entry;
    return entry;
  }

  insert(entry: MemoryEntry, parent: MemoryNode, name: string): void {
    entry.parent = parent;
    entry.name = name;
    entry.sequence = this.#nextSequence;
    this.#nextSequence += 1;
    parent.entries?.set(name, entry);
    this.touch(parent);
  }

  /** Takes the entry out of its directory, to be inserted elsewhere. */
  extract(entry: MemoryEntry): void {
    const { parent } = entry;
    if (parent === undefined) return;
    parent.entries?.delete(entry.name);
    this.touch(parent);
    entry.parent = undefined;
  }

  /** Removes a name; with the last one the node's space is freed as soon as its handles are closed. */
  detach(entry: MemoryEntry): void {
    this.extract(entry);
    const { node } = entry;
    node.linkCount -= 1;
    node.times.changeTime = this.clock.now();
    if (node.linkCount > 0) return;
    this.#nodeCount -= 1;
    node.data?.release();
    for (const stream of node.streams.values()) stream.release();
    node.streams.clear();
  }

  /** Notes that the content of `node` has changed. */
  touch(node: MemoryNode): void {
    const now = this.clock.now();
    node.times.lastWriteTime = now;
    node.times.changeTime = now;
  }

  /** Where the entry is now; `undefined` once it is gone. */
  pathOf(entry: MemoryEntry): BackendPath | undefined {
    const names: string[] = [];
    let at = entry;
    while (at.parent !== undefined) {
      names.push(at.name);
      at = present(at.parent.entry, 'entry of a directory');
    }
    return at.node === this.root ? names.reverse().join('/') : undefined;
  }

  #descend(
    directory: MemoryNode,
    name: string,
    during: { operation: string; path: BackendPath },
  ): MemoryNode {
    const node = directory.entries?.get(name)?.node;
    const { operation, path } = during;
    if (node === undefined) throw new BackendError('ENOENT', operation, path);
    if (node.kind === 'symlink') throw new BackendError('ELOOP', operation, path);
    if (node.kind === 'file') throw new BackendError('ENOTDIR', operation, path);
    return node;
  }

  #charge(bytes: number): void {
    if (bytes > this.freeBytes) throw new BackendError('ENOSPC', 'write');
    this.#usedBytes += bytes;
  }
}
