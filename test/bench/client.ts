/**
 * The load client: built from its C sources on the spot, run as a process of its own.
 */
import { execFile, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, globSync, mkdirSync, readFileSync, renameSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Protection } from './plan.ts';
import type { BenchServer } from './servers.ts';

const sources = join(import.meta.dirname, 'client');
const cache = resolve(import.meta.dirname, '../../node_modules/.cache/smbkit-bench');

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

/** Builds the client unless one of these very sources is there, and says where it is. */
export function builtClient(): string {
  const files = globSync(join(sources, '*.[ch]')).sort();
  const hash = createHash('sha256');
  for (const file of files) hash.update(readFileSync(file));
  const program = join(cache, `load-client-${hash.digest('hex').slice(0, 16)}`);
  if (existsSync(program)) return program;
  mkdirSync(cache, { recursive: true });
  const units = files.filter((file) => file.endsWith('.c'));
  const unfinished = `${program}.${process.pid}`;
  const flags = ['-O2', '-Wall', '-Wextra', '-Werror', '-D_GNU_SOURCE'];
  const { status } = spawnSync('gcc', [...flags, '-o', unfinished, ...units, '-lcrypto'], {
    stdio: 'inherit',
  });
  if (status !== 0) throw new Error('the load client does not compile');
  renameSync(unfinished, program);
  return program;
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
  const { stdout } = await promisify(execFile)(builtClient(), [...words, ...load.words], {
    maxBuffer: 2 ** 24,
  });
  return stdout
    .trim()
    .split('\n')
    .map((line): Measurement => JSON.parse(line));
}
