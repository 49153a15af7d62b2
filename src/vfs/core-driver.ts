/**
 * Joins the deterministic core to the world: carries out its effects, hands it the time, and knows which open file
 * stands behind each of its opens. One core serves all volumes of a server, for leases and app instances reach across shares.
 */
import type { MaybePromise } from '../backend/contract.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import { NtStatusError } from '../base/status.ts';
import type { FileCore } from '../fs/contract.ts';
import type { RecordChange } from '../fs/snapshot.ts';
import type { Break, CoreEffect, CoreOpen, Outcome, Removal, Ticket } from '../fs/types.ts';
import type { ClientNotifier } from './client-notifier.ts';
import { rescue } from './maybe-promise.ts';
import type { OpenFile } from './open-file.ts';
import type { OpenStore } from './open-store.ts';
import { Waiter, type WaitResult } from './waiter.ts';

/** Where names are removed from when the core says so. */
export interface RemovalTarget {
  /** The first part of its files' keys. */
  readonly id: string;
  /** `file` is the open that was closed last. */
  remove(removal: Removal, file: OpenFile): MaybePromise<void>;
}

export interface CoreDriverOptions {
  readonly core: FileCore;
  readonly clock: Clock;
  readonly log: Log;
  readonly notifier: ClientNotifier;
  /** Without one no open is persistent. */
  readonly store?: OpenStore | undefined;
}

/** The answer of {@link CoreDriver.attempt}: go on, or wait and try again. */
export type Attempt = Waiter | undefined;

export class CoreDriver {
  readonly core: FileCore;
  readonly clock: Clock;
  readonly #log: Log;
  readonly #notifier: ClientNotifier;
  readonly #store: OpenStore | undefined;
  /** What the store did not take, to be tried again, by persistent id. */
  readonly #unwritten = new Map<number, RecordChange>();
  #writeError: unknown;
  readonly #targets = new Map<string, RemovalTarget>();
  readonly #files = new Map<number, OpenFile>();
  /** Opens which their client does not know yet: few, as they are on their way. */
  readonly #untold: CoreOpen[] = [];
  /** Breaks that concern such opens. */
  readonly #deferred = new Map<CoreOpen, Break[]>();
  readonly #waiters = new Map<Ticket, Waiter>();
  readonly #removals = new Set<Promise<void>>();
  /** Errors of removals that closing an open began. */
  readonly #failedRemovals = new WeakMap<CoreOpen, unknown>();
  #timer: Timer | undefined;
  #deadline: number | undefined;
  #isSettling = false;

  constructor(options: CoreDriverOptions) {
    this.core = options.core;
    this.clock = options.clock;
    this.#log = options.log;
    this.#notifier = options.notifier;
    this.#store = options.store;
  }

  /** Opens can be made to outlive this process. */
  get storesOpens(): boolean {
    return this.#store !== undefined;
  }

  get nowMs(): number {
    return this.clock.monotonicMs();
  }

  attach(target: RemovalTarget): void {
    this.#targets.set(target.id, target);
  }

  detach(target: RemovalTarget): void {
    this.#targets.delete(target.id);
  }

  /** Calls the core and carries out what it asks for before the outcome is used. */
  call<T>(action: (core: FileCore, nowMs: number) => T): T {
    const outcome = action(this.core, this.nowMs);
    this.settle();
    return outcome;
  }

  /** The same for a question: throws when denied, gives the waiter when somebody must act first. */
  attempt(action: (core: FileCore, nowMs: number) => Outcome): Attempt {
    const outcome = action(this.core, this.nowMs);
    const waiter = outcome.kind === 'wait' ? this.waiterOf(outcome.ticket) : undefined;
    this.settle();
    if (outcome.kind === 'denied') throw new NtStatusError(outcome.status);
    return waiter;
  }

  /** What waits under `ticket`. To be asked for before {@link settle}, so that no answer is missed. */
  waiterOf(ticket: Ticket, isOpposed = false): Waiter {
    const giveUp = (): void => {
      this.#waiters.delete(ticket);
      this.call((core, nowMs) => core.cancelTicket(ticket, nowMs));
    };
    const waiter = new Waiter(ticket, giveUp, isOpposed);
    this.#waiters.set(ticket, waiter);
    return waiter;
  }

  /** A granted open whose client does not know it yet. */
  granted(open: CoreOpen): void {
    this.#untold.push(open);
  }

  /** The open file behind a granted open. */
  bind(file: OpenFile): void {
    this.#files.set(file.core.id, file);
  }

  /** The client knows `open` now: breaks that came in between follow. */
  announce(open: CoreOpen): void {
    for (const notice of this.#told(open) ?? []) this.#sendBreak(notice);
  }

  /** Nothing more is deferred for `open`; what was is returned. */
  #told(open: CoreOpen): readonly Break[] | undefined {
    const at = this.#untold.lastIndexOf(open);
    if (at < 0) return undefined;
    const last = this.#untold.pop();
    if (last !== undefined && last !== open) this.#untold[at] = last;
    if (this.#deferred.size === 0) return undefined;
    const breaks = this.#deferred.get(open);
    this.#deferred.delete(open);
    return breaks;
  }

  /** `open` is closed. */
  forget(open: CoreOpen): void {
    this.#told(open);
    this.#files.delete(open.id);
  }

  fileOf(open: CoreOpen): OpenFile | undefined {
    return this.#files.get(open.id);
  }

  /** Open files of all volumes. */
  get openFiles(): Iterable<OpenFile> {
    return this.#files.values();
  }

  /** Resolves when every removal that was asked for until now is done; throws when that which `open` began failed. */
  removed(open?: CoreOpen): MaybePromise<void> {
    if (this.#removals.size > 0) return Promise.all(this.#removals).then(() => this.removed(open));
    if (open !== undefined && this.#failedRemovals.has(open)) throw this.#failedRemovals.get(open);
  }

  /** Carries out effects until none is left. */
  settle(): void {
    if (this.#isSettling) return;
    this.#isSettling = true;
    try {
      for (;;) {
        const effects = this.core.takeEffects();
        if (effects.length === 0) break;
        for (const effect of effects) this.#carryOut(effect);
      }
    } finally {
      this.#isSettling = false;
    }
    this.#keep();
    this.#schedule();
  }

  /** Resolves when a persistent open stands in the store, on the disk; throws when it cannot be kept. */
  stored({ durable }: CoreOpen): MaybePromise<void> {
    if (durable?.isPersistent !== true) return;
    if (this.#unwritten.has(durable.persistentId)) throw this.#writeError;
    return this.#store?.sync();
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#deadline = undefined;
  }

  /** Stores what became of persistent opens, before anybody hears of it. */
  #keep(): void {
    if (this.#store === undefined) return;
    const changes = this.core.takeChanges();
    if (changes.length + this.#unwritten.size === 0) return;
    for (const change of changes) this.#unwritten.set(change.persistentId, change);
    try {
      for (const change of [...this.#unwritten.values()]) {
        this.#store.write(change);
        this.#unwritten.delete(change.persistentId);
      }
    } catch (error) {
      this.#writeError = error;
      this.#log.write('error', 'open-not-stored', { error: String(error) });
    }
  }

  #carryOut(effect: CoreEffect): void {
    switch (effect.kind) {
      case 'break':
        this.#sendBreak(effect);
        return;
      case 'retry':
        this.#end(effect.ticket, { kind: 'retry' });
        return;
      case 'lock':
        this.#end(effect.ticket, { kind: 'lock', status: effect.status });
        return;
      case 'notify':
        this.#end(effect.ticket, { kind: 'notify', status: effect.status, entries: effect.entries });
        return;
      case 'delete':
        this.#remove(effect.removal);
        return;
      case 'expire': {
        const file = this.#files.get(effect.open.id);
        this.forget(effect.open);
        if (file !== undefined) this.#expire(file);
        return;
      }
    }
  }

  #end(ticket: Ticket, result: WaitResult): void {
    const waiter = this.#waiters.get(ticket);
    this.#waiters.delete(ticket);
    waiter?.end(result);
  }

  #expire(file: OpenFile): void {
    void rescue(
      () => file.release(),
      (error) => this.#log.write('warn', 'release-failed', { error: String(error) }),
    );
    this.#notifier.expired(file);
  }

  #remove(removal: Removal): void {
    const file = this.#files.get(removal.by.id);
    if (file === undefined) return;
    const id = removal.file.slice(0, removal.file.indexOf(':'));
    const work = rescue(
      () => this.#targets.get(id)?.remove(removal, file),
      (error) => {
        this.#failedRemovals.set(removal.by, error);
        this.#log.write('warn', 'delete-failed', { error: String(error) });
      },
    );
    if (!(work instanceof Promise)) return;
    const guarded = work.finally(() => this.#removals.delete(guarded));
    this.#removals.add(guarded);
  }

  #sendBreak(notice: Break): void {
    if (notice.target === 'oplock') {
      if (this.#defer(notice.open, notice)) return;
      const file = this.#files.get(notice.open.id);
      if (file !== undefined) this.#notifier.breakOplock(file, notice.toLevel);
      return;
    }
    const known = notice.opens.filter((open) => !this.#untold.includes(open));
    const opens = known.flatMap((open) => this.#files.get(open.id) ?? []);
    const [newest] = notice.opens;
    if (opens.length > 0) this.#notifier.breakLease({ ...notice, opens });
    else if (newest !== undefined) this.#defer(newest, notice);
  }

  #defer(open: CoreOpen, notice: Break): boolean {
    if (!this.#untold.includes(open)) return false;
    this.#deferred.set(open, [...(this.#deferred.get(open) ?? []), notice]);
    return true;
  }

  #schedule(): void {
    const deadline = this.core.nextDeadline();
    if (deadline === this.#deadline) return;
    this.#timer?.cancel();
    this.#timer = undefined;
    this.#deadline = deadline;
    if (deadline === undefined) return;
    this.#timer = this.clock.setTimer(Math.max(0, deadline - this.nowMs), () => {
      this.#timer = undefined;
      this.#deadline = undefined;
      this.call((core, nowMs) => core.advance(nowMs));
    });
  }
}
