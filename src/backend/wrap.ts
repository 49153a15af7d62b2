/**
 * The seam of every wrapper: a backend like another one, with some operations passed through a gate first. Optional
 * abilities appear exactly where the wrapped store has them.
 */
import type { Backend, BackendHandle, BackendPath, MaybePromise, OpenOptions } from './contract.ts';

/** One call of the contract, as a wrapper sees it. */
export interface BackendCall {
  readonly operation: Operation;
  /** Absent for operations on a handle. */
  readonly path?: BackendPath;
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
}

/** The handle inside a wrapped one. */
const inner = new WeakMap<BackendHandle, BackendHandle>();
const unwrapped = (handle: BackendHandle): BackendHandle => inner.get(handle) ?? handle;

function wrapHandle(handle: BackendHandle, wrapping: Wrapping): BackendHandle {
  const { gate } = wrapping;
  const throughWrite =
    wrapping.write ?? ((source, write) => gate({ operation: 'write' }, () => write(source)));
  const throughSync = wrapping.sync ?? ((sync) => gate({ operation: 'sync' }, sync));
  const wrapped: BackendHandle = {
    stat: () => gate({ operation: 'handleStat' }, () => handle.stat()),
    setStat: (change) => gate({ operation: 'setStat' }, () => handle.setStat(change)),
    read: (target, position) => gate({ operation: 'read' }, () => handle.read(target, position)),
    write: (source, position) => throughWrite(source, (part) => handle.write(part, position)),
    truncate: (sizeBytes) => gate({ operation: 'truncate' }, () => handle.truncate(sizeBytes)),
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

/** `store` behind a gate. */
export function wrapBackend(store: Backend, wrapping: Wrapping): Backend {
  const { gate } = wrapping;
  return {
    name: wrapping.name,
    stat: (path) => gate({ operation: 'stat', path }, () => store.stat(path)),
    open: (path, options) =>
      gate({ operation: openOperation(options), path }, () => {
        const handle = store.open(path, options);
        return handle instanceof Promise
          ? handle.then((opened) => wrapHandle(opened, wrapping))
          : wrapHandle(handle, wrapping);
      }),
    async *list(path, signal) {
      yield* await gate({ operation: 'list', path }, () => store.list(path, signal));
    },
    ...wrapNames(store, gate),
    makeDirectory: (path) => gate({ operation: 'makeDirectory', path }, () => store.makeDirectory(path)),
    removeFile: (path) => gate({ operation: 'removeFile', path }, () => store.removeFile(path)),
    removeDirectory: (path) =>
      gate({ operation: 'removeDirectory', path }, () => store.removeDirectory(path)),
    rename: (from, to, replace) =>
      gate({ operation: 'rename', path: from }, () => store.rename(from, to, replace)),
    volume: () => gate({ operation: 'volume' }, () => store.volume()),
    close: () => store.close(),
    ...(store.isCaseSensitive === undefined ? {} : { isCaseSensitive: store.isCaseSensitive }),
    ...wrapLinks(store, gate),
    ...wrapMetadata(store, gate),
    ...wrapRanges(store, gate),
    ...(store.watch === undefined ? {} : { watch: store.watch }),
  };
}

function wrapNames(store: Backend, gate: Gate): Partial<Backend> {
  const { listNames } = store;
  if (listNames === undefined) return {};
  return {
    async *listNames(path, signal) {
      yield* await gate({ operation: 'list', path }, () => listNames.call(store, path, signal));
    },
  };
}

function wrapLinks(store: Backend, gate: Gate): Partial<Backend> {
  const { link, symlinks } = store;
  const linking = link && {
    link: (from: BackendPath, to: BackendPath) =>
      gate({ operation: 'link', path: from }, () => link.call(store, from, to)),
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
