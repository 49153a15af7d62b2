/**
 * Getting the descriptor of an open file back, after it was given up: by the file's handle, where this process may do that and
 * the disk has such handles, otherwise by the path that it has now as far as this server knows. Either way what is opened
 * counts only if it is the very file, by device, number and time of birth.
 */
import fs from 'node:fs';
import type { FileHandles } from '../native/file-handle.ts';
import type { Libc } from '../native/libc.ts';
import { BackendError, codeOf } from './error.ts';
import { calls, descriptorPath, OpenFlags } from './local-calls.ts';
import type { LocalStats } from './local-stat.ts';
import type { OpenFile } from './open-files.ts';
import { DescriptorUse } from './shared-descriptor.ts';
import { promisedCall, type Task } from './task.ts';

/** What a path that led to the file answers when it no longer does. */
const GONE = new Set(['ENOENT', 'ENOTDIR', 'ELOOP', 'EACCES', 'ESTALE']);

export interface ReopenOptions {
  readonly libc: Libc | undefined;
  /** The folder, opened anyhow. */
  readonly root: number;
  readonly stats: LocalStats;
  /** Opens by reference what stands at a path. */
  readonly reference: (path: string) => Task<{ fd: number }>;
}

export class Reopening {
  readonly #options: ReopenOptions;
  /** Absent where files cannot be opened by handle. */
  readonly #byHandle: { readonly handles: FileHandles; readonly mount: number } | undefined;

  constructor(options: ReopenOptions) {
    this.#options = options;
    this.#byHandle = handlesIn(options);
  }

  /** Takes note of the file's handle while it is open as `fd`; false when it could not be opened again. */
  remember(file: OpenFile, fd: number): boolean {
    if (file.handle !== undefined) return true;
    // Without a time of birth another file may look the same.
    const hasIdentity = file.reference.generation !== 0n;
    if (this.#byHandle === undefined) return hasIdentity;
    try {
      file.handle = this.#byHandle.handles.handleOf(fd);
      return true;
    } catch {
      return hasIdentity;
    }
  }

  /** Opens the file again; ESTALE when it is not to be found any more. */
  *reopen(file: OpenFile, use: DescriptorUse): Task<number> {
    const fd = yield* this.#open(file, use);
    try {
      const { fileId, generation } = this.#options.stats.reference(yield* calls.fstat(fd));
      const isSame = fileId === file.reference.fileId && generation === file.reference.generation;
      if (!isSame) throw new BackendError('ESTALE', 'open', file.path);
      return fd;
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  close(): void {
    if (this.#byHandle !== undefined) fs.closeSync(this.#byHandle.mount);
  }

  *#open(file: OpenFile, use: DescriptorUse): Task<number> {
    const flags = flagsFor(use);
    const { handle } = file;
    if (handle === undefined || this.#byHandle === undefined) return yield* this.#openByPath(file, use);
    const { handles, mount } = this.#byHandle;
    return yield* promisedCall(
      () => handles.open(mount, handle, flags),
      () => handles.openLater(mount, handle, flags),
    );
  }

  /** What stands at the path is looked at before it is opened in earnest: it may be anything by now. */
  *#openByPath(file: OpenFile, use: DescriptorUse): Task<number> {
    const { reference, stats } = this.#options;
    try {
      const { fd } = yield* reference(file.path);
      if (use === DescriptorUse.REFERENCE) return fd;
      try {
        const { fileId } = stats.reference(yield* calls.fstat(fd));
        if (fileId !== file.reference.fileId) throw new BackendError('ESTALE', 'open', file.path);
        return yield* calls.open(descriptorPath(fd), flagsFor(use));
      } finally {
        fs.closeSync(fd);
      }
    } catch (error) {
      throw GONE.has(codeOf(error) ?? '') ? new BackendError('ESTALE', 'open', file.path) : error;
    }
  }
}

/** How a descriptor for `use` is opened, the file being known. */
export function flagsFor(use: DescriptorUse): number {
  if (use === DescriptorUse.REFERENCE) return OpenFlags.reference;
  return use === DescriptorUse.WRITE ? OpenFlags.write : OpenFlags.read;
}

/** Tried on the folder itself. */
function handlesIn({ libc, root }: ReopenOptions): { handles: FileHandles; mount: number } | undefined {
  const handles = libc?.fileHandles;
  if (handles === undefined) return undefined;
  let mount: number | undefined;
  try {
    mount = fs.openSync(descriptorPath(root), OpenFlags.directoryForSync);
    const again = handles.open(mount, handles.handleOf(mount), OpenFlags.root);
    const isSame = fs.fstatSync(again).ino === fs.fstatSync(mount).ino;
    fs.closeSync(again);
    if (isSame) return { handles, mount };
  } catch {
    // Files are found by their paths then.
  }
  if (mount !== undefined) fs.closeSync(mount);
  return undefined;
}
