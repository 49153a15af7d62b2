/**
 * What this machine must have and permit.
 */
import { existsSync, lstatSync, mkdirSync, readFileSync, rmdirSync } from 'node:fs';
import { join } from 'node:path';
import { done, ran } from './program.ts';

/** Programs and the Debian packages that have them. */
const programs: readonly (readonly [program: string, debianPackage: string])[] = [
  ['/lib/systemd/systemd', 'systemd'],
  ['systemctl', 'systemd'],
  ['systemd-analyze', 'systemd'],
  ['systemd-creds', 'systemd'],
  ['unshare', 'util-linux'],
  ['nsenter', 'util-linux'],
  ['setpriv', 'util-linux'],
  ['pivot_root', 'util-linux'],
  ['useradd', 'passwd'],
  ['openssl', 'openssl'],
  ['ss', 'iproute2'],
  ['strace', 'strace'],
  ['smbclient', 'smbclient'],
  ['smbtorture', 'samba-testsuite'],
];

/** Namespaces of the machine that boots; all that they hold ends with them. */
export const namespaces: readonly string[] = [
  ...['--mount', '--propagation=private', '--pid', '--net', '--ipc', '--uts'],
  ...['--fork', '--kill-child'],
];

/** Why no systemd can be booted here; `undefined` where one can. `folder` is empty, and may be used. */
export async function machineProblem(folder: string): Promise<string | undefined> {
  if (process.platform !== 'linux') return 'systemd needs Linux';
  if (process.getuid?.() !== 0) return 'only root may make the namespaces of a machine';
  for (const [program, debianPackage] of programs) {
    const { exitCode } = await ran(['sh', '-c', `command -v ${program}`]);
    if (exitCode !== 0) return `${program} is missing: apt-get install ${debianPackage}`;
  }
  if (!lstatSync('/bin').isSymbolicLink()) return '/bin and /lib are not in /usr here';
  return (await groupProblem()) ?? (await namespaceProblem(folder)) ?? (await registryProblem());
}

/** Where control groups of the second version are mounted; `undefined` where they are not. */
export function groupRoot(): string | undefined {
  for (const line of readFileSync('/proc/self/mountinfo', 'utf8').split('\n')) {
    const [front = '', back = ''] = line.split(' - ');
    if (back.startsWith('cgroup2 ')) return front.split(' ')[4];
  }
  return undefined;
}

async function groupProblem(): Promise<string | undefined> {
  const root = groupRoot();
  if (root === undefined) return 'there are no control groups of the second version (mount -t cgroup2)';
  const trial = join(root, `smbkit-trial-${process.pid}`);
  try {
    mkdirSync(trial);
    const canEnd = existsSync(join(trial, 'cgroup.kill'));
    rmdirSync(trial);
    return canEnd ? undefined : 'Linux 5.14 or later is needed, to end a control group at once';
  } catch (error) {
    return `no control group can be made: ${String(error)}`;
  }
}

async function namespaceProblem(folder: string): Promise<string | undefined> {
  const names = ['upper', 'work', 'usr'];
  for (const name of names) mkdirSync(join(folder, name));
  const mount = 'mount -t overlay -o "lowerdir=/usr,upperdir=$0/upper,workdir=$0/work" usr "$0/usr"';
  try {
    await done(['unshare', ...namespaces, '--cgroup', 'sh', '-c', mount, folder]);
    return undefined;
  } catch (error) {
    return `namespaces with an overlay in them cannot be made: ${String(error)}`;
  }
}

async function registryProblem(): Promise<string | undefined> {
  const { exitCode } = await ran(['npm', 'view', '--fetch-retries=1', 'zod', 'version']);
  return exitCode === 0 ? undefined : 'the registry of npm, which has the dependencies, cannot be reached';
}
