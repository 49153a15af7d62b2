/**
 * Creation, deletion and renaming of one name happen one after the other. Nothing that waits for a client is done while
 * a name is held.
 */
export class NameQueue {
  readonly #last = new Map<string, Promise<void>>();

  /** Runs `work` when everything asked for before under any of `names` is done. */
  async run<T>(names: readonly string[], work: () => Promise<T> | T): Promise<T> {
    const unique = [...new Set(names)];
    const before = unique.map((name) => this.#last.get(name));
    const { promise: turn, resolve: done } = Promise.withResolvers<void>();
    for (const name of unique) this.#last.set(name, turn);
    try {
      await Promise.all(before);
      return await work();
    } finally {
      for (const name of unique) if (this.#last.get(name) === turn) this.#last.delete(name);
      done();
    }
  }

  /** Names that are held or waited for. */
  get size(): number {
    return this.#last.size;
  }
}
