/**
 * Who wants to hear of changes, by path.
 */
import { Table } from '../base/table.ts';
import type { BackendChange, BackendPath } from './contract.ts';
import { isWithin, parentOf } from './path.ts';

export interface Subscription {
  /** Follows the directory when this store moves it. */
  path: BackendPath;
  readonly isRecursive: boolean;
  /** A file that is watched by way of its directory. */
  readonly isFile: boolean;
  readonly report: (change: BackendChange) => void;
}

export class Subscriptions {
  readonly #byPath = new Table<BackendPath, Set<Subscription>>();
  /** Files watched by way of these directories. */
  readonly #files = new Table<BackendPath, number>();

  add(subscription: Subscription): void {
    this.#count(subscription, 1);
    const others = this.#byPath.get(subscription.path);
    if (others === undefined) this.#byPath.set(subscription.path, new Set([subscription]));
    else others.add(subscription);
  }

  remove(subscription: Subscription): void {
    const others = this.#byPath.get(subscription.path);
    if (others?.delete(subscription)) this.#count(subscription, -1);
    if (others?.size === 0) this.#byPath.delete(subscription.path);
  }

  clear(): void {
    this.#byPath.clear();
    this.#files.clear();
  }

  /** Somebody watches this very path, or a file by way of it. */
  has(path: BackendPath): boolean {
    return this.#byPath.has(path) || this.#files.has(path);
  }

  /** Somebody watches the tree that the path is in. */
  coversTree(path: BackendPath): boolean {
    for (const { isRecursive } of this.#above(path)) if (isRecursive) return true;
    return false;
  }

  /** Tells whoever watches the path, its directory, or a tree above. */
  report(change: BackendChange): void {
    const told = new Set<Subscription>();
    for (const path of [change.path, change.from]) {
      if (path === undefined) continue;
      const parent = parentOf(path);
      for (const subscription of this.#above(path)) {
        const isNear = subscription.path === path || subscription.path === parent;
        if (isNear || subscription.isRecursive) told.add(subscription);
      }
    }
    for (const { report } of told) report(change);
  }

  /** Tells those who watch `path`, or everybody, that changes were lost. */
  reportLoss(path?: BackendPath): void {
    const all = [...this.#byPath.values()].flatMap((each) => [...each]);
    for (const subscription of all) {
      const at = subscription.isFile ? parentOf(subscription.path) : subscription.path;
      if (path === undefined || at === path) subscription.report({ path: subscription.path, kind: 'lost' });
    }
  }

  move(from: BackendPath, to: BackendPath): void {
    const moving = [...this.#byPath].filter(([path]) => isWithin(path, from));
    for (const subscription of moving.flatMap(([, each]) => [...each])) {
      this.remove(subscription);
      subscription.path = to + subscription.path.slice(from.length);
      this.add(subscription);
    }
  }

  #count({ path, isFile }: Subscription, by: number): void {
    if (!isFile) return;
    const directory = parentOf(path);
    const count = (this.#files.get(directory) ?? 0) + by;
    if (count === 0) this.#files.delete(directory);
    else this.#files.set(directory, count);
  }

  *#above(path: BackendPath): Iterable<Subscription> {
    for (let at = path; ; at = parentOf(at)) {
      yield* this.#byPath.get(at) ?? [];
      if (at === '') return;
    }
  }
}
