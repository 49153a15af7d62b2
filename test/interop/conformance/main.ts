/**
 * Runs smbtorture's smb2.* leaves, each alone in a process against a fresh server, and holds the results against the
 * checked-in list:
 *
 *     npm run conformance -- [PATTERN…] [--jobs N] [--share-kind memory|local] [--against samba]
 *                            [--update] [--check] [--verbose]
 *
 * A pattern is a leaf, a suite, or either with `*`. `--update` rewrites the list for the leaves that ran. `--check` is
 * how `npm test` calls it: everything, with a short output.
 */
import { availableParallelism } from 'node:os';
import { commandLine } from '../../testing/command-line.ts';
import { type Expectations, expectedPath, notYet, readExpected, updated, writeExpected } from './expected.ts';
import { allLeaves, matches, planOf, reasonNotToRun, sambaResult } from './facts.ts';
import { type Arena, type LeafRun, runLeaf } from './leaf.ts';
import { table } from './report.ts';

const { values: options, positionals: patterns } = commandLine(import.meta.filename, {
  allowPositionals: true,
  options: {
    jobs: { type: 'string', default: String(availableParallelism() * 2) },
    'share-kind': { type: 'string', default: 'memory' },
    against: { type: 'string', default: 'smbkit' },
    update: { type: 'boolean', default: false },
    check: { type: 'boolean', default: false },
    verbose: { type: 'boolean', default: false },
  },
});
const arena: Arena = {
  against: options.against === 'samba' ? 'samba' : 'smbkit',
  shareKind: options['share-kind'] === 'local' ? 'local' : 'memory',
};
process.exitCode = await main();

async function main(): Promise<number> {
  const startMs = performance.now();
  const listed = readExpected(arena.shareKind);
  const expected = arena.against === 'samba' ? sambaExpectations() : listed;
  const leaves = allLeaves().filter(
    (leaf) => patterns.length === 0 || patterns.some((pattern) => matches(pattern, leaf)),
  );
  const judging = leaves.filter((leaf) => reasonNotToRun(leaf) === undefined);
  const surprises = new Map<string, LeafRun>();
  const runs = await runAll(judging, expected);
  for (const run of runs) {
    const entry = expected.get(run.plan.name);
    const isUnknown = entry === undefined && arena.against === 'samba';
    if (run.result !== entry?.result && !isUnknown) surprises.set(run.plan.name, run);
  }
  for (const run of surprises.values()) show(run, expected);
  if (!options.check) {
    console.log(`\n${table(runs, arena.against)}`);
    for (const leaf of leaves)
      if (!judging.includes(leaf)) console.log(`not run: ${leaf}: ${reasonNotToRun(leaf)}`);
  }
  if (options.update && arena.against === 'smbkit') {
    const known = new Set(allLeaves());
    const list = new Map([...listed].filter(([leaf]) => known.has(leaf)));
    for (const run of runs) list.set(run.plan.name, updated(listed.get(run.plan.name), run));
    writeExpected(arena.shareKind, list);
    console.log(
      `\n${expectedPath(arena.shareKind)} is written; the reason of new entries is '${notYet}': say why where it is known.`,
    );
    surprises.clear();
  }
  return sumUp(runs, surprises, (performance.now() - startMs) / 1000);
}

/** Runs leaves side by side, the longest first, and each that came out other than expected again, alone, twice at most. */
async function runAll(leaves: readonly string[], expected: Expectations): Promise<LeafRun[]> {
  const seconds = (leaf: string): number => expected.get(leaf)?.seconds ?? 0;
  const queue = leaves.map(planOf).sort((a, b) => seconds(b.name) - seconds(a.name));
  const alone = queue.filter((plan) => plan.isAlone || plan.port !== undefined);
  const together = queue.filter((plan) => !alone.includes(plan));
  const runs: LeafRun[] = [];
  const isWanted = ({ plan, result }: LeafRun): boolean =>
    result === (expected.get(plan.name)?.result ?? 'pass');
  const lane = async (): Promise<void> => {
    for (let plan = together.shift(); plan !== undefined; plan = together.shift()) {
      const run = await runLeaf(plan, arena);
      if (isWanted(run)) finish(runs, run);
      else alone.push(plan);
    }
  };
  await Promise.all(Array.from({ length: Math.max(1, Number(options.jobs)) }, lane));
  for (const plan of alone) {
    const run = await runLeaf(plan, arena);
    finish(runs, isWanted(run) ? run : await runLeaf(plan, arena));
  }
  return runs;
}

function finish(runs: LeafRun[], run: LeafRun): void {
  runs.push(run);
  if (!options.check)
    console.log(
      `${run.result.padEnd(8)}${run.seconds.toFixed(1).padStart(6)} s  ${run.plan.name}  ${run.message}`,
    );
  if (options.verbose) console.log(run.output);
}

function show(run: LeafRun, expected: Expectations): void {
  const entry = expected.get(run.plan.name);
  const wanted =
    entry === undefined
      ? 'not listed'
      : `expected ${entry.result}${entry.reason === '' ? '' : ` (${entry.reason})`}`;
  console.log(`\nSURPRISE: ${run.plan.name}: ${run.result}, ${wanted}`);
  const tail = run.output.trim().split('\n').slice(-25);
  if (run.result !== 'pass') console.log(tail.map((line) => `    ${line.slice(0, 300)}`).join('\n'));
}

/** Samba's own figures as expectations, for runs against it. */
function sambaExpectations(): Expectations {
  return new Map(
    allLeaves().flatMap((leaf) => {
      const known = sambaResult(leaf);
      return known === undefined ? [] : [[leaf, { result: known.result, reason: known.reason, seconds: 0 }]];
    }),
  );
}

/** The closing lines; a leaf that is known not to pass counts as skipped. */
function sumUp(runs: readonly LeafRun[], surprises: ReadonlyMap<string, LeafRun>, seconds: number): number {
  const passing = runs.filter(({ result }) => result === 'pass').length;
  const samba = runs.filter(({ plan }) => sambaResult(plan.name)?.result === 'pass').length;
  const asExpected = runs.filter(({ plan }) => !surprises.has(plan.name));
  const passed = asExpected.filter(({ result }) => result === 'pass').length;
  console.log(
    `│ smbtorture: ${passing} of ${runs.length} leaves pass (Samba 4.17: ${samba}), ${surprises.size} surprises, ${seconds.toFixed(0)} s`,
  );
  console.log(`${passed} passed, ${surprises.size} failed, ${asExpected.length - passed} skipped`);
  return surprises.size === 0 && runs.length > 0 ? 0 : 1;
}
