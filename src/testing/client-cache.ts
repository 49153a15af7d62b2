/**
 * A client that caches as its lease or oplock allows, as Windows does: reads from what it has read, keeps what is written,
 * leaves files open that were closed, gives all that back when it is asked to, and takes its durable opens up again on a new
 * connection. [MS-SMB2] 3.2.5.19, 3.2.4.4
 *
 * A file is cached in blocks of one size, each read and written as a whole.
 */
import { LeaseState } from '../wire/flags.ts';
import type { FileId } from '../wire/smb2/file-id.ts';
import { LeaseBreakFlags, LeaseBreakNotification, OplockBreak } from '../wire/smb2/oplock-break.ts';
import { CachedFile, type CacheHost, type CacheObserver, keyOf } from './cached-file.ts';
import { type CacheWish, stateOfOplock } from './client-grant.ts';
import type { ClientResponse } from './client-message.ts';
import type { ReplayRoute } from './client-replay.ts';
import type { TestTree } from './client-tree.ts';

export { CachedFile, type CachedRead, type CacheObserver } from './cached-file.ts';

const { READ_CACHING: R } = LeaseState;

/** The files that one client has open on one tree connect at a time. */
export class CachingClient implements CacheHost {
  readonly observer: CacheObserver;
  readonly blockBytes: number;
  readonly route: ReplayRoute;
  #tree: TestTree;
  /** The tree connect on each channel. */
  #channels: TestTree[] = [];
  readonly #files = new Set<CachedFile>();
  /** What is left of oplocks of opens that are not known yet, by FileId. */
  readonly #strayBreaks = new Map<string, number>();

  constructor(tree: TestTree, observer: CacheObserver, blockBytes: number) {
    this.#tree = tree;
    this.observer = observer;
    this.blockBytes = blockBytes;
    this.route = {
      survivor: () => this.#channels.find(({ session }) => !session.connection.isClosed),
      pause: async () => observer.pause?.(),
      isBlind: observer.replaysBlindly === true,
    };
    this.#listen(tree);
  }

  get tree(): TestTree {
    return this.#tree;
  }

  /** Listens for breaks on another channel, too. */
  addChannel(tree: TestTree): void {
    this.#listen(tree);
  }

  /** Opens or creates, on the tree connect or another channel's copy of it. Throws NtStatusError. */
  async open(name: string, wish: CacheWish, tree = this.#tree): Promise<CachedFile> {
    const file = new CachedFile(this, name, wish);
    // A break may come before the answer that says what is broken.
    this.#files.add(file);
    try {
      await file.open(tree);
    } catch (error) {
      this.#files.delete(file);
      throw error;
    }
    return file;
  }

  /** The connection was lost and `tree` is a new one: takes up what is durable; what cannot be is lost, with what it kept. */
  async reconnect(tree: TestTree): Promise<void> {
    this.#tree = tree;
    this.#channels = [];
    this.#listen(tree);
    for (const file of [...this.#files]) {
      if (!(await file.reconnect())) this.#files.delete(file);
    }
  }

  /** One channel of several was lost: goes on with `tree` on another one. */
  move(tree: TestTree): void {
    this.#tree = tree;
    for (const file of this.#files) file.move(tree);
  }

  /** The file is not open any more. */
  forget(file: CachedFile): void {
    this.#files.delete(file);
  }

  strayBreak(fileId: FileId): number | undefined {
    const state = this.#strayBreaks.get(keyOf(fileId));
    this.#strayBreaks.delete(keyOf(fileId));
    return state;
  }

  #listen(tree: TestTree): void {
    this.#channels.push(tree);
    const { connection } = tree.session;
    const next = (): void => {
      connection.nextUnsolicited().then(
        (response) => {
          this.#broken(response);
          next();
        },
        () => {}, // The connection is closed: nothing more is to come.
      );
    };
    next();
  }

  #broken(response: ClientResponse): void {
    const isLease = response.message.readUInt16LE(64) === LeaseBreakNotification.fixedBytes;
    if (isLease) {
      const { leaseKey, newLeaseState, flags, newEpoch } = response.decode(LeaseBreakNotification);
      const mustAcknowledge = (flags & LeaseBreakFlags.ACK_REQUIRED) !== 0;
      for (const file of this.#files) {
        if (file.wish.leaseKey === leaseKey)
          file.broken({ state: newLeaseState, mustAcknowledge, epoch: newEpoch });
      }
      return;
    }
    const { fileId, oplockLevel } = response.decode(OplockBreak);
    const state = stateOfOplock(oplockLevel);
    const file = [...this.#files].find((one) => one.isAt(fileId));
    // [MS-SMB2] 3.2.5.19.1: the break of a level II oplock is not acknowledged.
    if (file !== undefined) file.broken({ state, mustAcknowledge: file.state !== R });
    // On another channel it may overtake the answer that says which open this is.
    else this.#strayBreaks.set(keyOf(fileId), state);
  }
}
