/**
 * A tree of small files copied up and down again with smbclient.
 */
import { execFile } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';
import type { Plan } from './plan.ts';
import type { BenchServer, ServerName } from './servers.ts';

export interface TreeCopy {
  readonly server: ServerName;
  readonly direction: 'up' | 'down';
  readonly files: number;
  readonly seconds: number;
  readonly cpuMicrosPerFile: number;
}

const filesPerFolder = 200;

/** Copies `plan.treeFiles` files to each server and back, three times each. */
export async function copyTree(
  servers: readonly BenchServer[],
  plan: Plan,
  folder: string,
): Promise<TreeCopy[]> {
  const source = join(folder, 'source');
  makeTree(join(source, 'tree'), plan.treeFiles);
  const copies: TreeCopy[] = [];
  const repeats = Math.min(plan.repeats, 3);
  for (let repeat = 0; repeat < repeats; repeat++) {
    for (const server of repeat % 2 === 0 ? servers : servers.toReversed()) {
      const target = join(folder, 'target');
      mkdirSync(target);
      copies.push(await copied(server, 'up', { local: source, files: plan.treeFiles }));
      copies.push(await copied(server, 'down', { local: target, files: plan.treeFiles }));
      demandSame(join(source, 'tree'), join(target, 'tree'));
      await smbclient(server, folder, 'deltree tree');
      rmSync(target, { recursive: true });
    }
  }
  return copies;
}

function makeTree(root: string, files: number): void {
  for (let index = 0; index < files; index++) {
    const folder = join(root, `folder${Math.floor(index / filesPerFolder)}`);
    if (index % filesPerFolder === 0) mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, `file${index}.txt`), `${index} `.repeat(100 + (index % 500)));
  }
}

async function copied(
  server: BenchServer,
  direction: 'up' | 'down',
  { local, files }: { local: string; files: number },
): Promise<TreeCopy> {
  const before = usedMicros(server.pid);
  const began = performance.now();
  await smbclient(server, local, `prompt; recurse; ${direction === 'up' ? 'mput tree' : 'mget tree'}`);
  const seconds = (performance.now() - began) / 1000;
  return {
    ...{ server: server.name, direction, files, seconds },
    cpuMicrosPerFile: (usedMicros(server.pid) - before) / files,
  };
}

async function smbclient(server: BenchServer, folder: string, commands: string): Promise<void> {
  const words = ['//127.0.0.1/bench', '-p', String(server.port), '-U', `${server.user}%${server.password}`];
  await promisify(execFile)('smbclient', [...words, '-c', commands], { cwd: folder, maxBuffer: 2 ** 28 });
}

function demandSame(source: string, copy: string): void {
  const files = readdirSync(source, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  for (const { parentPath, name } of files) {
    const path = join(parentPath, name);
    const other = join(copy, path.slice(source.length));
    if (!readFileSync(path).equals(readFileSync(other))) throw new Error(`${other} came back changed`);
  }
}

/** User and system time of a process and its children, those that have ended included. */
function usedMicros(pid: number): number {
  let ticks = 0;
  for (const { id, parent, own, ended } of processes()) {
    if (id === pid) ticks += own + ended;
    else if (parent === pid) ticks += own;
  }
  return ticks * 10_000;
}

function* processes(): Generator<{ id: number; parent: number; own: number; ended: number }> {
  for (const name of readdirSync('/proc').filter((entry) => /^\d+$/.test(entry))) {
    let text = '';
    try {
      text = readFileSync(`/proc/${name}/stat`, 'utf8');
    } catch {
      continue;
    }
    const fields = text
      .slice(text.lastIndexOf(')') + 2)
      .split(' ')
      .map(Number);
    const at = (index: number): number => fields[index] ?? 0;
    yield { id: Number(name), parent: at(1), own: at(11) + at(12), ended: at(13) + at(14) };
  }
}
