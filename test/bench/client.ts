/**
 * The load client: built from its C sources on the spot, run as a process of its own.
 */
import { execFile, execFileSync } from 'node:child_process';
import { globSync, mkdirSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Protection } from './plan.ts';
import type { BenchServer } from './servers.ts';

const sources = join(import.meta.dirname, 'client');
const program = resolve(import.meta.dirname, '../../node_modules/.cache/smbkit-bench/load-client');

/** What the client prints for one task. */
export interface Measurement {
  readonly workload: string;
  readonly protection: Protection;
  readonly clients: number;
  readonly depth: number;
  readonly operations: number;
  /** Payload of one operation. */
  readonly bytes: number;
  readonly seconds: number;
  /** Of the server and all its processes, user and system. */
  readonly cpuMicros: number;
  readonly p50Micros: number;
  readonly p99Micros: number;
  /** Proportional set size of the server and all its processes. */
  readonly memoryKib: number;
}

/** Builds the client when a source is newer. */
export function buildClient(): void {
  const files = globSync(join(sources, '*.[ch]'));
  const newest = Math.max(...files.map((file) => statSync(file).mtimeMs));
  const built = statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0;
  if (built > newest) return;
  mkdirSync(resolve(program, '..'), { recursive: true });
  const units = files.filter((file) => file.endsWith('.c'));
  execFileSync('gcc', [
    '-O2',
    '-Wall',
    '-Wextra',
    '-Werror',
    '-D_GNU_SOURCE',
    '-o',
    program,
    ...units,
    '-lcrypto',
  ]);
}

export interface Load {
  readonly protection: Protection;
  readonly clients: number;
  /** Each `workload:depth:operations`. */
  readonly words: readonly string[];
  /** Further options of the client, by name. */
  readonly options?: Readonly<Record<string, string | number>>;
}

/** Runs the client against `server`. Throws when it found an answer wrong. */
export async function runClient(server: BenchServer, load: Load): Promise<Measurement[]> {
  const dataMib = load.clients > 4 ? 4 : 64;
  const options = {
    host: '127.0.0.1',
    port: server.port,
    user: server.user,
    password: server.password,
    share: 'bench',
    protection: load.protection,
    clients: load.clients,
    'server-pid': server.pid,
    'data-mib': dataMib,
    ...load.options,
  };
  const words = Object.entries(options).flatMap(([name, value]) => [`--${name}`, String(value)]);
  const { stdout } = await promisify(execFile)(program, [...words, ...load.words], { maxBuffer: 2 ** 24 });
  return stdout
    .trim()
    .split('\n')
    .map((line): Measurement => JSON.parse(line));
}
