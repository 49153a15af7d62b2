/**
 * Keeps single values in extended attributes, and what does not fit there aside, by the rule of metadata-local.ts.
 */
import type { MaybePromise } from './contract.ts';
import type { DiskPath } from './local-calls.ts';
import { promisedCall, type Task } from './task.ts';
import { isWithoutPlace, type XattrPlace, type XattrTasks } from './xattr-tasks.ts';

/** Where one value is kept when the file cannot carry it. */
export interface Aside {
  /** True when it has the value, or a former one. */
  readonly isUsed: boolean;
  /** Takes the value. */
  keep(): MaybePromise<void>;
  /** Forgets it. */
  drop(): MaybePromise<void>;
}

export interface CarriedValue {
  readonly name: DiskPath;
  /** Absent for what has no form as an attribute. */
  readonly bytes: Buffer | undefined;
}

export class XattrKeeper {
  readonly #tasks: XattrTasks | undefined;
  readonly #syncAside: () => MaybePromise<void>;

  /** Without `tasks` everything is kept aside; `syncAside` puts what is there on stable storage. */
  constructor(tasks: XattrTasks | undefined, syncAside: () => MaybePromise<void>) {
    this.#tasks = tasks;
    this.#syncAside = syncAside;
  }

  /** What the file carries. */
  read(place: XattrPlace, name: DiskPath): Task<Buffer | undefined> {
    return this.#tasks === undefined ? nothing() : this.#tasks.read(place, name);
  }

  /** The names of all that the file carries, one character for each byte. */
  *list(place: XattrPlace): Task<readonly string[]> {
    return this.#tasks === undefined ? [] : yield* this.#tasks.list(place);
  }

  *remove(place: XattrPlace, name: DiskPath): Task<void> {
    try {
      if (this.#tasks !== undefined) yield* this.#tasks.remove(place, name);
    } catch (error) {
      // What cannot be changed may still be absent.
      if (!isWithoutPlace(error) || (yield* this.read(place, name)) !== undefined) throw error;
    }
  }

  /** Keeps `value` in the attribute if the file can carry it, else aside, and then answers false. */
  *keep(place: XattrPlace, value: CarriedValue, aside: Aside): Task<boolean> {
    if (yield* this.carries(place, value)) {
      if (aside.isUsed) yield* settled(aside.drop());
      return true;
    }
    yield* settled(aside.keep());
    yield* this.movedAside(place, value.name, aside);
    return false;
  }

  /** True when the attribute now has the value, false when the file cannot carry it. */
  *carries(place: XattrPlace, { name, bytes }: CarriedValue): Task<boolean> {
    if (this.#tasks === undefined || bytes === undefined) return false;
    try {
      yield* this.#tasks.write(place, name, bytes);
      return true;
    } catch (error) {
      if (isWithoutPlace(error)) return false;
      throw error;
    }
  }

  /** Takes a former value from the file, once what `aside` has instead is on stable storage. */
  *movedAside(place: XattrPlace, name: DiskPath, aside: Aside): Task<void> {
    if ((yield* this.read(place, name)) === undefined) return;
    try {
      yield* promisedCall(undefined, async () => this.#syncAside());
      yield* this.remove(place, name);
    } catch (error) {
      yield* settled(aside.drop());
      throw error;
    }
  }
}

function* nothing(): Task<undefined> {}

/** Waits for an answer, if it is not there yet. */
export function* settled<T>(answer: MaybePromise<T>): Task<T> {
  return answer instanceof Promise ? yield* promisedCall(undefined, () => answer) : answer;
}
