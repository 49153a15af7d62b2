/**
 * What many samples come to: medians of each server, and the ratio of the two that ran side by side.
 */
import type { Sample } from './main.ts';
import { goalOf, type Plan, type Protection, tasks } from './plan.ts';
import type { ServerName } from './servers.ts';

/** Medians over the repeats. */
export interface ServerSummary {
  readonly cpuMicrosPerOperation: number;
  readonly cpuSecondsPerGib: number | undefined;
  readonly operationsPerSecond: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  readonly memoryKib: number;
}

export interface Spread {
  readonly median: number;
  readonly least: number;
  readonly most: number;
}

export interface Summary {
  readonly workload: string;
  readonly depth: number;
  readonly protection: Protection;
  readonly clients: number;
  readonly goal: number | undefined;
  readonly servers: Partial<Record<ServerName, ServerSummary>>;
  /** CPU of smbkit ÷ CPU of Samba, repeat by repeat. */
  readonly cpuRatio: Spread | undefined;
  /** Operations a second, smbkit ÷ Samba. */
  readonly speedRatio: Spread | undefined;
}

export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = sorted.length >> 1;
  const upper = sorted[middle] ?? Number.NaN;
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? Number.NaN) + upper) / 2;
}

const cpuOf = (sample: Sample): number => sample.cpuMicros / sample.operations;
const speedOf = (sample: Sample): number => sample.operations / sample.seconds;

/** One summary for each task, protection and number of clients. */
export function summaries(samples: readonly Sample[]): Summary[] {
  const groups = Map.groupBy(samples, ({ workload, depth, protection, clients }) =>
    [workload, depth, protection, clients].join(),
  );
  return [...groups.values()].flatMap((group) => {
    const [first] = group;
    if (first === undefined) return [];
    const { workload, depth, protection, clients } = first;
    const byServer = Map.groupBy(group, ({ server }) => server);
    return {
      ...{ workload, depth, protection, clients },
      goal: goalOf(workload, depth, protection),
      servers: Object.fromEntries([...byServer].map(([name, own]) => [name, summaryOf(own)])),
      cpuRatio: ratios(byServer, cpuOf),
      speedRatio: ratios(byServer, speedOf),
    };
  });
}

function summaryOf(samples: readonly Sample[]): ServerSummary {
  const of = (value: (sample: Sample) => number): number => median(samples.map(value));
  const cpuMicrosPerOperation = of(cpuOf);
  const bytes = samples[0]?.bytes ?? 0;
  return {
    cpuMicrosPerOperation,
    cpuSecondsPerGib: bytes === 0 ? undefined : (cpuMicrosPerOperation / 1e6 / bytes) * 2 ** 30,
    operationsPerSecond: of(speedOf),
    p50Micros: of((sample) => sample.p50Micros),
    p99Micros: of((sample) => sample.p99Micros),
    memoryKib: Math.max(...samples.map(({ memoryKib }) => memoryKib)),
  };
}

function ratios(
  byServer: ReadonlyMap<ServerName, readonly Sample[]>,
  value: (sample: Sample) => number,
): Spread | undefined {
  const other = new Map(byServer.get('samba')?.map((sample) => [sample.repeat, value(sample)]));
  const own = byServer.get('smbkit') ?? [];
  const all = own.flatMap((sample) => {
    const samba = other.get(sample.repeat);
    return samba === undefined ? [] : [value(sample) / samba];
  });
  if (all.length === 0) return undefined;
  return { median: median(all), least: Math.min(...all), most: Math.max(...all) };
}

/** The summaries as lines of text for a terminal. */
export function summaryTable(rows: readonly Summary[], plan: Plan): string {
  const lines = rows.map((row) => {
    const cpu = (name: ServerName): string =>
      (row.servers[name]?.cpuMicrosPerOperation.toFixed(1) ?? '-').padStart(10);
    const { cpuRatio, speedRatio, goal } = row;
    const verdict =
      goal === undefined || cpuRatio === undefined ? '' : cpuRatio.median <= goal ? 'yes' : 'no';
    return [
      `${row.workload}:${row.depth}`.padEnd(14),
      row.protection.padEnd(6),
      String(row.clients).padStart(3),
      cpu('smbkit'),
      cpu('samba'),
      cpu('smbkit-memory'),
      spreadText(cpuRatio).padStart(20),
      (goal?.toFixed(2) ?? '').padStart(6),
      verdict.padStart(4),
      spreadText(speedRatio).padStart(20),
    ].join(' ');
  });
  const head = `task           prot.  cl.  smbkit µs   samba µs  memory µs    CPU ratio (spread)   goal           speed ratio`;
  return [head, ...lines, `${plan.repeats} repeats`].join('\n');
}

export function spreadText(spread: Spread | undefined): string {
  if (spread === undefined) return '-';
  return `${spread.median.toFixed(2)} (${spread.least.toFixed(2)}–${spread.most.toFixed(2)})`;
}

/** What a task is called in tables. */
export function taskText(workload: string, depth: number): string {
  return tasks.find((task) => task.workload === workload && task.depth === depth)?.text ?? workload;
}
