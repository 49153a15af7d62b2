/**
 * A bound on open descriptors, below what the system allows. Whoever opens one asks for room first; what has not been used
 * for the longest time then loses its descriptor, if it can get it back.
 */
import fs from 'node:fs';
import { BackendError } from './error.ts';
import { slowCall, type Task } from './task.ts';

/** Something with a descriptor that it may have to do without. */
export interface Evictable {
  /** `idle`: nothing uses it, and it can be opened again; `kept`: it could not be. */
  readonly standing: 'idle' | 'busy' | 'kept';
  /** Used since it was last looked at; reading it forgets that. */
  takeUse(): boolean;
  /** Gives the descriptor up. It may turn out that it has to be kept. */
  evict(): Task<void>;
}

export class DescriptorPool {
  readonly #countMax: number;
  /** In the order in which they are looked at. */
  readonly #open = new Set<Evictable>();
  readonly #waiting: (() => void)[] = [];

  constructor(countMax: number) {
    this.#countMax = countMax;
  }

  /** Descriptors open at the moment. */
  get size(): number {
    return this.#open.size;
  }

  /** Whether there is room for one more. */
  get hasRoom(): boolean {
    return this.#open.size < this.#countMax;
  }

  /**
   * Makes room for one more; waits for what is in use. EMFILE where nothing can be given up. Who has a descriptor in use
   * already must not wait for another and says so: for the moment there may be one too many.
   */
  *room(isHolding = false): Task<void> {
    while (this.#open.size >= this.#countMax) {
      const victim = this.#victim();
      if (victim !== undefined) yield* victim.evict();
      else if (isHolding) return;
      else if (this.#isAllKept()) throw new BackendError('EMFILE', 'open');
      else yield* slowCall<void>((done) => this.#waiting.push(() => done(null)));
    }
  }

  /** Something may be given up now that could not before. */
  freed(): void {
    if (this.#waiting.length === 0) return;
    for (const wake of this.#waiting.splice(0)) wake();
  }

  opened(descriptor: Evictable): void {
    this.#open.add(descriptor);
  }

  closed(descriptor: Evictable): void {
    this.#open.delete(descriptor);
    this.freed();
  }

  #isAllKept(): boolean {
    for (const { standing } of this.#open) if (standing !== 'kept') return false;
    return true;
  }

  /** What was not used since the last round ("second chance"). */
  #victim(): Evictable | undefined {
    for (let looked = this.#open.size * 2; looked > 0; looked--) {
      const [candidate] = this.#open;
      if (candidate === undefined) return undefined;
      this.#open.delete(candidate);
      this.#open.add(candidate);
      if (!candidate.takeUse() && candidate.standing === 'idle') return candidate;
    }
    return undefined;
  }
}

const LIMITS = '/proc/self/limits';
const COUNT_MIN = 64;
const COUNT_MAX = 100_000;

let shared: DescriptorPool | undefined;

/** The pool of the process: half of the descriptors that it may have; the others are for connections and directories. */
export function sharedDescriptorPool(): DescriptorPool {
  shared ??= new DescriptorPool(Math.min(COUNT_MAX, Math.max(COUNT_MIN, descriptorLimit() >> 1)));
  return shared;
}

function descriptorLimit(): number {
  try {
    const [, limit] = /^Max open files\s+(\d+)/m.exec(fs.readFileSync(LIMITS, 'latin1')) ?? [];
    return limit === undefined ? COUNT_MAX : Number(limit);
  } catch {
    return COUNT_MIN;
  }
}
