/**
 * An open whose client may cache, whatever it caches: what it was given, how that is taken back, and how the open outlives its
 * connection; see client-cache.ts. [MS-SMB2] 3.2.5.19, 3.2.4.4
 */
import { NtStatusError } from '../base/status.ts';
import { CreateDisposition, LeaseState, OplockLevel } from '../wire/flags.ts';
import { CreateResponse } from '../wire/smb2/create.ts';
import type { FileId } from '../wire/smb2/file-id.ts';
import { Command } from '../wire/smb2/header.ts';
import { LeaseBreakAcknowledgment, OplockBreak } from '../wire/smb2/oplock-break.ts';
import { ConnectionClosedError, succeeded } from './client-connection.ts';
import {
  type CacheGrant,
  type CacheWish,
  grantOf,
  isReplayable,
  reconnectOptions,
  wishOptions,
} from './client-grant.ts';
import { type ReplayRoute, sendChange } from './client-replay.ts';
import { createRequestOf, type OpenOptions, TestFile, type TestTree } from './client-tree.ts';

const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

/** Who wants to know what goes to the server and what comes from it. */
export interface OpenObserver {
  /**
   * Something happened that the client did not ask for: a break, an open taken up again or lost, a request sent again on another
   * channel.
   */
  noticed(open: CachedOpen, what: string): void;
}

/** Whose opens they are. */
export interface OpenHost {
  /** Where the client is connected now. */
  readonly tree: TestTree;
  readonly observer: OpenObserver;
  /** It is not open any more. */
  forget(open: CachedOpen): void;
  /** LeaseState bits that a break left to an open which was not known then. */
  strayBreak(fileId: FileId): number | undefined;
  /** The other channels. */
  readonly route: ReplayRoute;
}

/** A FileId as a key. */
export const keyOf = ({ persistent, volatile }: FileId): string => `${persistent}/${volatile}`;

/** A break of what an open may cache. */
export interface Broken {
  /** LeaseState bits that remain. */
  readonly state: number;
  readonly mustAcknowledge: boolean;
  /** Of a lease of version 2. */
  readonly epoch?: number;
}

/** An open with its cache. */
export abstract class CachedOpen {
  readonly name: string;
  readonly wish: CacheWish;
  /** LeaseState bits that it holds. */
  state = 0;
  /** Closed by its user, and kept open as long as nobody minds. */
  protected isIdle = false;
  /** What is sure to be left while a break is in progress. */
  protected readonly leftByBreaks: number = R;
  /** Counts what makes an answer on its way too old to be cached. */
  protected changes = 0;
  readonly #host: OpenHost;
  #handle: TestFile | undefined;
  #isDurable = false;
  #epoch = 0;
  #earlyBreak: Broken | undefined;

  constructor(host: OpenHost, name: string, wish: CacheWish) {
    this.#host = host;
    this.name = name;
    this.wish = wish;
  }

  /** Drops what may not be kept without more rights than `state`. */
  protected abstract keep(state: number): void;
  /** Sends what is kept and has not reached the server. */
  protected abstract writeBack(): Promise<void>;

  get isOpen(): boolean {
    return this.#handle !== undefined;
  }

  isAt(fileId: FileId): boolean {
    return this.#handle !== undefined && keyOf(this.#handle.fileId) === keyOf(fileId);
  }

  /** Opens or creates it. Throws NtStatusError. */
  async open(tree: TestTree, options: OpenOptions = {}): Promise<void> {
    const { dialect } = tree.session.connection.negotiated;
    const wished = { ...options, ...wishOptions(this.wish, dialect) };
    const file = isReplayable(this.wish, dialect)
      ? await this.#openOnce(tree, wished)
      : await tree.open(this.name, wished);
    this.#take(file, grantOf(file.created, dialect));
  }

  /** CREATE, sent again on another channel where the first one is lost with its own. */
  async #openOnce(tree: TestTree, options: OpenOptions): Promise<TestFile> {
    const { response, on } = await sendChange(
      tree,
      {
        command: Command.CREATE,
        body: createRequestOf(this.name, options),
        again: () => this.#notice('is opened again'),
      },
      this.#host.route,
    );
    return new TestFile(on, succeeded(response).decode(CreateResponse));
  }

  /** Whether it could be taken up again. */
  async reconnect(): Promise<boolean> {
    const former = this.#handle;
    const { fileId } = former ?? {};
    if (fileId === undefined || !this.#isDurable) {
      this.lose();
      return false;
    }
    const { tree } = this.#host;
    const { state } = this;
    const { dialect } = tree.session.connection.negotiated;
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
      // What it may not cache any more it must not keep: somebody else may have been there, whose break is still to come perhaps.
      this.keep(grant.isBreaking ? 0 : grant.state & state);
      this.#take(new TestFile(tree, created), { ...grant, isDurable: true });
      this.#notice(`is taken up again, may cache ${grant.state} in epoch ${grant.epoch}`);
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
    // What is left is taken back without an acknowledgement, of which the server does not speak twice.
    if ((this.state & (W | H)) === 0) this.state = 0;
    this.keep(W);
    this.changes += 1;
  }

  /** The open is gone without being closed, and what it kept with it. */
  lose(): void {
    if (this.#handle !== undefined) this.#notice('is lost');
    this.#handle = undefined;
    this.#forgo();
  }

  #forgo(): void {
    this.changes += 1;
    this.state = 0;
    this.keep(0);
  }

  /** Closes it, or, where that is allowed, only seems to. Throws NtStatusError. */
  async close(): Promise<void> {
    if ((this.state & H) !== 0) {
      this.isIdle = true;
      return;
    }
    await this.closeNow();
  }

  /** Closes it in earnest. Throws NtStatusError. */
  async closeNow(): Promise<void> {
    if (this.#handle === undefined) return;
    await this.writeBack();
    await this.#closeWritten();
  }

  /** Closes it with nothing kept, if nobody else has. */
  async #closeWritten(): Promise<void> {
    const handle = this.#handle;
    this.#handle = undefined;
    this.#forgo();
    this.#host.forget(this);
    await handle?.close();
  }

  /** The server takes back some of what it gave. */
  broken(change: Broken): void {
    if (this.#handle === undefined) {
      this.#earlyBreak = change;
      return;
    }
    this.#notice(`may cache ${change.state} from epoch ${change.epoch ?? 0} on`);
    // [MS-SMB2] 3.2.5.19.2: what an older epoch says is out of date.
    if (change.epoch !== undefined && change.epoch !== 0 && change.epoch < this.#epoch) return;
    this.#epoch = change.epoch ?? 0;
    this.changes += 1;
    this.state &= change.state;
    // What was written and kept goes to the server first.
    this.keep(this.state | W);
    this.#giveBack(change).catch((error: unknown) => {
      // A break that crosses the end of the connection or of the open has nobody to answer to.
      if (!(error instanceof ConnectionClosedError || error instanceof NtStatusError)) throw error;
      // Whoever does not give back in time keeps nothing, and is not told so.
      if (error instanceof NtStatusError) this.#forgo();
    });
  }

  #take(file: TestFile, { state, epoch, isBreaking, isDurable }: CacheGrant): void {
    this.#handle = file;
    // [MS-SMB2] 3.2.5.7.5: while a break is in progress the notification says what remains.
    this.state = isBreaking ? state & this.leftByBreaks : state;
    this.#epoch = epoch;
    this.#isDurable = isDurable;
    this.changes += 1;
    const stray = this.#host.strayBreak(file.fileId);
    if (stray !== undefined) this.broken({ state: stray, mustAcknowledge: state !== R });
    if (this.#earlyBreak !== undefined) this.broken(this.#earlyBreak);
    this.#earlyBreak = undefined;
  }

  async #giveBack({ state, mustAcknowledge }: Broken): Promise<void> {
    const handle = this.opened();
    if ((state & W) === 0) await this.writeBack();
    if (this.isIdle && (state & H) === 0) return this.#closeWritten();
    if (!mustAcknowledge || this.#handle !== handle) return;
    const body =
      this.wish.kind === 'lease' && handle.created.oplockLevel === OplockLevel.LEASE
        ? LeaseBreakAcknowledgment.encode({ leaseKey: this.wish.leaseKey, leaseState: state })
        : OplockBreak.encode({
            fileId: handle.fileId,
            oplockLevel: (state & R) === 0 ? OplockLevel.NONE : OplockLevel.LEVEL_II,
          });
    const change = { command: Command.OPLOCK_BREAK, body };
    const { response, isReplay } = await sendChange(handle.tree, change, this.#host.route);
    // Where the first one was lost with its channel, the server may have had it already.
    if (!isReplay) succeeded(response);
  }

  #notice(what: string): void {
    this.#host.observer.noticed(this, what);
  }

  /** Its handle; throws ConnectionClosedError when it has none any more. */
  protected opened(): TestFile {
    if (this.#handle === undefined) throw new ConnectionClosedError(`${this.name} is not open any more`);
    return this.#handle;
  }
}
