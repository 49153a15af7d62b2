/**
 * The results as they are checked in: a page, a chart and the numbers.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import { resolve } from 'node:path';
import { ratioChart } from './chart.ts';
import type { Sample } from './main.ts';
import { type Plan, protectionTexts } from './plan.ts';
import { sambaSettings, smbkitSettings } from './servers.ts';
import { median, type Summary, spreadText, taskText } from './summary.ts';
import type { TreeCopy } from './tree-copy.ts';

export interface Results {
  readonly facts: Readonly<Record<string, string>>;
  readonly rows: readonly Summary[];
  readonly copies: readonly TreeCopy[];
  /** Largest resident memory of each server's first process, KiB. */
  readonly peaks: Readonly<Record<string, number>>;
  readonly samples: readonly Sample[];
  readonly plan: Plan;
}

/** Versions, machine, settings and the command to repeat. */
export async function machineFacts(
  words: readonly string[],
  folder: string,
): Promise<Record<string, string>> {
  const ask = (program: string, ...rest: string[]): string =>
    execFileSync(program, rest, { encoding: 'utf8' }).trim();
  const processors = cpus();
  return {
    command: `npm run bench${words.length === 0 ? '' : ` -- ${words.join(' ')}`}`,
    smbkit: ask('git', '-C', import.meta.dirname, 'rev-parse', '--short', 'HEAD'),
    node: process.version,
    samba: ask('smbd', '--version'),
    kernel: ask('uname', '-sr'),
    processor: `${processors.length} × ${processors[0]?.model ?? 'unknown'}`,
    memory: `${Math.round(totalmem() / 2 ** 30)} GiB`,
    folder: ask('findmnt', '-no', 'FSTYPE', '-T', folder),
    'smbd settings': Object.entries(sambaSettings)
      .map(([key, value]) => `${key} = ${value}`)
      .join('; '),
    'smbkit settings': JSON.stringify(smbkitSettings),
  };
}

/** The files of docs/benchmark by name. */
export function writeResults(results: Results): [string, string][] {
  const { facts, rows, copies, peaks } = results;
  return [
    ['results.md', page(results)],
    ['results.svg', ratioChart(rows)],
    ['results.json', `${JSON.stringify({ facts, peaks, rows, copies }, undefined, 1)}\n`],
  ];
}

function page(results: Results): string {
  const { facts, rows, copies, plan } = results;
  const notes = resolve(import.meta.dirname, '../../docs/benchmark/notes.md');
  const parts = [
    '# Benchmark: smbkit and Samba\n',
    'Written by `npm run bench`; how it measures stands in `test/bench/README.md`. CPU is user and system time of the server and all its processes. A ratio is smbkit ÷ Samba, the median of the repeats, with the least and the most of them behind it; below 1 smbkit needs less.\n',
    '![Ratios of CPU](results.svg)\n',
    table(
      ['', ''],
      Object.entries(facts).map(([key, value]) => [key, value]),
    ),
    ...[...Map.groupBy(rows, groupText)].flatMap(([text, group]) => [`## ${text}\n`, taskTable(group)]),
  ];
  if (copies.length > 0) parts.push(`## ${plan.treeFiles} small files with smbclient\n`, copyTable(copies));
  parts.push('## Memory\n', memoryTable(results));
  if (existsSync(notes)) parts.push(readFileSync(notes, 'utf8'));
  return `${parts.join('\n').trimEnd()}\n`;
}

function groupText({ protection, clients }: Summary): string {
  return `${protectionTexts[protection]}, ${clients} ${clients === 1 ? 'client' : 'clients'}`;
}

function taskTable(rows: readonly Summary[]): string {
  const cells = rows.map((row) => {
    const { smbkit, samba, 'smbkit-memory': memory } = row.servers;
    const isReached =
      row.goal === undefined || (row.cpuRatio?.median ?? Number.POSITIVE_INFINITY) <= row.goal;
    const ratio = spreadText(row.cpuRatio);
    return [
      taskText(row.workload, row.depth),
      number(smbkit?.cpuMicrosPerOperation),
      number(samba?.cpuMicrosPerOperation),
      number(memory?.cpuMicrosPerOperation),
      isReached ? ratio : `**${ratio}**`,
      row.goal?.toFixed(2) ?? '',
      `${number(smbkit?.cpuSecondsPerGib)} / ${number(samba?.cpuSecondsPerGib)}`,
      `${number(smbkit?.operationsPerSecond)} / ${number(samba?.operationsPerSecond)}`,
      `${number(smbkit?.p50Micros)} / ${number(samba?.p50Micros)}`,
      `${number(smbkit?.p99Micros)} / ${number(samba?.p99Micros)}`,
    ];
  });
  const head = [
    'operation',
    'smbkit CPU µs',
    'Samba CPU µs',
    'smbkit memory µs',
    'CPU ratio',
    'goal',
    'CPU s/GiB',
    'ops/s',
  ];
  return table([...head, 'p50 µs', 'p99 µs'], cells);
}

function copyTable(copies: readonly TreeCopy[]): string {
  const groups = Map.groupBy(copies, ({ server, direction }) => `${server} ${direction}`);
  const cells = [...groups].map(([name, group]) => [
    name,
    number(median(group.map((copy) => copy.cpuMicrosPerFile))),
    number(median(group.map((copy) => copy.seconds))),
  ]);
  return table(['server and direction', 'server CPU µs a file', 'seconds'], cells);
}

/** The sum of all processes while the most clients were connected. */
function memoryTable({ rows, peaks }: Results): string {
  const groups = Map.groupBy(rows, ({ clients }) => clients);
  const cells = [...groups].map(([clients, group]) => {
    const most = (name: 'smbkit' | 'samba'): number =>
      Math.max(...group.map((row) => row.servers[name]?.memoryKib ?? 0));
    return [String(clients), number(most('smbkit') / 1024), number(most('samba') / 1024)];
  });
  const highest = `Highest resident size of smbkit's process in the whole run: ${number((peaks['smbkit'] ?? 0) / 1024)} MiB.\n`;
  return `${table(['clients', 'smbkit MiB (PSS)', 'Samba MiB (PSS, all processes)'], cells)}\n${highest}`;
}

function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |\n`;
  return `${line(head)}${line(head.map((_, index) => (index === 0 ? '---' : '---:')))}${rows.map(line).join('')}`;
}

function number(value: number | undefined): string {
  if (value === undefined || Number.isNaN(value)) return '–';
  return value >= 100 ? value.toFixed(0) : value >= 10 ? value.toFixed(1) : value.toFixed(2);
}
