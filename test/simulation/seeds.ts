/**
 * Runs one seed after the other; the first that fails is made as small as it can be.
 */
import { addCounts, type CountName, missingIn, nothingCounted, wordsOf } from './counts.ts';
import { planOf } from './plan.ts';
import { run } from './run.ts';
import { shrunk } from './shrink.ts';

export interface SeedsOptions {
  readonly first: number;
  readonly count: number;
  /** Time after which no further seed is begun, in milliseconds of this machine. */
  readonly limitMs: number;
  readonly isVerbose?: boolean;
}

export interface SeedsReport {
  /** What was done, in one line. */
  readonly summary: string;
  /** The seed that failed with its smallest trace; undefined when none did. */
  readonly failure: string | undefined;
  readonly seeds: number;
  /** What must be tried and never was. */
  readonly missing: readonly CountName[];
}

/** Runs the seeds. */
export async function simulateSeeds({
  first,
  count,
  limitMs,
  isVerbose,
}: SeedsOptions): Promise<SeedsReport> {
  const began = performance.now();
  const total = { seeds: 0, steps: 0, virtualMs: 0 };
  const counted = nothingCounted();
  let failure: string | undefined;
  for (let seed = first; seed < first + count && performance.now() - began < limitMs; seed++) {
    const { counts, steps, virtualMs, failure: reason, trace } = await run(planOf(seed));
    total.seeds += 1;
    total.steps += steps;
    total.virtualMs += virtualMs;
    addCounts(counted, counts);
    if (isVerbose === true) console.log(`${seed}: ${counts.requests} requests\n${trace.join('\n')}`);
    if (reason === undefined) continue;
    failure = await shrunk(planOf(seed));
    break;
  }
  const seconds = (performance.now() - began) / 1000;
  const summary =
    `${total.seeds} seeds from ${first}, ${total.steps} steps, ${wordsOf(counted, seconds)}, ` +
    `${(total.virtualMs / 3_600_000).toFixed(1)} hours in ${seconds.toFixed(0)} s`;
  return { summary, failure, seeds: total.seeds, missing: missingIn(counted) };
}
