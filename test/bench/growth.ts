/**
 * `npm run bench:growth -- [--quick] [--only PATTERN] [--folder PATH] [--write]`: what smbkit's work costs as folders, connections, opens,
 * locks and files grow. `--write` makes docs/benchmark/growth.md. See test/bench/README.md.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandLine } from '../testing/command-line.ts';
import { builtClient, type Measurement, runClient } from './client.ts';
import type { Curve } from './growth-chart.ts';
import { growthPage, writeGrowth } from './growth-page.ts';
import { machineFacts } from './results.ts';
import { type BenchServer, startServer } from './servers.ts';

const { values } = commandLine(import.meta.filename, {
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
/** Once to let what was made settle (the collector goes through what is new), then what counts. */
const reads = ['read-4k:1:5000', 'read-4k:1:10000'];

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
      const words = [`list:1:${Math.max(1, Math.round(20_000 / size))}`, ...reads];
      const [list, , read] = await runClient(server, { protection: 'gmac', clients: 1, words, options });
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
      // The same places twice: at first the kernel makes a page for each, in a small file only for few.
      const words = ['read-4k:1:5000', 'read-4k:1:5000'];
      const [first, again] = await runClient(server, { protection: 'gmac', clients: 1, words, options });
      return { 'read of 4 KiB, µs': perOperation(again), 'the first, µs': perOperation(first) };
    },
  },
];

/** Reads, and opens of one file again and again, beside what `options` make: connections, opens, locks. */
async function beside(
  server: BenchServer,
  options: Readonly<Record<string, number>>,
  size: number,
): Promise<Record<string, number>> {
  const words = [...reads, 'open-same:1:10000'];
  const [made, , read, open] = await runClient(server, { protection: 'gmac', clients: 1, words, options });
  return {
    'making one, µs': (made?.cpuMicros ?? Number.NaN) / size,
    'read of 4 KiB, µs': perOperation(read),
    'open and close of one file, µs': perOperation(open),
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
  console.log(growthPage(curves));
  if (!values.write) return;
  const { smbkit, node, kernel, processor, memory, folder: disk } = await machineFacts([], values.folder);
  writeGrowth(curves, {
    command: ['npm run bench:growth --', ...process.argv.slice(2).map(quoted)].join(' '),
    conditions: Object.entries({ smbkit, node, kernel, processor, memory, disk })
      .map((fact) => fact.join(' '))
      .join(', '),
  });
}

function quoted(word: string): string {
  return word.includes(' ') ? `'${word}'` : word;
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

await main();
