/**
 * The servers that are measured, each with a folder, an account and settings that ask the same of both.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, globSync, mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { ended, endWithThisProcess } from '../interop/peers/peer.ts';
import {
  addAccount,
  answering,
  commonSettings,
  freePort,
  host,
  section,
  startSmbd,
  stateFolders,
  stopSmbd,
} from '../interop/peers/smbd.ts';

export const serverNames = ['smbkit', 'samba', 'smbkit-memory'] as const;
export type ServerName = (typeof serverNames)[number];

export interface BenchServer {
  readonly name: ServerName;
  /** Its files stand in `share` below this. */
  readonly folder: string;
  readonly pid: number;
  readonly port: number;
  readonly user: string;
  readonly password: string;
  stop(): Promise<void>;
}

const share = 'bench';
const user = 'games';
const password = 'Secret-1';
const root = resolve(import.meta.dirname, '../..');

/** What smbd is told beside its folders. */
export const sambaSettings: Readonly<Record<string, string>> = {
  ...commonSettings,
  'server signing': 'auto',
};

/** What smbkit is told: everything else stays as it comes. */
export const smbkitSettings = {
  signing: { required: false },
  dialects: { min: '2.1' },
  log: { level: 'warn' },
};

/** Starts a server whose files and state stand in `folder`, smbkit with further settings where there are some. */
export function startServer(name: ServerName, folder: string, settings: object = {}): Promise<BenchServer> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return name === 'samba' ? startSamba(folder) : startSmbkit(name, folder, settings);
}

/** What is published is measured: the sources, compiled. Node would hold the compiler in memory besides. */
function builtProgram(): string {
  const program = join(root, 'dist/cli/main.js');
  const newest = Math.max(
    ...globSync('src/**/*.ts', { cwd: root }).map((file) => statSync(join(root, file)).mtimeMs),
  );
  if ((statSync(program, { throwIfNoEntry: false })?.mtimeMs ?? 0) > newest) return program;
  const compiler = join(root, 'node_modules/typescript/bin/tsc');
  execFileSync(process.execPath, [compiler, '-p', 'tsconfig.build.json', '--noCheck'], {
    cwd: root,
    stdio: 'inherit',
  });
  return program;
}

async function startSmbkit(name: ServerName, folder: string, settings: object): Promise<BenchServer> {
  const path = join(folder, 'share');
  mkdirSync(path);
  const port = await freePort();
  const configFile = join(folder, 'smbkit.json');
  const configuration = {
    server: { host, port },
    users: [{ name: user, password }],
    shares: { [share]: name === 'smbkit' ? { path } : { memory: true } },
    ...smbkitSettings,
    ...settings,
  };
  writeFileSync(configFile, JSON.stringify(configuration), { mode: 0o600 });
  const { SMBKIT_BENCH_PROFILE: profile, ...env } = process.env;
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...profiling, builtProgram(), 'serve', '--config', configFile], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  endWithThisProcess(child, false);
  await answering(port);
  return running({ name, folder, port }, child, () => {
    child.kill('SIGTERM');
    return ended(child);
  });
}

async function startSamba(folder: string): Promise<BenchServer> {
  const path = join(folder, 'share');
  mkdirSync(path);
  chmodSync(path, 0o777);
  const configFile = join(folder, 'smb.conf');
  const settings = { ...sambaSettings, ...stateFolders(folder) };
  const shared = section(share, { path, 'read only': 'no' });
  writeFileSync(configFile, `${section('global', settings)}${shared}`);
  addAccount(configFile, { name: user, password });
  const port = await freePort();
  const smbd = await startSmbd(configFile, port);
  return running({ name: 'samba', folder, port }, smbd, () => stopSmbd(smbd));
}

function running(
  place: Pick<BenchServer, 'name' | 'folder' | 'port'>,
  child: ChildProcess,
  stop: () => Promise<unknown>,
): BenchServer {
  return {
    ...place,
    pid: child.pid ?? 0,
    user,
    password,
    async stop() {
      await stop();
    },
  };
}

/** Largest resident memory of one process so far, in KiB. */
export function peakKibOf(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return match === null ? 0 : Number(match[1]);
}
