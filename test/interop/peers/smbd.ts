/**
 * What every smbd of a test or a measurement needs: folders and an account of its own, a port, and an end.
 */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { type Account, ended, endWithThisProcess } from './peer.ts';

export const host = '127.0.0.1';

/** The NT semantics that smbkit has as well, on loopback alone, and no help from the kernel. */
export const commonSettings: Readonly<Record<string, string>> = {
  'server role': 'standalone server',
  'passdb backend': 'tdbsam',
  'bind interfaces only': 'yes',
  interfaces: `${host}/8`,
  'disable netbios': 'yes',
  'load printers': 'no',
  'disable spoolss': 'yes',
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

/** Makes the folders of its state below `folder`; the settings that name them, and its log. */
export function stateFolders(folder: string): Record<string, string> {
  const settings: Record<string, string> = { 'log file': join(folder, 'log') };
  for (const key of [
    'private dir',
    'lock directory',
    'state directory',
    'cache directory',
    'pid directory',
    'ncalrpc dir',
  ]) {
    const path = join(folder, key.replace(' ', '-'));
    settings[key] = path;
    mkdirSync(path, { mode: 0o755 });
  }
  return settings;
}

/** One section of a configuration. */
export function section(name: string, values: Readonly<Record<string, string>>): string {
  const lines = Object.entries(values).map(([key, value]) => `  ${key} = ${value}\n`);
  return `[${name}]\n${lines.join('')}`;
}

/** Lets an account of the system log on under a password. */
export function addAccount(configFile: string, account: Account): void {
  execFileSync('pdbedit', [`--configfile=${configFile}`, '-a', '-t', '-u', account.name], {
    input: `${account.password}\n${account.password}\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

/** Starts smbd; it ends with this process, at the latest. */
export async function startSmbd(configFile: string, port: number): Promise<ChildProcess> {
  const words = ['--foreground', '--no-process-group', `--configfile=${configFile}`, '-p', String(port)];
  const smbd = spawn('smbd', words, { stdio: 'ignore', detached: true });
  endWithThisProcess(smbd, true);
  await answering(port);
  return smbd;
}

/** Ends smbd and all its processes; its exit code. */
export async function stopSmbd(smbd: ChildProcess): Promise<number | null> {
  smbd.kill('SIGTERM');
  const exitCode = await ended(smbd);
  if (smbd.pid === undefined) return exitCode;
  kill(-smbd.pid);
  const words = smbd.spawnargs.filter((word) => word.startsWith('--configfile='));
  // Its samba-dcerpcd has left the group, but not the configuration.
  for (const pid of processes()) if (words.some((word) => commandOf(pid).includes(word))) kill(pid);
  return exitCode;
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL');
  } catch {
    // It is gone.
  }
}

function processes(): number[] {
  return readdirSync('/proc').map(Number).filter(Number.isInteger);
}

function commandOf(pid: number): readonly string[] {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0');
  } catch {
    return [];
  }
}

/** A port that nobody listened on a moment ago. */
export function freePort(): Promise<number> {
  return new Promise((done, failed) => {
    const server = createServer().on('error', failed);
    server.listen(0, host, () => {
      const address = server.address();
      server.close(() => done(typeof address === 'object' && address !== null ? address.port : 0));
    });
  });
}

/** Resolves when somebody listens on the port. */
export async function answering(port: number): Promise<void> {
  for (let attempt = 0; attempt < 400; attempt++) {
    const isThere = await new Promise<boolean>((done) => {
      const socket = connect(port, host, () => done(true)).on('error', () => done(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isThere) return;
    await delay(50);
  }
  throw new Error(`nothing listens on port ${port}`);
}
