/**
 * Debian's smbd on a port and in a folder of its own, to prove the harnesses and to compare with.
 */
import { execFileSync, spawn } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { connect, createServer } from 'node:net';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import {
  type Account,
  ended,
  endWithThisProcess,
  type Peer,
  type PeerRequest,
  rssPeakMibOf,
} from './peer.ts';

const host = '127.0.0.1';
/** The facts about Samba were taken with these on, on tmpfs (TMPDIR=/dev/shm): ext4 allocates more. */
const globals = {
  'server role': 'standalone server',
  'passdb backend': 'tdbsam',
  'bind interfaces only': 'yes',
  interfaces: `${host}/8`,
  'disable netbios': 'yes',
  'load printers': 'no',
  'disable spoolss': 'yes',
  'server min protocol': 'SMB2_02',
  'server signing': 'mandatory',
  'server multi channel support': 'yes',
  'smbd:FSCTL_SMBTORTURE': 'yes',
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

/** What single shares of smbtorture's fixed names need. */
const special: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  hideunread: { 'hide unreadable': 'yes' },
  dosmode: { 'hide files': '/hidefile/' },
  no_streams: { 'vfs objects': 'acl_xattr' },
  fruit: { 'vfs objects': 'catia fruit streams_xattr acl_xattr' },
  ea_acl_xattr: { 'acl_xattr:security_acl_name': 'user.hackme' },
  acls_non_canonical: { 'acl flag inherited canonicalization': 'no' },
};

/** Whether Debian's smbd is installed. */
export function hasSamba(): boolean {
  try {
    execFileSync('smbd', ['--version'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

/** Starts smbd with the shares of `request` and two accounts of this machine under passwords of this run. */
export async function startSamba(request: PeerRequest): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-samba-'));
  chmodSync(folder, 0o755);
  // Samba's accounts are accounts of the system; root can take two that every Debian has.
  const [first, second] =
    process.getuid?.() === 0 ? ['games', 'daemon'] : [userInfo().username, userInfo().username];
  const account: Account = { name: first, password: 'Secret-1' };
  const otherAccount: Account = { name: second, password: first === second ? 'Secret-1' : 'Secret-2' };
  const configFile = writeConfiguration(folder, request);
  addAccount(configFile, account);
  if (first !== second) addAccount(configFile, otherAccount);

  const port = request.port ?? (await freePort());
  const smbd = spawn(
    'smbd',
    ['--foreground', '--no-process-group', `--configfile=${configFile}`, '-p', String(port)],
    {
      stdio: ['ignore', 'ignore', 'ignore'],
      detached: true,
    },
  );
  endWithThisProcess(smbd, true);
  await answering(port);
  return {
    host,
    port,
    account,
    otherAccount,
    rssPeakMib: () => Math.max(...childrenOf(smbd.pid ?? 0).map(rssPeakMibOf)),
    async stop() {
      smbd.kill('SIGTERM');
      const exitCode = await ended(smbd);
      if (smbd.pid !== undefined) killGroup(smbd.pid);
      const log = readFileSync(join(folder, 'log'), 'utf8');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      return { exitCode, stopped: {}, log };
    },
  };
}

function writeConfiguration(folder: string, request: PeerRequest): string {
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
  const section = (name: string, values: Readonly<Record<string, string>>): string =>
    `[${name}]\n${Object.entries(values)
      .map(([key, value]) => `  ${key} = ${value}\n`)
      .join('')}`;
  const shares = Object.entries(request.shares).map(([name, share]) => {
    const path = share.path ?? join(folder, `share-${name}`);
    mkdirSync(path, { recursive: true });
    chmodSync(path, 0o777);
    // Tests make folders that only they may enter; smbd works under the account of the session.
    if (dirname(path) !== tmpdir()) chmodSync(dirname(path), 0o755);
    const own = { ...special[name], ...share.sambaSettings };
    return section(name, { path, 'read only': share.isReadOnly === true ? 'yes' : 'no', ...own });
  });
  const configFile = join(folder, 'smb.conf');
  const own = { ...globals, ...folders, 'log file': join(folder, 'log') };
  writeFileSync(configFile, [section('global', own), ...shares].join('\n'));
  writeFileSync(join(folder, 'log'), '');
  return configFile;
}

function addAccount(configFile: string, account: Account): void {
  execFileSync('pdbedit', [`--configfile=${configFile}`, '-a', '-t', '-u', account.name], {
    input: `${account.password}\n${account.password}\n`,
    stdio: ['pipe', 'ignore', 'ignore'],
  });
}

/** A port that nobody listened on a moment ago. */
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
    const isOpen = await new Promise<boolean>((done) => {
      const socket = connect(port, host, () => done(true)).on('error', () => done(false));
      socket.on('connect', () => socket.destroy());
    });
    if (isOpen) return;
    await delay(50);
  }
  throw new Error('smbd does not answer');
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [pid, ...children.filter((child) => child !== '').map(Number)];
}

function killGroup(pid: number): void {
  try {
    process.kill(-pid, 'SIGKILL');
  } catch {
    // All gone.
  }
}
