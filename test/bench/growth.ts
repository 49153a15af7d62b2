/**
 * `npm run bench:growth`: what smbkit's work costs as folders, connections, opens, locks and files grow. See test/bench/README.md.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { builtClient, type Measurement, runClient } from './client.ts';
import { type Curve, growthChart } from './growth-chart.ts';
import { type BenchServer, startServer } from './servers.ts';

const { values } = parseArgs({
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    folder: { type: 'string', default: tmpdir() },
    write: { type: 'boolean', default: false },
  },
});

/** Bounds that would end the growth before it shows anything. */
const settings = {
  limits: { connectionCountPerAddress: 16_384, openCountPerSession: 200_000, openCount: 200_000 },
};
const reads = 'read-4k:1:3000';

interface Setting {
  readonly title: string;
  readonly unit: string;
  readonly sizes: readonly number[];
  readonly measure: (server: BenchServer, size: number) => Promise<Record<string, number>>;
}

const powers = (from: number, to: number): number[] =>
  Array.from({ length: to - from + 1 }, (_, index) => 10 ** (from + index));

const settingsOfGrowth: readonly Setting[] = [
  {
    title: 'files in a folder',
    unit: 'files',
    sizes: powers(2, values.quick ? 4 : 6),
    async measure(server, size) {
      const name = `folder${size}`;
      makeFiles(join(server.folder, 'share', name), size);
      const options = { 'list-folder': name, 'list-entries': size };
      const words = [`list:1:${Math.max(1, Math.round(20_000 / size))}`, reads];
      const [list, read] = await runClient(server, { protection: 'gmac', clients: 1, words, options });
      return { 'listing, µs per file': perOperation(list) / size, 'read of 4 KiB, µs': perOperation(read) };
    },
  },
  {
    title: 'connections',
    unit: 'connections',
    sizes: [1, ...powers(1, values.quick ? 3 : 4)],
    measure: (server, size) => beside(server, { 'idle-clients': size }, size),
  },
  {
    title: 'open files',
    unit: 'opens',
    sizes: [1, ...powers(1, values.quick ? 4 : 5)],
    measure: (server, size) => beside(server, { 'kept-opens': size }, size),
  },
  {
    title: 'byte-range locks of one file',
    unit: 'locks',
    sizes: [1, ...powers(1, values.quick ? 4 : 5)].map((size) => Math.min(size, 99_999)),
    measure: (server, size) => beside(server, { 'kept-locks': size }, size),
  },
  {
    title: 'size of the file (a hole), MiB',
    unit: 'MiB',
    sizes: [1, 16, 256, 4096, 65_536],
    async measure(server, size) {
      const options = { 'data-mib': size, sparse: 1 };
      const [read] = await runClient(server, { protection: 'gmac', clients: 1, words: [reads], options });
      return { 'read of 4 KiB, µs': perOperation(read) };
    },
  },
];

/** Reads beside what `options` make: connections, opens, locks. */
async function beside(
  server: BenchServer,
  options: Readonly<Record<string, number>>,
  size: number,
): Promise<Record<string, number>> {
  const [made, read] = await runClient(server, { protection: 'gmac', clients: 1, words: [reads], options });
  return {
    'making one, µs': (made?.cpuMicros ?? Number.NaN) / size,
    'read of 4 KiB, µs': perOperation(read),
    'memory, MiB': (made?.memoryKib ?? Number.NaN) / 1024,
  };
}

function perOperation(measured: Measurement | undefined): number {
  return measured === undefined ? Number.NaN : measured.cpuMicros / measured.operations;
}

/** Files of 1 KiB with numbers in their names, as the load client expects them. */
function makeFiles(folder: string, count: number): void {
  mkdirSync(folder);
  const content = Buffer.alloc(1024, 1);
  for (let index = 0; index < count; index++) writeFileSync(join(folder, `entry${index}.txt`), content);
}

async function main(): Promise<void> {
  builtClient();
  const folder = mkdtempSync(join(resolve(values.folder), 'smbkit-growth-'));
  chmodSync(folder, 0o755);
  const curves: Curve[] = [];
  const wanted = settingsOfGrowth.filter(({ title }) => new RegExp(values.only).test(title));
  try {
    for (const setting of wanted) curves.push(...(await grown(setting, join(folder, 'server'))));
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
  const page = pageOf(curves);
  console.log(page);
  if (!values.write) return;
  const target = resolve(import.meta.dirname, '../../docs/benchmark');
  mkdirSync(target, { recursive: true });
  writeFileSync(join(target, 'growth.md'), page);
  writeFileSync(join(target, 'growth.svg'), growthChart(curves));
}

/** A server of its own for each setting, and a warm-up before anything is written down. */
async function grown({ title, unit, sizes, measure }: Setting, folder: string): Promise<Curve[]> {
  const server = await startServer('smbkit', folder, settings);
  try {
    await runClient(server, {
      protection: 'gmac',
      clients: 1,
      words: ['read-4k:1:20000', 'open-query:1:3000'],
    });
    const points: [number, Record<string, number>][] = [];
    for (const size of sizes) {
      const measured = await measure(server, size);
      console.error(`${title}: ${size} ${unit} ${JSON.stringify(measured)}`);
      points.push([size, measured]);
    }
    const names = Object.keys(points[0]?.[1] ?? {});
    return names.map((name) => ({
      title,
      name,
      points: points.map(([size, measured]): [number, number] => [size, measured[name] ?? Number.NaN]),
    }));
  } finally {
    await server.stop();
  }
}

function pageOf(curves: readonly Curve[]): string {
  const groups = Map.groupBy(curves, ({ title }) => title);
  const tables = [...groups].map(([title, group]) => {
    const sizes = group[0]?.points.map(([size]) => size) ?? [];
    const head = `| ${[title, ...group.map(({ name }) => name)].join(' | ')} |`;
    const rule = `|${' ---: |'.repeat(group.length + 1)}`;
    const rows = sizes.map((size, index) => {
      const cells = group.map(({ points }) => points[index]?.[1].toFixed(1) ?? '');
      return `| ${[size.toLocaleString('en'), ...cells].join(' | ')} |`;
    });
    return [head, rule, ...rows].join('\n');
  });
  return `# Growth

Written by \`npm run bench:growth\`. Server CPU (user and system) of smbkit as things grow; signed with AES-GMAC, one client at work.

![Curves](growth.svg)

${tables.join('\n\n')}
`;
}

await main();
