/**
 * Removing names in a local folder, after a look at what has them: what does not belong to the store stays.
 */
import type { Place } from '../native/names.ts';
import type { BackendPath } from './contract.ts';
import type { DiskStat } from './disk-stat.ts';
import { BackendError } from './error.ts';
import { calls, pathOf } from './local-calls.ts';
import type { LocalTree } from './local-tree.ts';
import { modification } from './own-changes.ts';
import { parentOf } from './path.ts';
import { promisedCall, type Task } from './task.ts';

/** Removing more than this takes its time. */
const LARGE_FILE_BYTES = 64n * 1024n * 1024n;

/** Removes a file or symbolic link; see {@link import('./contract.ts').Backend.removeFile}. */
export function* fileRemoved(tree: LocalTree, path: BackendPath): Task<void> {
  if (path === '') throw new BackendError('EISDIR', 'unlink', path);
  const stat = yield* tree.at(path, (place) => fileUnlinked(tree, path, place));
  tree.dirty.add(parentOf(path));
  tree.unlinked(stat);
}

/** Removes an empty directory; see {@link import('./contract.ts').Backend.removeDirectory}. */
export function* directoryRemoved(tree: LocalTree, path: BackendPath): Task<void> {
  const stat = yield* tree.changes.own(
    [{ kind: 'removed', path }],
    tree.at(path, (place) => directoryUnlinked(tree, path, place)),
  );
  tree.directories.forget(path);
  tree.dirty.remove(path);
  tree.dirty.add(parentOf(path));
  tree.files.removed(tree.stats.reference(stat));
}

function* fileUnlinked(tree: LocalTree, path: BackendPath, place: Place): Task<DiskStat> {
  const found = tree.check(yield* tree.stats.look.at(place.directory, place.name));
  if (found.isDirectory()) throw new BackendError('EISDIR', 'unlink', path);
  const isLarge = found.nlink === 1n && found.blocks * 512n > LARGE_FILE_BYTES;
  const { fileId } = tree.stats.reference(found);
  yield* tree.changes.own(
    [{ kind: 'removed', path }, modification(path, fileId)],
    tree.losingName(found, unlinked(tree, place, isLarge)),
  );
  return found;
}

function unlinked(tree: LocalTree, place: Place, isLarge: boolean): Task<void> {
  const unlinkAt = tree.libc?.unlinkAt;
  if (unlinkAt === undefined) return calls.unlink(pathOf(place), isLarge);
  const { directory, name } = place;
  const now = isLarge ? undefined : () => unlinkAt(directory, name);
  return promisedCall(now, () => unlinkAt.later(directory, name));
}

function* directoryUnlinked(tree: LocalTree, path: BackendPath, place: Place): Task<DiskStat> {
  const found = tree.check(yield* tree.stats.look.at(place.directory, place.name));
  if (!found.isDirectory()) throw new BackendError('ENOTDIR', 'rmdir', path);
  yield* tree.losingName(found, calls.rmdir(pathOf(place)));
  return found;
}
