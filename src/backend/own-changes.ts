/**
 * What this store does itself, so that it is not reported as a change by others. An operation says beforehand what it is going
 * to change; the kernel has queued the event before the call returns, so once everything queued until then has been
 * seen, nothing of the operation is to come any more.
 */

import { Table } from '../base/table.ts';
import type { BackendPath } from './contract.ts';
import { isWithin } from './path.ts';

/** `modified` may be told any number of times, the others once. */
export interface OwnChange {
  readonly kind: 'created' | 'removed' | 'modified' | 'moved';
  readonly path: BackendPath;
  /** Of what is modified: a file that is watched by itself is known by it. */
  readonly fileId?: bigint | undefined;
}

/** A change that is to come, or has come. */
export interface Expected {
  readonly change: OwnChange;
  isTaken: boolean;
}

/** Of operations that nobody would hear of. */
export const nothingExpected: readonly Expected[] = [];

export class OwnChanges {
  /** Changes are told once and by their kind; otherwise any that concerns the name counts. */
  isExact = true;
  readonly #expected = new Table<BackendPath, Expected[]>();
  /** How many of them modify a file. */
  readonly #modified = new Table<bigint, number>();
  /** Of operations that are over; in the order in which they ended. */
  #over: Expected[] = [];
  /** How many were over before those. */
  #forgottenCount = 0;

  /** An operation begins. */
  begin(changes: readonly OwnChange[]): readonly Expected[] {
    return changes.map((change) => {
      const expected: Expected = { change, isTaken: false };
      const others = this.#expected.get(change.path);
      if (others === undefined) this.#expected.set(change.path, [expected]);
      else others.push(expected);
      this.#count(change, 1);
      return expected;
    });
  }

  /** The operation is over. Answers what was taken for its own though it failed: somebody else did that. */
  end(operation: readonly Expected[], hasSucceeded: boolean): readonly OwnChange[] {
    if (hasSucceeded) {
      this.#over.push(...operation);
      return [];
    }
    for (const each of operation) this.#remove(each);
    return operation.filter(({ isTaken }) => isTaken).map(({ change }) => change);
  }

  /** True when something that happened at the path is our own. */
  takes(kind: OwnChange['kind'], path: BackendPath): boolean {
    const isModified = kind === 'modified';
    const found = this.#expected.get(path)?.find(({ change, isTaken }) => {
      if (change.kind === kind) return isModified || !isTaken || !this.isExact;
      return !this.isExact && !isModified && change.kind !== 'modified';
    });
    if (found === undefined) return false;
    found.isTaken = true;
    return true;
  }

  /** True when it is our own that the file was modified. */
  takesFile(fileId: bigint): boolean {
    return this.#modified.get(fileId) !== undefined;
  }

  /** What was below `from` is told by its new path from now on. */
  move(from: BackendPath, to: BackendPath): void {
    const moved: OwnChange[] = [];
    for (const expected of this.#expected.values()) {
      for (const { change } of expected) {
        const { path } = change;
        if (path !== from && isWithin(path, from))
          moved.push({ ...change, path: to + path.slice(from.length) });
      }
    }
    this.end(this.begin(moved), true);
  }

  /** How much was over up to now; to be forgotten with {@link forget} once all that is queued has been seen. */
  done(): number {
    return this.#forgottenCount + this.#over.length;
  }

  forget(done: number): void {
    const over = this.#over.splice(0, done - this.#forgottenCount);
    this.#forgottenCount += over.length;
    for (const each of over) this.#remove(each);
  }

  #remove(expected: Expected): void {
    const { path } = expected.change;
    const others = this.#expected.get(path);
    if (others === undefined) return;
    others.splice(others.indexOf(expected), 1);
    if (others.length === 0) this.#expected.delete(path);
    this.#count(expected.change, -1);
  }

  #count({ fileId }: OwnChange, more: number): void {
    if (fileId === undefined) return;
    const count = (this.#modified.get(fileId) ?? 0) + more;
    if (count > 0) this.#modified.set(fileId, count);
    else this.#modified.delete(fileId);
  }
}

/** How a modification is told, in its directory or of the file itself. */
export function modification(path: BackendPath, fileId: bigint): OwnChange {
  return { kind: 'modified', path, fileId };
}
