/**
 * One scan of a directory, kept by its open between requests: entries stream from the store and only the batch at hand is
 * held. [MS-FSA] 2.1.5.6.3
 */
import type { BackendStat, DirectoryEntry, MaybePromise } from '../backend/contract.ts';
import { join, parentOf } from '../backend/path.ts';
import { GenericMapping } from '../fs/access.ts';
import { compilePattern, hasWildcards, type NameMatcher } from '../fs/wildcards.ts';
import { AccessMask, FileAttribute } from '../wire/flags.ts';
import { attributesOf, withAttributes } from './attributes.ts';
import { eaSizeAt } from './extended-attributes.ts';
import { chain } from './maybe-promise.ts';
import { shownName } from './name-mapping.ts';
import type { OpenFile } from './open-file.ts';
import { reparseTagOf } from './reparse.ts';
import { descriptorAt, maximumAccessTo } from './security.ts';
import { statusOf } from './status-of-error.ts';

/** All of GENERIC_READ, whose SYNCHRONIZE nobody is denied by. */
const reading = GenericMapping.READ & ~AccessMask.SYNCHRONIZE;

/** A name that matched, as clients see it. */
export interface ListedEntry {
  readonly name: string;
  readonly stat: BackendStat;
  readonly eaSize: number;
  readonly reparseTag: number;
  readonly attributes: number;
}

interface ShownBatch {
  readonly listed: readonly ListedEntry[];
  readonly failure: { readonly error: unknown } | undefined;
}

export class DirectoryListing {
  readonly pattern: string;
  readonly #file: OpenFile;
  readonly #matches: NameMatcher;
  readonly #abort = new AbortController();
  readonly #batches: AsyncIterator<readonly ListedEntry[]>;
  /** The batch at hand, and how much of it was returned. */
  #batch: readonly ListedEntry[] = [];
  #returnedCount = 0;
  #isAtEnd = false;
  /** Entries were returned by this scan. */
  hasReturned = false;

  constructor(file: OpenFile, pattern: string) {
    this.#file = file;
    this.pattern = pattern;
    this.#matches = compilePattern(pattern);
    this.#batches = this.#scan();
  }

  /** The entry that comes next, which stays until {@link advance}; undefined at the end. */
  peek(): MaybePromise<ListedEntry | undefined> {
    return this.#batch[this.#returnedCount] ?? (this.#isAtEnd ? undefined : this.#nextOfStore());
  }

  async #nextOfStore(): Promise<ListedEntry | undefined> {
    this.#returnedCount = 0;
    this.#batch = [];
    while (this.#batch.length === 0 && !this.#isAtEnd) {
      const result = await this.#batches.next();
      if (result.done) this.#isAtEnd = true;
      else this.#batch = result.value;
    }
    return this.#batch[0];
  }

  advance(): void {
    this.#returnedCount++;
    this.hasReturned = true;
  }

  /** Ends the scan of the store. */
  async close(): Promise<void> {
    this.#abort.abort();
    await this.#batches.return?.();
  }

  async *#scan(): AsyncGenerator<readonly ListedEntry[], undefined> {
    yield await this.#dots();
    if (!hasWildcards(this.pattern)) {
      const only = await this.#lookUp();
      if (only !== undefined) yield [only];
      return;
    }
    const { backend } = this.#file.volume;
    for await (const batch of backend.list(this.#file.link.path, this.#abort.signal)) {
      const { listed, failure } = await this.#shownOf(batch);
      yield listed;
      if (failure !== undefined) throw failure.error;
    }
  }

  /** What clients see of a batch; where one fails, what came before it. */
  async #shownOf(batch: readonly DirectoryEntry[]): Promise<ShownBatch> {
    const listed: ListedEntry[] = [];
    try {
      for (const entry of batch) {
        const answer = this.#shown(entry);
        const shown = answer instanceof Promise ? await answer : answer;
        if (shown !== undefined) listed.push(shown);
      }
      return { listed, failure: undefined };
    } catch (error) {
      return { listed, failure: { error } };
    }
  }

  /** What clients see of an entry, if anything. */
  #shown(entry: DirectoryEntry): MaybePromise<ListedEntry | undefined> {
    const { symlinks, hidesUnreadable } = this.#file.volume;
    const name = shownName(entry.name);
    const isLink = entry.stat.kind === 'symlink';
    if (!this.#matches(name) || (isLink && symlinks === 'hide')) return undefined;
    return isLink || hidesUnreadable ? this.#shownIfAllowed(name, entry) : this.#listed(name, entry);
  }

  async #shownIfAllowed(name: string, entry: DirectoryEntry): Promise<ListedEntry | undefined> {
    const seen = await this.#behindLink(entry);
    return (await this.#mayBeSeen(seen)) ? this.#listed(name, seen) : undefined;
  }

  #listed(name: string, { name: stored, stat }: DirectoryEntry): MaybePromise<ListedEntry> {
    const { volume, link } = this.#file;
    const attributes = withAttributes(attributesOf(stat), volume.attributesOfName(name));
    const isPlain = stat.hasExtendedAttributes === false && !(attributes & FileAttribute.REPARSE_POINT);
    if (isPlain) return { name, stat, eaSize: 0, reparseTag: 0, attributes };
    const path = join(link.path, stored);
    return chain(stat.kind === 'symlink' ? 0 : eaSizeAt(volume, { path, stat }), (eaSize) =>
      chain(reparseTagOf(volume, path, stat), (reparseTag) => ({
        name,
        stat,
        eaSize,
        reparseTag,
        attributes,
      })),
    );
  }

  /** A symbolic link is shown as what it leads to, where that is inside the share; else as the link that it is. */
  async #behindLink(entry: DirectoryEntry): Promise<DirectoryEntry> {
    const { resolver, symlinks } = this.#file.volume;
    if (entry.stat.kind !== 'symlink' || symlinks !== 'follow') return entry;
    try {
      const directory = await resolver.at(this.#file.link.path);
      const path = join(directory.path, entry.name);
      const { entry: target } = await resolver.follow(directory, {
        stored: entry.name,
        path,
        stat: entry.stat,
      });
      return target.stat === undefined ? entry : { name: entry.name, stat: target.stat };
    } catch (error) {
      if (statusOf(error) === undefined) throw error;
      return entry;
    }
  }

  /** Access-based enumeration: who may not read something is not told that it is there. */
  async #mayBeSeen({ name, stat }: DirectoryEntry): Promise<boolean> {
    const { volume, link, requester } = this.#file;
    if (!volume.hidesUnreadable) return true;
    const isDirectory = stat.kind === 'directory';
    const path = join(link.path, name);
    try {
      const descriptor = await descriptorAt(volume, { path, stat }, requester, isDirectory);
      const file = { descriptor, parent: undefined, isDirectory, attributes: attributesOf(stat) };
      return (maximumAccessTo(file, requester) & reading) === reading;
    } catch (error) {
      // Gone by now, or a descriptor that cannot be read: nobody may, and the others are to be seen all the same.
      if (statusOf(error) === undefined) throw error;
      return false;
    }
  }

  /** `.` and `..`, where the pattern means them; the root is its own parent. */
  async #dots(): Promise<ListedEntry[]> {
    const names = ['.', '..'].filter(this.#matches);
    const { backend } = this.#file.volume;
    const { path } = this.#file.link;
    const entries: ListedEntry[] = [];
    for (const name of names) {
      const stat = await backend.stat(name === '.' ? path : parentOf(path));
      entries.push({ name, stat, eaSize: 0, reparseTag: 0, attributes: attributesOf(stat) });
    }
    return entries;
  }

  /** A pattern without wildcards names one entry: no need to read the directory. */
  async #lookUp(): Promise<ListedEntry | undefined> {
    if (this.pattern === '.' || this.pattern === '..') return undefined;
    const { resolver } = this.#file.volume;
    const directory = await resolver.at(this.#file.link.path);
    const entry = await resolver.entry(directory, this.pattern);
    if (entry.stat === undefined) return undefined;
    const found = await this.#behindLink({ name: entry.stored, stat: entry.stat });
    return (await this.#mayBeSeen(found)) ? this.#listed(shownName(found.name), found) : undefined;
  }
}
