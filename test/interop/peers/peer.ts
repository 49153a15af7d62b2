/**
 * What the interop tests and the conformance runner need to know of a server, whoever made it.
 */
import type { ChildProcess } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A share as a test asks for it. */
export interface ShareRequest {
  /** Folder to serve; absent: the server's memory, or a fresh folder where it has none. */
  readonly path?: string;
  readonly isReadOnly?: boolean;
  /** Further smbkit settings of the share; other servers ignore them. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** Further settings of the share in smb.conf; other servers ignore them. */
  readonly sambaSettings?: Readonly<Record<string, string>>;
}

/** What a test asks of a server. */
export interface PeerRequest {
  readonly shares: Readonly<Record<string, ShareRequest>>;
  /** Port to listen on; absent: a free one. */
  readonly port?: number;
  /** Further smbkit settings in the form of its configuration file; other servers ignore them. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** The program to start in place of smbkit's command, with the same words; other servers ignore it. */
  readonly program?: string;
  /** Further arguments of `smbkit serve`; other servers ignore them. */
  readonly serveArguments?: readonly string[];
}

export interface Account {
  readonly name: string;
  readonly password: string;
}

/** A running server. */
export interface Peer {
  readonly host: string;
  readonly port: number;
  readonly account: Account;
  /** A second account, for tests of re-authentication and foreign owners. */
  readonly otherAccount: Account;
  /** Largest resident memory so far, in MiB, of the process that used most. */
  rssPeakMib(): number;
  /** Asks the server to stop, waits for its end and returns what it said last. */
  stop(): Promise<StopReport>;
}

/** How a server ended. */
export interface StopReport {
  readonly exitCode: number | null;
  /** The event that the server printed at its end; empty for servers that print none. */
  readonly stopped: Readonly<Record<string, unknown>>;
  /** What it wrote to standard error. */
  readonly log: string;
}

let exitsOnSignals = false;

/** Kills `child` when this process ends, also by a signal that can be caught. */
export function endWithThisProcess(child: ChildProcess, killGroup: boolean): void {
  const kill = (): void => {
    const pid = child.pid;
    if (pid === undefined || child.exitCode !== null || child.signalCode !== null) return;
    try {
      process.kill(killGroup ? -pid : pid, 'SIGKILL');
    } catch {
      // Already gone.
    }
  };
  process.once('exit', kill);
  if (!exitsOnSignals) {
    // Without this a signal ends the process before its exit handlers run.
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
      process.once(signal, () => process.exit(1));
    exitsOnSignals = true;
  }
  child.once('exit', () => process.off('exit', kill));
}

/** Resolves with the exit code of `child`, or null after a signal. */
export function ended(child: ChildProcess): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((done) => child.once('exit', (code) => done(code)));
}

/** VmHWM of a process in MiB; 0 when it is gone. */
export function rssPeakMibOf(pid: number): number {
  try {
    const match = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'));
    return match === null ? 0 : Number(match[1]) / 1024;
  } catch {
    return 0;
  }
}
