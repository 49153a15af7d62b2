/**
 * A volume in memory: the reference store. It has every ability of the contract and answers at once.
 */
import { type Clock, type FileTime, systemClock } from '../base/clock.ts';
import type {
  Backend,
  BackendChange,
  BackendPath,
  BackendStat,
  CopyRangeAbility,
  DirectoryEntry,
  ExtendedAttributeAbility,
  OpenOptions,
  QuotaAbility,
  SecurityAbility,
  SnapshotAbility,
  SparseAbility,
  StreamAbility,
  StreamInfo,
  SymlinkAbility,
  VolumeStat,
  WatchAbility,
} from './contract.ts';
import { BackendError, throwIfAborted } from './error.ts';
import { copyRange, MemoryHandle, memoryHandle, punch } from './memory-handle.ts';
import { MemorySnapshots, snapshotView } from './memory-snapshots.ts';
import { type MemoryEntry, type MemoryNode, MemoryTree } from './memory-tree.ts';
import { isWithin, join } from './path.ts';
import { checkReplaceable } from './rename.ts';
import { CLUSTER_BYTES, type SparseData } from './sparse-data.ts';

const BATCH_COUNT = 256;

export interface MemoryOptions {
  /** Label of the volume; default `memory`. */
  readonly label?: string;
  readonly serialNumber?: number;
  /** Space of the volume in bytes; ENOSPC beyond. Default 64 GiB. */
  readonly sizeBytesMax?: number;
  /** Files, directories and links that the volume may hold; ENOSPC beyond. Default 10,000,000. */
  readonly nodeCountMax?: number;
  readonly clock?: Clock;
}

/** Contents for {@link MemoryBackend.seed}: text or bytes make a file, an object makes a directory. */
export interface Seed {
  readonly [name: string]: string | Uint8Array | Seed;
}

interface Watcher {
  readonly path: BackendPath;
  readonly report: (change: BackendChange) => void;
}

interface Volume {
  readonly label: string;
  readonly serialNumber: number;
  readonly tree: MemoryTree;
  /** By the view that watches: a view is not told of its own changes. */
  readonly watchers: Map<object, Set<Watcher>>;
  readonly snapshots: MemorySnapshots;
}

/** A new, empty volume in memory. */
export function memoryBackend(options: MemoryOptions = {}): MemoryBackend {
  const tree = new MemoryTree({
    clock: options.clock ?? systemClock,
    sizeBytes: options.sizeBytesMax ?? 64 * 2 ** 30,
    nodeCountMax: options.nodeCountMax ?? 10_000_000,
  });
  const named = { label: options.label ?? 'memory', serialNumber: options.serialNumber ?? 0x534d_424b };
  return new MemoryBackend(volumeOf(tree, named));
}

function volumeOf(tree: MemoryTree, named: { label: string; serialNumber: number }): Volume {
  const snapshots = new MemorySnapshots(tree, (copy) =>
    snapshotView(new MemoryBackend(volumeOf(copy, named))),
  );
  return { ...named, tree, watchers: new Map(), snapshots };
}

/** A view of a volume in memory; {@link memoryBackend} makes the first one, {@link MemoryBackend.another} others. */
export class MemoryBackend implements Backend {
  readonly name: string;
  readonly isCaseSensitive = true;
  readonly symlinks: SymlinkAbility;
  readonly streams: StreamAbility;
  readonly extendedAttributes: ExtendedAttributeAbility;
  readonly security: SecurityAbility;
  readonly sparse: SparseAbility;
  readonly copyRange: CopyRangeAbility;
  readonly watch: WatchAbility;
  readonly snapshots: SnapshotAbility;
  /** By the owners that security descriptors name; files without a descriptor count for nobody. */
  readonly quota: QuotaAbility;
  readonly #volume: Volume;
  readonly #tree: MemoryTree;

  constructor(volume: Volume) {
    this.#volume = volume;
    this.#tree = volume.tree;
    this.name = volume.label;
    this.snapshots = volume.snapshots;
    this.quota = volume.tree.owners;
    this.symlinks = {
      readLink: (path) => this.#readLink(path),
      makeLink: (path, target) => this.#makeLink(path, target),
    };
    this.streams = {
      list: (path) => this.#listStreams(path),
      remove: (path, stream) => this.#removeStream(path, stream),
      rename: (path, from, to, replace) => this.#renameStream(path, { from, to, replace }),
    };
    this.extendedAttributes = {
      read: (path) => this.#tree.entry(path, 'getxattr').node.extendedAttributes,
      write: (path, attributes) => this.#writeExtendedAttributes(path, attributes),
    };
    this.security = {
      read: (path) => this.#tree.entry(path, 'getsecurity').node.security,
      write: (path, descriptor) => this.#writeSecurity(path, descriptor),
    };
    this.sparse = {
      punch: (handle, range) => punch(handle, range),
      allocatedRanges: (handle, range) =>
        memoryHandle(handle, 'ranges').data('ranges').allocatedRanges(range),
    };
    this.copyRange = {
      copy: (source, from, target, position) => copyRange(source, from, { target, position }),
    };
    this.watch = { watch: (path, report, signal) => this.#watch({ path, report }, signal) };
  }

  /** A second view of the same volume: what is changed through one is reported to the watchers of the other. */
  another(): MemoryBackend {
    return new MemoryBackend(this.#volume);
  }

  /**
   * Keeps the state of now as a previous version, which costs memory only for what is changed later. `time` is cut to whole
   * seconds; EEXIST when there is a snapshot of that second. Returns the time by which clients know it.
   */
  takeSnapshot(time?: FileTime): FileTime {
    return this.#volume.snapshots.take(time);
  }

  /** Frees a snapshot; ENOENT when there is none of that time. */
  removeSnapshot(time: FileTime): void {
    this.#volume.snapshots.remove(time);
  }

  /** Fills the volume; existing directories are kept, existing files overwritten. Reported to every watcher. */
  seed(contents: Seed, at: BackendPath = ''): this {
    const writer = new MemoryBackend(this.#volume);
    for (const [name, content] of Object.entries(contents)) {
      const path = join(at, name);
      if (typeof content === 'string') writer.#overwrite(path, Buffer.from(content));
      else if (content instanceof Uint8Array) writer.#overwrite(path, Buffer.from(content));
      else {
        if (!writer.#exists(path)) writer.makeDirectory(path);
        this.seed(content, path);
      }
    }
    return this;
  }

  stat(path: BackendPath): BackendStat {
    return this.#tree.entry(path, 'stat').node.stat();
  }

  open(path: BackendPath, options: OpenOptions): MemoryHandle {
    throwIfAborted(options.signal, 'open', path);
    if (options.stream !== undefined) return this.#openStream(path, options.stream, options);
    const entry = options.create ? this.#create('file', path, 'open') : this.#tree.entry(path, 'open');
    if (entry.node.kind === 'symlink') throw new BackendError('ELOOP', 'open', path);
    return this.#handle(entry, options, undefined);
  }

  list(path: BackendPath, signal?: AbortSignal): AsyncIterable<readonly DirectoryEntry[]> {
    return {
      [Symbol.asyncIterator]: () => {
        const batches = this.#batches(path, signal);
        return {
          next: () => new Promise((resolve) => resolve(batches.next())),
          return: () => Promise.resolve({ done: true, value: undefined }),
        };
      },
    };
  }

  makeDirectory(path: BackendPath): void {
    this.#create('directory', path, 'mkdir');
  }

  removeFile(path: BackendPath): void {
    const entry = this.#tree.entry(path, 'unlink');
    if (entry.node.kind === 'directory') throw new BackendError('EISDIR', 'unlink', path);
    this.#detach(entry, path);
  }

  removeDirectory(path: BackendPath): void {
    const entry = this.#tree.entry(path, 'rmdir');
    if (entry.parent === undefined) throw new BackendError('EBUSY', 'rmdir', path);
    if (entry.node.entries === undefined) throw new BackendError('ENOTDIR', 'rmdir', path);
    if (entry.node.entries.size > 0) throw new BackendError('ENOTEMPTY', 'rmdir', path);
    this.#detach(entry, path);
  }

  rename(from: BackendPath, to: BackendPath, replace: boolean): void {
    const entry = this.#tree.entry(from, 'rename');
    const { parent, name } = this.#tree.locate(to, 'rename');
    if (entry.parent === undefined) throw new BackendError('EBUSY', 'rename', from);
    if (from === to) return;
    if (entry.node.kind === 'directory' && isWithin(to, from)) throw new BackendError('EINVAL', 'rename', to);
    const taken = parent.entries?.get(name);
    if (taken !== undefined) {
      checkReplaceable(entry.node, taken.node, { replace, to });
      // Two names of one file: nothing moves, one name goes.
      if (taken.node === entry.node) {
        this.#detach(entry, from);
        return;
      }
      this.#tree.detach(taken);
    }
    this.#tree.extract(entry);
    this.#tree.insert(entry, parent, name);
    entry.node.times.changeTime = this.#tree.clock.now();
    this.#report({ path: to, kind: 'renamed', from });
  }

  link(from: BackendPath, to: BackendPath): void {
    const { node } = this.#tree.entry(from, 'link');
    if (node.kind === 'directory') throw new BackendError('EPERM', 'link', from);
    this.#tree.attach(node, to, 'link');
    node.times.changeTime = this.#tree.clock.now();
    this.#report({ path: to, kind: 'created' });
  }

  volume(): VolumeStat {
    return {
      label: this.#volume.label,
      serialNumber: this.#volume.serialNumber,
      totalBytes: this.#tree.sizeBytes,
      freeBytes: this.#tree.freeBytes,
      sectorBytes: 512,
      clusterBytes: CLUSTER_BYTES,
    };
  }

  close(): void {
    this.#volume.watchers.delete(this);
  }

  #detach(entry: MemoryEntry, path: BackendPath): void {
    this.#tree.detach(entry);
    this.#report({ path, kind: 'removed' });
  }

  #handle(entry: MemoryEntry, options: OpenOptions, stream: SparseData | undefined): MemoryHandle {
    return new MemoryHandle({
      tree: this.#tree,
      entry,
      stream,
      isWritable: options.write ?? false,
      reportModified: (changed) => this.#reportModified(changed),
    });
  }

  #openStream(path: BackendPath, stream: string, options: OpenOptions): MemoryHandle {
    const entry = this.#tree.entry(path, 'open');
    const { node } = entry;
    if (node.kind === 'symlink') throw new BackendError('ELOOP', 'open', path);
    const found = node.streams.get(stream);
    if (options.create) {
      if (found !== undefined) throw new BackendError('EEXIST', 'open', path);
      node.createStream(stream);
      this.#modified(node, path);
    } else if (found === undefined) throw new BackendError('ENOENT', 'open', path);
    return this.#handle(entry, options, node.streams.get(stream));
  }

  #create(kind: 'file' | 'directory', path: BackendPath, operation: string): MemoryEntry {
    if (path === '') throw new BackendError('EEXIST', operation, path);
    // Looked up first, so that a failed creation leaves no trace.
    const { parent, name } = this.#tree.locate(path, operation);
    if (parent.entries?.has(name)) throw new BackendError('EEXIST', operation, path);
    const entry = this.#tree.attach(this.#tree.createNode(kind), path, operation);
    this.#report({ path, kind: 'created' });
    return entry;
  }

  *#batches(path: BackendPath, signal: AbortSignal | undefined): Generator<readonly DirectoryEntry[]> {
    const directory = this.#tree.directory(path, 'scandir');
    const end = this.#tree.nextSequence;
    let batch: DirectoryEntry[] = [];
    for (const entry of directory.entries?.values() ?? []) {
      // Later names are at the end: whoever renames or copies what is listed would otherwise never see the end.
      if (entry.sequence >= end) break;
      batch.push({ name: entry.name, stat: entry.node.stat() });
      if (batch.length < BATCH_COUNT) continue;
      throwIfAborted(signal, 'scandir', path);
      yield batch;
      batch = [];
    }
    throwIfAborted(signal, 'scandir', path);
    if (batch.length > 0) yield batch;
  }

  #readLink(path: BackendPath): string {
    const { target } = this.#tree.entry(path, 'readlink').node;
    if (target === undefined) throw new BackendError('EINVAL', 'readlink', path);
    return target;
  }

  #makeLink(path: BackendPath, target: string): void {
    const { parent, name } = this.#tree.locate(path, 'symlink');
    if (parent.entries?.has(name)) throw new BackendError('EEXIST', 'symlink', path);
    this.#tree.attach(this.#tree.createNode('symlink', target), path, 'symlink');
    this.#report({ path, kind: 'created' });
  }

  #listStreams(path: BackendPath): StreamInfo[] {
    const { streams } = this.#tree.entry(path, 'streams').node;
    return [...streams].map(([name, { sizeBytes, allocatedBytes }]) => ({ name, sizeBytes, allocatedBytes }));
  }

  #removeStream(path: BackendPath, stream: string): void {
    const { node } = this.#tree.entry(path, 'streams');
    const data = node.streams.get(stream);
    if (data === undefined) throw new BackendError('ENOENT', 'streams', path);
    node.streams.delete(stream);
    data.release();
    this.#modified(node, path);
  }

  #renameStream(path: BackendPath, move: { from: string; to: string; replace: boolean }): void {
    const { node } = this.#tree.entry(path, 'streams');
    const data = node.streams.get(move.from);
    if (data === undefined) throw new BackendError('ENOENT', 'streams', path);
    if (move.from === move.to) return;
    const taken = node.streams.get(move.to);
    if (taken !== undefined && !move.replace) throw new BackendError('EEXIST', 'streams', path);
    taken?.release();
    node.streams.delete(move.from);
    node.streams.set(move.to, data);
    this.#modified(node, path);
  }

  #writeExtendedAttributes(path: BackendPath, attributes: ReadonlyMap<string, Buffer>): void {
    const { node } = this.#tree.entry(path, 'setxattr');
    node.extendedAttributes = new Map([...attributes].map(([name, value]) => [name, Buffer.from(value)]));
    this.#modified(node, path);
  }

  #writeSecurity(path: BackendPath, descriptor: Buffer): void {
    const { node } = this.#tree.entry(path, 'setsecurity');
    node.security = Buffer.from(descriptor);
    this.#modified(node, path);
  }

  #modified(node: MemoryNode, path: BackendPath): void {
    node.times.changeTime = this.#tree.clock.now();
    this.#report({ path, kind: 'modified' });
  }

  #exists(path: BackendPath): boolean {
    const { parent, name } = this.#tree.locate(path, 'stat');
    return parent.entries?.has(name) ?? false;
  }

  #overwrite(path: BackendPath, content: Buffer): void {
    const handle = this.open(path, { write: true, create: !this.#exists(path) });
    handle.truncate(0);
    handle.write(content, 0);
    handle.close();
  }

  #watch(watcher: Watcher, signal: AbortSignal): void {
    if (signal.aborted) return;
    const own = this.#volume.watchers.get(this) ?? new Set();
    this.#volume.watchers.set(this, own.add(watcher));
    signal.addEventListener('abort', () => own.delete(watcher), { once: true });
  }

  #reportModified(entry: MemoryEntry): void {
    const { watchers } = this.#volume;
    if (watchers.size === 0 || (watchers.size === 1 && watchers.has(this))) return;
    const path = this.#tree.pathOf(entry);
    if (path !== undefined) this.#report({ path, kind: 'modified' });
  }

  #report(change: BackendChange): void {
    const others = [...this.#volume.watchers].filter(([view]) => view !== this);
    for (const watcher of others.flatMap(([, watchers]) => [...watchers])) {
      const concerned =
        isWithin(change.path, watcher.path) ||
        (change.from !== undefined && isWithin(change.from, watcher.path));
      if (concerned) watcher.report(change);
    }
  }
}
