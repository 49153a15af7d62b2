/**
 * An open file, directory or stream of the memory store.
 */
import type { BackendHandle, BackendStat, ByteRange, StatChange } from './contract.ts';
import { BackendError } from './error.ts';
import type { MemoryEntry, MemoryNode, MemoryTree } from './memory-tree.ts';
import { checkedOffset } from './offset.ts';
import type { SparseData } from './sparse-data.ts';

export interface MemoryOpen {
  readonly tree: MemoryTree;
  /** The name it was opened by. */
  readonly entry: MemoryEntry;
  /** Set for a stream. */
  readonly stream: SparseData | undefined;
  readonly isWritable: boolean;
  readonly reportModified: (entry: MemoryEntry) => void;
}

export class MemoryHandle implements BackendHandle {
  readonly #open: MemoryOpen;
  readonly #node: MemoryNode;
  readonly #data: SparseData | undefined;
  #isClosed = false;

  constructor(open: MemoryOpen) {
    this.#open = open;
    this.#node = open.entry.node;
    this.#data = open.stream ?? this.#node.data;
    this.#data?.retain();
  }

  stat(): BackendStat {
    this.#check('fstat');
    return this.#node.stat(this.#open.stream);
  }

  setStat(change: StatChange): void {
    this.#check('setStat');
    const { times } = this.#node;
    times.creationTime = change.creationTime ?? times.creationTime;
    times.lastAccessTime = change.lastAccessTime ?? times.lastAccessTime;
    times.lastWriteTime = change.lastWriteTime ?? times.lastWriteTime;
    times.changeTime = change.changeTime ?? this.#open.tree.clock.now();
    this.#node.attributes = change.attributes ?? this.#node.attributes;
    this.#open.reportModified(this.#open.entry);
  }

  read(target: Buffer, position: number): number {
    return this.data('read').read(target, checkedOffset(position, 'read'));
  }

  write(source: Buffer, position: number): void {
    this.writableData('write').write(source, checkedOffset(position, 'write'));
    if (source.length > 0) this.touch();
  }

  truncate(sizeBytes: number): void {
    this.writableData('truncate').truncate(checkedOffset(sizeBytes, 'truncate'));
    this.touch();
  }

  sync(): void {
    this.#check('fsync');
  }

  close(): void {
    this.#check('close');
    this.#isClosed = true;
    this.#data?.release();
  }

  /** The bytes behind the handle. */
  data(operation: string): SparseData {
    this.#check(operation);
    if (this.#data === undefined) throw new BackendError('EISDIR', operation);
    return this.#data;
  }

  /** The bytes, if the handle may change them. */
  writableData(operation: string): SparseData {
    const data = this.data(operation);
    if (!this.#open.isWritable) throw new BackendError('EBADF', operation);
    return data;
  }

  /** Notes that the bytes were changed. */
  touch(): void {
    this.#open.tree.touch(this.#node);
    this.#open.reportModified(this.#open.entry);
  }

  #check(operation: string): void {
    if (this.#isClosed) throw new BackendError('EBADF', operation);
  }
}

/** The memory handle behind `handle`; EINVAL for a handle of another store. */
export function memoryHandle(handle: BackendHandle, operation: string): MemoryHandle {
  if (handle instanceof MemoryHandle) return handle;
  throw new BackendError('EINVAL', operation);
}

/** Makes the range read as zeros. */
export function punch(handle: BackendHandle, range: ByteRange): void {
  const memory = memoryHandle(handle, 'punch');
  memory.writableData('punch').punch(range);
  memory.touch();
}

/** Copies a range from file to file of the store; returns the bytes copied. */
export function copyRange(
  source: BackendHandle,
  from: ByteRange,
  to: { target: BackendHandle; position: number },
): number {
  const target = memoryHandle(to.target, 'copy');
  const data = memoryHandle(source, 'copy').data('copy');
  const copied = target.writableData('copy').copyFrom(data, from, to.position);
  target.touch();
  return copied;
}
