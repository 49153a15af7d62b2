/**
 * Debian's smbd on a port and in a folder of its own, to prove the harnesses and to compare with.
 */
import { execFileSync } from 'node:child_process';
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { dirname, join } from 'node:path';
import { type Account, type Peer, type PeerRequest, rssPeakMibOf } from './peer.ts';
import {
  addAccount,
  commonSettings,
  freePort,
  host,
  section,
  startSmbd,
  stateFolders,
  stopSmbd,
} from './smbd.ts';

/** The facts about Samba were taken with these on, on tmpfs (TMPDIR=/dev/shm): ext4 allocates more. */
const globals = {
  ...commonSettings,
  'server min protocol': 'SMB2_02',
  'server signing': 'mandatory',
  'server multi channel support': 'yes',
  'smbd:FSCTL_SMBTORTURE': 'yes',
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
  const smbd = await startSmbd(configFile, port);
  return {
    host,
    port,
    account,
    otherAccount,
    rssPeakMib: () => Math.max(...childrenOf(smbd.pid ?? 0).map(rssPeakMibOf)),
    async stop() {
      const exitCode = await stopSmbd(smbd);
      const log = readFileSync(join(folder, 'log'), 'utf8');
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
      return { exitCode, stopped: {}, log };
    },
  };
}

function writeConfiguration(folder: string, request: PeerRequest): string {
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
  const own = { ...globals, ...stateFolders(folder) };
  writeFileSync(configFile, [section('global', own), ...shares].join('\n'));
  writeFileSync(join(folder, 'log'), '');
  return configFile;
}

function childrenOf(pid: number): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').trim().split(' ');
  return [pid, ...children.filter((child) => child !== '').map(Number)];
}
