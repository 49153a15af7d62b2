/**
 * One line for each check, and a last one that counts them.
 */

export class Report {
  #passed = 0;
  #failed = 0;

  /** Looks, and says what was seen; a look that throws is a failure with what it says. */
  async check(name: string, look: () => Promise<string>): Promise<void> {
    try {
      const seen = await look();
      this.#passed += 1;
      console.log(`ok    ${name}${seen === '' ? '' : `: ${seen}`}`);
    } catch (error) {
      this.#failed += 1;
      console.log(`FAIL  ${name}: ${error instanceof Error ? error.message : String(error)}`);
    }
  }

  /** Prints the counts; true when nothing failed and something was looked at. */
  sumUp(): boolean {
    console.log(`${this.#passed} passed, ${this.#failed} failed, 0 skipped`);
    return this.#failed === 0 && this.#passed > 0;
  }
}

/** Throws what `message` says unless `truth`. */
export function demand(truth: boolean, message: string): asserts truth {
  if (!truth) throw new Error(message);
}

/** Looks again until `look` returns something; throws what it waited for after `limitMs`. */
export async function eventually<T>(
  what: string,
  look: () => Promise<T | undefined>,
  limitMs = 30_000,
): Promise<T> {
  const end = performance.now() + limitMs;
  for (;;) {
    const found = await look();
    if (found !== undefined) return found;
    if (performance.now() > end) throw new Error(`${what}: not within ${limitMs / 1000} s`);
    await new Promise((done) => setTimeout(done, 50));
  }
}
