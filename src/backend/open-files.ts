/**
 * The files that are open, each once, however many handles it has: where it is now, whether its name is gone, whether its
 * data was lost.
 */
import type { BackendPath } from './contract.ts';
import type { FileReference } from './metadata-store.ts';
import { isWithin } from './path.ts';

export interface OpenFile {
  readonly reference: FileReference;
  /** The name it was opened by, as renamed since. */
  path: BackendPath;
  handleCount: number;
  /** The last name is gone: what is kept of the file goes with the last handle. */
  isRemoved: boolean;
  /** A sync that failed: the kernel reports lost pages once, and must not be believed when it says otherwise later. */
  syncError: unknown;
}

export class OpenFiles {
  readonly #files = new Map<bigint, OpenFile>();
  readonly #forget: (file: FileReference) => void;

  /** `forget` is called for a removed file when nothing needs it any more. */
  constructor(forget: (file: FileReference) => void) {
    this.#forget = forget;
  }

  enter(reference: FileReference, path: BackendPath): OpenFile {
    const known = this.#files.get(reference.fileId);
    if (known !== undefined) {
      known.handleCount += 1;
      return known;
    }
    const file = { reference, path, handleCount: 1, isRemoved: false, syncError: undefined };
    this.#files.set(reference.fileId, file);
    return file;
  }

  leave(file: OpenFile): void {
    file.handleCount -= 1;
    if (file.handleCount > 0) return;
    this.#files.delete(file.reference.fileId);
    if (file.isRemoved) this.#forget(file.reference);
  }

  /** The last name of the file is gone. */
  removed(reference: FileReference): void {
    const file = this.#files.get(reference.fileId);
    if (file === undefined) this.#forget(reference);
    else file.isRemoved = true;
  }

  /** A file was renamed; of a directory, all below moved along. */
  moved(reference: FileReference, move: { from: BackendPath; to: BackendPath; isDirectory: boolean }): void {
    const { from, to } = move;
    const candidates = move.isDirectory ? this.#files.values() : [this.#files.get(reference.fileId)];
    for (const file of candidates) {
      if (file !== undefined && isWithin(file.path, from)) file.path = to + file.path.slice(from.length);
    }
  }
}
