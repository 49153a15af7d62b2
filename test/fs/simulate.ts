/**
 * Runs the simulation for longer: `npm run simulate -- --seconds 60 --seed 1 --steps 1000`. Prints the seeds done and
 * their speed; a failure prints its seed and trace and ends with 1. `--seed commit` begins with a seed that the commit gives,
 * so that each is tried by other runs than the one before; without a repository it begins with 1.
 */
import { spawnSync } from 'node:child_process';
import { systemClock } from '../../src/base/clock.ts';
import { commandLine } from '../testing/command-line.ts';
import { simulate } from './simulation/run.ts';

const { values } = commandLine(import.meta.filename, {
  options: {
    seconds: { type: 'string', default: '10' },
    seed: { type: 'string', default: '1' },
    steps: { type: 'string', default: '1000' },
    seeds: { type: 'string' },
  },
});

const start = systemClock.monotonicMs();
const endMs = start + Number(values.seconds) * 1000;
const steps = Number(values.steps);
const first = values.seed === 'commit' ? seedOfCommit() : Number(values.seed);
const last = values.seeds === undefined ? Number.POSITIVE_INFINITY : first + Number(values.seeds);
let seed = first;

try {
  for (; seed < last && systemClock.monotonicMs() < endMs; seed++) simulate(seed, steps);
  const seconds = (systemClock.monotonicMs() - start) / 1000;
  const perSecond = Math.round(((seed - first) * steps) / seconds);
  console.log(
    `│ from seed ${first}: ${seed - first} seeds × ${steps} steps in ${seconds.toFixed(1)} s, ${perSecond} steps a second: clean`,
  );
} catch (error) {
  console.error(error instanceof Error ? error.message : error);
  process.exitCode = 1;
}

function seedOfCommit(): number {
  const { stdout } = spawnSync('git', ['rev-parse', 'HEAD'], { cwd: import.meta.dirname, encoding: 'utf8' });
  const seed = Number.parseInt(stdout.slice(0, 8), 16);
  return Number.isNaN(seed) ? 1 : seed;
}
