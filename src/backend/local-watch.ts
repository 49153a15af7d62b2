/**
 * Changes that others make in a local folder. Each directory that somebody watches, or that lies in a tree that somebody
 * watches, has a watch of the kernel's, set through its descriptor: no link and no name leads elsewhere. What this store does
 * itself is sorted out with own-changes.ts.
 *
 * The kernel and this store have limits. Beyond them the changes of some directories are not seen, of which the log tells once.
 */
import fs from 'node:fs';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Libc } from '../native/libc.ts';
import {
  type ChangeListener,
  type ChangeSource,
  type DirectoryEvent,
  InotifySource,
  NodeSource,
} from './change-source.ts';
import type { BackendChange, BackendPath, MaybePromise, WatchAbility, WatchOptions } from './contract.ts';
import { BackendError, codeOf } from './error.ts';
import { directoriesIn } from './local-entries.ts';
import { type Expected, modification, nothingExpected, type OwnChange, OwnChanges } from './own-changes.ts';
import { isWithin, join, parentOf } from './path.ts';
import { type Pace, run, runNow, slowCall, type Task } from './task.ts';
import type { Turns } from './turn.ts';
import { type Subscription, Subscriptions } from './watch-subscriptions.ts';

/** Directories and files watched in the kernel at a time, by one store. */
const WATCHES_MAX = 50_000;
/** How often the kernel is asked what has happened, while anything is watched. */
const POLL_MS = 100;
/** How long a directory stays watched after the last file that was watched by way of it. */
const LINGER_MS = 10_000;
/** Directories of a tree that are visited before others get their turn. */
const WALK_STEP = 128;

/** What is told where nothing more can be watched. */
const EXHAUSTED = new Set(['ENOSPC', 'EMFILE', 'ENFILE', 'ENOMEM']);

export interface LocalWatchOptions {
  readonly libc: Libc | undefined;
  readonly clock: Clock;
  readonly log: Log;
  readonly pace: Pace;
  readonly turns: Turns;
  /** Opens by reference what is at a path. */
  readonly open: (path: BackendPath) => Task<OpenedPlace>;
}

export interface OpenedPlace {
  readonly fd: number;
  readonly isDirectory: boolean;
  readonly fileId: bigint;
}

/** What the kernel watches for us. */
interface Node {
  path: BackendPath;
  readonly watch: number;
  /** Of a file that is watched by itself. */
  readonly fileId: bigint | undefined;
}

/** The first half of a move, until the second is seen. */
interface HalfMove {
  readonly path: BackendPath;
  readonly cookie: number;
  readonly isOwn: boolean;
}

export class LocalWatch implements WatchAbility, ChangeListener {
  readonly #options: LocalWatchOptions;
  readonly #own = new OwnChanges();
  readonly #subscriptions = new Subscriptions();
  readonly #nodes = new Map<BackendPath, Node>();
  readonly #byWatch = new Map<number, Node>();
  #source: ChangeSource | undefined;
  #timer: Timer | undefined;
  #halfMove: HalfMove | undefined;
  /** Trees whose directories are not all watched yet. */
  readonly #walks = new Set<Promise<void>>();
  /** Watches for files that are closed by now, and until when they are kept. */
  readonly #lingering = new Map<Node, number>();
  #isExhausted = false;

  constructor(options: LocalWatchOptions) {
    this.#options = options;
  }

  /** What the kernel watches at the moment. */
  get size(): number {
    return this.#nodes.size;
  }

  watch(
    path: BackendPath,
    report: (change: BackendChange) => void,
    signal: AbortSignal,
    { isRecursive = true, isFile = false }: WatchOptions = {},
  ): void {
    if (signal.aborted) return;
    const anchor = isFile ? parentOf(path) : path;
    if (!this.#nodes.has(anchor)) runNow(this.#add(anchor));
    const subscription: Subscription = { path, isRecursive: isRecursive && !isFile, isFile, report };
    this.#subscriptions.add(subscription);
    signal.addEventListener('abort', () => this.#unsubscribe(subscription), { once: true });
    const isTree = subscription.isRecursive && this.#nodes.get(path)?.fileId === undefined;
    if (isTree) this.#follow(path, false);
    this.#poll();
  }

  /** Everything that has happened before the call has been reported when it returns. */
  settled(): MaybePromise<void> {
    const drained = this.#drain();
    if (this.#walks.size === 0) return drained;
    return Promise.allSettled([drained, ...this.#walks]).then(() => this.#drain());
  }

  /** Runs an operation of this store, whose changes are not reported. */
  *own<T>(changes: readonly OwnChange[], work: Task<T>): Task<T> {
    const { turns } = this.#options;
    const operation = this.#nodes.size === 0 ? nothingExpected : this.#own.begin(changes);
    let hasSucceeded = false;
    turns.changed();
    try {
      const result = yield* work;
      hasSucceeded = true;
      return result;
    } finally {
      turns.changed();
      for (const { kind, path } of this.#own.end(operation, hasSucceeded)) {
        if (kind === 'created' || kind === 'removed') this.#subscriptions.report({ path, kind });
      }
    }
  }

  /** This store is going to change content or metadata of a file; to be handed to {@link modified} once it has. */
  modifying(path: BackendPath, fileId: bigint): readonly Expected[] {
    return this.#nodes.size === 0 ? nothingExpected : this.#own.begin([modification(path, fileId)]);
  }

  modified(operation: readonly Expected[]): void {
    this.#own.end(operation, true);
  }

  /** This store moved a directory. */
  moved(from: BackendPath, to: BackendPath): void {
    if (this.#nodes.size === 0) return;
    this.#own.move(from, to);
    this.#move(from, to);
  }

  close(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#source?.close();
    this.#source = undefined;
    this.#nodes.clear();
    this.#byWatch.clear();
    this.#subscriptions.clear();
    this.#lingering.clear();
  }

  happened(watch: number, event: DirectoryEvent): void {
    const node = this.#byWatch.get(watch);
    if (node === undefined) return;
    const path = event.name === '' ? node.path : join(node.path, event.name);
    if (event.kind !== 'movedTo') this.#flushMove();
    if (event.kind === 'gone') this.#gone(node);
    else if (event.kind === 'modified') this.#modified(node, path, event.name);
    else if (event.kind === 'created') this.#created(path, event.isDirectory);
    else if (event.kind === 'removed') this.#removed(path);
    else if (event.kind === 'movedTo') this.#arrived(path, event);
    else {
      const isOwn = this.#own.takes('moved', path);
      this.#halfMove = { path, cookie: event.cookie, isOwn };
    }
  }

  overflowed(): void {
    this.#options.log.write('warn', 'changes-lost', { reason: 'more happened than the kernel keeps' });
    this.#subscriptions.reportLoss();
  }

  #modified(node: Node, path: BackendPath, name: string): void {
    // The directory's own directory tells of it, where that is watched.
    if (name === '' && node.fileId === undefined) return;
    const { fileId } = node;
    const isOwn = fileId === undefined ? this.#own.takes('modified', path) : this.#own.takesFile(fileId);
    if (!isOwn) this.#subscriptions.report({ path, kind: 'modified' });
  }

  #removed(path: BackendPath): void {
    this.#forgetBelow(path);
    const isOwn = this.#own.takes('removed', path);
    if (!isOwn) this.#subscriptions.report({ path, kind: 'removed' });
  }

  #created(path: BackendPath, isDirectory: boolean): void {
    const isOwn = this.#own.takes('created', path);
    if (!isOwn) this.#subscriptions.report({ path, kind: 'created' });
    if (isDirectory && this.#subscriptions.coversTree(path)) this.#follow(path, !isOwn);
  }

  /** The second half of a move; what came from elsewhere is new here. */
  #arrived(path: BackendPath, { cookie, isDirectory }: DirectoryEvent): void {
    const isOwn = this.#own.takes('moved', path);
    const half = this.#halfMove;
    if (half === undefined || half.cookie !== cookie) {
      this.#flushMove();
      if (!isOwn) this.#subscriptions.report({ path, kind: 'created' });
    } else {
      this.#halfMove = undefined;
      if (isDirectory) this.#move(half.path, path);
      if (!isOwn && !half.isOwn) this.#subscriptions.report({ path, from: half.path, kind: 'renamed' });
    }
    if (isDirectory && this.#subscriptions.coversTree(path) && !this.#nodes.has(path))
      this.#follow(path, false);
  }

  /** What was moved and did not arrive is gone from here. */
  #flushMove(): void {
    const half = this.#halfMove;
    if (half === undefined) return;
    this.#halfMove = undefined;
    this.#forgetBelow(half.path);
    if (!half.isOwn) this.#subscriptions.report({ path: half.path, kind: 'removed' });
  }

  #gone(node: Node): void {
    this.#drop(node);
    this.#subscriptions.reportLoss(node.path);
  }

  #unsubscribe(subscription: Subscription): void {
    const { path, isRecursive, isFile } = subscription;
    this.#subscriptions.remove(subscription);
    if (isFile) {
      // Who opens one file of a directory soon opens another.
      const node = this.#nodes.get(parentOf(path));
      if (node !== undefined) this.#lingering.set(node, this.#options.clock.monotonicMs() + LINGER_MS);
      return;
    }
    const nodes = isRecursive ? [...this.#nodes.values()] : [this.#nodes.get(path)];
    for (const node of nodes) {
      if (node !== undefined && isWithin(node.path, path) && !this.#isNeeded(node)) this.#unwatch(node);
    }
    if (this.#nodes.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  /** Ends the watches that nobody needs any more and nobody needed for a while. */
  #endLingering(untilMs: number): void {
    for (const [node, endMs] of this.#lingering) {
      if (endMs > untilMs) return;
      this.#lingering.delete(node);
      if (this.#nodes.get(node.path) === node && !this.#isNeeded(node)) this.#unwatch(node);
    }
  }

  #isNeeded({ path }: Node): boolean {
    return this.#subscriptions.has(path) || this.#subscriptions.coversTree(path);
  }

  /** Watches what is at the path. Throws where that is not possible. */
  *#add(path: BackendPath): Task<void> {
    if (this.#nodes.has(path)) return;
    if (this.#nodes.size >= WATCHES_MAX) this.#endLingering(Number.POSITIVE_INFINITY);
    if (this.#nodes.size >= WATCHES_MAX) throw new BackendError('ENOSPC', 'watch', path);
    const { fd, isDirectory, fileId } = yield* this.#options.open(path);
    try {
      this.#source ??= this.#begin();
      const watch = this.#source.add(fd, isDirectory);
      const other = this.#byWatch.get(watch);
      // The directory was known by a path that it no longer has.
      if (other !== undefined) this.#gone(other);
      const node: Node = { path, watch, fileId: isDirectory ? undefined : fileId };
      this.#nodes.set(path, node);
      this.#byWatch.set(watch, node);
    } finally {
      fs.closeSync(fd);
    }
  }

  #begin(): ChangeSource {
    const source = sourceFor(this.#options.libc, this);
    this.#own.isExact = source.isExact;
    return source;
  }

  #unwatch(node: Node): void {
    this.#drop(node);
    this.#source?.remove(node.watch);
  }

  #drop(node: Node): void {
    if (this.#nodes.get(node.path) === node) this.#nodes.delete(node.path);
    if (this.#byWatch.get(node.watch) === node) this.#byWatch.delete(node.watch);
  }

  #forgetBelow(path: BackendPath): void {
    if (!this.#nodes.has(path)) return;
    for (const node of [...this.#nodes.values()]) {
      if (isWithin(node.path, path) && !this.#subscriptions.has(node.path)) this.#unwatch(node);
    }
  }

  #move(from: BackendPath, to: BackendPath): void {
    const moving = [...this.#nodes.values()].filter(({ path }) => isWithin(path, from));
    for (const node of moving) this.#nodes.delete(node.path);
    for (const node of moving) {
      node.path = to + node.path.slice(from.length);
      this.#nodes.set(node.path, node);
    }
    this.#subscriptions.move(from, to);
    for (const node of moving) if (!this.#isNeeded(node)) this.#unwatch(node);
  }

  /** Watches the directories of a tree; what others put there before that is told where `tellsContent`. */
  #follow(path: BackendPath, tellsContent: boolean): void {
    try {
      // At once, for others may go on with a directory that they have just made.
      runNow(this.#add(path));
      const walk = run(this.#walk(path, tellsContent), this.#options.pace);
      if (!(walk instanceof Promise)) return;
      this.#walks.add(walk);
      const ended = (): boolean => this.#walks.delete(walk);
      walk.catch((error: unknown) => this.#failed(path, error)).finally(ended);
    } catch (error) {
      this.#failed(path, error);
    }
  }

  #failed(path: BackendPath, error: unknown): void {
    const code = codeOf(error) ?? '';
    if (!EXHAUSTED.has(code)) return;
    if (!this.#isExhausted) this.#options.log.write('warn', 'watches-exhausted', { path, code });
    this.#isExhausted = true;
  }

  *#walk(top: BackendPath, tellsContent: boolean): Task<void> {
    const pending = [top];
    for (let count = 0; pending.length > 0; count++) {
      const path = pending.pop() ?? top;
      if (!this.#subscriptions.coversTree(path)) return;
      if (count % WALK_STEP === WALK_STEP - 1) yield* slowCall((done) => setImmediate(done, null, undefined));
      try {
        yield* this.#add(path);
        for (const name of yield* this.#directoriesIn(path, tellsContent)) pending.push(join(path, name));
      } catch (error) {
        // It may be gone again, or no directory after all.
        if (EXHAUSTED.has(codeOf(error) ?? '')) throw error;
      }
    }
  }

  *#directoriesIn(path: BackendPath, tellsContent: boolean): Task<readonly string[]> {
    const { libc, open } = this.#options;
    const { fd, isDirectory } = yield* open(path);
    try {
      if (!isDirectory) return [];
      return yield* directoriesIn(fd, libc, (name) => {
        if (tellsContent) this.#subscriptions.report({ path: join(path, name), kind: 'created' });
      });
    } finally {
      fs.closeSync(fd);
    }
  }

  #drain(): MaybePromise<void> {
    const done = this.#own.done();
    const ended = (): void => {
      this.#flushMove();
      this.#own.forget(done);
    };
    const draining = this.#source?.drain();
    if (draining instanceof Promise) return draining.then(ended);
    ended();
  }

  #poll(): void {
    if (this.#timer !== undefined || this.#source === undefined) return;
    const { clock, log } = this.#options;
    this.#timer = clock.setTimer(POLL_MS, () => {
      this.#timer = undefined;
      if (this.#nodes.size === 0) return;
      Promise.resolve()
        .then(() => this.#drain())
        .catch((error: unknown) => log.write('warn', 'changes-lost', { reason: String(error) }));
      this.#endLingering(clock.monotonicMs());
      this.#poll();
    });
  }
}

function sourceFor(libc: Libc | undefined, listener: ChangeListener): ChangeSource {
  return libc?.inotify === undefined ? new NodeSource(listener) : new InotifySource(libc.inotify, listener);
}
