/**
 * Long differential runs: `npm run differential -- --operations 10000000 --stores local --seed 1`.
 */

import { commandLine } from '../testing/command-line.ts';
import { compare, DifferenceError } from './differential/compare.ts';
import { pairs } from './differential/pairs.ts';

/** New stores so often: what one seed leaves behind does not slow down the next. */
const OPERATIONS_PER_SEED = 50_000;

const { values } = commandLine(import.meta.filename, {
  options: {
    operations: { type: 'string', default: '100000' },
    stores: { type: 'string', default: 'local' },
    seed: { type: 'string', default: '1' },
  },
});
const total = Number(values.operations);
const pair = pairs.find(({ name }) => name === values.stores);
if (pair === undefined || !Number.isSafeInteger(total) || total < 1) {
  console.error(`--stores is one of ${pairs.map(({ name }) => name).join(', ')}, --operations a number`);
  process.exit(2);
}

// Half of the operations fail on purpose: nobody reads where.
Error.stackTraceLimit = 0;
const began = performance.now();
const tally = new Map<string, number>();
let done = 0;
let lastSaid = began;
try {
  for (let seed = Number(values.seed); done < total; seed++) {
    const count = Math.min(OPERATIONS_PER_SEED, total - done);
    for (const [key, times] of await compare(pair, seed, count))
      tally.set(key, (tally.get(key) ?? 0) + times);
    done += count;
    if (performance.now() - lastSaid < 30_000 && done < total) continue;
    lastSaid = performance.now();
    const perSecond = Math.round(done / ((lastSaid - began) / 1000));
    console.log(
      `memory and ${pair.name}: ${done} operations without a difference, to seed ${seed}, ${perSecond}/s`,
    );
  }
  console.log([...tally].map(([key, times]) => `${key} ${times}`).join(', '));
} catch (error) {
  if (!(error instanceof DifferenceError)) throw error;
  console.error(error.message);
  process.exitCode = 1;
}
