/**
 * A store that can be looked at but not changed.
 */
import type { Backend } from './contract.ts';
import { BackendError } from './error.ts';
import { operations, wrapBackend } from './wrap.ts';

/** `store` with every change refused: EROFS. */
export function readOnly(store: Backend): Backend {
  return wrapBackend(store, {
    name: store.name,
    gate: ({ operation, path }, proceed) => {
      if (operations[operation] === 'change') throw new BackendError('EROFS', operation, path);
      return proceed();
    },
  });
}
