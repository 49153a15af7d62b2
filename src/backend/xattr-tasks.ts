/**
 * Extended attributes of local files, as steps of a task; and which failures say that a file cannot carry one.
 */
import fs from 'node:fs';
import { present } from '../base/assert.ts';
import type { Place } from '../native/names.ts';
import type { Xattr, XattrCalls, XattrTarget } from '../native/xattr.ts';
import type { XattrAt } from '../native/xattr-at.ts';
import { codeOf } from './error.ts';
import { calls, type DiskPath, descriptorPath, OpenFlags, pathOf } from './local-calls.ts';
import { promisedCall, type Task } from './task.ts';

/** How a call reaches a file. */
export interface XattrPlace {
  /** It is open as this; otherwise it is reached by {@link place}. */
  readonly fd?: number | undefined;
  /** `fd` is open for reading or writing, not only by reference: calls may take it itself, which spares the path. */
  readonly isData?: boolean | undefined;
  /** A name in an open directory, by which it was found; a link is meant itself. */
  readonly place?: Place | undefined;
}

/** A path to what is open, or to the name. */
export function filePath({ fd, place }: XattrPlace): DiskPath {
  return fd === undefined ? pathOf(present(place, 'place of a file')) : descriptorPath(fd);
}

function targetOf(file: XattrPlace): XattrTarget {
  return file.isData === true && file.fd !== undefined ? file.fd : filePath(file);
}

/** What is not open for data, as a name in a directory. */
function namedPlaceOf({ isData, place }: XattrPlace): Place | undefined {
  return isData === true ? undefined : place;
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
  readonly #at: XattrAt | undefined;

  /** `at` reads what is reached by a name without the way through /proc. */
  constructor(calls: Xattr, at?: XattrAt) {
    this.#calls = calls;
    this.#at = at;
  }

  /** The value; `undefined` where there is none and where there cannot be one. */
  *read(place: XattrPlace, name: DiskPath): Task<Buffer | undefined> {
    const at = this.#at;
    const named = namedPlaceOf(place);
    try {
      if (at !== undefined && named !== undefined) {
        return yield* promisedCall(
          () => at.read(named, name),
          () => at.readLater(named, name),
        );
      }
      const calls = this.#of(place);
      const target = targetOf(place);
      return yield* promisedCall(
        () => calls.read(target, name),
        () => calls.readLater(target, name),
      );
    } catch (error) {
      if (isWithoutPlace(error)) return undefined;
      throw error;
    }
  }

  /** Sets the value; see {@link isWithoutPlace} for its failures. */
  write(place: XattrPlace, name: DiskPath, value: Buffer): Task<void> {
    const [calls, target] = [this.#of(place), targetOf(place)];
    return this.#changed(place, () =>
      promisedCall(
        () => calls.write(target, name, value),
        () => calls.writeLater(target, name, value),
      ),
    );
  }

  /** Removes the attribute, if there is one. */
  remove(place: XattrPlace, name: DiskPath): Task<unknown> {
    const [calls, target] = [this.#of(place), targetOf(place)];
    return this.#changed(place, () =>
      promisedCall<unknown>(
        () => calls.remove(target, name),
        () => calls.removeLater(target, name),
      ),
    );
  }

  /** All names, one character for each byte. */
  *list(place: XattrPlace): Task<readonly string[]> {
    const at = this.#at;
    const named = namedPlaceOf(place);
    try {
      if (at !== undefined && named !== undefined) {
        return yield* promisedCall(
          () => at.list(named),
          () => at.listLater(named),
        );
      }
      const calls = this.#of(place);
      const target = targetOf(place);
      return yield* promisedCall(
        () => calls.list(target),
        () => calls.listLater(target),
      );
    } catch (error) {
      if (isWithoutPlace(error)) return [];
      throw error;
    }
  }

  /**
   * Who may not write to a file may not change its attributes `user.*`, not even its owner: a process without privileges gives
   * itself that permission for as long as it takes.
   */
  *#changed<T>(place: XattrPlace, change: () => Task<T>): Task<T> {
    try {
      return yield* change();
    } catch (error) {
      if (codeOf(error) !== 'EACCES') throw error;
      return yield* writable(place, change, error);
    }
  }

  #of({ fd }: XattrPlace): XattrCalls {
    return fd === undefined ? this.#calls.link : this.#calls;
  }
}

const OWNER_WRITE = 0o200;
const PERMISSIONS = 0o7777;

/** Runs `change` while this process, whose file it is, may write to it; throws `refusal` for the files of others. */
function* writable<T>(place: XattrPlace, change: () => Task<T>, refusal: unknown): Task<T> {
  if (place.fd !== undefined) return yield* whileWritable(place.fd, change, refusal);
  // What the path leads to by now may be anything: only what is open is changed.
  const fd = yield* calls.open(filePath(place), OpenFlags.reference);
  try {
    return yield* whileWritable(fd, change, refusal);
  } finally {
    fs.closeSync(fd);
  }
}

function* whileWritable<T>(fd: number, change: () => Task<T>, refusal: unknown): Task<T> {
  const stat = yield* calls.fstat(fd);
  const mode = Number(stat.mode) & PERMISSIONS;
  const isOwn = Number(stat.uid) === process.geteuid?.() && stat.isFile() && (mode & OWNER_WRITE) === 0;
  if (!isOwn) throw refusal;
  yield* calls.chmod(descriptorPath(fd), mode | OWNER_WRITE);
  try {
    return yield* change();
  } finally {
    yield* calls.chmod(descriptorPath(fd), mode);
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
