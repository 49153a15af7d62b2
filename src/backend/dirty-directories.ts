/**
 * Directories whose names have changed and are not yet on stable storage. [MS-FSA] 2.1.5.7: flushing a file includes the
 * directory structure that leads to it.
 */
import type { BackendPath } from './contract.ts';
import { isWithin, parentOf } from './path.ts';

/** Directories remembered; beyond it the oldest is synced in the background. */
const COUNT_MAX = 10_000;

export class DirtyDirectories {
  readonly #sync: (path: BackendPath) => Promise<void>;
  #dirty = new Set<BackendPath>();
  readonly #underWay = new Map<BackendPath, Promise<void>>();

  /** `sync` puts one directory on stable storage. */
  constructor(sync: (path: BackendPath) => Promise<void>) {
    this.#sync = sync;
  }

  /** The directory at `path` has gained or lost a name. */
  add(path: BackendPath): void {
    this.#dirty.add(path);
    if (this.#dirty.size <= COUNT_MAX) return;
    const [oldest] = this.#dirty;
    if (oldest !== undefined) this.#begin(oldest);
  }

  /** The directory at `from` is now at `to`. */
  move(from: BackendPath, to: BackendPath): void {
    const moved = [...this.#dirty].filter((path) => isWithin(path, from));
    for (const path of moved) {
      this.#dirty.delete(path);
      this.#dirty.add(to + path.slice(from.length));
    }
  }

  remove(path: BackendPath): void {
    this.#dirty.delete(path);
  }

  /** Returns when the directory at `path` and all above it are as they were told to be, on stable storage. */
  async syncPath(path: BackendPath): Promise<void> {
    const waits: Promise<void>[] = [];
    for (let at = path; ; at = parentOf(at)) {
      if (this.#dirty.has(at)) this.#begin(at);
      const underWay = this.#underWay.get(at);
      if (underWay !== undefined) waits.push(underWay);
      if (at === '') break;
    }
    const outcomes = await Promise.allSettled(waits);
    for (const outcome of outcomes) if (outcome.status === 'rejected') throw outcome.reason;
  }

  #begin(path: BackendPath): void {
    // Taken out first: a name that changes while the disk works makes the directory dirty again.
    this.#dirty.delete(path);
    const former = this.#underWay.get(path) ?? Promise.resolve();
    const work = former
      .catch(() => {})
      .then(() => this.#sync(path))
      .catch((error: unknown) => {
        this.#dirty.add(path);
        throw error;
      })
      .finally(() => {
        if (this.#underWay.get(path) === work) this.#underWay.delete(path);
      });
    work.catch(() => {});
    this.#underWay.set(path, work);
  }
}
