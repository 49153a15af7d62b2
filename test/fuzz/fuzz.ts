/**
 * Runs one target: the corpus first, then mutations of it, until the time is over.
 */
import { present } from '../../src/base/assert.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { corpusOf } from './corpus.ts';
import { Mutator } from './mutator.ts';
import type { Runner, Seed, Target } from './target.ts';

/** Inputs between two comparisons with the start. */
const epochInputs = 512;
/** Inputs kept in memory because they led to something new. */
const poolMax = 2000;
/** Inputs between two looks at the time. */
const lookInputs = 64;

/** What a run of one target did. */
export interface FuzzReport {
  readonly target: string;
  readonly inputs: number;
  readonly seconds: number;
  /** Different outcomes seen. */
  readonly outcomes: ReadonlyMap<string, number>;
}

/** An input, or one of a short row of them, broke the rules. */
export class FuzzFailure extends Error {
  override readonly name = 'FuzzFailure';
  readonly target: string;
  /** The inputs since the last comparison, the newest last. */
  readonly inputs: readonly Buffer[];

  constructor(target: string, inputs: readonly Buffer[], cause: unknown) {
    const text = cause instanceof Error ? (cause.stack ?? cause.message) : String(cause);
    super(`${target}: ${text}`, { cause });
    this.target = target;
    this.inputs = inputs;
  }
}

export interface FuzzOptions {
  readonly seed: number;
  /** Inputs at most; by default without bound. */
  readonly inputsMax?: number;
  readonly seconds?: number;
}

/** Fuzzes `target`; throws {@link FuzzFailure}. */
export async function fuzz(target: Target, options: FuzzOptions): Promise<FuzzReport> {
  const fuzzer = new Fuzzer(target, options);
  const seconds = options.seconds ?? Number.POSITIVE_INFINITY;
  const start = performance.now();
  const runner = await target.start(options.seed);
  try {
    await fuzzer.replay(runner);
    const isOver = (): boolean =>
      fuzzer.inputs >= (options.inputsMax ?? Number.POSITIVE_INFINITY) ||
      performance.now() - start >= seconds * 1000;
    while (!isOver()) await fuzzer.run(runner, lookInputs);
    await fuzzer.settle(runner);
  } finally {
    await runner.close?.();
  }
  const { inputs, outcomes } = fuzzer;
  return { target: target.name, inputs, seconds: (performance.now() - start) / 1000, outcomes };
}

/** Feeds the kept inputs of `target` and its seeds alone. */
export async function replay(target: Target, inputs?: readonly Buffer[]): Promise<number> {
  const fuzzer = new Fuzzer(target, { seed: 1 });
  const runner = await target.start(1);
  try {
    await fuzzer.replay(runner, inputs);
  } finally {
    await runner.close?.();
  }
  return fuzzer.inputs;
}

class Fuzzer {
  inputs = 0;
  readonly outcomes = new Map<string, number>();
  readonly #target: Target;
  readonly #random: SeededEntropy;
  readonly #mutator: Mutator;
  readonly #pool: Seed[];
  /** Copies of the inputs of this epoch; for pure targets the last alone. */
  #epoch: Buffer[] = [];
  #sinceSettled = 0;

  constructor(target: Target, { seed }: FuzzOptions) {
    this.#target = target;
    this.#random = new SeededEntropy(seed);
    this.#mutator = new Mutator(this.#random);
    this.#pool = [...target.seeds()];
    if (this.#pool.length === 0) this.#pool.push({ bytes: Buffer.alloc(0), fields: [], frozenBytes: 0 });
  }

  async replay(runner: Runner, inputs?: readonly Buffer[]): Promise<void> {
    const kept = inputs ?? [...this.#pool.map(({ bytes }) => bytes), ...corpusOf(this.#target.name)];
    for (const input of kept) await this.#feed(runner, input);
    await this.settle(runner);
  }

  async run(runner: Runner, count: number): Promise<void> {
    for (let left = count; left > 0; left--) {
      const seed = this.#random.pick(this.#pool);
      const input = this.#mutator.mutate(seed, this.#random.pick(this.#pool).bytes);
      const fed = this.#feed(runner, input, seed);
      if (fed !== undefined) await fed;
    }
  }

  async settle(runner: Runner): Promise<void> {
    try {
      await runner.settle?.();
    } catch (error) {
      throw this.#failure(error);
    }
    this.#sinceSettled = 0;
    this.#epoch = [];
  }

  #feed(runner: Runner, input: Buffer, parent?: Seed): Promise<void> | undefined {
    this.inputs++;
    const isPlain = runner.settle === undefined;
    const kept = isPlain ? input : Buffer.from(input);
    if (isPlain) this.#epoch.length = 0;
    this.#epoch.push(kept);
    const tell = (outcome: string): void => this.#note(outcome, kept, parent);
    try {
      const fed = runner.feed(kept, tell);
      const isDue = !isPlain && ++this.#sinceSettled >= epochInputs;
      if (fed === undefined && !isDue) return undefined;
      return this.#after(runner, fed, isDue);
    } catch (error) {
      throw this.#failure(error);
    }
  }

  async #after(runner: Runner, fed: void | Promise<void>, isDue: boolean): Promise<void> {
    try {
      await fed;
    } catch (error) {
      throw this.#failure(error);
    }
    if (isDue) await this.settle(runner);
  }

  #note(outcome: string, input: Buffer, parent: Seed | undefined): void {
    const before = this.outcomes.get(outcome);
    this.outcomes.set(outcome, (before ?? 0) + 1);
    if (before !== undefined || parent === undefined || this.#pool.length >= poolMax) return;
    this.#pool.push({ ...parent, bytes: Buffer.from(input) });
  }

  #failure(error: unknown): FuzzFailure {
    const inputs = this.#epoch.map((input) => Buffer.from(input));
    return new FuzzFailure(present(this.#target.name, 'name'), inputs, error);
  }
}
