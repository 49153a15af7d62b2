/**
 * Byte-range locks of one stream. [MS-FSA] 2.1.1.10, 2.1.4.10
 *
 * Two interval trees, one of exclusive and one of shared locks: reading meets exclusive ones only. A tree is ordered by
 * offset and every node knows the furthest end below it, so a range finds what it meets in the logarithm of the number
 * of locks. Ranges are half-open and of 64 bits; a lock of no bytes meets what reaches over its offset from both sides.
 */
import { assert, present } from '../base/assert.ts';

/** One lock. `owner` is the open, `group` the owner of caching rights it belongs to. */
export interface RangeLock {
  readonly open: number;
  readonly group: string;
  readonly offset: bigint;
  readonly length: bigint;
  readonly isExclusive: boolean;
}

export interface Range {
  readonly offset: bigint;
  readonly length: bigint;
}

interface Node {
  readonly lock: RangeLock;
  readonly end: bigint;
  readonly priority: number;
  furthest: bigint;
  left: Node | undefined;
  right: Node | undefined;
}

const NONE: readonly RangeLock[] = Object.freeze([]);

/** 2^64: where the last lockable byte ends. */
const rangeEnd = 1n << 64n;

/** False when the last byte lies beyond 64 bits. */
export function isValidRange({ offset, length }: Range): boolean {
  return offset >= 0n && length >= 0n && offset + length <= rangeEnd;
}

/** Locks by who holds them. */
interface LockTables {
  /** How many of each group. */
  readonly counts: Map<string, number>;
  readonly byOpen: Map<number, RangeLock[]>;
}

export class ByteRangeLocks {
  #exclusive: Node | undefined;
  #shared: Node | undefined;
  #seed = 1;
  #tables: LockTables | undefined;

  /** True when nobody holds a lock. */
  get isEmpty(): boolean {
    return this.#tables === undefined || this.#tables.counts.size === 0;
  }

  /** True when someone outside `group` holds a lock; without a group, when anyone does. */
  hasOther(group: string | undefined): boolean {
    if (this.#tables === undefined) return false;
    const { counts } = this.#tables;
    const own = group !== undefined && counts.has(group) ? 1 : 0;
    return counts.size > own;
  }

  /** Locks of an open, in the order they were taken. */
  locksOf(open: number): readonly RangeLock[] {
    return this.#tables?.byOpen.get(open) ?? NONE;
  }

  /** True when `wanted` may not be granted beside what is held. [MS-FSA] 2.1.4.10 */
  conflicts(wanted: RangeLock): boolean {
    if (wanted.isExclusive) {
      return meets(this.#exclusive, wanted, () => true) || meets(this.#shared, wanted, () => true);
    }
    // An open may lay a shared lock over its own exclusive one.
    return meets(this.#exclusive, wanted, (lock) => lock.open !== wanted.open);
  }

  /** True when `open` may not read the range. */
  blocksRead(open: number, range: Range): boolean {
    if (range.length === 0n || this.#exclusive === undefined) return false;
    return meets(this.#exclusive, range, (lock) => lock.open !== open);
  }

  /** True when `open` may not write the range; shared locks keep their own open from writing too. */
  blocksWrite(open: number, range: Range): boolean {
    if (range.length === 0n || this.isEmpty) return false;
    return (
      meets(this.#shared, range, () => true) || meets(this.#exclusive, range, (lock) => lock.open !== open)
    );
  }

  add(lock: RangeLock): void {
    this.#seed = (Math.imul(this.#seed, 1_664_525) + 1_013_904_223) >>> 0;
    const end = lock.offset + lock.length;
    const node: Node = { lock, end, priority: this.#seed, furthest: end, left: undefined, right: undefined };
    if (lock.isExclusive) this.#exclusive = insert(this.#exclusive, node);
    else this.#shared = insert(this.#shared, node);
    // Most files are never locked: the tables are made with the first lock.
    this.#tables ??= { counts: new Map(), byOpen: new Map() };
    const { counts, byOpen } = this.#tables;
    counts.set(lock.group, (counts.get(lock.group) ?? 0) + 1);
    const own = byOpen.get(lock.open);
    if (own === undefined) byOpen.set(lock.open, [lock]);
    else own.push(lock);
  }

  /** Releases the lock of exactly this range, an exclusive one before a shared one; false when there is none. */
  remove(open: number, { offset, length }: Range): boolean {
    const isIt = (lock: RangeLock) => lock.offset === offset && lock.length === length;
    const own = this.locksOf(open).filter(isIt);
    const lock = own.find((held) => held.isExclusive) ?? own[0];
    if (lock === undefined) return false;
    this.release(lock);
    return true;
  }

  /** Releases this very lock. */
  release(lock: RangeLock): void {
    if (lock.isExclusive) this.#exclusive = removed(this.#exclusive, lock);
    else this.#shared = removed(this.#shared, lock);
    const { counts, byOpen } = present(this.#tables, 'tables of locks');
    const count = (counts.get(lock.group) ?? 0) - 1;
    if (count > 0) counts.set(lock.group, count);
    else counts.delete(lock.group);
    const own = byOpen.get(lock.open) ?? [];
    const at = own.lastIndexOf(lock);
    assert(at >= 0, 'a lock that is not held');
    if (own.length === 1) byOpen.delete(lock.open);
    else own.splice(at, 1);
  }

  /** Releases everything of `open`; returns how many. */
  releaseAll(open: number): number {
    const held = this.locksOf(open);
    if (held.length === 0) return 0;
    const own = [...held].reverse();
    for (const lock of own) this.release(lock);
    return own.length;
  }
}

/** True when a lock below `node` reaches into `range` and counts. */
function meets(node: Node | undefined, range: Range, counts: (lock: RangeLock) => boolean): boolean {
  const end = range.offset + range.length;
  const search = (at: Node | undefined): boolean => {
    if (at === undefined || at.furthest <= range.offset) return false;
    if (search(at.left)) return true;
    if (at.lock.offset >= end) return false;
    if (at.end > range.offset && counts(at.lock)) return true;
    return search(at.right);
  };
  return search(node);
}

function refresh(node: Node): Node {
  let furthest = node.end;
  if (node.left !== undefined && node.left.furthest > furthest) furthest = node.left.furthest;
  if (node.right !== undefined && node.right.furthest > furthest) furthest = node.right.furthest;
  node.furthest = furthest;
  return node;
}

function insert(root: Node | undefined, node: Node): Node {
  if (root === undefined) return node;
  if (node.priority > root.priority) {
    [node.left, node.right] = split(root, node.lock.offset);
    return refresh(node);
  }
  if (node.lock.offset < root.lock.offset) root.left = insert(root.left, node);
  else root.right = insert(root.right, node);
  return refresh(root);
}

/** What begins before `offset`, and the rest. */
function split(root: Node | undefined, offset: bigint): [Node | undefined, Node | undefined] {
  if (root === undefined) return [undefined, undefined];
  if (root.lock.offset < offset) {
    const [left, right] = split(root.right, offset);
    root.right = left;
    return [refresh(root), right];
  }
  const [left, right] = split(root.left, offset);
  root.left = right;
  return [left, refresh(root)];
}

function joined(left: Node | undefined, right: Node | undefined): Node | undefined {
  if (left === undefined) return right;
  if (right === undefined) return left;
  if (left.priority > right.priority) {
    left.right = joined(left.right, right);
    return refresh(left);
  }
  right.left = joined(left, right.left);
  return refresh(right);
}

/** The tree without `lock`; equal offsets may lie on both sides. */
function removed(root: Node | undefined, lock: RangeLock): Node | undefined {
  if (root === undefined) return undefined;
  if (root.lock === lock) return joined(root.left, root.right);
  if (lock.offset <= root.lock.offset) root.left = removed(root.left, lock);
  if (lock.offset >= root.lock.offset) root.right = removed(root.right, lock);
  return refresh(root);
}
