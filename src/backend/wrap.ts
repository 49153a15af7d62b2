/**
 * The seam of every wrapper: a backend like another one, with some operations passed through a gate first. Optional
 * abilities appear exactly where the wrapped store has them.
 */
import type {
  Backend,
  BackendHandle,
  BackendPath,
  DirectoryEntry,
  MaybePromise,
  OpenOptions,
} from './contract.ts';

/** One call of the contract, as a wrapper sees it. */
export interface BackendCall {
  readonly operation: Operation;
  /** Of a handle: the name it was opened by. Absent where a store is asked about no name. */
  readonly path?: BackendPath;
  /** Where a name is to be, for `rename` and `link`. */
  readonly to?: BackendPath;
}

/** What a store may be asked, by what it does to the store. */
export const operations = Object.freeze({
  stat: 'look',
  open: 'look',
  create: 'change',
  openForWriting: 'change',
  list: 'look',
  makeDirectory: 'change',
  removeFile: 'change',
  removeDirectory: 'change',
  rename: 'change',
  link: 'change',
  volume: 'look',
  handleStat: 'look',
  setStat: 'change',
  read: 'look',
  write: 'change',
  truncate: 'change',
  sync: 'look',
  readLink: 'look',
  makeLink: 'change',
  listStreams: 'look',
  removeStream: 'change',
  renameStream: 'change',
  readAttributes: 'look',
  writeAttributes: 'change',
  readSecurity: 'look',
  writeSecurity: 'change',
  punch: 'change',
  allocatedRanges: 'look',
  copy: 'change',
  listSnapshots: 'look',
  readQuota: 'look',
  writeQuota: 'change',
});
export type Operation = keyof typeof operations;

/** Runs `proceed` now, later, differently or not at all. */
export type Gate = <T>(call: BackendCall, proceed: () => MaybePromise<T>) => MaybePromise<T>;

export interface Wrapping {
  readonly name: string;
  readonly gate: Gate;
  /** In place of the gate for writes: what happens to the bytes. */
  readonly write?: (source: Buffer, write: (part: Buffer) => MaybePromise<void>) => MaybePromise<void>;
  /** In place of the gate for syncs. */
  readonly sync?: (sync: () => MaybePromise<void>) => MaybePromise<void>;
  /** Leaves out of a listing what it answers false for. */
  readonly isListed?: (name: string) => boolean;
}

/** The handle inside a wrapped one. */
const inner = new WeakMap<BackendHandle, BackendHandle>();
const unwrapped = (handle: BackendHandle): BackendHandle => inner.get(handle) ?? handle;

function wrapHandle(handle: BackendHandle, path: BackendPath, wrapping: Wrapping): BackendHandle {
  const { gate } = wrapping;
  const throughWrite =
    wrapping.write ?? ((source, write) => gate({ operation: 'write', path }, () => write(source)));
  const throughSync = wrapping.sync ?? ((sync) => gate({ operation: 'sync', path }, sync));
  const wrapped: BackendHandle = {
    stat: () => gate({ operation: 'handleStat', path }, () => handle.stat()),
    setStat: (change) => gate({ operation: 'setStat', path }, () => handle.setStat(change)),
    read: (target, position) => gate({ operation: 'read', path }, () => handle.read(target, position)),
    write: (source, position) => throughWrite(source, (part) => handle.write(part, position)),
    truncate: (sizeBytes) => gate({ operation: 'truncate', path }, () => handle.truncate(sizeBytes)),
    sync: () => throughSync(() => handle.sync()),
    close: () => handle.close(),
  };
  inner.set(wrapped, handle);
  return wrapped;
}

function openOperation(options: OpenOptions): Operation {
  if (options.create) return 'create';
  return options.write ? 'openForWriting' : 'open';
}

/** `store` as a plain object, to be spread and partly replaced: the stores are classes, whose methods do not spread. */
export function delegateTo(store: Backend): Backend {
  const { link, listNames, isCaseSensitive, symlinks, streams, extendedAttributes, security } = store;
  const { sparse, copyRange, watch, snapshots, quota } = store;
  return {
    name: store.name,
    stat: (path) => store.stat(path),
    open: (path, options) => store.open(path, options),
    list: (path, signal) => store.list(path, signal),
    makeDirectory: (path) => store.makeDirectory(path),
    removeFile: (path) => store.removeFile(path),
    removeDirectory: (path) => store.removeDirectory(path),
    rename: (from, to, replace) => store.rename(from, to, replace),
    volume: () => store.volume(),
    close: () => store.close(),
    ...(listNames && {
      listNames: (path: BackendPath, signal?: AbortSignal) => listNames.call(store, path, signal),
    }),
    ...(link && { link: (from: BackendPath, to: BackendPath) => link.call(store, from, to) }),
    ...(isCaseSensitive !== undefined && { isCaseSensitive }),
    ...(symlinks && { symlinks }),
    ...(streams && { streams }),
    ...(extendedAttributes && { extendedAttributes }),
    ...(security && { security }),
    ...(sparse && { sparse }),
    ...(copyRange && { copyRange }),
    ...(watch && { watch }),
    ...(snapshots && { snapshots }),
    ...(quota && { quota }),
  };
}

/** `store` behind a gate; its snapshots are behind the same gate. */
export function wrapBackend(store: Backend, wrapping: Wrapping): Backend {
  const { gate } = wrapping;
  return {
    ...delegateTo(store),
    name: wrapping.name,
    stat: (path) => gate({ operation: 'stat', path }, () => store.stat(path)),
    open: (path, options) =>
      gate({ operation: openOperation(options), path }, () => {
        const handle = store.open(path, options);
        return handle instanceof Promise
          ? handle.then((opened) => wrapHandle(opened, path, wrapping))
          : wrapHandle(handle, path, wrapping);
      }),
    list: (path, signal) => listed(store, wrapping, { path, signal }),
    makeDirectory: (path) => gate({ operation: 'makeDirectory', path }, () => store.makeDirectory(path)),
    removeFile: (path) => gate({ operation: 'removeFile', path }, () => store.removeFile(path)),
    removeDirectory: (path) =>
      gate({ operation: 'removeDirectory', path }, () => store.removeDirectory(path)),
    rename: (from, to, replace) =>
      gate({ operation: 'rename', path: from, to }, () => store.rename(from, to, replace)),
    volume: () => gate({ operation: 'volume' }, () => store.volume()),
    ...wrapNames(store, wrapping),
    ...wrapLinks(store, gate),
    ...wrapMetadata(store, gate),
    ...wrapRanges(store, gate),
    ...wrapVolume(store, wrapping),
    ...wrapWatch(store, wrapping),
  };
}

async function* listed(
  store: Backend,
  { gate, isListed }: Wrapping,
  { path, signal }: { path: BackendPath; signal: AbortSignal | undefined },
): AsyncGenerator<readonly DirectoryEntry[]> {
  const batches = await gate({ operation: 'list', path }, () => store.list(path, signal));
  if (isListed === undefined) return yield* batches;
  for await (const batch of batches) yield batch.filter(({ name }) => isListed(name));
}

function wrapNames(store: Backend, { gate, isListed }: Wrapping): Partial<Backend> {
  const { listNames } = store;
  if (listNames === undefined) return {};
  return {
    async *listNames(path, signal) {
      const batches = await gate({ operation: 'list', path }, () => listNames.call(store, path, signal));
      for await (const batch of batches) yield isListed === undefined ? batch : batch.filter(isListed);
    },
  };
}

function wrapLinks(store: Backend, gate: Gate): Partial<Backend> {
  const { link, symlinks } = store;
  const linking = link && {
    link: (from: BackendPath, to: BackendPath) =>
      gate({ operation: 'link', path: from, to }, () => link.call(store, from, to)),
  };
  const symbolic: Partial<Backend> | undefined = symlinks && {
    symlinks: {
      readLink: (path) => gate({ operation: 'readLink', path }, () => symlinks.readLink(path)),
      makeLink: (path, target) =>
        gate({ operation: 'makeLink', path }, () => symlinks.makeLink(path, target)),
    },
  };
  return { ...linking, ...symbolic };
}

function wrapMetadata({ streams, extendedAttributes, security }: Backend, gate: Gate): Partial<Backend> {
  const named: Partial<Backend> | undefined = streams && {
    streams: {
      list: (path) => gate({ operation: 'listStreams', path }, () => streams.list(path)),
      remove: (path, stream) => gate({ operation: 'removeStream', path }, () => streams.remove(path, stream)),
      rename: (path, ...move) =>
        gate({ operation: 'renameStream', path }, () => streams.rename(path, ...move)),
    },
  };
  const extended: Partial<Backend> | undefined = extendedAttributes && {
    extendedAttributes: {
      read: (path) => gate({ operation: 'readAttributes', path }, () => extendedAttributes.read(path)),
      write: (path, attributes) =>
        gate({ operation: 'writeAttributes', path }, () => extendedAttributes.write(path, attributes)),
    },
  };
  const secured: Partial<Backend> | undefined = security && {
    security: {
      read: (path) => gate({ operation: 'readSecurity', path }, () => security.read(path)),
      write: (path, descriptor) =>
        gate({ operation: 'writeSecurity', path }, () => security.write(path, descriptor)),
    },
  };
  return { ...named, ...extended, ...secured };
}

function wrapRanges({ sparse, copyRange }: Backend, gate: Gate): Partial<Backend> {
  const holes: Partial<Backend> | undefined = sparse && {
    sparse: {
      punch: (handle, range) => gate({ operation: 'punch' }, () => sparse.punch(unwrapped(handle), range)),
      allocatedRanges: (handle, range) =>
        gate({ operation: 'allocatedRanges' }, () => sparse.allocatedRanges(unwrapped(handle), range)),
    },
  };
  const copying: Partial<Backend> | undefined = copyRange && {
    copyRange: {
      copy: (source, from, target, position) =>
        gate({ operation: 'copy' }, () =>
          copyRange.copy(unwrapped(source), from, unwrapped(target), position),
        ),
    },
  };
  return { ...holes, ...copying };
}

function wrapVolume({ snapshots, quota }: Backend, wrapping: Wrapping): Partial<Backend> {
  const { gate } = wrapping;
  const views = new WeakMap<Backend, Backend>();
  const earlier: Partial<Backend> | undefined = snapshots && {
    snapshots: {
      list: (path) => gate({ operation: 'listSnapshots', path }, () => snapshots.list(path)),
      at: async (time) => {
        const snapshot = await snapshots.at(time);
        const view = views.get(snapshot) ?? wrapBackend(snapshot, wrapping);
        views.set(snapshot, view);
        return view;
      },
    },
  };
  const { needsOwners } = quota ?? {};
  const limits: Partial<Backend> | undefined = quota && {
    quota: {
      read: () => gate({ operation: 'readQuota' }, () => quota.read()),
      write: (entries) => gate({ operation: 'writeQuota' }, () => quota.write(entries)),
      remove: (owner) => gate({ operation: 'writeQuota' }, () => quota.remove(owner)),
      ...(needsOwners && { needsOwners: () => needsOwners.call(quota) }),
    },
  };
  return { ...earlier, ...limits };
}

/** Who may not see a name hears nothing of it. */
function wrapWatch({ watch }: Backend, { isListed }: Wrapping): Partial<Backend> {
  if (watch === undefined || isListed === undefined) return {};
  const isSeen = (path: BackendPath | undefined) => path?.split('/').every(isListed) ?? true;
  const { settled } = watch;
  return {
    watch: {
      watch: (path, report, ...more) =>
        watch.watch(
          path,
          (change) => {
            if (isSeen(change.path) && isSeen(change.from)) report(change);
          },
          ...more,
        ),
      ...(settled && { settled: () => settled.call(watch) }),
    },
  };
}
