/**
 * An open of a symbolic link itself, with FILE_OPEN_REPARSE_POINT: it has metadata and no data.
 */
import type { Backend, BackendHandle, BackendPath, BackendStat, MaybePromise } from '../backend/contract.ts';
import { BackendError } from '../backend/error.ts';

export class SymlinkHandle implements BackendHandle {
  readonly #backend: Backend;
  readonly #path: BackendPath;

  constructor(backend: Backend, path: BackendPath) {
    this.#backend = backend;
    this.#path = path;
  }

  stat(): MaybePromise<BackendStat> {
    return this.#backend.stat(this.#path);
  }

  setStat(): void {
    // Links keep no attributes, and their times follow the store.
  }

  read(): number {
    return 0;
  }

  write(): void {
    throw new BackendError('ELOOP', 'write', this.#path);
  }

  truncate(): void {
    throw new BackendError('ELOOP', 'truncate', this.#path);
  }

  sync(): void {
    // Nothing is kept back.
  }

  close(): void {
    // Nothing is held.
  }
}
