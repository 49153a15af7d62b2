/**
 * Earlier states of the memory store.
 */
import { type FileTime, UNIX_EPOCH } from '../base/clock.ts';
import type { Backend, SnapshotAbility } from './contract.ts';
import { BackendError } from './error.ts';
import type { MemoryTree } from './memory-tree.ts';
import { readOnly } from './read-only.ts';

/** As many as Windows keeps of a volume. Each costs memory for every name, and for what was changed since. */
const COUNT_MAX = 512;
const SECOND: FileTime = 10_000_000n;

interface Snapshot {
  readonly tree: MemoryTree;
  readonly view: Backend;
}

export class MemorySnapshots implements SnapshotAbility {
  readonly #live: MemoryTree;
  readonly #viewOf: (tree: MemoryTree) => Backend;
  readonly #snapshots = new Map<FileTime, Snapshot>();

  /** `viewOf` makes the read-only store over the tree of a snapshot. */
  constructor(live: MemoryTree, viewOf: (tree: MemoryTree) => Backend) {
    this.#live = live;
    this.#viewOf = viewOf;
  }

  list(): readonly FileTime[] {
    return [...this.#snapshots.keys()].sort((a, b) => (a > b ? -1 : 1));
  }

  at(time: FileTime): Backend {
    return this.#snapshot(time).view;
  }

  /** Keeps the state of now under `time`, cut to whole seconds; EEXIST when there is one of that second, ENOSPC beyond 512. */
  take(time: FileTime = this.#live.clock.now()): FileTime {
    const second = time - ((time - UNIX_EPOCH) % SECOND);
    if (this.#snapshots.has(second)) throw new BackendError('EEXIST', 'takeSnapshot');
    if (this.#snapshots.size >= COUNT_MAX) throw new BackendError('ENOSPC', 'takeSnapshot');
    const tree = this.#live.copy();
    this.#snapshots.set(second, { tree, view: this.#viewOf(tree) });
    return second;
  }

  /** Frees the snapshot; files that are open in it stay until they are closed. ENOENT when there is none. */
  remove(time: FileTime): void {
    this.#snapshot(time).tree.clear();
    this.#snapshots.delete(time);
  }

  #snapshot(time: FileTime): Snapshot {
    const snapshot = this.#snapshots.get(time);
    if (snapshot === undefined) throw new BackendError('ENOENT', 'snapshot');
    return snapshot;
  }
}

/** A snapshot does not change, has none of its own, and nobody's limits apply. */
export function snapshotView(copy: Backend): Backend {
  const { watch: _watch, snapshots: _snapshots, quota: _quota, ...view } = readOnly(copy);
  return view;
}
