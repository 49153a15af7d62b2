/**
 * A limit on what a store may hold.
 */
import type { Log } from '../base/log.ts';
import { Table } from '../base/table.ts';
import type { Sid } from '../wire/dtyp/sid.ts';
import type {
  Backend,
  BackendHandle,
  BackendPath,
  BackendStat,
  ByteRange,
  OpenOptions,
  QuotaAbility,
  StatChange,
} from './contract.ts';
import { codeOf } from './error.ts';
import { ownerOf } from './owner-accounts.ts';
import { type QuotaLog, quotaLog } from './quota-log.ts';
import { ShareUsage, type UsageLimits, type UsageOptions } from './share-usage.ts';
import { delegateTo } from './wrap.ts';

export interface QuotaOptions extends UsageOptions {
  /** Where the limits of owners are kept, used by one store at a time. Without it they last as long as the process. */
  readonly stateDirectory?: string;
  readonly log?: Log;
}

/**
 * `store` with a limit: EDQUOT for what would go beyond it, and a volume that looks no larger. Everything is counted once,
 * at the first change; what others change in the store afterwards is noticed when it is counted again, see `recountMs`.
 * Owners, where the store keeps security descriptors or tells whose its files are, have accounts and limits of their own.
 */
export function quota(store: Backend, options: QuotaOptions): Backend {
  return new LimitedStore(store, options).backend;
}

/** A file or stream that is open for writing. */
interface Growing {
  readonly key: string;
  owner: Sid | undefined;
  sizeBytes: number;
  handleCount: number;
  isRemoved: boolean;
}

class LimitedStore {
  readonly backend: Backend;
  readonly #store: Backend;
  readonly #limits: UsageLimits;
  readonly #usage: ShareUsage;
  /** Absent where the store has limits of its own, or nothing is kept. */
  readonly #kept: QuotaLog | undefined;
  readonly #open = new Table<string, Growing>();

  constructor(store: Backend, { stateDirectory, log, ...options }: QuotaOptions) {
    this.#store = store;
    this.#limits = options;
    this.#usage = new ShareUsage(store, options);
    const isKept = stateDirectory !== undefined && store.quota === undefined;
    this.#kept = isKept ? quotaLog(stateDirectory, log) : undefined;
    this.#usage.owners.write([...(this.#kept?.limits ?? [])].map(([owner, kept]) => ({ owner, ...kept })));
    const { link, symlinks, streams, security, copyRange, sparse } = store;
    this.backend = {
      ...delegateTo(store),
      open: (path, options) => this.#opened(path, options),
      makeDirectory: (path) => this.#oneMore(() => store.makeDirectory(path)),
      removeFile: (path) => this.#oneLess(path, () => store.removeFile(path)),
      removeDirectory: (path) => this.#oneLess(path, () => store.removeDirectory(path)),
      rename: (from, to, replace) => this.#rename(from, to, replace),
      volume: () => this.#volume(),
      close: () => this.#close(),
      quota: store.quota ?? this.#quota(),
      ...(link && {
        link: (from: BackendPath, to: BackendPath) => this.#oneMore(() => link.call(store, from, to)),
      }),
      ...(symlinks && {
        symlinks: {
          readLink: (path) => symlinks.readLink(path),
          makeLink: (path, target) => this.#oneMore(() => symlinks.makeLink(path, target)),
        },
      }),
      ...(streams && {
        streams: {
          list: (path) => streams.list(path),
          remove: (path, stream) =>
            this.#usage.changing(() => this.#freeing(path, stream, () => streams.remove(path, stream))),
          rename: (path, from, to, replace) =>
            this.#usage.changing(() =>
              this.#freeing(path, to === from ? undefined : to, () =>
                streams.rename(path, from, to, replace),
              ),
            ),
        },
      }),
      ...(security && {
        security: {
          read: (path) => security.read(path),
          write: (path, descriptor) => this.#usage.changing(() => this.#writeSecurity(path, descriptor)),
        },
      }),
      ...(sparse && {
        sparse: {
          punch: (handle, range) => sparse.punch(innerOf(handle), range),
          allocatedRanges: (handle, range) => sparse.allocatedRanges(innerOf(handle), range),
        },
      }),
      ...(copyRange && {
        copyRange: {
          copy: (source, from, target, position) => this.#copy(source, from, { target, position }),
        },
      }),
    };
  }

  async #opened(path: BackendPath, options: OpenOptions): Promise<BackendHandle> {
    if (!options.create && !options.write) return this.#store.open(path, options);
    return this.#usage.changing(() => this.#openedChanging(path, options));
  }

  async #openedChanging(path: BackendPath, options: OpenOptions): Promise<BackendHandle> {
    const open = async () => this.#store.open(path, options);
    const isFile = options.create === true && options.stream === undefined;
    const handle = isFile ? await this.#oneMore(open) : await open();
    if (!options.write) return handle;
    const stat = await handle.stat();
    if (stat.kind === 'directory') return handle;
    const growing = await this.#growing(path, stat, options.stream);
    const done = this.#usage.begin();
    return new LimitedHandle(handle, growing, {
      usage: this.#usage,
      closed: () => {
        this.#closed(growing);
        done();
      },
    });
  }

  async #growing(path: BackendPath, stat: BackendStat, stream = ''): Promise<Growing> {
    const key = `${stat.fileId}:${stream}`;
    const owner = await this.#usage.ownerOf(path, stat);
    const { sizeBytes } = stat;
    const growing = this.#open.get(key) ?? { key, owner, sizeBytes, handleCount: 0, isRemoved: false };
    growing.handleCount += 1;
    this.#open.set(key, growing);
    return growing;
  }

  #closed(growing: Growing): void {
    growing.handleCount -= 1;
    if (growing.handleCount > 0) return;
    if (this.#open.get(growing.key) === growing) this.#open.delete(growing.key);
    if (growing.isRemoved) this.#usage.charge(growing.owner, -growing.sizeBytes);
  }

  #oneMore<T>(make: () => T | Promise<T>): Promise<T> {
    return this.#usage.changing(async () => {
      this.#usage.chargeFile(1);
      try {
        return await make();
      } catch (error) {
        this.#usage.chargeFile(-1);
        throw error;
      }
    });
  }

  #oneLess(path: BackendPath, remove: () => void | Promise<void>): Promise<void> {
    return this.#usage.changing(async () => {
      const free = await this.#toFree(path);
      await remove();
      free?.();
    });
  }

  /** How to give back what the name takes, once it is gone; undefined when there is no such name. */
  async #toFree(path: BackendPath): Promise<(() => void) | undefined> {
    const stat = await this.#statIfThere(path);
    if (stat === undefined) return undefined;
    const isLast = stat.kind === 'directory' || (stat.kind === 'file' && stat.linkCount <= 1);
    const share = isLast ? await this.#usage.shareOf(path, stat) : undefined;
    return () => {
      this.#usage.chargeFile(-1);
      if (share === undefined) return;
      const later = this.#removeOpen(stat.fileId);
      this.#usage.charge(share.owner, Math.min(0, later - share.sizeBytes));
    };
  }

  /** Marks what is open of the file; the bytes that are given back with the last handle. */
  #removeOpen(fileId: bigint): number {
    let later = 0;
    for (const growing of this.#open.values()) {
      if (!growing.key.startsWith(`${fileId}:`)) continue;
      growing.isRemoved = true;
      later += growing.sizeBytes;
      this.#open.delete(growing.key);
    }
    return later;
  }

  #rename(from: BackendPath, to: BackendPath, replace: boolean): Promise<void> {
    return this.#usage.changing(async () => {
      const free = replace && from !== to ? await this.#toFree(to) : undefined;
      await this.#store.rename(from, to, replace);
      free?.();
    });
  }

  async #freeing(
    path: BackendPath,
    stream: string | undefined,
    change: () => void | Promise<void>,
  ): Promise<void> {
    const stat = await this.#store.stat(path);
    const found = (await this.#store.streams?.list(path))?.find(({ name }) => name === stream);
    const owner = await this.#usage.ownerOf(path, stat);
    await change();
    if (found === undefined) return;
    const key = `${stat.fileId}:${stream}`;
    const growing = this.#open.get(key);
    if (growing === undefined) return this.#usage.charge(owner, -found.sizeBytes);
    growing.isRemoved = true;
    this.#open.delete(key);
  }

  async #writeSecurity(path: BackendPath, descriptor: Buffer): Promise<void> {
    const stat = await this.#store.stat(path);
    const share = await this.#usage.shareOf(path, stat);
    await this.#store.security?.write(path, descriptor);
    const owner = ownerOf(descriptor) ?? stat.owner;
    this.#usage.owners.move(share.sizeBytes, share.owner, owner);
    for (const growing of this.#open.values())
      if (growing.key.startsWith(`${stat.fileId}:`)) growing.owner = owner;
  }

  async #copy(
    source: BackendHandle,
    from: ByteRange,
    to: { target: BackendHandle; position: number },
  ): Promise<number> {
    const { target, position } = to;
    const copy = async () =>
      this.#store.copyRange?.copy(innerOf(source), from, innerOf(target), position) ?? 0;
    if (!(target instanceof LimitedHandle)) return copy();
    const available = Math.max(0, (await source.stat()).sizeBytes - from.offset);
    return target.growing(position + Math.min(available, from.length), copy);
  }

  #quota(): QuotaAbility {
    const { owners } = this.#usage;
    return {
      read: async () => {
        await this.#usage.ready();
        return owners.read();
      },
      write: async (entries) => {
        for (const { owner, thresholdBytes, limitBytes } of entries)
          this.#kept?.keep(owner, { thresholdBytes, limitBytes });
        owners.write(entries);
        await this.#kept?.sync();
      },
      remove: async (owner) => {
        this.#kept?.keep(owner, undefined);
        owners.remove(owner);
        await this.#kept?.sync();
      },
      needsOwners: () => owners.needsOwners(),
    };
  }

  async #close(): Promise<void> {
    try {
      await this.#kept?.close();
    } finally {
      await this.#store.close();
    }
  }

  async #volume() {
    await this.#usage.ready();
    const volume = await this.#store.volume();
    const { sizeBytesMax = Number.POSITIVE_INFINITY } = this.#limits;
    const left = Math.max(0, sizeBytesMax - this.#usage.usedBytes);
    const totalBytes = Math.min(volume.totalBytes, sizeBytesMax);
    return { ...volume, totalBytes, freeBytes: Math.min(volume.freeBytes, left, totalBytes) };
  }

  async #statIfThere(path: BackendPath): Promise<BackendStat | undefined> {
    try {
      return await this.#store.stat(path);
    } catch (error) {
      if (codeOf(error) === 'ENOENT') return undefined;
      throw error;
    }
  }
}

const innerOf = (handle: BackendHandle): BackendHandle =>
  handle instanceof LimitedHandle ? handle.inner : handle;

interface Limiting {
  readonly usage: ShareUsage;
  readonly closed: () => void;
}

class LimitedHandle implements BackendHandle {
  readonly inner: BackendHandle;
  readonly #growing: Growing;
  readonly #limiting: Limiting;
  #isClosed = false;

  constructor(inner: BackendHandle, growing: Growing, limiting: Limiting) {
    this.inner = inner;
    this.#growing = growing;
    this.#limiting = limiting;
  }

  stat() {
    return this.inner.stat();
  }

  setStat(change: StatChange) {
    return this.inner.setStat(change);
  }

  read(target: Buffer, position: number) {
    return this.inner.read(target, position);
  }

  write(source: Buffer, position: number): Promise<void> {
    const end = source.length === 0 ? 0 : position + source.length;
    return this.growing(end, async () => this.inner.write(source, position));
  }

  truncate(sizeBytes: number): Promise<void> {
    return this.growing(sizeBytes, async () => {
      await this.inner.truncate(sizeBytes);
      this.#told(Math.min(sizeBytes, this.#growing.sizeBytes));
    });
  }

  sync() {
    return this.inner.sync();
  }

  async close(): Promise<void> {
    await this.inner.close();
    if (this.#isClosed) return;
    this.#isClosed = true;
    this.#limiting.closed();
  }

  /** Takes room up to `end` before `change`, and looks again at the size when that failed. */
  async growing<T>(end: number, change: () => Promise<T>): Promise<T> {
    const isLonger = !this.#isClosed && Number.isSafeInteger(end) && end > this.#growing.sizeBytes;
    if (isLonger) this.#told(end);
    try {
      return await change();
    } catch (error) {
      if (isLonger && !this.#isClosed) this.#told((await this.inner.stat()).sizeBytes);
      throw error;
    }
  }

  #told(sizeBytes: number): void {
    const growing = this.#growing;
    this.#limiting.usage.charge(growing.owner, sizeBytes - growing.sizeBytes);
    growing.sizeBytes = sizeBytes;
  }
}
