/**
 * `npm run bench:flame -- [--only PATTERN] [--scale X] [--target FOLDER]`: flame graphs of smbkit at work, into docs/benchmark/ or another
 * folder. See test/bench/README.md.
 */
import { chmodSync, globSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { commandLine } from '../testing/command-line.ts';
import { type Load, runClient } from './client.ts';
import { type CpuProfile, flameGraph, flamesOf } from './flame-graph.ts';
import { startServer } from './servers.ts';

const { values } = commandLine(import.meta.filename, {
  options: {
    only: { type: 'string', default: '' },
    scale: { type: 'string', default: '1' },
    target: { type: 'string', default: resolve(import.meta.dirname, '../../docs/benchmark') },
  },
});

interface Picture {
  readonly name: string;
  readonly title: string;
  readonly protection: Load['protection'];
  readonly workload: string;
  readonly depth: number;
  readonly operations: number;
}

const pictures: readonly Picture[] = [
  {
    name: 'flame-open-query',
    title: 'Open, query, close; SMB 3.1.1, plain, one client, depth 4',
    protection: 'plain',
    workload: 'open-query',
    depth: 4,
    operations: 40_000,
  },
  {
    name: 'flame-read-1m',
    title: 'Read 1 MiB; SMB 3.1.1, signed with AES-GMAC, one client, depth 4',
    protection: 'gmac',
    workload: 'read-1m',
    depth: 4,
    operations: 8000,
  },
  {
    name: 'flame-list',
    title: 'List a folder of 10,000 files; SMB 3.1.1, plain, one client',
    protection: 'plain',
    workload: 'list',
    depth: 1,
    operations: 40,
  },
];

/** A server of its own, so that one work shows alone; first what warms it up, which the picture leaves out. */
async function taken(picture: Picture, folder: string): Promise<string> {
  const profiles = join(folder, 'profile');
  mkdirSync(profiles, { recursive: true });
  process.env['SMBKIT_BENCH_PROFILE'] = profiles;
  const server = await startServer('smbkit', join(folder, 'server'));
  const { protection, workload, depth } = picture;
  const operations = Math.max(depth, Math.round(picture.operations * Number(values.scale)));
  const work = (count: number) =>
    runClient(server, { protection, clients: 1, words: [`${workload}:${depth}:${count}`] });
  let from: bigint;
  let to: bigint;
  try {
    await work(Math.max(depth, Math.round(operations / 4)));
    from = process.hrtime.bigint();
    await work(operations);
    to = process.hrtime.bigint();
  } finally {
    await server.stop();
  }
  const [file] = globSync(join(profiles, '*.cpuprofile'));
  if (file === undefined) throw new Error('the server left no profile');
  const profile: CpuProfile = JSON.parse(readFileSync(file, 'utf8'));
  return flameGraph(flamesOf(profile, Number(from / 1000n), Number(to / 1000n)), picture.title);
}

const wanted = pictures.filter(({ name }) => new RegExp(values.only).test(name));
for (const picture of wanted) {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-flame-'));
  chmodSync(folder, 0o755);
  try {
    const file = join(values.target, `${picture.name}.svg`);
    writeFileSync(file, await taken(picture, folder));
    console.log(file);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}
