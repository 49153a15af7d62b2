/**
 * How much a store holds, kept up to date from one look over all of it: files, bytes, bytes by owner.
 */
import { type Clock, systemClock } from '../base/clock.ts';
import type { Sid } from '../wire/dtyp/sid.ts';
import type { Backend, BackendPath, BackendStat } from './contract.ts';
import { BackendError } from './error.ts';
import { OwnerAccounts, ownerOf } from './owner-accounts.ts';
import { isOutOfReach, walk } from './walk.ts';

export interface UsageLimits {
  /** Bytes of all files and streams together, by their sizes. */
  readonly sizeBytesMax?: number;
  /** Files, directories and links. */
  readonly fileCountMax?: number;
}

export interface UsageOptions extends UsageLimits {
  /**
   * Everything is counted again by the first who asks so many milliseconds after the last count, once nothing is being
   * changed; changes wait for it. Without it what others change in the store is not noticed.
   */
  readonly recountMs?: number;
  readonly clock?: Clock;
}

/** What one file or stream counts. */
export interface Share {
  readonly owner: Sid | undefined;
  readonly sizeBytes: number;
}

export class ShareUsage {
  readonly owners = new OwnerAccounts();
  readonly #store: Backend;
  readonly #limits: UsageLimits;
  readonly #recountMs: number;
  readonly #clock: Clock;
  #usedBytes = 0;
  #fileCount = 0;
  #counting: Promise<void> | undefined;
  #countedAtMs = 0;
  /** Changes under way, and handles open for writing: what they charge must not be counted as well. */
  #changeCount = 0;

  constructor(store: Backend, { recountMs = Number.POSITIVE_INFINITY, clock, ...limits }: UsageOptions) {
    this.#store = store;
    this.#limits = limits;
    this.#recountMs = recountMs;
    this.#clock = clock ?? systemClock;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Resolves when everything has been counted; a count that failed is tried again by the next who asks. */
  ready(): Promise<void> {
    const isOld = this.#clock.monotonicMs() - this.#countedAtMs >= this.#recountMs;
    if (isOld && this.#changeCount === 0) this.#counting = undefined;
    this.#counting ??= this.#count().catch((error: unknown) => {
      this.#counting = undefined;
      throw error;
    });
    return this.#counting;
  }

  /** Does `change` when everything has been counted, and counts nothing meanwhile. */
  async changing<T>(change: () => T | Promise<T>): Promise<T> {
    const counted = this.ready();
    const done = this.begin();
    try {
      await counted;
      return await change();
    } finally {
      done();
    }
  }

  /** Nothing is counted until the answered function is called. */
  begin(): () => void {
    this.#changeCount += 1;
    return () => {
      this.#changeCount -= 1;
    };
  }

  /** Takes `bytes` (gives back, when negative) for `owner`; EDQUOT beyond the share's limit or the owner's. */
  charge(owner: Sid | undefined, bytes: number): void {
    const { sizeBytesMax = Number.POSITIVE_INFINITY } = this.#limits;
    if (bytes > 0 && this.#usedBytes + bytes > sizeBytesMax) throw new BackendError('EDQUOT', 'write');
    if (owner !== undefined) this.owners.charge(owner, bytes);
    this.#usedBytes += bytes;
  }

  /** Room for one more file (`count` 1), or one less (-1); EDQUOT beyond the limit. */
  chargeFile(count: 1 | -1): void {
    const { fileCountMax = Number.POSITIVE_INFINITY } = this.#limits;
    if (count > 0 && this.#fileCount >= fileCountMax) throw new BackendError('EDQUOT', 'create');
    this.#fileCount += count;
  }

  /** Whom the descriptor names, or else the file system, as `stat` says. */
  async ownerOf(path: BackendPath, stat: BackendStat): Promise<Sid | undefined> {
    return ownerOf(await this.#store.security?.read(path)) ?? stat.owner;
  }

  /** What the file at `path` counts together with its streams. */
  async shareOf(path: BackendPath, stat: BackendStat): Promise<Share> {
    const streams = (await this.#store.streams?.list(path)) ?? [];
    const ofData = stat.kind === 'file' ? stat.sizeBytes : 0;
    const sizeBytes = streams.reduce((sum, stream) => sum + stream.sizeBytes, ofData);
    return { owner: await this.ownerOf(path, stat), sizeBytes };
  }

  async #count(): Promise<void> {
    const seen = new Set<bigint>();
    this.#countedAtMs = Number.POSITIVE_INFINITY;
    this.#usedBytes = 0;
    this.#fileCount = 0;
    this.owners.resetUse();
    for await (const { path, stat } of walk(this.#store, '', isOutOfReach)) {
      this.#fileCount += 1;
      if (stat.kind === 'symlink' || seen.has(stat.fileId)) continue;
      if (stat.linkCount > 1) seen.add(stat.fileId);
      await this.#add(path, stat);
    }
    this.#countedAtMs = this.#clock.monotonicMs();
  }

  async #add(path: BackendPath, stat: BackendStat): Promise<void> {
    try {
      const share = await this.shareOf(path, stat);
      this.owners.move(share.sizeBytes, undefined, share.owner);
      this.#usedBytes += share.sizeBytes;
    } catch (error) {
      if (!isOutOfReach(error)) throw error;
    }
  }
}
