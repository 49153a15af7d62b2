/**
 * A share's files: a store, its names, and what is open of it.
 */
import type { Backend, BackendPath, MaybePromise } from '../backend/contract.ts';
import { nameOf, parentOf } from '../backend/path.ts';
import { type Clock, unixNsOfFileTime } from '../base/clock.ts';
import { type Entropy, randomId32 } from '../base/entropy.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { Table } from '../base/table.ts';
import { upper } from '../fs/names.ts';
import type { Change, CoreOpen, FileKey, Place, Removal } from '../fs/types.ts';
import { CompletionFilter, FileAction, FileAttribute } from '../wire/flags.ts';
import { CacheWatch } from './cache-watch.ts';
import type { CoreDriver, RemovalTarget } from './core-driver.ts';
import { KnownFacts } from './known-facts.ts';
import { chain, rescue } from './maybe-promise.ts';
import { NameIndex } from './name-index.ts';
import { NameQueue } from './name-queue.ts';
import { NameTunnel } from './name-tunnel.ts';
import { ObjectIdIndex } from './object-id.ts';
import type { OpenFile } from './open-file.ts';
import { OutsideChanges } from './outside-changes.ts';
import { Resolver } from './resolve.ts';
import { Snapshots } from './snapshots.ts';
import { codeOf, isAbsent } from './status-of-error.ts';
import type { SymlinkPolicy } from './symlinks.ts';
import { WriteTime } from './write-time.ts';

export interface VolumeOptions {
  /** Tells the volumes of one server apart; without a colon. */
  readonly id: string;
  readonly backend: Backend;
  readonly driver: CoreDriver;
  readonly limits: Limits;
  readonly entropy: Entropy;
  readonly log: Log;
  /** Persistent handles are granted. [MS-SMB2] 2.2.10 SMB2_SHARE_CAP_CONTINUOUS_AVAILABILITY */
  readonly isContinuouslyAvailable?: boolean;
  /** Nothing may be changed: a snapshot. */
  readonly isReadOnly?: boolean;
  /** Named streams are not offered, though the store could keep them. */
  readonly withoutStreams?: boolean;
  /** Nobody is told of changes in directories. */
  readonly withoutNotify?: boolean;
  /** Names that are shown with the attribute hidden, whatever the store keeps. */
  readonly isHiddenName?: (name: string) => boolean;
  /** Default `follow`. */
  readonly symlinks?: SymlinkPolicy;
  /** Security descriptors keep AUTO_INHERITED as clients set it, even without AUTO_INHERIT_REQUIRED. */
  readonly keepsAutoInherited?: boolean;
  /** Listings leave out what the client may not read (access-based enumeration). */
  readonly hidesUnreadable?: boolean;
}

/** A name of an open file in the store; follows renames. */
export interface Link {
  path: BackendPath;
  /** Opens by this name. */
  count: number;
  /** The name is gone while the file is still open. */
  isRemoved: boolean;
}

/** What all opens of one stream share. */
export interface StreamState {
  count: number;
  /** Space asked for with AllocationSize, beyond what is written; given back with the last close. */
  reservedBytes: number;
  /** A flush that failed: what was lost does not come back, whatever a later one says. */
  flushError?: unknown;
}

/** What an open has in common with others. */
export interface OpenShares {
  readonly link: Link;
  readonly shared: StreamState;
  readonly writeTime: WriteTime;
}

export class Volume implements RemovalTarget {
  readonly kind = 'disk';
  readonly id: string;
  readonly backend: Backend;
  readonly driver: CoreDriver;
  readonly limits: Limits;
  readonly entropy: Entropy;
  readonly log: Log;
  readonly isContinuouslyAvailable: boolean;
  readonly isReadOnly: boolean;
  readonly snapshots: Snapshots;
  readonly withoutNotify: boolean;
  readonly hidesUnreadable: boolean;
  readonly keepsAutoInherited: boolean;
  readonly symlinks: SymlinkPolicy;
  readonly #isHiddenName: ((name: string) => boolean) | undefined;
  /** What is known of what the store keeps beside files. */
  readonly facts = new KnownFacts(() => unixNsOfFileTime(this.clock.now()));
  readonly names = new NameQueue();
  readonly index: NameIndex;
  readonly tunnel = new NameTunnel();
  readonly outside = new OutsideChanges(this);
  readonly caches = new CacheWatch(this);
  readonly objectIds = new ObjectIdIndex(this);
  readonly resolver: Resolver;
  #serialNumber: number | undefined;
  readonly #links = new Table<BackendPath, Link>();
  readonly #streams = new Table<string, StreamState>();
  readonly #writeTimes = new Table<FileKey, WriteTime>();
  /** Removals under way, by {@link streamKey}. */
  readonly #removing = new Map<string, Promise<void>>();

  constructor(options: VolumeOptions) {
    this.id = options.id;
    this.backend = options.withoutStreams === true ? streamless(options.backend) : options.backend;
    this.driver = options.driver;
    this.limits = options.limits;
    this.entropy = options.entropy;
    this.log = options.log;
    this.isContinuouslyAvailable = options.isContinuouslyAvailable ?? false;
    this.isReadOnly = options.isReadOnly ?? false;
    this.snapshots = new Snapshots(options.backend, (time, backend) => {
      const view = { id: `${options.id}@${time}`, backend, isReadOnly: true, isContinuouslyAvailable: false };
      return new Volume({ ...options, ...view });
    });
    this.withoutNotify = options.withoutNotify ?? false;
    this.hidesUnreadable = options.hidesUnreadable ?? false;
    this.keepsAutoInherited = options.keepsAutoInherited ?? false;
    this.symlinks = options.symlinks ?? 'follow';
    this.#isHiddenName = options.isHiddenName;
    this.index = new NameIndex({ backend: this.backend, seed: randomId32(options.entropy) });
    const keyOf = (fileId: bigint): FileKey => this.keyOf(fileId);
    const { symlinks } = this;
    this.resolver = new Resolver({ backend: this.backend, index: this.index, keyOf, symlinks });
    this.driver.attach(this);
  }

  get clock(): Clock {
    return this.driver.clock;
  }

  /** Stays the same as long as the volume lasts, so the store is asked once. */
  serialNumber(): MaybePromise<number> {
    if (this.#serialNumber !== undefined) return this.#serialNumber;
    return chain(this.backend.volume(), ({ serialNumber }) => {
      this.#serialNumber = serialNumber;
      return serialNumber;
    });
  }

  keyOf(fileId: bigint): FileKey {
    return `${this.id}:${fileId.toString(16)}`;
  }

  /** The attributes that the last component of a name adds to those of the file. */
  attributesOfName(name: string): number {
    return name !== '' && this.#isHiddenName?.(name) ? FileAttribute.HIDDEN : 0;
  }

  /** The slot of the name queue for `name` in the directory `key`. */
  slot(key: FileKey, name: string): string {
    return `${key}\\${upper(name)}`;
  }

  slotOf(place: Place): string {
    return this.slot(place.ancestors.at(-1)?.directory ?? this.id, place.name);
  }

  /** The removal that is under way for a file or one of its streams. */
  removalOf(file: FileKey | bigint, stream: string): Promise<void> | undefined {
    if (this.#removing.size === 0) return undefined;
    const key = typeof file === 'bigint' ? this.keyOf(file) : file;
    return this.#removing.get(streamKey(key, '')) ?? this.#removing.get(streamKey(key, stream));
  }

  /** Takes note of an open by `path`. */
  retain(open: CoreOpen, path: BackendPath): OpenShares {
    const link = this.#links.get(path) ?? { path, count: 0, isRemoved: false };
    if (link.count++ === 0) this.#links.set(path, link);
    const key = streamKey(open.file, open.stream);
    const stream = this.#streams.get(key) ?? { count: 0, reservedBytes: 0 };
    if (stream.count++ === 0) this.#streams.set(key, stream);
    const writeTime = this.#writeTimes.get(open.file) ?? new WriteTime();
    if (writeTime.count++ === 0) this.#writeTimes.set(open.file, writeTime);
    return { link, shared: stream, writeTime };
  }

  release(open: CoreOpen, { link, shared: stream, writeTime }: OpenShares): void {
    link.count--;
    if (link.count === 0 && this.#links.get(link.path) === link) this.#links.delete(link.path);
    stream.count--;
    const key = streamKey(open.file, open.stream);
    if (stream.count === 0 && this.#streams.get(key) === stream) this.#streams.delete(key);
    writeTime.count--;
    if (writeTime.count === 0) this.#writeTimes.delete(open.file);
  }

  /** A stream that is open got another name (in upper case); to be called before the core is told. */
  streamMoved(open: CoreOpen, name: string): void {
    const state = this.#streams.get(streamKey(open.file, open.stream));
    if (state === undefined) return;
    this.#streams.delete(streamKey(open.file, open.stream));
    this.#streams.set(streamKey(open.file, name), state);
  }

  /** The name moved in the store: opens by it, and by names below it, follow. */
  moved(from: BackendPath, to: BackendPath): void {
    const moving = [...this.#links.values()].filter(
      ({ path }) => path === from || path.startsWith(`${from}/`),
    );
    for (const link of moving) this.#links.delete(link.path);
    const replaced = this.#links.get(to);
    if (replaced !== undefined) {
      replaced.isRemoved = true;
      this.#links.delete(to);
    }
    for (const link of moving) {
      link.path = to + link.path.slice(from.length);
      this.#links.set(link.path, link);
    }
    this.index.forget(from);
    this.caches.moved(from, to);
  }

  /** Tells watchers and holders of directory leases what happened. */
  changed(change: Change): void {
    this.driver.core.changed(change, this.driver.nowMs);
    this.driver.settle();
  }

  /** Removes what the core says is to be removed. */
  remove(removal: Removal, { link }: OpenFile): MaybePromise<void> {
    const work = this.names.run([this.slotOf(removal.place)], () => this.#removeNow(removal, link));
    if (!(work instanceof Promise)) return;
    const key = streamKey(removal.file, removal.stream);
    const done = work.finally(() => this.#removing.delete(key));
    this.#removing.set(key, done);
    return done;
  }

  /** Open files of this volume. */
  *openFiles(): Iterable<OpenFile> {
    for (const file of this.driver.openFiles) if (file.volume === this) yield file;
  }

  async close(): Promise<void> {
    await this.snapshots.close();
    await this.leave();
    await this.backend.close();
  }

  /** Ends what is open; the store stays. */
  async leave(): Promise<void> {
    const closing = [...this.openFiles()].map(async (file) => file.close('shutdown'));
    await Promise.allSettled(closing);
    await this.driver.removed();
    this.driver.detach(this);
    this.index.close();
  }

  #removeNow(removal: Removal, link: Link): MaybePromise<void> {
    if (link.isRemoved) return;
    if (removal.stream !== '') return this.#removeStream(removal, link);
    const { path } = link;
    const isGone = rescue(
      () =>
        chain(
          removal.isDirectory ? this.backend.removeDirectory(path) : this.backend.removeFile(path),
          () => true,
        ),
      (error) => {
        // [MS-FSA] 2.1.5.5: a directory that is not empty when its last open closes stays, and nobody is told.
        if (codeOf(error) === 'ENOTEMPTY') return false;
        if (!isAbsent(error)) throw error;
        return true;
      },
    );
    return chain(isGone, (gone) => (gone ? this.#forgetName(removal, link) : undefined));
  }

  #forgetName(removal: Removal, link: Link): MaybePromise<void> {
    link.isRemoved = true;
    if (this.#links.get(link.path) === link) this.#links.delete(link.path);
    const directory = parentOf(link.path);
    const name = nameOf(link.path);
    this.tunnel.removed(directory, name, this.driver.nowMs);
    return chain(this.index.removed(directory, name), () => {
      if (removal.isDirectory) this.index.forget(link.path);
      this.changed({
        place: removal.place,
        action: FileAction.REMOVED,
        filter: removal.isDirectory ? CompletionFilter.DIR_NAME : CompletionFilter.FILE_NAME,
        ...sparedBy(removal),
      });
    });
  }

  async #removeStream(removal: Removal, link: Link): Promise<void> {
    const { streams } = this.backend;
    let stored: string | undefined;
    try {
      const listed = await streams?.list(link.path);
      stored = listed?.find(({ name }) => upper(name) === removal.stream)?.name;
      if (stored !== undefined) await streams?.remove(link.path, stored);
    } catch (error) {
      if (!isAbsent(error)) throw error;
      // It went with its file.
      return;
    }
    if (stored === undefined) return;
    this.changed({
      place: { ...removal.place, name: `${removal.place.name}:${stored}` },
      action: FileAction.REMOVED_STREAM,
      filter: CompletionFilter.STREAM_NAME,
      ...sparedBy(removal),
    });
  }
}

/** Who closed a file last need not know that somebody else wanted it deleted, and is told like everybody. */
function sparedBy({ by, parentKey }: Removal): Pick<Change, 'by'> {
  return parentKey === undefined ? {} : { by };
}

/** The same store, but for its streams. */
function streamless(backend: Backend): Backend {
  return new Proxy(backend, {
    get(target, property) {
      if (property === 'streams') return undefined;
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

function streamKey(file: FileKey, stream: string): string {
  return stream === '' ? file : `${file}:${stream}`;
}
