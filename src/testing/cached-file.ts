/**
 * A file that is cached in blocks; see client-cache.ts. [MS-SMB2] 3.2.5.19, 3.2.4.4
 */
import { NtStatus } from '../base/status.ts';
import { LeaseState } from '../wire/flags.ts';
import { FlushRequest } from '../wire/smb2/flush.ts';
import { Command } from '../wire/smb2/header.ts';
import { ReadResponse } from '../wire/smb2/read.ts';
import { CachedOpen, type OpenHost, type OpenObserver } from './cached-open.ts';
import { succeeded } from './client-connection.ts';
import type { CacheWish } from './client-grant.ts';
import { sendChange } from './client-replay.ts';

const { READ_CACHING: R, WRITE_CACHING: W } = LeaseState;

/** Who wants to know what goes to the server. */
export interface CacheObserver extends OpenObserver {
  /** A block is about to be written; call the result when the server has answered well. */
  writing(file: CachedFile, index: number, data: Buffer): () => void;
  /** All that was kept is written, a flush is about to be sent; call the result when the server has answered well. */
  flushing(file: CachedFile): () => void;
}

/** What a read gave, and where from. */
export interface CachedRead {
  readonly data: Buffer;
  /** `own`: written here and kept; `cache`: read before; `server`. */
  readonly source: 'own' | 'cache' | 'server';
}

/** Whose files they are. */
export interface FileHost extends OpenHost {
  readonly observer: CacheObserver;
  readonly blockBytes: number;
}

/** A file with its cache. */
export class CachedFile extends CachedOpen {
  readonly #client: FileHost;
  readonly #read = new Map<number, Buffer>();
  readonly #kept = new Map<number, Buffer>();
  /** The last write of each block under way. */
  readonly #writes = new Map<number, Promise<void>>();

  constructor(client: FileHost, name: string, wish: CacheWish) {
    super(client, name, wish);
    this.#client = client;
  }

  /** Blocks written here that the server has not got. */
  get keptCount(): number {
    return this.#kept.size;
  }

  /** Reads a block; zeros beyond the end of the file. Throws NtStatusError. */
  async read(index: number): Promise<CachedRead> {
    this.isIdle = false;
    const own = this.#kept.get(index);
    if (own !== undefined) return { data: own, source: 'own' };
    const cached = this.#read.get(index);
    if (cached !== undefined) return { data: cached, source: 'cache' };
    const { blockBytes } = this.#client;
    const changes = this.changes;
    const handle = this.opened();
    const body = handle.readRequest(BigInt(index * blockBytes), blockBytes);
    const response = await handle.tree.request(Command.READ, body, { payloadBytes: blockBytes });
    const data = Buffer.alloc(blockBytes);
    if (response.status !== NtStatus.END_OF_FILE) succeeded(response).decode(ReadResponse).data.copy(data);
    if ((this.state & R) !== 0 && changes === this.changes) this.#read.set(index, data);
    return { data, source: 'server' };
  }

  /** Writes a block, or keeps it where that is allowed. Throws NtStatusError. */
  async write(index: number, data: Buffer): Promise<void> {
    this.isIdle = false;
    this.opened();
    this.#read.delete(index);
    this.changes += 1;
    if ((this.state & W) !== 0) {
      this.#kept.set(index, data);
      return;
    }
    // What was kept before a break, and has not been written back yet, must not come after it.
    this.#kept.delete(index);
    await this.#send(index, data);
  }

  /** Writes back what is kept and flushes. Throws NtStatusError. */
  async flush(): Promise<void> {
    this.isIdle = false;
    await this.writeBack();
    const handle = this.opened();
    const body = FlushRequest.encode({ fileId: handle.fileId });
    const done = this.#client.observer.flushing(this);
    succeeded(await handle.tree.request(Command.FLUSH, body));
    done();
  }

  protected override keep(state: number): void {
    if ((state & R) === 0) this.#read.clear();
    if ((state & W) === 0) this.#kept.clear();
  }

  protected override async writeBack(): Promise<void> {
    for (const [index, data] of [...this.#kept]) {
      // Somebody else has written it back, or over it.
      if (this.#kept.get(index) !== data) continue;
      await this.#send(index, data);
      if (this.#kept.get(index) === data) this.#kept.delete(index);
    }
    await Promise.all(this.#writes.values());
  }

  /** Sends a block after the former write of it. */
  async #send(index: number, data: Buffer): Promise<void> {
    const former = this.#writes.get(index) ?? Promise.resolve();
    const write = former.catch(() => {}).then(() => this.#sendNow(index, data));
    this.#writes.set(index, write);
    try {
      await write;
    } finally {
      if (this.#writes.get(index) === write) this.#writes.delete(index);
    }
  }

  async #sendNow(index: number, data: Buffer): Promise<void> {
    const handle = this.opened();
    const done = this.#client.observer.writing(this, index, data);
    const body = handle.writeRequest(BigInt(index * this.#client.blockBytes), data);
    const again = () => this.#client.observer.noticed(this, 'is written to again');
    const change = { command: Command.WRITE, body, payloadBytes: data.length, again };
    const { response } = await sendChange(handle.tree, change, this.#client.route);
    succeeded(response);
    done();
  }
}
