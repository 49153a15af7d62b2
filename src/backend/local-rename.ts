/**
 * Renaming in a local folder. The kernel's rename replaces whatever file is at the target; what the contract forbids is
 * checked before, and where it can be, left to the kernel:
 *
 * - Without `replace`, the kernel is asked for a move to a free name, and only when it refuses is the target looked at. Where it
 *   knows no such move, a file is linked to its new name, which fails when that is taken, and then loses the old one. In between it
 *   has both. Where the disk has no hard links (or does not allow this one) the target is looked at and then renamed to; a file
 *   that others put there in between is replaced.
 * - A directory is renamed after a look at the target; one that others put there in between makes the kernel refuse,
 *   unless it is an empty directory, which is replaced.
 */

import type { Place, RenameAt2, RenameMode } from '../native/names.ts';
import type { BackendPath } from './contract.ts';
import type { DiskStat } from './disk-stat.ts';
import { BackendError, codeOf } from './error.ts';
import { calls, type DiskPath, pathOf } from './local-calls.ts';
import { kindOf } from './local-stat.ts';
import type { LocalTree } from './local-tree.ts';
import { modification, type OwnChange } from './own-changes.ts';
import { isWithin, parentOf } from './path.ts';
import { checkReplaceable } from './rename.ts';
import { promisedCall, type Task } from './task.ts';

interface Move {
  readonly from: BackendPath;
  readonly to: BackendPath;
  readonly replace: boolean;
}

/** Codes of `link` on disks without hard links, or where this file may not be linked. */
const NO_LINK = new Set(['EPERM', 'ENOTSUP', 'EOPNOTSUPP', 'ENOSYS', 'EMLINK', 'EACCES']);

/** Codes of renameat2 where the disk knows no moving to a free name only. */
const NO_FLAG = new Set(['EINVAL', 'ENOSYS', 'ENOTSUP']);

/** Moves a name; see {@link import('./contract.ts').Backend.rename}. */
export function* renamed(tree: LocalTree, move: Move): Task<void> {
  const { from, to } = move;
  if (from === '' || to === '') throw new BackendError('EBUSY', 'rename', from);
  const moved = yield* tree.at(from, function* (source) {
    const stat = tree.check(yield* lookAt(tree, source));
    const { fileId } = tree.stats.reference(stat);
    const moving = tree.at(to, (target) => movedOnDisk(tree, move, { source, target, stat }));
    if (from !== to) yield* tree.changes.own(changesOf(move, fileId), moving);
    return stat;
  });
  if (from === to) return;
  const isDirectory = moved.isDirectory();
  tree.files.moved(tree.stats.reference(moved), { from, to, isDirectory });
  if (isDirectory) {
    tree.changes.moved(from, to);
    tree.directories.forget(from);
    tree.dirty.move(from, to);
  }
  tree.dirty.add(parentOf(from));
  tree.dirty.add(parentOf(to));
}

/** What the kernel may tell of it: a move, or a new name and the end of the old one. */
function changesOf({ from, to }: Move, fileId: bigint): readonly OwnChange[] {
  return [
    { kind: 'moved', path: from },
    { kind: 'moved', path: to },
    { kind: 'removed', path: from },
    { kind: 'created', path: to },
    modification(from, fileId),
    modification(to, fileId),
  ];
}

interface Places {
  readonly source: Place;
  readonly target: Place;
  readonly stat: DiskStat;
}

function* movedOnDisk(tree: LocalTree, move: Move, places: Places): Task<void> {
  const { source, target, stat } = places;
  if (stat.isDirectory() && isWithin(move.to, move.from)) throw new BackendError('EINVAL', 'rename', move.to);
  const [from, to] = [pathOf(source), pathOf(target)];
  if (!move.replace && (yield* movedAtOnce(tree, places))) return;
  const taken = yield* lookedAt(tree, target);
  if (taken !== undefined) {
    tree.check(taken);
    checkReplaceable({ kind: kindOf(stat) ?? '' }, { kind: kindOf(taken) ?? '' }, move);
    // The kernel does nothing for two names of one file, [MS-FSA] 2.1.5.15.11 wants the former gone.
    const isSame = taken.ino === stat.ino && taken.dev === stat.dev;
    if (isSame) return yield* calls.unlink(from, false);
  }
  if (stat.isDirectory()) yield* movedDirectory(from, to, move.to);
  else if (!move.replace) yield* movedByLink(from, to);
  else if (taken === undefined) yield* movedOver(tree, places);
  else yield* tree.losingName(taken, movedOver(tree, places));
  if (taken !== undefined) tree.unlinked(taken);
}

/** To a name that nothing has, in one step; false where the kernel or the disk cannot do that, or the name is taken. */
function* movedAtOnce(tree: LocalTree, places: Places): Task<boolean> {
  const rename = tree.libc?.renameAt2;
  if (rename === undefined) return false;
  try {
    yield* movedAt(rename, places, 'noReplace');
    return true;
  } catch (error) {
    const code = codeOf(error) ?? '';
    if (NO_FLAG.has(code) || code === 'EEXIST') return false;
    throw error;
  }
}

/** To a name that a file may have. */
function movedOver(tree: LocalTree, places: Places): Task<void> {
  const rename = tree.libc?.renameAt2;
  if (rename !== undefined) return movedAt(rename, places, 'replace');
  return calls.rename(pathOf(places.source), pathOf(places.target));
}

function movedAt(rename: RenameAt2, { source, target }: Places, mode: RenameMode): Task<void> {
  return promisedCall(
    () => rename(source, target, mode),
    () => rename.later(source, target, mode),
  );
}

function* movedDirectory(source: DiskPath, target: DiskPath, to: BackendPath): Task<void> {
  try {
    yield* calls.rename(source, target);
  } catch (error) {
    throw codeOf(error) === 'ENOTEMPTY' ? new BackendError('EEXIST', 'rename', to) : error;
  }
}

function* movedByLink(source: DiskPath, target: DiskPath): Task<void> {
  try {
    yield* calls.link(source, target);
  } catch (error) {
    if (!NO_LINK.has(codeOf(error) ?? '')) throw error;
    return yield* calls.rename(source, target);
  }
  try {
    yield* calls.unlink(source, false);
  } catch (error) {
    yield* calls.unlink(target, false);
    throw error;
  }
}

function lookAt(tree: LocalTree, { directory, name }: Place): Task<DiskStat> {
  return tree.stats.look.at(directory, name);
}

function* lookedAt(tree: LocalTree, place: Place): Task<DiskStat | undefined> {
  try {
    return yield* lookAt(tree, place);
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return undefined;
    throw error;
  }
}
