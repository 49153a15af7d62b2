/**
 * `npm run bench`: smbkit and Samba under the same load, in turn, in one run. See test/bench/README.md.
 *
 *     npm run bench -- [OPTIONS]
 *       --quick                the ratios in about five minutes
 *       --only PATTERN         tasks whose WORKLOAD:DEPTH matches
 *       --protection LIST      of plain, hmac, cmac, gmac, gcm
 *       --clients LIST         numbers of connections
 *       --repeats N  --scale X repeats, and the share of a full run's operations
 *       --servers LIST         of smbkit, samba, smbkit-memory
 *       --folder PATH          where the served folders are made
 *       --no-memory --no-tree  leave out smbkit's memory backend, or the copies with smbclient
 *       --write                write docs/benchmark/
 *
 * SMBKIT_BENCH_PROFILE=FOLDER writes a CPU profile of smbkit there.
 */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { hasSamba } from '../interop/peers/samba.ts';
import { commandLine } from '../testing/command-line.ts';
import { builtClient, type Measurement, runClient } from './client.ts';
import { fullPlan, type Plan, type Protection, protections, quickPlan, type Task, taskWord } from './plan.ts';
import { machineFacts, writeResults } from './results.ts';
import { type BenchServer, peakKibOf, type ServerName, serverNames, startServer } from './servers.ts';
import { summaries, summaryTable } from './summary.ts';
import { copyTree } from './tree-copy.ts';

/** One measurement and the server that it was taken of. */
export interface Sample extends Measurement {
  readonly server: ServerName;
  readonly repeat: number;
}

const { values } = commandLine(import.meta.filename, {
  options: {
    quick: { type: 'boolean', default: false },
    only: { type: 'string', default: '' },
    protection: { type: 'string' },
    clients: { type: 'string' },
    repeats: { type: 'string' },
    scale: { type: 'string' },
    folder: { type: 'string', default: tmpdir() },
    memory: { type: 'boolean' },
    tree: { type: 'boolean' },
    servers: { type: 'string' },
    write: { type: 'boolean', default: false },
  },
  allowNegative: true,
});

function listed(value: string | undefined): string[] | undefined {
  return value?.split(',').filter((word) => word !== '');
}

function protectionsOf(words: readonly string[]): Protection[] {
  const chosen = protections.filter((name) => words.includes(name));
  if (chosen.length !== words.length) throw new Error(`--protection: of ${protections.join(', ')}`);
  return chosen;
}

/** The tasks that match, with those that make what they need. */
function tasksOf(pattern: RegExp, all: readonly Task[]): Task[] {
  const chain = ['create', 'rename', 'delete'];
  const last = chain.findLastIndex((name) => pattern.test(`${name}:4`));
  return all.filter(({ workload, depth }) => {
    const place = chain.indexOf(workload);
    return pattern.test(`${workload}:${depth}`) || (place >= 0 && place < last);
  });
}

function planned(): Plan {
  const base = values.quick ? quickPlan : fullPlan;
  const chosen = listed(values.protection);
  const clientCounts = listed(values.clients)?.map(Number);
  const isNarrowed = chosen !== undefined || clientCounts !== undefined || values.only !== '';
  return {
    ...base,
    repeats: Number(values.repeats ?? base.repeats),
    scale: Number(values.scale ?? base.scale),
    protections: chosen === undefined ? base.protections : protectionsOf(chosen),
    clientCounts: clientCounts ?? base.clientCounts,
    manyClientsWith: chosen === undefined ? base.manyClientsWith : protectionsOf(chosen),
    tasks: tasksOf(new RegExp(values.only), base.tasks),
    hasMemory: values.memory ?? (base.hasMemory && !isNarrowed),
    treeFiles: (values.tree ?? !isNarrowed) ? base.treeFiles : 0,
  };
}

interface LoadShape {
  readonly protection: Protection;
  readonly clients: number;
}

function loadsOf(plan: Plan): LoadShape[] {
  return plan.clientCounts.flatMap((clients) =>
    plan.protections
      .filter((protection) => clients === 1 || plan.manyClientsWith.includes(protection))
      .map((protection) => ({ protection, clients })),
  );
}

async function main(): Promise<void> {
  if (!hasSamba()) throw new Error("Debian's smbd is missing: bash test/bench/setup.sh");
  builtClient();
  const plan = planned();
  const folder = mkdtempSync(join(resolve(values.folder), 'smbkit-bench-'));
  // smbd works under the account of the session, which must be able to enter.
  chmodSync(folder, 0o755);
  const names = serverNames.filter(
    (name) =>
      (listed(values.servers) ?? serverNames).includes(name) && (name !== 'smbkit-memory' || plan.hasMemory),
  );
  const servers: BenchServer[] = [];
  try {
    for (const name of names) servers.push(await startServer(name, join(folder, name)));
    const samples = await measureAll(servers, plan);
    const copies = plan.treeFiles === 0 ? [] : await copyTree(servers, plan, folder);
    const peaks = Object.fromEntries(servers.map(({ name, pid }) => [name, peakKibOf(pid)]));
    const rows = summaries(samples);
    console.log(summaryTable(rows, plan));
    for (const copy of copies) console.log(JSON.stringify(copy));
    if (values.write) {
      const target = resolve(import.meta.dirname, '../../docs/benchmark');
      mkdirSync(target, { recursive: true });
      const facts = await machineFacts(process.argv.slice(2), values.folder);
      for (const [name, text] of writeResults({ facts, rows, copies, peaks, samples, plan })) {
        writeFileSync(join(target, name), text);
      }
    }
  } finally {
    for (const server of servers) await server.stop();
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** Those with the fewest clients: what is compiled for one is compiled for all. */
function warmUpLoadsOf(plan: Plan): LoadShape[] {
  const clients = Math.min(...plan.clientCounts);
  return loadsOf(plan).filter((load) => load.clients === clients);
}

interface Turn extends LoadShape {
  readonly server: BenchServer;
  readonly words: readonly string[];
  /** Below zero: before anything is written down, so that compilers and caches get warm. */
  readonly repeat: number;
}

/** The runs of the load client in their order: each load on one server right after the other. */
function* turnsOf(servers: readonly BenchServer[], plan: Plan): Generator<Turn> {
  for (let repeat = -1; repeat < plan.repeats; repeat++) {
    const inTurn = repeat % 2 === 0 ? servers : servers.toReversed();
    const isWarmUp = repeat < 0;
    const loads = isWarmUp ? warmUpLoadsOf(plan) : loadsOf(plan);
    const scale = isWarmUp ? plan.warmUp / loads.length : plan.scale;
    for (const load of loads) {
      const words = plan.tasks.map((task) => taskWord(task, scale, load.clients));
      yield* inTurn.map((server) => ({ ...load, server, words, repeat }));
    }
  }
}

async function measureAll(servers: readonly BenchServer[], plan: Plan): Promise<Sample[]> {
  const samples: Sample[] = [];
  for (const { server, repeat, ...load } of turnsOf(servers, plan)) {
    const isWarmUp = repeat < 0;
    console.error(
      `${isWarmUp ? 'warm-up' : repeat + 1}: ${load.protection}, ${load.clients} at ${server.name}`,
    );
    const measured = await runClient(server, load);
    if (!isWarmUp) samples.push(...measured.map((each) => ({ ...each, server: server.name, repeat })));
  }
  return samples;
}

await main();
