/**
 * Names that are not there for clients.
 */
import type { Backend, BackendPath } from './contract.ts';
import { BackendError } from './error.ts';
import { wrapBackend } from './wrap.ts';

/** Decides on one name, not on a path: `namesMatching(['*.exe', '.git'])`. */
export type NameTest = (name: string) => boolean;

/**
 * `store` without the names that `isVetoed` tells: they are not listed and not found, and making one is refused (EACCES).
 * A directory that holds such names is not empty, though it looks so.
 */
export function veto(store: Backend, isVetoed: NameTest): Backend {
  const isHidden = (path: BackendPath | undefined) => path?.split('/').some(isVetoed) ?? false;
  return wrapBackend(store, {
    name: store.name,
    isListed: (name) => !isVetoed(name),
    gate: ({ operation, path, to }, proceed) => {
      if (isHidden(to)) throw new BackendError('EACCES', operation, to);
      if (!isHidden(path)) return proceed();
      const isMade = operation === 'create' || operation === 'makeDirectory' || operation === 'makeLink';
      throw new BackendError(isMade ? 'EACCES' : 'ENOENT', operation, path);
    },
  });
}
