/**
 * An open file or directory of an object like `node:fs`.
 */
import type { BackendHandle, BackendStat, NodeKind, StatChange } from './contract.ts';
import { BackendError } from './error.ts';
import type { NamedNode } from './name-tree.ts';
import type { NodeFileHandle } from './node-fs-source.ts';
import { statOf, utimesOf } from './node-fs-stat.ts';
import { checkedOffset } from './offset.ts';

export interface NodeFsOpen {
  /** Absent for a directory, where the file system does not open such. */
  readonly file: NodeFileHandle | undefined;
  readonly fileId: bigint;
  readonly kind: NodeKind;
  /** Its name, which follows renames. */
  readonly node: NamedNode;
  readonly isWritable: boolean;
  /** Metadata by name, for what could not be opened. */
  statByName(): Promise<BackendStat>;
  /** Puts the names that lead here on stable storage. */
  syncNames(): Promise<void>;
  /** The handle is closed. */
  release(): void;
}

export class NodeFsHandle implements BackendHandle {
  readonly #open: NodeFsOpen;
  #isClosed = false;

  constructor(open: NodeFsOpen) {
    this.#open = open;
  }

  async stat(): Promise<BackendStat> {
    this.#check('fstat');
    const { file, kind, fileId, node, statByName } = this.#open;
    if (file === undefined) return statByName();
    const stat = statOf(await file.stat({ bigint: true }), kind, fileId);
    return { ...stat, linkCount: Math.min(stat.linkCount, node.linkCountMax) };
  }

  async setStat(change: StatChange): Promise<void> {
    this.#check('utimes');
    const { file } = this.#open;
    if (file?.utimes === undefined) return;
    if (change.lastAccessTime === undefined && change.lastWriteTime === undefined) return;
    await file.utimes(...utimesOf(await file.stat({ bigint: true }), change));
  }

  async read(target: Buffer, position: number): Promise<number> {
    const file = this.#data('read');
    checkedOffset(position, 'read');
    let done = 0;
    while (done < target.length) {
      const { bytesRead } = await file.read(target, done, target.length - done, position + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return done;
  }

  async write(source: Buffer, position: number): Promise<void> {
    const file = this.#writable('write');
    checkedOffset(position, 'write');
    checkedOffset(position + source.length, 'write');
    let done = 0;
    while (done < source.length) {
      const { bytesWritten } = await file.write(source, done, source.length - done, position + done);
      if (!(bytesWritten > 0)) throw new BackendError('EIO', 'write');
      done += bytesWritten;
    }
  }

  async truncate(sizeBytes: number): Promise<void> {
    const file = this.#writable('truncate');
    await file.truncate(checkedOffset(sizeBytes, 'truncate'));
  }

  async sync(): Promise<void> {
    this.#check('fsync');
    const { node, file, syncNames } = this.#open;
    if (node.syncError !== undefined) throw node.syncError;
    try {
      await file?.sync?.();
    } catch (error) {
      node.syncError = error;
      throw error;
    }
    await syncNames();
  }

  async close(): Promise<void> {
    this.#check('close');
    this.#isClosed = true;
    try {
      await this.#open.file?.close();
    } finally {
      this.#open.release();
    }
  }

  #data(operation: string): NodeFileHandle {
    this.#check(operation);
    const { file, kind } = this.#open;
    if (file === undefined || kind === 'directory') throw new BackendError('EISDIR', operation);
    return file;
  }

  #writable(operation: string): NodeFileHandle {
    const file = this.#data(operation);
    if (!this.#open.isWritable) throw new BackendError('EBADF', operation);
    return file;
  }

  #check(operation: string): void {
    if (this.#isClosed) throw new BackendError('EBADF', operation);
  }
}
