/**
 * Values by the path they belong to, so that those at and below a name are found without a look at the others.
 */
import type { BackendPath } from '../backend/contract.ts';
import { Table } from '../base/table.ts';

/** Most hold one of the two: made when needed. */
interface Branch<T> {
  values: Set<T> | undefined;
  branches: Table<string, Branch<T>> | undefined;
}

const isEmpty = ({ values, branches }: Branch<unknown>): boolean => !values?.size && !branches?.size;

export class PathTree<T> {
  readonly #root: Branch<T> = { values: undefined, branches: undefined };

  add(path: BackendPath, value: T): void {
    let branch = this.#root;
    for (const name of namesOf(path)) {
      branch.branches ??= new Table();
      let next = branch.branches.get(name);
      if (next === undefined) {
        next = { values: undefined, branches: undefined };
        branch.branches.set(name, next);
      }
      branch = next;
    }
    branch.values ??= new Set();
    branch.values.add(value);
  }

  /** Takes out what was added by the same path. */
  delete(path: BackendPath, value: T): void {
    const way: [above: Branch<T>, name: string][] = [];
    let branch: Branch<T> | undefined = this.#root;
    for (const name of namesOf(path)) {
      way.push([branch, name]);
      branch = branch.branches?.get(name);
      if (branch === undefined) return;
    }
    branch.values?.delete(value);
    for (const [above, name] of way.reverse()) {
      const below = above.branches?.get(name);
      if (below === undefined || !isEmpty(below)) return;
      above.branches?.delete(name);
    }
  }

  /** What was added at `path` and below it. */
  within(path: BackendPath): T[] {
    let branch: Branch<T> | undefined = this.#root;
    for (const name of namesOf(path)) {
      branch = branch.branches?.get(name);
      if (branch === undefined) return [];
    }
    const found: T[] = [];
    const pending = [branch];
    for (let each = pending.pop(); each !== undefined; each = pending.pop()) {
      for (const value of each.values ?? []) found.push(value);
      for (const below of each.branches?.values() ?? []) pending.push(below);
    }
    return found;
  }
}

function namesOf(path: BackendPath): string[] {
  return path === '' ? [] : path.split('/');
}
