/**
 * A directory of a store as a store of its own.
 */
import type { Backend, BackendPath } from './contract.ts';
import { BackendError } from './error.ts';
import { join, namesOf } from './path.ts';

/** What lies below `directory`. Without the abilities that concern the whole store: watch, snapshots, quota. */
export function subtree(store: Backend, directory: BackendPath): Backend {
  namesOf(directory, 'subtree');
  const { link, isCaseSensitive, symlinks, streams, extendedAttributes, security, sparse, copyRange } = store;
  // What is no path is left so, for the store to refuse.
  const at = (path: BackendPath) => (path === '' ? directory : join(directory, path));
  const below = (path: BackendPath, operation: string) => {
    if (path === '') throw new BackendError('EBUSY', operation, path);
    return at(path);
  };
  return {
    name: store.name,
    stat: (path) => store.stat(at(path)),
    open: (path, options) => store.open(at(path), options),
    list: (path, signal) => store.list(at(path), signal),
    makeDirectory: (path) => store.makeDirectory(at(path)),
    removeFile: (path) => store.removeFile(at(path)),
    removeDirectory: (path) => store.removeDirectory(below(path, 'rmdir')),
    rename: (from, to, replace) => store.rename(below(from, 'rename'), below(to, 'rename'), replace),
    volume: () => store.volume(),
    close: () => {},
    ...(link && { link: (from: BackendPath, to: BackendPath) => link.call(store, at(from), at(to)) }),
    ...(isCaseSensitive !== undefined && { isCaseSensitive }),
    ...(symlinks && {
      symlinks: {
        readLink: (path) => symlinks.readLink(at(path)),
        makeLink: (path, target) => symlinks.makeLink(at(path), target),
      },
    }),
    ...(streams && {
      streams: {
        list: (path) => streams.list(at(path)),
        remove: (path, stream) => streams.remove(at(path), stream),
        rename: (path, ...move) => streams.rename(at(path), ...move),
      },
    }),
    ...(extendedAttributes && {
      extendedAttributes: {
        read: (path) => extendedAttributes.read(at(path)),
        write: (path, attributes) => extendedAttributes.write(at(path), attributes),
      },
    }),
    ...(security && {
      security: {
        read: (path) => security.read(at(path)),
        write: (path, descriptor) => security.write(at(path), descriptor),
      },
    }),
    ...(sparse && { sparse }),
    ...(copyRange && { copyRange }),
  };
}
