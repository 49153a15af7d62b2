import type { MaybePromise } from '../backend/contract.ts';
import { lastly } from './maybe-promise.ts';

/** The time for which some names are held; a promise of its end is made when somebody waits for it. */
class Turn {
  #end: PromiseWithResolvers<void> | undefined;

  get ended(): Promise<void> {
    this.#end ??= Promise.withResolvers<void>();
    return this.#end.promise;
  }

  end(): void {
    this.#end?.resolve();
  }
}

/**
 * Creation, deletion and renaming of one name happen one after the other. Nothing that waits for a client is done while
 * a name is held.
 */
export class NameQueue {
  readonly #last = new Map<string, Turn>();

  /** Runs `work` when everything asked for before under any of `names` is done: at once where that is nothing. */
  run<T>(names: readonly string[], work: () => MaybePromise<T>): MaybePromise<T> {
    const turn = new Turn();
    const before = this.#take(names, turn);
    const queued = before === undefined ? work : () => Promise.all(before).then(work);
    return lastly(queued, () => {
      for (const name of names) if (this.#last.get(name) === turn) this.#last.delete(name);
      turn.end();
    });
  }

  /** The names belong to `turn` from now on, after the turns whose ends are returned. */
  #take(names: readonly string[], turn: Turn): Promise<void>[] | undefined {
    let before: Promise<void>[] | undefined;
    for (const name of names) {
      const last = this.#last.get(name);
      if (last === turn) continue;
      if (last !== undefined) before = [...(before ?? []), last.ended];
      this.#last.set(name, turn);
    }
    return before;
  }

  /** Names that are held or waited for. */
  get size(): number {
    return this.#last.size;
  }
}
