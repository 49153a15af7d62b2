/**
 * Opening what is in a local folder, without ever opening a device, a FIFO or what a link leads to.
 */
import fs from 'node:fs';
import type { OpenAt, Place } from '../native/names.ts';
import type { BackendPath } from './contract.ts';
import { type DiskStat, NativeStat } from './disk-stat.ts';
import { BackendError } from './error.ts';
import { calls, descriptorPath, OpenFlags, pathOf } from './local-calls.ts';
import { diskName } from './local-name.ts';
import { flagsFor } from './local-reopen.ts';
import type { LocalTree } from './local-tree.ts';
import { checkedName, parentOf } from './path.ts';
import { DescriptorUse } from './shared-descriptor.ts';
import { promisedCall, type Task } from './task.ts';

/** No link is followed, and no terminal taken over. */
const NO_SURPRISES = fs.constants.O_NOFOLLOW | fs.constants.O_NOCTTY;

/** What was opened, and how. */
export interface Opened {
  readonly fd: number;
  readonly stat: DiskStat;
  readonly use: DescriptorUse;
}

/** As {@link Opened}, at once. */
export interface OpenedNow extends Opened {
  readonly stat: NativeStat;
}

function isSameFile(one: DiskStat, other: DiskStat): boolean {
  return one === other || (one.ino === other.ino && one.dev === other.dev && one.isFile());
}

export class Opening {
  readonly #tree: LocalTree;
  readonly #openAt: OpenAt | undefined;
  /** What was found at a path the last time that somebody looked. */
  #seen: { readonly path: BackendPath; readonly stat: NativeStat; readonly moment: number } | undefined;

  constructor(tree: LocalTree, openAt: OpenAt | undefined) {
    this.#tree = tree;
    this.#openAt = openAt;
  }

  /** Takes note of what was just found at the path: who looks often opens next. */
  saw(path: BackendPath, stat: NativeStat): void {
    this.#seen = { path, stat, moment: this.#tree.turns.moment };
  }

  /** What was noted of the path in this moment. */
  seenNow(path: BackendPath): NativeStat | undefined {
    const seen = this.#seen;
    return seen?.path === path && seen.moment === this.#tree.turns.moment ? seen.stat : undefined;
  }

  /** As {@link data}, for a file that can be opened at once; `undefined` where only the task can tell. */
  dataNow(path: BackendPath, use: DescriptorUse): OpenedNow | undefined {
    const { directories, stats } = this.#tree;
    const { look } = stats;
    if (this.#openAt === undefined || path === '' || path.startsWith('/') || !look.isQuick) return undefined;
    const directory = directories.reachNow(parentOf(path));
    if (directory === undefined) return undefined;
    try {
      const name = diskName(checkedName(path));
      const seen = this.seenNow(path) ?? look.again(directory.fd, name);
      if (seen === undefined || seen === 'absent' || !this.#tree.check(seen).isFile()) return undefined;
      return this.#openedNow({ parent: directory.fd, name, seen }, use);
    } finally {
      directories.release(directory);
    }
  }

  /** A file for its data, or a directory by reference. */
  *data(path: BackendPath, use: DescriptorUse): Task<Opened> {
    if (this.#openAt !== undefined && path !== '') {
      const found = yield* this.#tree.at(path, (place) => this.#regular(path, place, use));
      if (found !== undefined) return found;
    }
    const { fd, stat } = yield* this.reference(path);
    if (stat.isDirectory()) return { fd, stat, use: DescriptorUse.REFERENCE };
    try {
      return { fd: yield* calls.open(descriptorPath(fd), flagsFor(use)), stat, use };
    } finally {
      fs.closeSync(fd);
    }
  }

  /** A file or directory by reference: nothing is opened that would notice. */
  *reference(path: BackendPath): Task<{ readonly fd: number; readonly stat: DiskStat }> {
    const { directories, stats } = this.#tree;
    const fd =
      path === ''
        ? yield* calls.open(descriptorPath(directories.root.fd), OpenFlags.root)
        : yield* this.#tree.at(path, (place) => this.#at(place, OpenFlags.reference));
    try {
      const stat = this.#tree.check(yield* stats.look.open(fd));
      if (stat.isSymbolicLink()) throw new BackendError('ELOOP', 'open', path);
      return { fd, stat };
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
  }

  /**
   * Opens what was just seen to be a regular file, which spares the reference; `undefined` where it is none, or another by
   * now: somebody is changing the directory, and every step has to be looked at.
   */
  *#regular(path: BackendPath, place: Place, use: DescriptorUse): Task<Opened | undefined> {
    const { look } = this.#tree.stats;
    const { directory, name } = place;
    const now = look.now(directory, name);
    if (now === 'absent') throw new BackendError('ENOENT', 'open', path);
    const seen = this.#tree.check(now ?? (yield* look.at(directory, name)));
    if (seen.isSymbolicLink()) throw new BackendError('ELOOP', 'open', path);
    if (!seen.isFile()) return undefined;
    const fd = yield* this.#at(place, flagsFor(use) | NO_SURPRISES);
    try {
      const opened = look.now(fd, '');
      const stat = opened === undefined || opened === 'absent' ? yield* look.open(fd) : opened;
      if (isSameFile(stat, seen)) return { fd, stat, use };
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
    fs.closeSync(fd);
    return undefined;
  }

  /** Opens what was seen at a name, if it still is what stands there. */
  #openedNow(
    { parent, name, seen }: { parent: number; name: string | Buffer; seen: NativeStat },
    use: DescriptorUse,
  ): OpenedNow | undefined {
    const { look } = this.#tree.stats;
    let fd: number | undefined;
    try {
      fd = look.timed(() => this.#openAt?.(parent, name, flagsFor(use) | NO_SURPRISES));
    } catch {
      // The task finds out what the matter is.
    }
    if (fd === undefined) return undefined;
    const stat = look.again(fd, '');
    const isSame = stat instanceof NativeStat && isSameFile(stat, seen);
    if (isSame) return { fd, stat, use };
    fs.closeSync(fd);
    return undefined;
  }

  #at(place: Place, flags: number): Task<number> {
    const openAt = this.#openAt;
    if (openAt === undefined) return calls.open(pathOf(place), flags);
    const { directory, name } = place;
    return promisedCall(
      () => openAt(directory, name, flags),
      () => openAt.later(directory, name, flags),
    );
  }
}
