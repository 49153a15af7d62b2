/**
 * `npm run fuzz -- [--minutes 60] [--target NAME] [--seed S]`: fuzzes every target in turn, or the one that is named, and prints how
 * many inputs each took and how fast. Stops at the first finding, which is kept in the corpus.
 */

import { commandLine } from '../testing/command-line.ts';
import { keep } from './corpus.ts';
import { FuzzFailure, type FuzzReport, fuzz, replay } from './fuzz.ts';
import type { Target } from './target.ts';
import { targets } from './targets.ts';

const { values } = commandLine(import.meta.filename, {
  options: {
    minutes: { type: 'string', default: '10' },
    target: { type: 'string' },
    verbose: { type: 'boolean', default: false },
    seed: { type: 'string', default: String(Date.now() % 1_000_000) },
  },
});
const chosen = targets.filter(({ name }) => values.target === undefined || name.startsWith(values.target));
if (chosen.length === 0) {
  console.error(`no such target; one of: ${targets.map(({ name }) => name).join(' ')}`);
  process.exit(2);
}
const seconds = (Number(values.minutes) * 60) / chosen.length;
const seed = Number(values.seed);
console.log(`seed ${seed}, ${chosen.length} targets, ${seconds.toFixed(1)} s each`);

const reports: FuzzReport[] = [];
let failed: string | undefined;
for (const loose of ['unhandledRejection', 'uncaughtException']) {
  process.on(loose, (error: unknown) => {
    console.error(`${failed ?? ''} ${loose}:`, error);
    process.exit(1);
  });
}
for (const target of chosen) {
  failed = target.name;
  const report = await run(target);
  if (report === undefined) process.exit(1);
  reports.push(report);
  const rate = Math.round(report.inputs / report.seconds);
  console.log(
    `${report.target.padEnd(24)} ${String(report.inputs).padStart(10)} inputs ${String(rate).padStart(8)}/s ${String(report.outcomes.size).padStart(5)} outcomes${target.isPlain ? ' plain' : ''}`,
  );
}
if (values.verbose)
  for (const { outcomes } of reports)
    console.log([...outcomes].map(([word, count]) => `${count} ${word}`).join('\n'));
const total = reports.reduce((sum, { inputs }) => sum + inputs, 0);
console.log(`${total} inputs, no finding`);

async function run(target: Target): Promise<FuzzReport | undefined> {
  // Stacks of refusals cost more than the decoding; a finding is repeated with them.
  Error.stackTraceLimit = target.isPlain ? 0 : 20;
  try {
    return await fuzz(target, { seed, seconds });
  } catch (error) {
    if (!(error instanceof FuzzFailure)) throw error;
    Error.stackTraceLimit = 30;
    await showFinding(target, error);
    return undefined;
  }
}

/** Looks for the one input that fails alone, and keeps it, or all. */
async function showFinding(target: Target, { inputs, message }: FuzzFailure): Promise<void> {
  console.error(message);
  for (const input of [...inputs].reverse().slice(0, 600)) {
    const error = await replay(target, [input]).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error === undefined) continue;
    console.error(`fails alone: ${String(error)}`);
    console.error(`kept in ${keep(target.name, input, String(error).split('\n')[0] ?? '')}`);
    return;
  }
  console.error(`seed ${seed}: ${inputs.length} inputs in a row fail, none alone:`);
  for (const input of inputs.slice(-40)) console.error(input.toString('hex'));
}
