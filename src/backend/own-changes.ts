/**
 * What this store does itself, so that it is not reported as a change by others. An operation says beforehand what it is going
 * to change; the kernel has queued the event before the call returns, so once everything queued until then has been
 * seen, nothing of the operation is to come any more.
 */

import type { BackendPath } from './contract.ts';
import { isWithin } from './path.ts';

/** `modified` may be told any number of times, the others once. */
export interface OwnChange {
  readonly kind: 'created' | 'removed' | 'modified' | 'moved';
  /** The path, or what else names the file. */
  readonly key: string;
}

/** A change that is to come, or has come. */
export interface Expected {
  readonly change: OwnChange;
  isTaken: boolean;
  isDone: boolean;
}

/** An operation under way. */
export interface OwnOperation {
  readonly expected: readonly Expected[];
}

export class OwnChanges {
  /** Changes are told once and by their kind; otherwise any that concerns the name counts. */
  isExact = true;
  readonly #expected = new Map<string, Expected[]>();

  /** Nothing of our own is to come. */
  get isEmpty(): boolean {
    return this.#expected.size === 0;
  }

  begin(changes: readonly OwnChange[]): OwnOperation {
    const expected = changes.map((change): Expected => ({ change, isTaken: false, isDone: false }));
    for (const each of expected) {
      const key = this.#keyOf(each.change);
      const others = this.#expected.get(key);
      if (others === undefined) this.#expected.set(key, [each]);
      else others.push(each);
    }
    return { expected };
  }

  /** The operation is over. Answers what was taken for its own though it failed: somebody else did that. */
  end({ expected }: OwnOperation, hasSucceeded: boolean): readonly OwnChange[] {
    for (const each of expected) each.isDone = true;
    if (hasSucceeded) return [];
    this.forget(expected);
    return expected.filter(({ isTaken }) => isTaken).map(({ change }) => change);
  }

  /** True when this change is our own. */
  takes(change: OwnChange): boolean {
    const mayRepeat = change.kind === 'modified' || !this.isExact;
    const found = this.#expected.get(this.#keyOf(change))?.find(({ isTaken }) => mayRepeat || !isTaken);
    if (found === undefined) return false;
    found.isTaken = true;
    return true;
  }

  /** What was below `from` is told by its new path from now on. */
  move(from: BackendPath, to: BackendPath): void {
    const expected = [...this.#expected.values()].flat().map(({ change }) => change);
    const moving = expected.filter(({ key }) => key !== from && isWithin(key, from));
    const moved = moving.map(({ kind, key }): OwnChange => ({ kind, key: to + key.slice(from.length) }));
    this.end(this.begin(moved), true);
  }

  /** Everything that is over by now; to be forgotten with {@link forget} once all that is queued has been seen. */
  done(): readonly Expected[] {
    return [...this.#expected.values()].flat().filter(({ isDone }) => isDone);
  }

  forget(done: readonly Expected[]): void {
    const gone = new Set<Expected>(done);
    for (const [key, expected] of this.#expected) {
      const left = expected.filter((each) => !gone.has(each));
      if (left.length === 0) this.#expected.delete(key);
      else this.#expected.set(key, left);
    }
  }

  #keyOf({ kind, key }: OwnChange): string {
    return this.isExact || kind === 'modified' ? `${kind}:${key}` : `name:${key}`;
  }
}

/** How a modification is told, in its directory or of the file itself. */
export function modifications(path: BackendPath, fileId: bigint): readonly OwnChange[] {
  return [
    { kind: 'modified', key: path },
    { kind: 'modified', key: fileKey(fileId) },
  ];
}

/** What names the file itself. */
export function fileKey(fileId: bigint): string {
  return `#${fileId}`;
}
