/**
 * How much a store holds, kept up to date from one look over all of it: files, bytes, bytes by owner.
 */
import type { Sid } from '../wire/dtyp/sid.ts';
import type { Backend, BackendPath } from './contract.ts';
import { BackendError, codeOf } from './error.ts';
import { OwnerAccounts, ownerOf } from './owner-accounts.ts';
import { walk } from './walk.ts';

export interface UsageLimits {
  /** Bytes of all files and streams together, by their sizes. */
  readonly sizeBytesMax?: number;
  /** Files, directories and links. */
  readonly fileCountMax?: number;
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
  #usedBytes = 0;
  #fileCount = 0;
  #counting: Promise<void> | undefined;

  constructor(store: Backend, limits: UsageLimits) {
    this.#store = store;
    this.#limits = limits;
  }

  get usedBytes(): number {
    return this.#usedBytes;
  }

  /** Resolves when everything has been counted; a count that failed is tried again by the next who asks. */
  ready(): Promise<void> {
    this.#counting ??= this.#count().catch((error: unknown) => {
      this.#counting = undefined;
      throw error;
    });
    return this.#counting;
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

  /** Whom the descriptor names, or else the file system. */
  async ownerOf(path: BackendPath): Promise<Sid | undefined> {
    return ownerOf(await this.#store.security?.read(path)) ?? (await this.#store.stat(path)).owner;
  }

  /** What the file at `path` counts together with its streams. */
  async shareOf(path: BackendPath, sizeBytes: number): Promise<Share> {
    const streams = (await this.#store.streams?.list(path)) ?? [];
    const inStreams = streams.reduce((sum, stream) => sum + stream.sizeBytes, 0);
    return { owner: await this.ownerOf(path), sizeBytes: sizeBytes + inStreams };
  }

  async #count(): Promise<void> {
    const seen = new Set<bigint>();
    this.#usedBytes = 0;
    this.#fileCount = 0;
    for await (const { path, stat } of walk(this.#store, '')) {
      this.#fileCount += 1;
      if (stat.kind === 'symlink' || seen.has(stat.fileId)) continue;
      if (stat.linkCount > 1) seen.add(stat.fileId);
      await this.#add(path, stat.kind === 'file' ? stat.sizeBytes : 0);
    }
  }

  async #add(path: BackendPath, sizeBytes: number): Promise<void> {
    try {
      const share = await this.shareOf(path, sizeBytes);
      this.owners.move(share.sizeBytes, undefined, share.owner);
      this.#usedBytes += share.sizeBytes;
    } catch (error) {
      // Gone since it was listed.
      if (codeOf(error) !== 'ENOENT') throw error;
    }
  }
}
