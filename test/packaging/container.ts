/**
 * A machine in namespaces of its own with systemd as its first process: nothing of it reaches this one, and all of it ends
 * with that process.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import {
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  rmdirSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { join } from 'node:path';
import { endWithThisProcess } from '../interop/peers/peer.ts';
import { groupRoot, namespaces } from './machine.ts';
import { done, type Ran, type RunOptions, ran } from './program.ts';
import { eventually } from './report.ts';

const bootScript = join(import.meta.dirname, 'boot.sh');
const environment = ['env', '-i', 'PATH=/usr/sbin:/usr/bin', 'HOME=/root', 'LC_ALL=C.UTF-8'];
const bootLimitMs = 60_000;

/** Not /tmp, which may be memory: systemd keeps the key of encrypted credentials on a disk only. */
const workParent = '/var/tmp';
const workName = 'smbkit-systemd-';

/** A folder to work in, named after this process; those of processes that were killed are removed. */
export function makeWorkFolder(): string {
  for (const name of readdirSync(workParent)) {
    const pid = name.startsWith(workName) ? name.slice(workName.length).split('-')[0] : undefined;
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) removeTraces(join(workParent, name));
  }
  return mkdtempSync(join(workParent, `${workName}${process.pid}-`));
}

/** A machine that runs. */
export class Container {
  readonly #pid: number;

  private constructor(pid: number) {
    this.#pid = pid;
  }

  /** Boots from the folders that `makeRootFolder` made in `work`. What it leaves behind, `removeTraces` takes away. */
  static async boot(work: string): Promise<Container> {
    const group = groupOf(work);
    mkdirSync(group);
    const log = openSync(join(work, 'boot.log'), 'a');
    const words = ['--pdeathsig=KILL', 'unshare', ...namespaces, '/bin/sh', bootScript, 'group', work, group];
    const child = spawn('setpriv', [...words, process.execPath], { stdio: ['ignore', log, log] });
    endWithThisProcess(child, false);
    const container = await eventually(
      'systemd is up',
      async () => {
        if (child.exitCode !== null || child.signalCode !== null) throw new Error(bootLog(work, child));
        return await Container.#found(work);
      },
      bootLimitMs,
    );
    return container;
  }

  /** The machine when systemd has started everything. */
  static async #found(work: string): Promise<Container | undefined> {
    const pid = firstProcess(work);
    if (pid === undefined) return undefined;
    const container = new Container(pid);
    const { output } = await container.tried(['systemctl', 'is-system-running', '--wait']);
    return ['running', 'degraded'].includes(output.trim()) ? container : undefined;
  }

  /** Runs a program inside as root. */
  tried(words: readonly string[], options?: RunOptions): Promise<Ran> {
    return ran(
      [...this.#entered(['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup']), ...words],
      options,
    );
  }

  /** The same, and throws unless it ended with 0. */
  run(words: readonly string[], options?: RunOptions): Promise<string> {
    return done(
      [...this.#entered(['--mount', '--uts', '--ipc', '--net', '--pid', '--cgroup']), ...words],
      options,
    );
  }

  /** What stands before a client's words for it to reach the machine, and nothing else, through 127.0.0.1. */
  get network(): readonly string[] {
    return ['nsenter', `--target=${this.#pid}`, '--net'];
  }

  #entered(which: readonly string[]): readonly string[] {
    return ['nsenter', `--target=${this.#pid}`, ...which, ...environment];
  }
}

function bootLog(work: string, child: ChildProcess): string {
  const text = readFileSync(join(work, 'boot.log'), 'utf8');
  return `the boot ended with ${child.exitCode ?? child.signalCode}:\n${text.slice(-4000)}`;
}

/** The number of systemd out here, once it has its root. */
function firstProcess(work: string): number | undefined {
  const file = join(work, 'pid');
  const pid = existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0;
  return pid > 1 ? pid : undefined;
}

/** The control group of the machine in `work`; both have the same name. */
function groupOf(work: string): string {
  return join(groupRoot() ?? '/sys/fs/cgroup', work.slice(work.lastIndexOf('/') + 1));
}

/**
 * Ends the machine in `work`, if it runs, and removes its control groups and folders. Without waiting for promises, so that
 * it can be called when this process exits.
 */
export function removeTraces(work: string): void {
  const group = groupOf(work);
  if (existsSync(group)) writeFileSync(join(group, 'cgroup.kill'), '1');
  // The kernel ends what is in the group soon, not at once.
  for (let turn = 0; turn < 200 && existsSync(group) && !areGone(group); turn += 1) sleep(50);
  rmSync(work, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 });
}

/** Removes the control groups from the innermost on; false while processes are in one. */
function areGone(group: string): boolean {
  const groups = globSync(`${group}/**/`).sort((a, b) => b.length - a.length);
  try {
    for (const one of [...groups, group]) if (existsSync(one)) rmdirSync(one);
    return true;
  } catch {
    return false;
  }
}

function sleep(ms: number): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ms);
}
