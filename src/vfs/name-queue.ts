import type { MaybePromise } from '../backend/contract.ts';
import { lastly } from './maybe-promise.ts';

/** The time for which some names are held; a promise of its end is made when somebody waits for it. */
class Turn {
  readonly names: readonly string[];
  readonly #last: Map<string, Turn>;
  #end: PromiseWithResolvers<void> | undefined;

  /** `last` holds the last turn of each name. */
  constructor(names: readonly string[], last: Map<string, Turn>) {
    this.names = names;
    this.#last = last;
  }

  get ended(): Promise<void> {
    this.#end ??= Promise.withResolvers<void>();
    return this.#end.promise;
  }

  static end(turn: Turn): void {
    for (const name of turn.names) if (turn.#last.get(name) === turn) turn.#last.delete(name);
    turn.#end?.resolve();
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
    const turn = new Turn(names, this.#last);
    const before = this.#take(turn);
    return lastly(before === undefined ? work : after(before, work), Turn.end, turn);
  }

  /** The names belong to `turn` from now on, after the turns whose ends are returned. */
  #take(turn: Turn): Promise<void>[] | undefined {
    let before: Promise<void>[] | undefined;
    for (const name of turn.names) {
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

function after<T>(before: readonly Promise<void>[], work: () => MaybePromise<T>): () => Promise<T> {
  return () => Promise.all(before).then(work);
}
