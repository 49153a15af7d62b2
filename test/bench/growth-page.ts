/**
 * The growth as it is checked in: a page, a chart and the numbers. What was measured in parts, with `--only`, is put together: each
 * part keeps its command and conditions.
 */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { type Curve, growthChart } from './growth-chart.ts';

/** How the curves of one title came about. */
export interface Origin {
  readonly command: string;
  readonly conditions: string;
}

/** A curve that is checked in. */
export interface KeptCurve extends Curve, Origin {}

const target = resolve(import.meta.dirname, '../../docs/benchmark');
const notes = join(target, 'growth-notes.md');

/** Puts the curves in place of those of the same titles. */
export function writeGrowth(curves: readonly Curve[], origin: Origin): void {
  const file = join(target, 'growth.json');
  const before: KeptCurve[] = existsSync(file) ? JSON.parse(readFileSync(file, 'utf8')) : [];
  const kept = joined(before, curves, origin);
  mkdirSync(target, { recursive: true });
  writeFileSync(file, `${JSON.stringify(kept, undefined, 1)}\n`);
  writeFileSync(join(target, 'growth.svg'), growthChart(kept));
  const text = existsSync(notes) ? `\n${readFileSync(notes, 'utf8')}` : '';
  writeFileSync(join(target, 'growth.md'), `${growthPage(kept)}${text}`);
}

/** The order of titles stays. */
export function joined(before: readonly KeptCurve[], curves: readonly Curve[], origin: Origin): KeptCurve[] {
  const fresh = Map.groupBy(
    curves.map((curve): KeptCurve => ({ ...curve, ...origin })),
    ({ title }) => title,
  );
  const groups = Map.groupBy(before, ({ title }) => title);
  for (const [title, group] of fresh) groups.set(title, group);
  return [...groups.values()].flat();
}

/** How a value grows with its size: 0 for not at all, 1 for in proportion; between the first and the last point. */
export function exponentOf({ points }: Curve): number {
  const [first, last] = [points[0], points.at(-1)];
  if (first === undefined || last === undefined || first[0] === last[0]) return Number.NaN;
  return Math.log(last[1] / first[1]) / Math.log(last[0] / first[0]);
}

export function growthPage(curves: readonly (Curve & Partial<Origin>)[]): string {
  const tables = [...Map.groupBy(curves, ({ title }) => title)].map(([title, group]) => {
    const sizes = group[0]?.points.map(([size]) => size) ?? [];
    const rows = sizes.map((size, index) => [
      size.toLocaleString('en'),
      ...group.map(({ points }) => points[index]?.[1].toFixed(1) ?? ''),
    ]);
    const exponents = ['exponent', ...group.map((curve) => exponentOf(curve).toFixed(2))];
    const lines = [
      [title, ...group.map(({ name }) => name)],
      ['---:', ...group.map(() => '---:')],
      ...rows,
      exponents,
    ];
    const table = lines.map((cells) => `| ${cells.join(' | ')} |`).join('\n');
    const [first] = group;
    return first?.command === undefined ? table : `${table}\n\n\`${first.command}\`: ${first.conditions}.`;
  });
  return `# Growth

Written by \`npm run bench:growth\`. Server CPU (user and system) of smbkit as things grow; signed with AES-GMAC, one client at work. The
exponent says how a value grows from the first size to the last: 0 not at all, 1 in proportion.

![Curves](growth.svg)

${tables.join('\n\n')}
`;
}
