/**
 * The table that a run ends with.
 */
import { type Result, results, sambaResult, suiteOf } from './facts.ts';
import type { LeafRun } from './leaf.ts';

type Counts = Record<Result, number>;

/** `pass / fail / skip / timeout` of each suite, ours beside Samba 4.17's for the same leaves. */
export function table(runs: readonly LeafRun[], name: string): string {
  const suites = new Map<string, { ours: Counts; theirs: Counts; leaves: number }>();
  for (const { plan, result } of runs) {
    for (const suite of [suiteOf(plan.name), 'all']) {
      const row = suites.get(suite) ?? { ours: none(), theirs: none(), leaves: 0 };
      suites.set(suite, row);
      row.leaves++;
      row.ours[result]++;
      const theirs = sambaResult(plan.name);
      if (theirs !== undefined) row.theirs[theirs.result]++;
    }
  }
  const heading = [
    'suite'.padEnd(30),
    name.padStart(8).padEnd(36),
    'Samba 4.17'.padStart(12).padEnd(36),
    'leaves',
  ];
  const columns = results.map((result) => result.padStart(8)).join('');
  const lines = [heading.join(''), `${''.padEnd(30)}${columns.padEnd(36)}${columns}`.trimEnd()];
  const rows = [...suites].sort(([a], [b]) => Number(a === 'all') - Number(b === 'all') || (a < b ? -1 : 1));
  for (const [suite, { ours, theirs, leaves }] of rows) {
    const mark = ours.pass < theirs.pass ? ' ↓' : ours.pass > theirs.pass ? ' ↑' : '';
    lines.push(`${suite.padEnd(30)}${numbers(ours)}${numbers(theirs)}${String(leaves).padStart(6)}${mark}`);
  }
  return lines.join('\n');
}

function none(): Counts {
  return { pass: 0, fail: 0, skip: 0, timeout: 0 };
}

function numbers(counts: Counts): string {
  return results
    .map((result) => (counts[result] === 0 ? '·' : String(counts[result])).padStart(8))
    .join('')
    .padEnd(36);
}
