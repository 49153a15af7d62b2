/**
 * A map for keys that go and come back. The runtime's Map leaves what was deleted in the chain of its bucket until all of it is laid out anew: in
 * a large one, a key that went and came ten thousand times is looked for behind as many places, as if the map were a list.
 * Here a key that goes leaves its place empty and takes it again when it comes back; empty places are given up together, when there are as many
 * of them as of others, so that every call takes constant time on the average.
 */

/** So many empty places are kept, however few keys there are. */
const EMPTY_COUNT_MIN = 64;

/**
 * A value may be anything but undefined. Values come in the order of their keys' places: not of a Map, where a key that comes back comes
 * last.
 */
export class Table<K, V extends NonNullable<unknown>> {
  readonly #places = new Map<K, V | undefined>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  get(key: K): V | undefined {
    return this.#places.get(key);
  }

  has(key: K): boolean {
    return this.#places.get(key) !== undefined;
  }

  set(key: K, value: V): this {
    if (this.#places.get(key) === undefined) this.#size++;
    this.#places.set(key, value);
    return this;
  }

  /** False when there is no such key. */
  delete(key: K): boolean {
    if (this.#places.get(key) === undefined) return false;
    this.#places.set(key, undefined);
    this.#size--;
    const emptyCount = this.#places.size - this.#size;
    if (emptyCount > EMPTY_COUNT_MIN && emptyCount > this.#size) this.#giveUpEmpty();
    return true;
  }

  clear(): void {
    this.#places.clear();
    this.#size = 0;
  }

  /** As of a Map, what is set or deleted meanwhile may come or not. */
  *[Symbol.iterator](): Generator<[K, V]> {
    for (const [key, value] of this.#places) if (value !== undefined) yield [key, value];
  }

  *values(): Generator<V> {
    for (const value of this.#places.values()) if (value !== undefined) yield value;
  }

  #giveUpEmpty(): void {
    if (this.#size === 0) this.#places.clear();
    else
      this.#places.forEach((value, key) => {
        if (value === undefined) this.#places.delete(key);
      });
  }
}
