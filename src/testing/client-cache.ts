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
import { CachedDirectory } from './cached-directory.ts';
import { CachedFile, type FileHost, type CacheObserver as FileObserver } from './cached-file.ts';
import { type CachedOpen, keyOf } from './cached-open.ts';
import { type CacheWish, stateOfOplock } from './client-grant.ts';
import type { ClientResponse } from './client-message.ts';
import type { ReplayRoute } from './client-replay.ts';
import type { OpenOptions, TestTree } from './client-tree.ts';

export { CachedDirectory, type CachedListing } from './cached-directory.ts';
export { CachedFile, type CachedRead } from './cached-file.ts';
export type { CachedOpen } from './cached-open.ts';

const { READ_CACHING: R } = LeaseState;

/** Who wants to know what the client does, and says how it is to behave. */
export interface CacheObserver extends FileObserver, Pick<ReplayRoute, 'sending'> {
  /** Resolves when it is time to try again what the server could not do yet, `times` times so far; by default at once. */
  pause?(times: number): Promise<void>;
  /** See ReplayRoute. */
  readonly replaysBlindly?: boolean;
}

/** What one client has open on one tree connect at a time. */
export class CachingClient implements FileHost {
  readonly observer: CacheObserver;
  readonly blockBytes: number;
  readonly route: ReplayRoute;
  #tree: TestTree;
  /** The tree connect on each channel. */
  #channels: TestTree[] = [];
  readonly #opens = new Set<CachedOpen>();
  /** What is left of oplocks of opens that are not known yet, by FileId. */
  readonly #strayBreaks = new Map<string, number>();

  constructor(tree: TestTree, observer: CacheObserver, blockBytes: number) {
    this.#tree = tree;
    this.observer = observer;
    this.blockBytes = blockBytes;
    this.route = {
      survivor: () => this.#channels.find(({ session }) => !session.connection.isClosed),
      pause: async (times) => observer.pause?.(times),
      sending: (on, command) => observer.sending?.(on, command),
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

  /** Opens or creates a file, on the tree connect or another channel's copy of it. Throws NtStatusError. */
  open(name: string, wish: CacheWish, tree = this.#tree): Promise<CachedFile> {
    return this.#begin(new CachedFile(this, name, wish), tree);
  }

  /** Opens or creates a directory so that its listing may be cached, where the server has that. Throws NtStatusError. */
  openDirectory(name: string, wish: CacheWish, tree = this.#tree): Promise<CachedDirectory> {
    const directory = new CachedDirectory(this, name, wish);
    return this.#begin(directory, tree, directory.options);
  }

  async #begin<T extends CachedOpen>(open: T, tree: TestTree, options?: OpenOptions): Promise<T> {
    // A break may come before the answer that says what is broken.
    this.#opens.add(open);
    try {
      await open.open(tree, options);
    } catch (error) {
      this.#opens.delete(open);
      throw error;
    }
    return open;
  }

  /** The connection was lost and `tree` is a new one: takes up what is durable; what cannot be is lost, with what it kept. */
  async reconnect(tree: TestTree): Promise<void> {
    this.#tree = tree;
    this.#channels = [];
    this.#listen(tree);
    for (const open of [...this.#opens]) {
      if (!(await open.reconnect())) this.#opens.delete(open);
    }
  }

  /** One channel of several was lost: goes on with `tree` on another one. */
  move(tree: TestTree): void {
    this.#tree = tree;
    for (const open of this.#opens) open.move(tree);
  }

  /** It is not open any more. */
  forget(open: CachedOpen): void {
    this.#opens.delete(open);
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
      for (const open of this.#opens) {
        if (open.wish.leaseKey === leaseKey)
          open.broken({ state: newLeaseState, mustAcknowledge, epoch: newEpoch });
      }
      return;
    }
    const { fileId, oplockLevel } = response.decode(OplockBreak);
    const state = stateOfOplock(oplockLevel);
    const found = [...this.#opens].find((one) => one.isAt(fileId));
    // [MS-SMB2] 3.2.5.19.1: the break of a level II oplock is not acknowledged.
    if (found !== undefined) found.broken({ state, mustAcknowledge: found.state !== R });
    // On another channel it may overtake the answer that says which open this is.
    else this.#strayBreaks.set(keyOf(fileId), state);
  }
}
