/**
 * The tree of the memory store: files, directories and links, their names, and the account of space.
 */

import { present } from '../base/assert.ts';
import type { Clock, FileTime } from '../base/clock.ts';
import type { BackendPath, BackendStat, NodeKind } from './contract.ts';
import { BackendError } from './error.ts';
import { NodeLedger } from './memory-ledger.ts';
import { OwnerAccounts, ownerOf } from './owner-accounts.ts';
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

interface NodeContent {
  readonly now: FileTime;
  readonly ledger: NodeLedger;
  readonly target?: string;
  /** What the new file begins with; its own copy. */
  readonly data?: SparseData;
}

export class MemoryNode {
  readonly fileId: bigint;
  readonly kind: NodeKind;
  readonly times: MemoryTimes;
  attributes = 0;
  linkCount = 0;
  /** The data of a file. */
  readonly data?: SparseData;
  /** The names in a directory, in the order of their sequence. */
  readonly entries: Map<string, MemoryEntry> | undefined;
  /** What a symbolic link says. */
  readonly target: string | undefined;
  /** The name of a directory. */
  entry: MemoryEntry | undefined;
  readonly streams = new Map<string, SparseData>();
  extendedAttributes: ReadonlyMap<string, Buffer> = new Map();
  readonly #ledger: NodeLedger;
  #security: Buffer | undefined;

  constructor(fileId: bigint, kind: NodeKind, content: NodeContent) {
    this.fileId = fileId;
    this.kind = kind;
    const { now } = content;
    this.times = { creationTime: now, lastAccessTime: now, lastWriteTime: now, changeTime: now };
    this.#ledger = content.ledger;
    if (kind === 'file') this.data = content.data?.share(content.ledger) ?? new SparseData(content.ledger);
    this.entries = kind === 'directory' ? new Map() : undefined;
    this.target = content.target;
  }

  get security(): Buffer | undefined {
    return this.#security;
  }

  /** Says also who owns the file, and with it whose space it takes. */
  set security(descriptor: Buffer | undefined) {
    this.#ledger.changeOwner(ownerOf(descriptor));
    this.#security = descriptor;
  }

  createStream(name: string): void {
    this.streams.set(name, new SparseData(this.#ledger));
  }

  /** A node of its own with all that this one has but its names; the bytes are shared until they are changed. */
  copy(ledger: NodeLedger): MemoryNode {
    const { target, data } = this;
    const content = {
      now: 0n,
      ledger,
      ...(target === undefined ? {} : { target }),
      ...(data ? { data } : {}),
    };
    const copy = new MemoryNode(this.fileId, this.kind, content);
    Object.assign(copy.times, this.times);
    copy.attributes = this.attributes;
    copy.linkCount = this.linkCount;
    copy.extendedAttributes = this.extendedAttributes;
    copy.#security = this.#security;
    for (const [name, stream] of this.streams) copy.streams.set(name, stream.share(ledger));
    return copy;
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
      hasExtendedAttributes: this.extendedAttributes.size > 0,
    };
  }
}

export interface MemoryTreeOptions {
  readonly clock: Clock;
  readonly sizeBytes: number;
  readonly nodeCountMax: number;
}

/** The space of a volume, which it shares with its snapshots. */
class Space implements SpaceLedger {
  readonly sizeBytes: number;
  #usedBytes = 0;

  constructor(sizeBytes: number) {
    this.sizeBytes = sizeBytes;
  }

  get freeBytes(): number {
    return this.sizeBytes - this.#usedBytes;
  }

  charge(bytes: number): void {
    if (bytes > this.freeBytes) throw new BackendError('ENOSPC', 'write');
    this.#usedBytes += bytes;
  }
}

export class MemoryTree {
  readonly clock: Clock;
  readonly root: MemoryNode;
  readonly owners = new OwnerAccounts();
  readonly #options: MemoryTreeOptions;
  readonly #space: Space;
  readonly #nodeCountMax: number;
  #nodeCount = 0;
  #nextFileId: bigint;
  #nextSequence = 1;

  /** A new tree, or one that begins with the root of another and shares its space. */
  constructor(options: MemoryTreeOptions, from?: { readonly space: Space; readonly root: MemoryNode }) {
    this.#options = options;
    this.clock = options.clock;
    this.#space = from?.space ?? new Space(options.sizeBytes);
    this.#nodeCountMax = options.nodeCountMax;
    // Clients remember file ids: those of the next run must not repeat those of this one.
    this.#nextFileId = ((this.clock.now() / 10_000_000n) << 24n) + 1n;
    this.root = from?.root ?? this.createNode('directory');
    this.root.linkCount = 1;
    this.root.entry = { node: this.root, name: '', parent: undefined, sequence: 0 };
  }

  get sizeBytes(): number {
    return this.#space.sizeBytes;
  }

  get freeBytes(): number {
    return this.#space.freeBytes;
  }

  /** The tree as it is now. Names and metadata are copied, the bytes of files are shared until they are changed. */
  copy(): MemoryTree {
    const root = this.root.copy(this.#newLedger());
    const twin = new MemoryTree(this.#options, { space: this.#space, root });
    const copies = new Map<MemoryNode, MemoryNode>();
    const pending: [MemoryNode, MemoryNode][] = [[this.root, twin.root]];
    for (let pair = pending.pop(); pair !== undefined; pair = pending.pop()) {
      const [from, to] = pair;
      for (const entry of from.entries?.values() ?? []) {
        const known = copies.get(entry.node);
        const node = known ?? entry.node.copy(twin.#newLedger());
        const twinEntry: MemoryEntry = { node, name: entry.name, parent: to, sequence: entry.sequence };
        to.entries?.set(entry.name, twinEntry);
        if (node.kind === 'directory') node.entry = twinEntry;
        if (known === undefined) pending.push([entry.node, node]);
        copies.set(entry.node, node);
      }
    }
    twin.#nextSequence = this.#nextSequence;
    return twin;
  }

  /** Frees all that the tree holds; what is open stays until it is closed. */
  clear(): void {
    for (const stream of this.root.streams.values()) stream.release();
    this.root.streams.clear();
    const pending = [this.root];
    for (let node = pending.pop(); node !== undefined; node = pending.pop()) {
      for (const entry of [...(node.entries?.values() ?? [])]) {
        pending.push(entry.node);
        this.detach(entry);
      }
    }
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
    const content = { now: this.clock.now(), ledger: this.#newLedger() };
    return new MemoryNode(fileId, kind, target === undefined ? content : { ...content, target });
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

  #newLedger(): NodeLedger {
    return new NodeLedger(this.#space, this.owners);
  }
}
