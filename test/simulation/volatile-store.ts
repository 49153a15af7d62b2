/**
 * A volume in memory that forgets as disks do: what was not flushed may be lost when the power goes, any part of it, and the
 * rest is there. Every change goes to the live volume at once, and to the disk when it is flushed or by chance.
 */
import type {
  Backend,
  BackendHandle,
  BackendPath,
  OpenOptions,
  StatChange,
} from '../../src/backend/contract.ts';
import { type MemoryBackend, memoryBackend } from '../../src/backend/memory.ts';
import type { Clock } from '../../src/base/clock.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';

/** A file or directory as it is on the disk. */
interface Inode {
  isDirectory: boolean;
  data: Buffer;
  change: StatChange;
  security: Buffer | undefined;
  readonly streams: Map<string, Buffer>;
  readonly names: Map<string, bigint>;
}

/** A change that the disk may not have yet. */
interface Pending {
  /** The file or directory that must be flushed for it. */
  readonly fileId: bigint;
  /** For names: the directory that holds it, whose flush will do as well. */
  readonly directoryId: bigint | undefined;
  readonly apply: (disk: Map<bigint, Inode>) => void;
}

const ROOT_NAME = '';

/** The disk under one server, and what it has not got yet. */
class Journal {
  disk = new Map<bigint, Inode>();
  rootId = 0n;
  pending: Pending[] = [];
  openCount = 0;

  /** The same with nothing open, for another server. */
  again(): Journal {
    const { disk, rootId, pending } = this;
    return Object.assign(new Journal(), { disk, rootId, pending });
  }

  note(pending: Pending): void {
    this.pending.push(pending);
  }

  changes(fileId: bigint, change: (inode: Inode) => void): void {
    this.note({ fileId, directoryId: undefined, apply: (disk) => change(inodeIn(disk, fileId)) });
  }

  /** Everything of the file, its names, and the names of the directories that lead to them. */
  sync(fileId: bigint): void {
    const wanted = new Set([fileId]);
    for (let size = 0; size < wanted.size; ) {
      size = wanted.size;
      for (const one of this.pending) {
        const { directoryId } = one;
        if (directoryId !== undefined && wanted.has(one.fileId)) wanted.add(directoryId);
      }
    }
    const isWanted = (one: Pending): boolean => wanted.has(one.fileId) || one.directoryId === fileId;
    for (const one of this.pending) if (isWanted(one)) one.apply(this.disk);
    this.pending = this.pending.filter((one) => !isWanted(one));
  }
}

/** The disk; {@link VolatileStore.live} is what the server works on. */
export class VolatileStore {
  readonly #clock: Clock;
  #journal = new Journal();
  #volume: MemoryBackend | undefined;

  constructor(clock: Clock) {
    this.#clock = clock;
  }

  /** What is not yet on the disk. */
  get pendingCount(): number {
    return this.#journal.pending.length;
  }

  /** Opens that were not closed. */
  get openCount(): number {
    return this.#journal.openCount;
  }

  /** A server's view of the disk as it is now; whoever had an earlier one works on nothing. */
  live(): Backend {
    const volume = memoryBackend({ clock: this.#clock });
    const former = this.#journal;
    this.#journal = new Journal();
    this.#journal.rootId = volume.stat(ROOT_NAME).fileId;
    inodeIn(this.#journal.disk, this.#journal.rootId).isDirectory = true;
    this.#restore({ volume, former: former.disk, at: ROOT_NAME, fileId: former.rootId });
    this.#volume = volume;
    return viewOf(volume, this.#journal);
  }

  /** Another server's view of the volume as the one before left it, whose opens are closed. */
  again(): Backend {
    if (this.#volume === undefined) return this.live();
    this.#journal = this.#journal.again();
    return viewOf(this.#volume, this.#journal);
  }

  /** Loses power: of what was not flushed, each change is kept with the given chance, whatever becomes of the others. */
  cut(random: SeededEntropy, keepPercent: number): void {
    const { pending, disk } = this.#journal;
    for (const { apply } of pending) if (random.below(100) < keepPercent) apply(disk);
    this.#journal.pending = [];
  }

  /** The bytes of a file on the disk; undefined where there is none. */
  read(path: BackendPath): Buffer | undefined {
    const { disk, rootId } = this.#journal;
    let inode = disk.get(rootId);
    for (const name of path.split('/')) inode = disk.get(inode?.names.get(name) ?? -1n);
    return inode?.data;
  }

  #restore(from: {
    volume: MemoryBackend;
    former: Map<bigint, Inode>;
    at: BackendPath;
    fileId: bigint;
  }): void {
    const { volume, former, at, fileId } = from;
    for (const [name, childId] of former.get(fileId)?.names ?? []) {
      const inode = former.get(childId);
      if (inode === undefined) continue;
      const path = at === '' ? name : `${at}/${name}`;
      if (inode.isDirectory) volume.makeDirectory(path);
      const handle = volume.open(path, { write: true, create: !inode.isDirectory });
      if (!inode.isDirectory) handle.write(inode.data, 0);
      for (const [stream, data] of inode.streams) {
        const open = volume.open(path, { write: true, create: true, stream });
        open.write(data, 0);
        open.close();
      }
      if (inode.security !== undefined) volume.security.write(path, inode.security);
      handle.setStat(inode.change);
      handle.close();
      const id = volume.stat(path).fileId;
      this.#journal.disk.set(id, { ...inode, names: new Map() });
      inodeIn(this.#journal.disk, volume.stat(at).fileId).names.set(name, id);
      this.#restore({ volume, former, at: path, fileId: childId });
    }
  }
}

function viewOf(volume: MemoryBackend, journal: Journal): Backend {
  const idOf = (path: BackendPath): bigint => volume.stat(path).fileId;
  const named = (path: BackendPath, isDirectory: boolean): void => {
    const fileId = idOf(path);
    const directoryId = idOf(parentOf(path));
    const apply = (disk: Map<bigint, Inode>) => linked(disk, { directoryId, path, fileId, isDirectory });
    journal.note({ fileId, directoryId, apply });
  };
  const unnamed = (path: BackendPath, remove: () => void): void => {
    const fileId = idOf(path);
    const directoryId = idOf(parentOf(path));
    remove();
    journal.note({ fileId, directoryId, apply: (disk) => unlinked(disk, { directoryId, path, fileId }) });
  };
  return {
    name: 'volatile',
    isCaseSensitive: true,
    stat: (path) => volume.stat(path),
    open: (path, options) => {
      const handle = volume.open(path, options);
      if (options.create === true && options.stream === undefined) named(path, false);
      return handleOn(handle, { journal, fileId: idOf(path), options });
    },
    list: (path, signal) => volume.list(path, signal),
    makeDirectory: (path) => {
      volume.makeDirectory(path);
      named(path, true);
    },
    removeFile: (path) => unnamed(path, () => volume.removeFile(path)),
    removeDirectory: (path) => unnamed(path, () => volume.removeDirectory(path)),
    rename: (from, to, replace) => {
      const { fileId, kind } = volume.stat(from);
      const fromId = idOf(parentOf(from));
      volume.rename(from, to, replace);
      const directoryId = idOf(parentOf(to));
      const apply = (disk: Map<bigint, Inode>): void => {
        unlinked(disk, { directoryId: fromId, path: from, fileId });
        linked(disk, { directoryId, path: to, fileId, isDirectory: kind === 'directory' });
      };
      journal.note({ fileId, directoryId, apply });
    },
    volume: () => volume.volume(),
    close: () => {},
    security: {
      read: (path) => volume.security.read(path),
      write: (path, descriptor) => {
        volume.security.write(path, descriptor);
        const kept = Buffer.from(descriptor);
        journal.changes(idOf(path), (inode) => {
          inode.security = kept;
        });
      },
    },
    streams: {
      list: (path) => volume.streams.list(path),
      remove: (path, stream) => {
        volume.streams.remove(path, stream);
        journal.changes(idOf(path), (inode) => inode.streams.delete(stream));
      },
      rename: (path, from, to, replace) => {
        volume.streams.rename(path, from, to, replace);
        journal.changes(idOf(path), (inode) => {
          inode.streams.set(to, inode.streams.get(from) ?? Buffer.alloc(0));
          inode.streams.delete(from);
        });
      },
    },
  };
}

interface OpenOn {
  readonly journal: Journal;
  readonly fileId: bigint;
  readonly options: OpenOptions;
}

function handleOn(handle: BackendHandle, { journal, fileId, options }: OpenOn): BackendHandle {
  const { stream } = options;
  const patch = (change: (data: Buffer) => Buffer): void =>
    journal.changes(fileId, (inode) => {
      if (stream === undefined) inode.data = change(inode.data);
      else inode.streams.set(stream, change(inode.streams.get(stream) ?? Buffer.alloc(0)));
    });
  if (stream !== undefined && options.create === true) patch((data) => data);
  journal.openCount += 1;
  return {
    stat: () => handle.stat(),
    setStat: (change) => {
      handle.setStat(change);
      journal.changes(fileId, (inode) => {
        inode.change = { ...inode.change, ...change };
      });
    },
    read: (target, position) => handle.read(target, position),
    write: (source, position) => {
      handle.write(source, position);
      const bytes = Buffer.from(source);
      patch((data) => patched(data, bytes, position));
    },
    truncate: (sizeBytes) => {
      handle.truncate(sizeBytes);
      patch((data) => resized(data, sizeBytes));
    },
    sync: async () => {
      await handle.sync();
      journal.sync(fileId);
    },
    close: () => {
      journal.openCount -= 1;
      return handle.close();
    },
  };
}

function inodeIn(disk: Map<bigint, Inode>, fileId: bigint): Inode {
  const known = disk.get(fileId);
  if (known !== undefined) return known;
  const inode: Inode = {
    isDirectory: false,
    data: Buffer.alloc(0),
    change: {},
    security: undefined,
    streams: new Map(),
    names: new Map(),
  };
  disk.set(fileId, inode);
  return inode;
}

interface Link {
  readonly directoryId: bigint;
  readonly path: BackendPath;
  readonly fileId: bigint;
}

function linked(
  disk: Map<bigint, Inode>,
  { directoryId, path, fileId, isDirectory }: Link & { isDirectory: boolean },
): void {
  inodeIn(disk, directoryId).names.set(nameOf(path), fileId);
  inodeIn(disk, fileId).isDirectory = isDirectory;
}

function unlinked(disk: Map<bigint, Inode>, { directoryId, path, fileId }: Link): void {
  const { names } = inodeIn(disk, directoryId);
  // A later file of that name may have been flushed before.
  if (names.get(nameOf(path)) === fileId) names.delete(nameOf(path));
}

function patched(data: Buffer, bytes: Buffer, position: number): Buffer {
  const result = Buffer.alloc(Math.max(data.length, position + bytes.length));
  data.copy(result);
  bytes.copy(result, position);
  return result;
}

function resized(data: Buffer, sizeBytes: number): Buffer {
  return Buffer.concat([data.subarray(0, sizeBytes), Buffer.alloc(Math.max(0, sizeBytes - data.length))]);
}

const nameOf = (path: BackendPath): string => path.slice(path.lastIndexOf('/') + 1);
const parentOf = (path: BackendPath): BackendPath => path.slice(0, Math.max(0, path.lastIndexOf('/')));
