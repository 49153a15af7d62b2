/**
 * Who wants to hear of changes, by path.
 */
import type { BackendChange, BackendPath } from './contract.ts';
import { isWithin, parentOf } from './path.ts';

export interface Subscription {
  /** Follows the directory when this store moves it. */
  path: BackendPath;
  readonly isRecursive: boolean;
  readonly report: (change: BackendChange) => void;
}

export class Subscriptions {
  readonly #byPath = new Map<BackendPath, Set<Subscription>>();

  add(subscription: Subscription): void {
    const others = this.#byPath.get(subscription.path);
    if (others === undefined) this.#byPath.set(subscription.path, new Set([subscription]));
    else others.add(subscription);
  }

  remove(subscription: Subscription): void {
    const others = this.#byPath.get(subscription.path);
    others?.delete(subscription);
    if (others?.size === 0) this.#byPath.delete(subscription.path);
  }

  clear(): void {
    this.#byPath.clear();
  }

  /** Somebody watches this very path. */
  has(path: BackendPath): boolean {
    return this.#byPath.has(path);
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
    const losers = path === undefined ? [...this.#byPath.values()] : [this.#byPath.get(path) ?? []];
    for (const subscription of losers.flatMap((each) => [...each])) {
      subscription.report({ path: subscription.path, kind: 'lost' });
    }
  }

  move(from: BackendPath, to: BackendPath): void {
    const moving = [...this.#byPath].filter(([path]) => isWithin(path, from));
    for (const [path] of moving) this.#byPath.delete(path);
    for (const subscription of moving.flatMap(([, each]) => [...each])) {
      subscription.path = to + subscription.path.slice(from.length);
      this.add(subscription);
    }
  }

  *#above(path: BackendPath): Iterable<Subscription> {
    for (let at = path; ; at = parentOf(at)) {
      yield* this.#byPath.get(at) ?? [];
      if (at === '') return;
    }
  }
}
