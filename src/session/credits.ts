/**
 * The command sequence window: which MessageIds a client may use, and how many more it is given.
 * [MS-SMB2] 3.3.1.1, 3.3.1.2, 3.3.5.2.3
 */
import { assert } from '../base/assert.ts';

/** Ids that a new window has room for. */
const MARKS_MIN = 8;

export class CommandSequenceWindow {
  /** The lowest id that may still come. */
  #low = 0;
  /** One above the highest id that may come. */
  #high = 1;
  /** Ids in the window that have come, as a ring of marks; it grows with the window, since most connections need few. */
  #used = new Uint8Array(MARKS_MIN);
  readonly #span: number;
  /** Ids in the window that have not come: the client's credits. */
  #available = 1;

  /** `creditMax` bounds the span of the window; at least 1. */
  constructor(creditMax: number) {
    assert(Number.isInteger(creditMax) && creditMax >= 1, 'creditMax must be a positive integer');
    this.#span = creditMax;
  }

  /** Credits that the client holds. */
  get available(): number {
    return this.#available;
  }

  /**
   * Takes `charge` consecutive ids from `messageId`. False when one of them is outside the window or was used: the
   * connection is then to be closed. [MS-SMB2] 3.3.5.2.3
   */
  consume(messageId: number, charge: number): boolean {
    if (!(messageId >= this.#low) || messageId + charge > this.#high) return false;
    for (let id = messageId; id < messageId + charge; id++) {
      if (this.#isUsed(id)) return false;
    }
    for (let id = messageId; id < messageId + charge; id++) this.#mark(id, 1);
    this.#available -= charge;
    while (this.#low < this.#high && this.#isUsed(this.#low)) {
      this.#mark(this.#low, 0);
      this.#low++;
    }
    return true;
  }

  /**
   * Widens the window by up to `requested` ids and returns by how many. A client that leaves holes gets fewer, since
   * the window never spans more than its maximum.
   */
  grant(requested: number): number {
    const granted = Math.max(0, Math.min(requested, this.#span - (this.#high - this.#low)));
    this.#makeRoom(this.#high + granted - this.#low);
    this.#high += granted;
    this.#available += granted;
    return granted;
  }

  #isUsed(id: number): boolean {
    return this.#used[id % this.#used.length] === 1;
  }

  #mark(id: number, mark: 0 | 1): void {
    this.#used[id % this.#used.length] = mark;
  }

  #makeRoom(count: number): void {
    const old = this.#used;
    if (count <= old.length) return;
    const marks = new Uint8Array(Math.max(count, old.length * 2));
    for (let id = this.#low; id < this.#high; id++) marks[id % marks.length] = old[id % old.length] ?? 0;
    this.#used = marks;
  }
}
