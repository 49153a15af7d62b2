/**
 * `npm run simulate:server -- --seeds N --seed S --minutes M`: runs seeds until one fails, whose smallest trace it prints.
 */

import { commandLine } from '../testing/command-line.ts';
import { simulateSeeds } from './seeds.ts';

const { values } = commandLine(import.meta.filename, {
  options: {
    seed: { type: 'string', default: '1' },
    seeds: { type: 'string' },
    minutes: { type: 'string' },
    verbose: { type: 'boolean', default: false },
  },
});

const minutes = values.minutes ?? (values.seeds === undefined ? '1' : undefined);
const report = await simulateSeeds({
  first: Number(values.seed),
  count: values.seeds === undefined ? Number.POSITIVE_INFINITY : Number(values.seeds),
  limitMs: minutes === undefined ? Number.POSITIVE_INFINITY : Number(minutes) * 60_000,
  isVerbose: values.verbose,
});
console.log(report.summary);
if (report.failure !== undefined) {
  console.error(report.failure);
  process.exitCode = 1;
}
