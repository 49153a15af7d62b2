/**
 * A CPU profile of V8 as a flame graph: a bar for each function as wide as the time spent in it and in what it called, the caller below.
 */
import { relative, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

/** What is used of a `.cpuprofile`. Times in µs, by the monotonic clock. */
export interface CpuProfile {
  readonly nodes: readonly ProfileNode[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
  readonly startTime: number;
}

export interface ProfileNode {
  readonly id: number;
  readonly callFrame: { readonly functionName: string; readonly url: string; readonly lineNumber: number };
  readonly children?: readonly number[];
}

/** A function where it was called from. */
export interface Flame {
  readonly name: string;
  /** The file that it is in, below the project; the runtime's own have none. */
  readonly place: string;
  selfMicros: number;
  totalMicros: number;
  readonly callees: Map<string, Flame>;
}

const root = resolve(import.meta.dirname, '../..');

/** Waiting is no work. */
const WAITING = '(idle)';

/** The samples between two times, joined by their stacks. */
export function flamesOf(profile: CpuProfile, fromMicros = 0, toMicros = Number.POSITIVE_INFINITY): Flame {
  const nodes = new Map(profile.nodes.map((node) => [node.id, node]));
  const callers = new Map<number, number>();
  for (const { id, children = [] } of profile.nodes) for (const child of children) callers.set(child, id);
  const all: Flame = flameNamed('all', '');
  let time = profile.startTime;
  for (const [index, id] of profile.samples.entries()) {
    time += profile.timeDeltas[index] ?? 0;
    // A sample stands for the time until the next one.
    const micros = profile.timeDeltas[index + 1] ?? 0;
    if (time < fromMicros || time > toMicros || nodes.get(id)?.callFrame.functionName === WAITING) continue;
    burn(all, stackOf(id, nodes, callers), micros);
  }
  return all;
}

/** From the outermost function to the one at work; the profile's own root left out. */
function stackOf(
  id: number,
  nodes: ReadonlyMap<number, ProfileNode>,
  callers: ReadonlyMap<number, number>,
): ProfileNode[] {
  const stack: ProfileNode[] = [];
  for (let at: number | undefined = id; at !== undefined; at = callers.get(at)) {
    const node = nodes.get(at);
    if (node !== undefined && callers.has(at)) stack.push(node);
  }
  return stack.reverse();
}

function burn(all: Flame, stack: readonly ProfileNode[], micros: number): void {
  all.totalMicros += micros;
  let flame = all;
  for (const { callFrame } of stack) {
    const place = placeOf(callFrame.url);
    const name = callFrame.functionName || `(anonymous, line ${callFrame.lineNumber + 1})`;
    const key = `${name} ${place}`;
    const callee = flame.callees.get(key) ?? flameNamed(name, place);
    flame.callees.set(key, callee);
    callee.totalMicros += micros;
    flame = callee;
  }
  flame.selfMicros += micros;
}

function flameNamed(name: string, place: string): Flame {
  return { name, place, selfMicros: 0, totalMicros: 0, callees: new Map() };
}

function placeOf(url: string): string {
  return url.startsWith('file:') ? relative(root, fileURLToPath(url)) : url;
}

const WIDTH_PX = 1200;
const ROW_PX = 17;
const HEAD_PX = 40;
/** Narrower bars are left out. */
const NARROW_PX = 0.8;
const CHAR_PX = 6.2;

/** By the folder of the sources; anything else is the runtime. */
const colours: Readonly<Record<string, string>> = {
  server: '#e8a36b',
  vfs: '#e6c35c',
  fs: '#b9cf6a',
  backend: '#8fc9a3',
  native: '#7fb8c9',
  crypto: '#9aa7dd',
  wire: '#c9a0d6',
  session: '#dba0b4',
};
const RUNTIME = '#cfcfcf';

interface Bar {
  readonly flame: Flame;
  readonly x: number;
  readonly depth: number;
}

/** The graph as a drawing; what a bar stands for shows when the pointer is on it. */
export function flameGraph(all: Flame, title: string): string {
  const bars: Bar[] = [];
  const pxPerMicro = WIDTH_PX / Math.max(all.totalMicros, 1);
  lay({ flame: all, x: 0, depth: 0 }, pxPerMicro, bars);
  const depth = Math.max(0, ...bars.map((bar) => bar.depth));
  const heightPx = HEAD_PX + (depth + 1) * ROW_PX + 4;
  const drawn = bars.map((bar) => drawnBar(bar, all, heightPx));
  const legend = Object.entries({ ...colours, runtime: RUNTIME }).map(
    ([name, colour], index) =>
      `<rect x="${index * 90}" y="22" width="10" height="10" fill="${colour}"/><text x="${index * 90 + 14}" y="31">${name}</text>`,
  );
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH_PX}" height="${heightPx}" font-family="sans-serif" font-size="11">
<rect width="100%" height="100%" fill="#fff"/>
<text x="0" y="14" font-size="13">${escaped(title)}: ${(all.totalMicros / 1e6).toFixed(2)} s of work</text>
${legend.join('')}
${drawn.join('\n')}
</svg>
`;
}

function lay(bar: Bar, pxPerMicro: number, bars: Bar[]): void {
  if (bar.flame.totalMicros * pxPerMicro < NARROW_PX) return;
  bars.push(bar);
  let { x } = bar;
  const callees = [...bar.flame.callees.values()].sort((a, b) => (a.name < b.name ? -1 : 1));
  for (const flame of callees) {
    lay({ flame, x, depth: bar.depth + 1 }, pxPerMicro, bars);
    x += flame.totalMicros * pxPerMicro;
  }
}

function drawnBar({ flame, x, depth }: Bar, all: Flame, heightPx: number): string {
  const { name, place, totalMicros, selfMicros } = flame;
  const widthPx = (totalMicros / Math.max(all.totalMicros, 1)) * WIDTH_PX;
  const share = (micros: number): string => `${((100 * micros) / Math.max(all.totalMicros, 1)).toFixed(1)} %`;
  const y = heightPx - 4 - (depth + 1) * ROW_PX;
  const charCount = Math.floor((widthPx - 4) / CHAR_PX);
  const label = name.length <= charCount ? name : charCount > 3 ? `${name.slice(0, charCount - 1)}…` : '';
  const colour = colours[/^(?:src|dist)\/(\w+)/.exec(place)?.[1] ?? ''] ?? RUNTIME;
  const told = `${name} ${place}: ${share(totalMicros)}, itself ${share(selfMicros)}`;
  const text = label === '' ? '' : `<text x="${(x + 2).toFixed(1)}" y="${y + 12}">${escaped(label)}</text>`;
  return `<g><title>${escaped(told)}</title><rect x="${x.toFixed(1)}" y="${y}" width="${Math.max(widthPx - 0.3, 0.3).toFixed(1)}" height="${ROW_PX - 1}" fill="${colour}"/>${text}</g>`;
}

function escaped(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
