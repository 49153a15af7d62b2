/**
 * Opening what is in a local folder, without ever opening a device, a FIFO or what a link leads to.
 */
import fs from 'node:fs';
import type { OpenAt } from '../native/names.ts';
import type { BackendPath } from './contract.ts';
import type { DiskStat } from './disk-stat.ts';
import { BackendError } from './error.ts';
import { calls, childPath, descriptorPath, OpenFlags } from './local-calls.ts';
import { flagsFor } from './local-reopen.ts';
import type { LocalTree, NamedPlace } from './local-tree.ts';
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

export class Opening {
  readonly #tree: LocalTree;
  readonly #openAt: OpenAt | undefined;

  constructor(tree: LocalTree, openAt: OpenAt | undefined) {
    this.#tree = tree;
    this.#openAt = openAt;
  }

  /** A file for its data, or a directory by reference. */
  *data(path: BackendPath, use: DescriptorUse): Task<Opened> {
    if (this.#openAt !== undefined && path !== '') {
      const found = yield* this.#tree.at(path, (...place) => this.#regular(path, place, use));
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
        : yield* this.#tree.at(path, (_, parent, name) => this.#at(parent, name, OpenFlags.reference));
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
  *#regular(path: BackendPath, [, parent, name]: NamedPlace, use: DescriptorUse): Task<Opened | undefined> {
    const { look } = this.#tree.stats;
    const now = look.now(parent, name);
    if (now === 'absent') throw new BackendError('ENOENT', 'open', path);
    const seen = this.#tree.check(now ?? (yield* look.at(parent, name)));
    if (seen.isSymbolicLink()) throw new BackendError('ELOOP', 'open', path);
    if (!seen.isFile()) return undefined;
    const fd = yield* this.#at(parent, name, flagsFor(use) | NO_SURPRISES);
    try {
      const opened = look.now(fd, '');
      const stat = opened === undefined || opened === 'absent' ? yield* look.open(fd) : opened;
      if (stat.ino === seen.ino && stat.dev === seen.dev && stat.isFile()) return { fd, stat, use };
    } catch (error) {
      fs.closeSync(fd);
      throw error;
    }
    fs.closeSync(fd);
    return undefined;
  }

  #at(parent: number, name: string | Buffer, flags: number): Task<number> {
    const openAt = this.#openAt;
    if (openAt === undefined) return calls.open(childPath(parent, name), flags);
    return promisedCall(
      () => openAt(parent, name, flags),
      () => openAt.later(parent, name, flags),
    );
  }
}
