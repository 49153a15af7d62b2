/**
 * Starts the server that a test talks to: smbkit as its users start it, or, with SMBKIT_TEST_PEER=samba, Debian's smbd.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import {
  type Account,
  ended,
  endWithThisProcess,
  type Peer,
  type PeerRequest,
  rssPeakMibOf,
} from './peers/peer.ts';
import { startSamba } from './peers/samba.ts';

type Event = Readonly<Record<string, unknown>>;

const command = resolve(dirname(import.meta.filename), '../../src/cli/main.ts');
const startLimitMs = 30_000;
const stopLimitMs = 20_000;

/** True when the tests run against Samba, which prints no events. */
export const isSamba: boolean = process.env['SMBKIT_TEST_PEER'] === 'samba';

/** Starts the server under test with the shares of `request`. */
export function startServer(request: PeerRequest): Promise<Peer> {
  return isSamba ? startSamba(request) : startSmbkit(request);
}

/** Starts `smbkit serve` on a free port with two accounts. */
export async function startSmbkit(request: PeerRequest): Promise<Peer> {
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-test-'));
  const account: Account = { name: 'tester', password: 'Secret-1' };
  const otherAccount: Account = { name: 'other', password: 'Secret-2' };
  const configFile = join(folder, 'smbkit.yaml');
  // JSON is YAML.
  writeFileSync(configFile, JSON.stringify(configuration(request, [account, otherAccount])), { mode: 0o600 });
  const child = spawn(
    process.execPath,
    [
      request.program ?? command,
      ...['serve', '--json', '--config', configFile],
      ...(request.serveArguments ?? []),
    ],
    {
      stdio: ['ignore', 'pipe', 'pipe'],
      env: environment(),
    },
  );
  endWithThisProcess(child, false);
  const log: string[] = [];
  child.stderr.setEncoding('utf8').on('data', (chunk: string) => log.push(chunk));
  const events = eventsOf(child);
  let rssPeakMib = 0;
  const measured = (): number => {
    rssPeakMib = Math.max(rssPeakMib, rssPeakMibOf(child.pid ?? 0));
    return rssPeakMib;
  };
  try {
    const listening = await events.next('listening', startLimitMs);
    return {
      host: '127.0.0.1',
      port: Number(listening['port']),
      account,
      otherAccount,
      rssPeakMib: measured,
      async stop() {
        measured();
        child.kill('SIGTERM');
        const timer = setTimeout(() => child.kill('SIGKILL'), stopLimitMs);
        const exitCode = await ended(child);
        clearTimeout(timer);
        rmSync(folder, { recursive: true, force: true });
        return { exitCode, stopped: events.last('stopped') ?? {}, log: log.join('') };
      },
    };
  } catch (error) {
    child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
    throw new Error(`smbkit did not start: ${String(error)}\n${log.join('')}`);
  }
}

function configuration(request: PeerRequest, accounts: readonly Account[]): object {
  const shares = Object.entries(request.shares).map(([name, share]): [string, object] => [
    name,
    {
      ...(share.path === undefined ? { memory: true } : { path: share.path }),
      readOnly: share.isReadOnly ?? false,
      ...share.settings,
    },
  ]);
  // The profile says itself how old a client may be.
  const dialects = request.settings?.['profile'] === undefined ? { min: '2.0.2' } : {};
  return {
    server: { host: '127.0.0.1', port: request.port ?? 0 },
    users: accounts,
    shares: Object.fromEntries(shares),
    log: { level: 'warn' },
    dialects,
    ...request.settings,
  };
}

/** The environment without settings of this machine's own smbkit, and with compiled sources kept from start to start. */
function environment(): NodeJS.ProcessEnv {
  const names = Object.entries(process.env).filter(([name]) => !name.startsWith('SMBKIT_'));
  const cache = join(import.meta.dirname, '../../node_modules/.cache/compiled');
  return { ...Object.fromEntries(names), NODE_COMPILE_CACHE: cache };
}

/** The JSON lines that the server prints on standard output. */
function eventsOf(child: ChildProcess) {
  const seen: Event[] = [];
  const waiting = new Set<() => void>();
  if (child.stdout === null) throw new Error('the server has no standard output');
  createInterface({ input: child.stdout }).on('line', (line) => {
    seen.push(eventIn(line));
    for (const wake of waiting) wake();
  });
  child.once('exit', () => {
    for (const wake of waiting) wake();
  });
  const last = (name: string): Event | undefined => seen.findLast((event) => event['event'] === name);
  const next = (name: string, limitMs: number): Promise<Event> =>
    new Promise((done, failed) => {
      const finish = (error?: Error): void => {
        waiting.delete(wake);
        clearTimeout(timer);
        const event = last(name);
        if (event !== undefined) done(event);
        else failed(error);
      };
      const wake = (): void => {
        const isEnded = child.exitCode !== null || child.signalCode !== null;
        if (last(name) !== undefined || isEnded) finish(new Error(`ended with ${child.exitCode}`));
      };
      const timer = setTimeout(() => finish(new Error(`no '${name}' event in ${limitMs} ms`)), limitMs);
      waiting.add(wake);
      wake();
    });
  return { next, last };
}

function eventIn(line: string): Event {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? { ...value } : {};
  } catch {
    return { event: 'unreadable', line };
  }
}
