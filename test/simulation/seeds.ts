/**
 * Runs one seed after the other; the first that fails is made as small as it can be.
 */
import { planOf } from './plan.ts';
import { run } from './run.ts';
import { shrunk } from './shrink.ts';
import { type Counts, nothingCounted } from './world.ts';

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

function add(total: Counts, more: Counts): void {
  total.requests += more.requests;
  total.reads += more.reads;
  total.crashes += more.crashes;
  total.restarts += more.restarts;
  total.reclaims += more.reclaims;
  total.replays += more.replays;
  total.cuts += more.cuts;
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
  const counted = { ...nothingCounted };
  let failure: string | undefined;
  for (let seed = first; seed < first + count && performance.now() - began < limitMs; seed++) {
    const { counts, steps, virtualMs, failure: reason, trace } = await run(planOf(seed));
    total.seeds += 1;
    total.steps += steps;
    total.virtualMs += virtualMs;
    add(counted, counts);
    if (isVerbose === true) console.log(`${seed}: ${counts.requests} requests\n${trace.join('\n')}`);
    if (reason === undefined) continue;
    failure = await shrunk(planOf(seed));
    break;
  }
  const seconds = (performance.now() - began) / 1000;
  const { requests, reads, cuts, crashes, restarts, reclaims, replays } = counted;
  const summary =
    `${total.seeds} seeds from ${first}, ${total.steps} steps, ${requests} messages ` +
    `(${Math.round(requests / seconds)} a second), ${reads} reads checked, ${cuts} cuts, ${crashes} power failures, ` +
    `${restarts} restarts, ${reclaims} opens taken up again, ${replays} writes sent again, ` +
    `${(total.virtualMs / 3_600_000).toFixed(1)} hours in ${seconds.toFixed(0)} s`;
  return { summary, failure, seeds: total.seeds, requests };
}
