/**
 * The ratios as a chart: a bar with its spread for each task, and the goal as a line across it.
 */
import { type Summary, taskText } from './summary.ts';

const labelPx = 330;
const plotPx = 520;
const rowPx = 16;
const headPx = 46;
/** The ratio at the right edge; what is larger is cut there. */
const ratioMax = 2;

export function ratioChart(rows: readonly Summary[]): string {
  const drawn = rows.filter((row) => row.cpuRatio !== undefined);
  const height = headPx + drawn.length * rowPx + 20;
  const x = (ratio: number): number => labelPx + (Math.min(ratio, ratioMax) / ratioMax) * plotPx;
  const grid = [0, 0.5, 1, 1.5, 2].map(
    (ratio) =>
      `<line x1="${x(ratio)}" y1="${headPx - 6}" x2="${x(ratio)}" y2="${height - 14}" stroke="${ratio === 1 ? '#444' : '#ddd'}"/>` +
      `<text x="${x(ratio)}" y="${headPx - 10}" text-anchor="middle">${ratio}</text>`,
  );
  const bars = drawn.map((row, index) => bar(row, headPx + index * rowPx, x));
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" width="${labelPx + plotPx + 60}" height="${height}" font-family="sans-serif" font-size="11">`,
    '<rect width="100%" height="100%" fill="#fff"/>',
    `<text x="8" y="18" font-size="14">Server CPU per operation, smbkit ÷ Samba (1 = the same; the red mark is the goal)</text>`,
    ...grid,
    ...bars,
    '</svg>\n',
  ].join('\n');
}

function bar(row: Summary, y: number, x: (ratio: number) => number): string {
  const { cpuRatio, goal } = row;
  if (cpuRatio === undefined) return '';
  const { median, least, most } = cpuRatio;
  const isReached = goal === undefined ? median <= 1 : median <= goal;
  const middle = y + rowPx / 2;
  const label = `${taskText(row.workload, row.depth)}, ${row.protection}, ${row.clients}`;
  const mark =
    goal === undefined
      ? ''
      : `<line x1="${x(goal)}" y1="${y + 1}" x2="${x(goal)}" y2="${y + rowPx - 1}" stroke="#c00" stroke-width="2"/>`;
  return (
    `<text x="${labelPx - 6}" y="${middle + 4}" text-anchor="end">${label}</text>` +
    `<rect x="${x(0)}" y="${y + 3}" width="${(x(median) - x(0)).toFixed(1)}" height="${rowPx - 6}" fill="${isReached ? '#6aa56a' : '#d9a441'}"/>` +
    `<line x1="${x(least).toFixed(1)}" y1="${middle}" x2="${x(most).toFixed(1)}" y2="${middle}" stroke="#333"/>` +
    mark +
    `<text x="${labelPx + plotPx + 6}" y="${middle + 4}">${median.toFixed(2)}</text>`
  );
}
