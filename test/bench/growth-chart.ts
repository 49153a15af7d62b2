/**
 * Curves of growth, both axes logarithmic: a flat line is a cost that does not grow, a straight one with slope 1 one that grows as
 * the size does.
 */
export interface Curve {
  /** What grows. */
  readonly title: string;
  /** What is measured. */
  readonly name: string;
  /** Size and value. */
  readonly points: readonly (readonly [number, number])[];
}

const plotPx = { width: 360, height: 200, left: 60, top: 30, gap: 90 };
const colours = ['#3b6ea5', '#c0504d', '#6a9a3a', '#8064a2'];

export function growthChart(curves: readonly Curve[]): string {
  const groups = [...Map.groupBy(curves, ({ title }) => title)];
  const { width, height, left, top, gap } = plotPx;
  const parts = groups.map(([title, group], index) => {
    const x = left + (index % 2) * (width + gap);
    const y = top + Math.floor(index / 2) * (height + gap);
    return `<g transform="translate(${x},${y})">${plot(title, group)}</g>`;
  });
  const rows = Math.ceil(groups.length / 2);
  const size = `width="${2 * (width + gap)}" height="${rows * (height + gap) + top}"`;
  return `<svg xmlns="http://www.w3.org/2000/svg" ${size} font-family="sans-serif" font-size="11">\n<rect width="100%" height="100%" fill="#fff"/>\n${parts.join('\n')}\n</svg>\n`;
}

function plot(title: string, group: readonly Curve[]): string {
  const { width, height } = plotPx;
  const all = group.flatMap(({ points }) => points);
  const xs = scaleOf(
    all.map(([size]) => size),
    width,
  );
  const ys = scaleOf(
    all.map(([, value]) => value),
    height,
  );
  const lines = group.map(({ name, points }, index) => {
    const path = points.map(
      ([size, value]) => `${xs.at(size)},${(height - Number(ys.at(value))).toFixed(1)}`,
    );
    const colour = colours[index % colours.length];
    const label = `<text x="${8}" y="${height + 32 + 13 * index}" fill="${colour}">${name}</text>`;
    return `<polyline points="${path.join(' ')}" fill="none" stroke="${colour}" stroke-width="2"/>${label}`;
  });
  const xTicks = xs.ticks.map(
    (tick) => `<text x="${xs.at(tick)}" y="${height + 14}" text-anchor="middle">${tick}</text>`,
  );
  const yTicks = ys.ticks.map((tick) => {
    const y = height - Number(ys.at(tick));
    return `<line x1="0" x2="${width}" y1="${y}" y2="${y}" stroke="#eee"/><text x="-6" y="${y + 4}" text-anchor="end">${tick}</text>`;
  });
  const frame = `<rect width="${width}" height="${height}" fill="none" stroke="#999"/>`;
  return `<text x="0" y="-10" font-size="13">${title}</text>${yTicks.join('')}${frame}${xTicks.join('')}${lines.join('')}`;
}

interface Scale {
  at(value: number): string;
  readonly ticks: readonly number[];
}

/** A logarithmic scale over whole powers of ten. */
function scaleOf(values: readonly number[], lengthPx: number): Scale {
  const known = values.filter((value) => value > 0);
  const low = Math.floor(Math.log10(Math.min(...known)));
  const high = Math.max(low + 1, Math.ceil(Math.log10(Math.max(...known))));
  return {
    at: (value) => (((Math.log10(value) - low) / (high - low)) * lengthPx).toFixed(1),
    ticks: Array.from({ length: high - low + 1 }, (_, index) => Number((10 ** (low + index)).toPrecision(1))),
  };
}
