/**
 * A directory whose names are cached, those that are there and those that are not; see client-cache.ts. [MS-SMB2] 3.3.5.9.11,
 * 3.3.4.7; [MS-FSA] 2.1.4.12
 *
 * The lease on it says when something changed among its entries. Of what the client changes itself through opens that name
 * this lease as their parent's it is not told: whoever does that says so by {@link CachedDirectory.changing}.
 */
import { AccessMask, CreateOption, LeaseState, ShareAccess } from '../wire/flags.ts';
import { FileIdBothDirectoryInformationList } from '../wire/fscc/directory.ts';
import { FileInformationClass } from '../wire/fscc/information-class-table.ts';
import { Capability } from '../wire/smb2/negotiate.ts';
import { QueryDirectoryFlags } from '../wire/smb2/query-directory.ts';
import { CachedOpen } from './cached-open.ts';
import type { OpenOptions, TestFile, TestTree } from './client-tree.ts';

const { READ_CACHING: R } = LeaseState;

/** What a directory holds: the FileId of each name, as the server spells it, without `.` and `..`. */
export interface CachedListing {
  readonly entries: ReadonlyMap<string, bigint>;
  readonly source: 'cache' | 'server';
}

/** How a directory is read. */
export interface ListOptions {
  /** One entry with each request. */
  readonly isPiecemeal?: boolean;
}

/** A directory with its cache. */
export class CachedDirectory extends CachedOpen {
  #entries: ReadonlyMap<string, bigint> | undefined;
  /** Names that were looked for and are not there. */
  readonly #absent = new Set<string>();

  /** A change among its entries takes all. */
  protected override readonly leftByBreaks = 0;

  /** How it is opened: it is made if it is not there, and keeps nobody from anything. */
  readonly options: OpenOptions = {
    createOptions: CreateOption.DIRECTORY_FILE,
    desiredAccess: AccessMask.FILE_LIST_DIRECTORY | AccessMask.FILE_READ_ATTRIBUTES,
    shareAccess: ShareAccess.READ | ShareAccess.WRITE | ShareAccess.DELETE,
  };

  /** LeaseKey for opens of what is in it, while it holds a lease. */
  get parentLeaseKey(): string | undefined {
    return this.state === 0 ? undefined : this.wish.leaseKey;
  }

  /** The names in it, from the cache where that is allowed. Throws NtStatusError. */
  async list({ isPiecemeal = false }: ListOptions = {}): Promise<CachedListing> {
    this.isIdle = false;
    if (this.#entries !== undefined) return { entries: this.#entries, source: 'cache' };
    const { changes } = this;
    const entries = await entriesOf(this.opened(), isPiecemeal);
    if (this.#mayKeep(changes)) this.#entries = entries;
    return { entries, source: 'server' };
  }

  /** What the cache says of a name: its FileId, 0n when it is not there; undefined when the server must be asked. */
  known(name: string): bigint | undefined {
    if (this.#entries !== undefined) return this.#entries.get(name) ?? 0n;
    return this.#absent.has(name) ? 0n : undefined;
  }

  /** Asks the server for a name by `look`, which gives its FileId or 0n when it is not there: that is kept where it is allowed. */
  async lookUp(name: string, look: () => Promise<bigint>): Promise<bigint> {
    const { changes } = this;
    const found = await look();
    if (found === 0n && this.#mayKeep(changes)) this.#absent.add(name);
    return found;
  }

  /** Does something that changes the names in it. */
  async changing<T>(work: () => Promise<T>): Promise<T> {
    this.#forget();
    try {
      return await work();
    } finally {
      this.#forget();
    }
  }

  /** Nothing that was asked before `changes` last grew may be kept: it may be from before a change. */
  #mayKeep(changes: number): boolean {
    return (this.state & R) !== 0 && changes === this.changes;
  }

  #forget(): void {
    this.changes += 1;
    this.keep(0);
  }

  protected override keep(state: number): void {
    if ((state & R) !== 0) return;
    this.#entries = undefined;
    this.#absent.clear();
  }

  /** Nothing is written to a directory itself. */
  protected override async writeBack(): Promise<void> {}
}

/** Whether the server grants leases on directories to this client. [MS-SMB2] 2.2.4 */
export function hasDirectoryLeasing({ session }: TestTree): boolean {
  return (session.connection.negotiated.response.capabilities & Capability.DIRECTORY_LEASING) !== 0;
}

async function entriesOf(file: TestFile, isPiecemeal: boolean): Promise<ReadonlyMap<string, bigint>> {
  const entries = new Map<string, bigint>();
  const piece = isPiecemeal ? QueryDirectoryFlags.RETURN_SINGLE_ENTRY : 0;
  const { FileIdBothDirectoryInformation } = FileInformationClass;
  for (let flags = piece | QueryDirectoryFlags.RESTART_SCANS; ; flags = piece) {
    const bytes = await file.queryDirectory(FileIdBothDirectoryInformation, '*', flags);
    if (bytes.length === 0) break;
    for (const { fileName, fileId } of FileIdBothDirectoryInformationList.decode(bytes)) {
      if (fileName !== '.' && fileName !== '..') entries.set(fileName, fileId);
    }
  }
  return entries;
}
