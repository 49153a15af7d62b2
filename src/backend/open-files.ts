/**
 * The files that are open, each once, however many handles it has: its descriptor, where it is now, whether its name is
 * gone, whether its data was lost.
 */
import { Table } from '../base/table.ts';
import type { BackendPath, MaybePromise } from './contract.ts';
import type { FileReference } from './metadata-store.ts';
import { isWithin } from './path.ts';
import { SharedDescriptor, type SharedDescriptorOptions } from './shared-descriptor.ts';

export class OpenFile {
  readonly reference: FileReference;
  /** The name it was opened by, as renamed since. */
  path: BackendPath;
  handleCount = 1;
  /** The last name is gone: what is kept of the file goes with the last handle. */
  isRemoved = false;
  /** A sync that failed: the kernel reports lost pages once, and must not be believed when it says otherwise later. */
  syncError: unknown = undefined;
  readonly descriptor: SharedDescriptor;
  /** What the file can be opened by again; known once its descriptor was given up. */
  handle: Buffer | undefined = undefined;

  constructor(reference: FileReference, path: BackendPath, options: SharedDescriptorOptions) {
    this.reference = reference;
    this.path = path;
    this.descriptor = new SharedDescriptor(options, this);
  }
}

export interface OpenFilesOptions {
  /** Called for a removed file when nothing needs it any more. */
  readonly forget: (file: FileReference) => void;
  readonly descriptors: SharedDescriptorOptions;
}

export class OpenFiles {
  readonly #files = new Table<bigint, OpenFile>();
  readonly #options: OpenFilesOptions;

  constructor(options: OpenFilesOptions) {
    this.#options = options;
  }

  /** The file, with one handle more. */
  enter(reference: FileReference, path: BackendPath): OpenFile {
    const known = this.#files.get(reference.fileId);
    // An id is given again once the file is gone, which others may have seen to while it had no descriptor here.
    if (known !== undefined && known.reference.generation === reference.generation) {
      known.handleCount += 1;
      return known;
    }
    const file = new OpenFile(reference, path, this.#options.descriptors);
    this.#files.set(reference.fileId, file);
    return file;
  }

  /** One handle less; with the last one the descriptor is closed. */
  leave(file: OpenFile): MaybePromise<void> {
    file.handleCount -= 1;
    if (file.handleCount > 0) return;
    const { fileId } = file.reference;
    if (this.#files.get(fileId) === file) this.#files.delete(fileId);
    try {
      if (file.isRemoved) this.#options.forget(file.reference);
    } catch (error) {
      file.descriptor.close();
      throw error;
    }
    return file.descriptor.close();
  }

  /** The file, if it is open. */
  find(reference: FileReference): OpenFile | undefined {
    const file = this.#files.get(reference.fileId);
    return file?.reference.generation === reference.generation ? file : undefined;
  }

  /** The last name of the file is gone. */
  removed(reference: FileReference): void {
    const file = this.find(reference);
    if (file === undefined) this.#options.forget(reference);
    else file.isRemoved = true;
  }

  /** A file was renamed; of a directory, all below moved along. */
  moved(reference: FileReference, move: { from: BackendPath; to: BackendPath; isDirectory: boolean }): void {
    const { from, to } = move;
    const candidates = move.isDirectory ? this.#files.values() : [this.find(reference)];
    for (const file of candidates) {
      if (file !== undefined && isWithin(file.path, from)) file.path = to + file.path.slice(from.length);
    }
  }
}
