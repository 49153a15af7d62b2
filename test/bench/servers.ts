/**
 * The servers that are measured, each with a folder, an account and settings that ask the same of both.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { ended, endWithThisProcess } from '../interop/peers/peer.ts';

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

const host = '127.0.0.1';
const share = 'bench';
const user = 'games';
const password = 'Secret-1';
const program = resolve(import.meta.dirname, '../../src/cli/main.ts');

/** What smbd is told beside its folders: the NT semantics that smbkit has as well, and no help from the kernel that it lacks. */
export const sambaSettings: Readonly<Record<string, string>> = {
  'server role': 'standalone server',
  'passdb backend': 'tdbsam',
  'bind interfaces only': 'yes',
  interfaces: `${host}/8`,
  'disable netbios': 'yes',
  'load printers': 'no',
  'disable spoolss': 'yes',
  'server signing': 'auto',
  'kernel oplocks': 'no',
  'kernel share modes': 'no',
  'kernel change notify': 'no',
  'posix locking': 'no',
  'durable handles': 'yes',
  'smb2 leases': 'yes',
  'ea support': 'yes',
  'store dos attributes': 'yes',
  'vfs objects': 'acl_xattr streams_xattr',
  'log level': '0',
};

/** What smbkit is told: everything else stays as it comes. */
export const smbkitSettings = { signing: { required: false }, log: { level: 'warn' } };

/** Starts a server whose files and state stand in `folder`, smbkit with further settings where there are some. */
export function startServer(name: ServerName, folder: string, settings: object = {}): Promise<BenchServer> {
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o755 });
  return name === 'samba' ? startSamba(folder) : startSmbkit(name, folder, settings);
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
  const profile = process.env['SMBKIT_BENCH_PROFILE'];
  const profiling = profile === undefined ? [] : ['--cpu-prof', `--cpu-prof-dir=${profile}`];
  const child = spawn(process.execPath, [...profiling, program, 'serve', '--config', configFile], {
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return running({ name, folder, port }, child);
}

async function startSamba(folder: string): Promise<BenchServer> {
  const path = join(folder, 'share');
  mkdirSync(path);
  chmodSync(path, 0o777);
  const folders: Record<string, string> = {};
  for (const key of [
    'private dir',
    'lock directory',
    'state directory',
    'cache directory',
    'pid directory',
    'ncalrpc dir',
  ]) {
    folders[key] = join(folder, key.replace(' ', '-'));
    mkdirSync(folders[key], { mode: 0o755 });
  }
  const configFile = join(folder, 'smb.conf');
  const lines = Object.entries({ ...sambaSettings, ...folders, 'log file': join(folder, 'log') });
  const text = lines.map(([key, value]) => `  ${key} = ${value}\n`).join('');
  writeFileSync(configFile, `[global]\n${text}[${share}]\n  path = ${path}\n  read only = no\n`);
  execFileSync('pdbedit', [`--configfile=${configFile}`, '-a', '-t', '-u', user], {
    input: `${password}\n${password}\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
  const port = await freePort();
  const words = ['--foreground', '--no-process-group', `--configfile=${configFile}`, '-p', String(port)];
  return running({ name: 'samba', folder, port }, spawn('smbd', words, { stdio: 'ignore', detached: true }));
}

async function running(
  place: Pick<BenchServer, 'name' | 'folder' | 'port'>,
  child: ChildProcess,
): Promise<BenchServer> {
  const { port } = place;
  const isGroup = place.name === 'samba';
  endWithThisProcess(child, isGroup);
  await answering(port);
  return {
    ...place,
    pid: child.pid ?? 0,
    user,
    password,
    async stop() {
      child.kill('SIGTERM');
      await ended(child);
      if (isGroup && child.pid !== undefined) endGroup(child.pid);
    },
  };
}

function endGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // Nothing of it is left.
  }
}

/** Largest resident memory of one process so far, in KiB. */
export function peakKibOf(pid: number): number {
  const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
  return match === null ? 0 : Number(match[1]);
}

function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().on('error', failed);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 200; attempt++) {
    const isThere = await new Promise((done) => {
      const socket = connect(port, host)
        .once('connect', () => done(true))
        .once('error', () => done(false));
      socket.once('close', () => done(false)).setTimeout(1000, () => socket.destroy());
      socket.once('connect', () => socket.destroy());
    });
    if (isThere) return;
    await delay(100);
  }
  throw new Error(`nothing listens on port ${port}`);
}
