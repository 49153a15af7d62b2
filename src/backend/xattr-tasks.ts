/**
 * Extended attributes of local files, as steps of a task; and which failures say that a file cannot carry one.
 */
import type { Xattr, XattrCalls } from '../native/xattr.ts';
import { codeOf } from './error.ts';
import type { DiskPath } from './local-calls.ts';
import { promisedCall, type Task } from './task.ts';

/** How a call reaches a file. */
export interface XattrPlace {
  readonly path: DiskPath;
  /** The path is `/proc/self/fd/N` of this N, and means what is open there. Otherwise a link at its end is meant itself. */
  readonly fd?: number | undefined;
}

/**
 * The file system, the kind of file or the permissions of this process allow no such attribute. ENOSPC and E2BIG: no room for
 * this one, which ext4 also says of a disk that is full; then there is none elsewhere either.
 */
const withoutPlace = new Set([
  'ENOTSUP',
  'EOPNOTSUPP',
  'ENOSYS',
  'EPERM',
  'EACCES',
  'EROFS',
  'ENOSPC',
  'E2BIG',
  'ERANGE',
]);

/** True when the value has to be kept elsewhere. */
export function isWithoutPlace(error: unknown): boolean {
  return withoutPlace.has(codeOf(error) ?? '');
}

export class XattrTasks {
  readonly #calls: Xattr;

  constructor(calls: Xattr) {
    this.#calls = calls;
  }

  /** The value; `undefined` where there is none and where there cannot be one. */
  *read(place: XattrPlace, name: DiskPath): Task<Buffer | undefined> {
    const calls = this.#of(place);
    try {
      return yield* promisedCall(
        () => calls.read(place.path, name),
        () => calls.readLater(place.path, name),
      );
    } catch (error) {
      if (isWithoutPlace(error)) return undefined;
      throw error;
    }
  }

  /** Sets the value; see {@link isWithoutPlace} for its failures. */
  write(place: XattrPlace, name: DiskPath, value: Buffer): Task<void> {
    const calls = this.#of(place);
    return promisedCall(
      () => calls.write(place.path, name, value),
      () => calls.writeLater(place.path, name, value),
    );
  }

  /** Removes the attribute, if there is one. */
  remove(place: XattrPlace, name: DiskPath): Task<unknown> {
    const calls = this.#of(place);
    return promisedCall(
      () => calls.remove(place.path, name),
      () => calls.removeLater(place.path, name),
    );
  }

  /** All names, one character for each byte. */
  *list(place: XattrPlace): Task<readonly string[]> {
    const calls = this.#of(place);
    try {
      return yield* promisedCall(
        () => calls.list(place.path),
        () => calls.listLater(place.path),
      );
    } catch (error) {
      if (isWithoutPlace(error)) return [];
      throw error;
    }
  }

  #of({ fd }: XattrPlace): XattrCalls {
    return fd === undefined ? this.#calls.link : this.#calls;
  }
}

/** What this process may set in the files of a folder. */
export interface XattrAbility {
  /** `user.*` */
  readonly hasUser: boolean;
  /** `security.*`, which takes the capability CAP_SYS_ADMIN. */
  readonly hasSecurity: boolean;
}

/** Finds out by removing from the folder what is not there. */
export function xattrAbilityAt(calls: Xattr, folder: DiskPath): XattrAbility {
  const mayHave = (name: string, refusals: readonly string[]): boolean => {
    try {
      calls.remove(folder, name);
      return true;
    } catch (error) {
      return !refusals.includes(codeOf(error) ?? '');
    }
  };
  const unsupported = ['ENOTSUP', 'EOPNOTSUPP', 'ENOSYS'];
  return {
    hasUser: mayHave('user.smbkit.probe', unsupported),
    hasSecurity: mayHave('security.smbkit.probe', [...unsupported, 'EPERM', 'EACCES']),
  };
}
