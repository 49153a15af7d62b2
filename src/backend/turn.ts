/**
 * Turns of the event loop, and moments in them: what happens in one turn happens at one time, as far as others can tell, and
 * between two changes of the store's own nothing changes.
 */
export class Turns {
  #turn = 1;
  #moment = 1;
  #isEnding = false;

  /** The number of this turn. */
  get current(): number {
    this.#awaitEnd();
    return this.#turn;
  }

  /** The number of this moment: what was seen in it needs not be looked at again. */
  get moment(): number {
    this.#awaitEnd();
    return this.#moment;
  }

  /** The store changes something, or has changed it. */
  changed(): void {
    this.#moment += 1;
  }

  #awaitEnd(): void {
    if (this.#isEnding) return;
    this.#isEnding = true;
    setImmediate(() => {
      this.#isEnding = false;
      this.#turn += 1;
      this.#moment += 1;
    });
  }
}
