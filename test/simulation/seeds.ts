/**
 * Runs one seed after the other; the first that fails is made as small as it can be.
 */
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
  readonly requests: number;
}

/** Runs the seeds. */
export async function simulateSeeds({
  first,
  count,
  limitMs,
  isVerbose,
}: SeedsOptions): Promise<SeedsReport> {
  const began = performance.now();
  const total = {
    seeds: 0,
    steps: 0,
    requests: 0,
    reads: 0,
    crashes: 0,
    restarts: 0,
    reclaims: 0,
    replays: 0,
    cuts: 0,
    virtualMs: 0,
  };
  let failure: string | undefined;
  for (let seed = first; seed < first + count && performance.now() - began < limitMs; seed++) {
    const { counts, steps, virtualMs, failure: reason, trace } = await run(planOf(seed));
    total.seeds += 1;
    total.steps += steps;
    total.requests += counts.requests;
    total.reads += counts.reads;
    total.crashes += counts.crashes;
    total.restarts += counts.restarts;
    total.reclaims += counts.reclaims;
    total.replays += counts.replays;
    total.cuts += counts.cuts;
    total.virtualMs += virtualMs;
    if (isVerbose === true) console.log(`${seed}: ${counts.requests} requests\n${trace.join('\n')}`);
    if (reason === undefined) continue;
    failure = await shrunk(planOf(seed));
    break;
  }
  const seconds = (performance.now() - began) / 1000;
  const summary =
    `${total.seeds} seeds from ${first}, ${total.steps} steps, ${total.requests} messages ` +
    `(${Math.round(total.requests / seconds)} a second), ${total.reads} reads checked, ${total.cuts} cuts, ` +
    `${total.crashes} power failures, ${total.restarts} restarts, ${total.reclaims} opens taken up again, ${total.replays} writes sent again, ${(total.virtualMs / 3_600_000).toFixed(1)} hours in ${seconds.toFixed(0)} s`;
  return { summary, failure, seeds: total.seeds, requests: total.requests };
}
