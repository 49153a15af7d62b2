/**
 * An open with its cache; see client-cache.ts. [MS-SMB2] 3.2.5.19, 3.2.4.4
 */
import { NtStatus, NtStatusError } from '../base/status.ts';
import { CreateDisposition, LeaseState, OplockLevel } from '../wire/flags.ts';
import { CreateResponse } from '../wire/smb2/create.ts';
import type { FileId } from '../wire/smb2/file-id.ts';
import { FlushRequest } from '../wire/smb2/flush.ts';
import { Command } from '../wire/smb2/header.ts';
import { LeaseBreakAcknowledgment, OplockBreak } from '../wire/smb2/oplock-break.ts';
import { ReadResponse } from '../wire/smb2/read.ts';
import { ConnectionClosedError, succeeded } from './client-connection.ts';
import { type CacheGrant, type CacheWish, grantOf, reconnectOptions, wishOptions } from './client-grant.ts';
import { type ReplayRoute, sendChange } from './client-replay.ts';
import { createRequestOf, TestFile, type TestTree } from './client-tree.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

/** Who wants to know what goes to the server. */
export interface CacheObserver {
  /** A block is about to be written; call the result when the server has answered well. */
  writing(file: CachedFile, index: number, data: Buffer): () => void;
  /** All that was kept is written, a flush is about to be sent; call the result when the server has answered well. */
  flushing(file: CachedFile): () => void;
  /** Something happened that the client did not ask for: a break, an open taken up again or lost. */
  noticed(file: CachedFile, what: string): void;
  /** Resolves when it is time to try again what the server could not do yet; by default at once. */
  pause?(): Promise<void>;
  /** See ReplayRoute. */
  readonly replaysBlindly?: boolean;
}

/** What a read gave, and where from. */
export interface CachedRead {
  readonly data: Buffer;
  /** `own`: written here and kept; `cache`: read before; `server`. */
  readonly source: 'own' | 'cache' | 'server';
}

/** Whose files they are. */
export interface CacheHost {
  readonly tree: TestTree;
  readonly observer: CacheObserver;
  readonly blockBytes: number;
  /** The file is not open any more. */
  forget(file: CachedFile): void;
  /** LeaseState bits that a break left to an open which was not known then. */
  strayBreak(fileId: FileId): number | undefined;
  /** The other channels. */
  readonly route: ReplayRoute;
}

/** A FileId as a key. */
export const keyOf = ({ persistent, volatile }: FileId): string => `${persistent}/${volatile}`;

/** A break of what a file may cache. */
export interface Broken {
  readonly state: number;
  readonly mustAcknowledge: boolean;
  readonly epoch?: number;
}

/** An open with its cache. */
export class CachedFile {
  readonly name: string;
  readonly wish: CacheWish;
  /** LeaseState bits that it holds. */
  state = 0;
  readonly #client: CacheHost;
  #handle: TestFile | undefined;
  #isDurable = false;
  /** Closed by its user, and kept open as long as nobody minds. */
  #isIdle = false;
  readonly #read = new Map<number, Buffer>();
  readonly #kept = new Map<number, Buffer>();
  /** The last write of each block under way. */
  readonly #writes = new Map<number, Promise<void>>();
  /** Counts what makes an answer on its way too old to be cached. */
  #changes = 0;
  #epoch = 0;
  #earlyBreak: Broken | undefined;

  constructor(client: CacheHost, name: string, wish: CacheWish) {
    this.#client = client;
    this.name = name;
    this.wish = wish;
  }

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  /** Blocks written here that the server has not got. */
  get keptCount(): number {
    return this.#kept.size;
  }

  isAt(fileId: FileId): boolean {
    return this.#handle !== undefined && keyOf(this.#handle.fileId) === keyOf(fileId);
  }

  async open(tree: TestTree): Promise<void> {
    const { dialect } = tree.session.connection.negotiated;
    const file = await tree.open(this.name, wishOptions(this.wish, dialect));
    this.#take(file, grantOf(file.created, dialect));
  }

  /** Whether it could be taken up again. */
  async reconnect(): Promise<boolean> {
    const former = this.#handle;
    const { fileId } = former ?? {};
    if (fileId === undefined || !this.#isDurable) {
      this.lose();
      return false;
    }
    const { tree } = this.#client;
    const { dialect } = tree.session.connection.negotiated;
    const { state } = this;
    const body = createRequestOf(this.name, {
      ...reconnectOptions(this.wish, dialect, { fileId, state }),
      createDisposition: CreateDisposition.OPEN,
    });
    this.#handle = undefined;
    this.#earlyBreak = undefined;
    try {
      const response = succeeded(await tree.request(Command.CREATE, body));
      const created = response.decode(CreateResponse);
      const grant = grantOf(created, dialect);
      // What it may not cache any more it must not keep: somebody else may have been there.
      if ((grant.state & state & R) === 0) this.#read.clear();
      if ((grant.state & state & W) === 0) this.#kept.clear();
      this.#take(new TestFile(tree, created), { ...grant, isDurable: true });
      this.#client.observer.noticed(
        this,
        `is taken up again, may cache ${grant.state} in epoch ${grant.epoch}`,
      );
      return true;
    } catch (error) {
      this.#handle = former;
      if (!(error instanceof NtStatusError)) throw error;
      this.lose();
      return false;
    }
  }

  /** Goes on on another channel; a break may have been lost with the former one. */
  move(tree: TestTree): void {
    if (this.#handle !== undefined) this.#handle = new TestFile(tree, this.#handle.created);
    this.#read.clear();
    this.#changes += 1;
  }

  /** The open is gone without being closed, and what it kept with it. */
  lose(): void {
    if (this.#handle !== undefined) this.#client.observer.noticed(this, 'is lost');
    this.#handle = undefined;
    this.#forgo();
  }

  #forgo(): void {
    this.#changes += 1;
    this.state = 0;
    this.#read.clear();
    this.#kept.clear();
  }

  /** Reads a block; zeros beyond the end of the file. Throws NtStatusError. */
  async read(index: number): Promise<CachedRead> {
    this.#isIdle = false;
    const own = this.#kept.get(index);
    if (own !== undefined) return { data: own, source: 'own' };
    const cached = this.#read.get(index);
    if (cached !== undefined) return { data: cached, source: 'cache' };
    const { blockBytes } = this.#client;
    const changes = this.#changes;
    const handle = this.#opened();
    const body = handle.readRequest(BigInt(index * blockBytes), blockBytes);
    const response = await handle.tree.request(Command.READ, body, { payloadBytes: blockBytes });
    const data = Buffer.alloc(blockBytes);
    if (response.status !== NtStatus.END_OF_FILE) succeeded(response).decode(ReadResponse).data.copy(data);
    if ((this.state & R) !== 0 && changes === this.#changes) this.#read.set(index, data);
    return { data, source: 'server' };
  }

  /** Writes a block, or keeps it where that is allowed. Throws NtStatusError. */
  async write(index: number, data: Buffer): Promise<void> {
    this.#isIdle = false;
    this.#opened();
    this.#read.delete(index);
    this.#changes += 1;
    if ((this.state & W) !== 0) {
      this.#kept.set(index, data);
      return;
    }
    await this.#send(index, data);
  }

  /** Writes back what is kept and flushes. Throws NtStatusError. */
  async flush(): Promise<void> {
    this.#isIdle = false;
    await this.#writeBack();
    const handle = this.#opened();
    const body = FlushRequest.encode({ fileId: handle.fileId });
    const done = this.#client.observer.flushing(this);
    succeeded(await handle.tree.request(Command.FLUSH, body));
    done();
  }

  /** Closes it, or, where that is allowed, only seems to. Throws NtStatusError. */
  async close(): Promise<void> {
    if ((this.state & H) !== 0) {
      this.#isIdle = true;
      return;
    }
    await this.closeNow();
  }

  /** Closes it in earnest. Throws NtStatusError. */
  async closeNow(): Promise<void> {
    if (this.#handle === undefined) return;
    await this.#writeBack();
    await this.#closeWritten();
  }

  /** Closes it with nothing kept, if nobody else has. */
  async #closeWritten(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#forgo();
    this.#client.forget(this);
    await handle?.close();
  }

  /** The server takes back some of what it gave. */
  broken(change: Broken): void {
    if (this.#handle === undefined) {
      this.#earlyBreak = change;
      return;
    }
    this.#client.observer.noticed(this, `may cache ${change.state} from epoch ${change.epoch ?? 0} on`);
    // [MS-SMB2] 3.2.5.19.2: what an older epoch says is out of date.
    if (change.epoch !== undefined && change.epoch !== 0 && change.epoch < this.#epoch) return;
    this.#epoch = change.epoch ?? 0;
    this.#changes += 1;
    this.state &= change.state;
    if ((this.state & R) === 0) this.#read.clear();
    this.#giveBack(change).catch((error: unknown) => {
      // A break that crosses the end of the connection or of the open has nobody to answer to.
      if (!(error instanceof ConnectionClosedError || error instanceof NtStatusError)) throw error;
      // Whoever does not give back in time keeps nothing, and is not told so.
      if (error instanceof NtStatusError) this.#forgo();
    });
  }

  #take(file: TestFile, { state, epoch, isDurable }: CacheGrant): void {
    this.#handle = file;
    this.state = state;
    this.#epoch = epoch;
    this.#isDurable = isDurable;
    this.#changes += 1;
    const { fileId } = file;
    const stray = this.#client.strayBreak(fileId);
    if (stray !== undefined) this.broken({ state: stray, mustAcknowledge: state !== R });
    if (this.#earlyBreak !== undefined) this.broken(this.#earlyBreak);
    this.#earlyBreak = undefined;
  }

  async #giveBack({ state, mustAcknowledge }: Broken): Promise<void> {
    const handle = this.#opened();
    if ((state & W) === 0) await this.#writeBack();
    if (this.#isIdle && (state & H) === 0) return this.#closeWritten();
    if (!mustAcknowledge || this.#handle !== handle) return;
    const body =
      this.wish.kind === 'lease' && handle.created.oplockLevel === OplockLevel.LEASE
        ? LeaseBreakAcknowledgment.encode({ leaseKey: this.wish.leaseKey, leaseState: state })
        : OplockBreak.encode({
            fileId: handle.fileId,
            oplockLevel: (state & R) === 0 ? OplockLevel.NONE : OplockLevel.LEVEL_II,
          });
    succeeded(await handle.tree.request(Command.OPLOCK_BREAK, body));
  }

  async #writeBack(): Promise<void> {
    for (const [index, data] of [...this.#kept]) {
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
    const handle = this.#opened();
    const done = this.#client.observer.writing(this, index, data);
    const body = handle.writeRequest(BigInt(index * this.#client.blockBytes), data);
    const again = () => this.#client.observer.noticed(this, 'is written to again');
    const change = { command: Command.WRITE, body, payloadBytes: data.length, again };
    succeeded(await sendChange(handle.tree, change, this.#client.route));
    done();
  }

  #opened(): TestFile {
    if (this.#handle === undefined) throw new ConnectionClosedError(`${this.name} is not open any more`);
    return this.#handle;
  }
}
