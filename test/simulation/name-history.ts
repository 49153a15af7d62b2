/**
 * What a listing may say of one name that several clients create, delete and rename: which file has it, or none.
 *
 * From a listing or CREATE that the server answers: what the last change left that was answered, or seen by somebody, before
 * it was asked; or what a change leaves that overlaps with it. Each name is judged by itself, for a listing is no snapshot.
 *
 * From a cache it may be older. Of a change among the entries of a directory the holder of its lease is told by a break that
 * takes R and H. [MS-FSA] 2.1.4.12 has the breaks of PARENT_OBJECT happen with the change and wait for nobody, and [MS-SMB2] 3.3.4.7
 * has the notification sent then; that its holder must acknowledge it (it had H) holds nothing up. So neither document lets
 * a client that caches see the change before who made it goes on, but the server must have sent the break by the time that it
 * answers the change: `core.changed` runs, and the notifier sends, before the response of the CREATE, SET_INFO or CLOSE is made.
 * A cache may therefore be as old as a break is long on its way after that answer, and where connections are cut, as long again:
 * a break that is lost with its channel shows only by the loss of the channel, which the client notices that much later.
 *
 * A deleted file keeps its name until its last open is closed, which may be another client's, who need not know, or may be lost with
 * its connection. Nobody can say then which answer ended it. But once CREATE does not find the name it is gone from the store, and the server
 * asks the store for one thing more before it sends the break.
 *
 * What is told to those who change the name themselves is not judged: their own lease is spared, and they forget what they knew.
 */
import type { Moments } from './register.ts';

const never = Number.POSITIVE_INFINITY;
/** No file has the name. */
export const ABSENT = 0n;

interface Change {
  /** FileId of who has the name then; undefined while a new one is not known. */
  value: bigint | undefined;
  /** After a power failure anything may be there. */
  readonly isAnything: boolean;
  readonly begun: number;
  /** When it was answered, or first seen: from then on it has happened. */
  done: number;
  /** When every holder of a lease was told. */
  toldMs: number;
}

/** A change that was sent. */
export interface NameChange {
  /** It was answered; for a new file with its FileId. */
  done(fileId?: bigint): void;
  /** The server did not do it. */
  refused(): void;
}

/** What may lie between a change and its being known. */
export interface Delays {
  /** How long after a change was answered a cache may not know of it. */
  readonly staleMs: number;
  /** The longest answer of the store. */
  readonly storeMs: number;
}

export class NameHistory {
  readonly name: string;
  readonly #moments: Moments;
  readonly #delays: Delays;
  #changes: Change[] = [];

  constructor(name: string, moments: Moments, delays: Delays) {
    this.name = name;
    this.#moments = moments;
    this.#delays = delays;
    this.#changes = [this.#settled({ value: ABSENT, isAnything: false })];
  }

  /** A change is about to be sent that leaves the name to `value`: ABSENT, a file that has another name now, or a new one. */
  changing(value: bigint | 'new'): NameChange {
    const change: Change = {
      value: value === 'new' ? undefined : value,
      isAnything: false,
      begun: this.#moments.next(),
      done: never,
      toldMs: never,
    };
    this.#changes.push(change);
    return {
      done: (fileId = change.value) => {
        if (change.value !== undefined && change.value !== fileId)
          throw new Error(`${this.name}: made as ${fileId}, seen as ${change.value}`);
        change.value = fileId;
        this.#happened(change, this.#moments.nowMs());
      },
      refused: () => {
        this.#changes = this.#changes.filter((one) => one !== change);
      },
    };
  }

  /** It is asked for in a listing; call the result with what came, which throws when that is not allowed. */
  listing(): (value: bigint) => void {
    return this.#asking(never);
  }

  /** The same for CREATE. */
  looking(): (value: bigint) => void {
    return this.#asking(this.#delays.storeMs);
  }

  /** A cache says this of the name; throws when that is not allowed. */
  cached(value: bigint): void {
    const nowMs = this.#moments.nowMs();
    this.#candidates(value, ({ toldMs }) => toldMs + this.#delays.staleMs < nowMs);
  }

  /** The power failed: nothing is known. */
  forget(): void {
    this.#changes = [this.#settled({ value: undefined, isAnything: true })];
  }

  /** `toldAfterMs`: how much later whoever caches was told of what is seen. */
  #asking(toldAfterMs: number): (value: bigint) => void {
    const begun = this.#moments.next();
    return (value) => {
      const [only, ...others] = this.#candidates(value, ({ done }) => done < begun);
      // Of several nobody knows which it was.
      if (only === undefined || others.length > 0) return;
      only.value = value;
      this.#happened(only, this.#moments.nowMs() + toldAfterMs);
    };
  }

  /** The changes that may have left `value`. */
  #candidates(value: bigint, hasPassed: (change: Change) => boolean): readonly Change[] {
    const possible = this.#changes.filter((change) => this.#fits(change, value));
    if (possible.length === 0) throw new Error(`${this.name}: ${value} never had it`);
    const passed = this.#changes.filter(hasPassed);
    const candidates = possible.filter(({ done }) => !passed.some(({ begun }) => begun > done));
    if (candidates.length > 0) return candidates;
    const values = passed.map((change) => change.value);
    throw new Error(`${this.name}: ${value} is said to have it, after which came ${values.join(', ')}`);
  }

  #fits(change: Change, value: bigint): boolean {
    if (change.value !== undefined) return change.value === value;
    if (change.isAnything) return true;
    return value !== ABSENT && !this.#changes.some((other) => other.value === value);
  }

  #happened(change: Change, toldMs: number): void {
    if (change.done === never) change.done = this.#moments.next();
    change.toldMs = Math.min(change.toldMs, toldMs);
  }

  #settled(change: Pick<Change, 'value' | 'isAnything'>): Change {
    const begun = this.#moments.next();
    return { ...change, begun, done: this.#moments.next(), toldMs: this.#moments.nowMs() };
  }
}
