/**
 * Runs one leaf of smbtorture in a process of its own against a server of its own, and reads its verdict.
 */
import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Peer, ShareRequest } from '../peers/peer.ts';
import { startSamba } from '../peers/samba.ts';
import { startSmbkit } from '../server.ts';
import type { LeafPlan, Result } from './facts.ts';
import { folderShares, shareSettings } from './leaf-table.ts';

const tortureServer = join(import.meta.dirname, 'torture-server.ts');
const preparedServer = join(import.meta.dirname, 'prepared-server.ts');

/** Where the leaves run. */
export interface Arena {
  readonly against: 'smbkit' | 'samba';
  /** What the shares are made of. */
  readonly shareKind: 'memory' | 'local';
}

/** What one run of a leaf came to. */
export interface LeafRun {
  readonly plan: LeafPlan;
  readonly result: Result;
  readonly seconds: number;
  /** smbtorture's message, one line. */
  readonly message: string;
  /** All that smbtorture and the server wrote. */
  readonly output: string;
}

/** Runs the leaf of `plan` once. */
export async function runLeaf(plan: LeafPlan, arena: Arena): Promise<LeafRun> {
  const startMs = performance.now();
  const folder = mkdtempSync(join(tmpdir(), 'smbkit-leaf-'));
  const seconds = (): number => (performance.now() - startMs) / 1000;
  try {
    const server = await startArena(plan, arena, folder);
    const ownOptions = arena.against === 'smbkit' ? plan.ownOptions : [];
    const run = await torture({ ...plan, options: [...plan.options, ...ownOptions] }, server, folder);
    const { log, exitCode } = await server.stop();
    const ending = exitCode === 0 || exitCode === null ? '' : `\nthe server ended with ${exitCode}`;
    return { plan, ...run, seconds: seconds(), output: `${run.output}\n${log}${ending}` };
  } catch (error) {
    return {
      plan,
      result: 'fail',
      seconds: seconds(),
      message: 'the server did not start',
      output: String(error),
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function startArena(plan: LeafPlan, arena: Arena, folder: string): Promise<Peer> {
  const names = [...new Set([plan.share, ...plan.otherShares])];
  const share = (name: string): ShareRequest => {
    const settings = shareSettings.get(name) ?? {};
    if (arena.shareKind === 'memory' && !folderShares.has(name)) return { settings };
    const path = join(folder, name);
    mkdirSync(path);
    return { settings, path };
  };
  const shares = Object.fromEntries(names.map((name) => [name, share(name)]));
  const port = plan.port === undefined ? {} : { port: plan.port };
  if (arena.against === 'samba') return startSamba({ shares, ...port });
  // The leaves expect a server that leaves signing to the client, as their authors' did, but for those about signing.
  const signing = { required: plan.name.startsWith('smb2.session-require-signing') };
  const settings = { signing, anonymous: true, limits: { failedLogonDelayMs: 0 } };
  const program = programOf(plan);
  const serveArguments = folderShares.has(plan.share) ? ['--state-dir', join(folder, 'state')] : [];
  return startSmbkit({ shares, ...port, settings, serveArguments, ...program });
}

function programOf({ isPrepared, needsControlCodes }: LeafPlan): { readonly program?: string } {
  if (isPrepared) return { program: preparedServer };
  return needsControlCodes ? { program: tortureServer } : {};
}

interface Verdict {
  readonly result: Result;
  readonly message: string;
  readonly output: string;
}

/** Runs smbtorture to its end or its limit. */
function torture(plan: LeafPlan, server: Peer, folder: string): Promise<Verdict> {
  const { name, password } = server.account;
  const options = [
    `torture:user2name=${server.otherAccount.name}`,
    `torture:user2password=${server.otherAccount.password}`,
    ...plan.options,
  ];
  const words = [
    `//${server.host}/${plan.share}`,
    ...['--configfile=/dev/null', `--smb-ports=${server.port}`, `--user=${name}%${password}`],
    ...options.map((option) => `--option=${option}`),
    plan.name,
  ];
  const child = spawn('smbtorture', words, { cwd: folder, stdio: ['ignore', 'pipe', 'pipe'] });
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  let isTimeout = false;
  const timer = setTimeout(() => {
    isTimeout = true;
    child.kill('SIGKILL');
  }, plan.limitSeconds * 1000);
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', () => {
      clearTimeout(timer);
      const output = Buffer.concat(chunks).toString('utf8');
      if (isTimeout) done({ result: 'timeout', message: `no end after ${plan.limitSeconds} s`, output });
      else done({ ...verdictIn(output), output });
    });
  });
}

/** Reads smbtorture's verdict lines; output without any is a failure. */
export function verdictIn(output: string): Omit<Verdict, 'output'> {
  const bad = /^(?:failure|error): [^[\n]*(?:\[\n?([\s\S]*?)\n\]$)?/m.exec(output);
  if (bad !== null) return { result: 'fail', message: oneLine(bad[1] ?? bad[0]) };
  if (/^success: /m.test(output)) return { result: 'pass', message: '' };
  const skip = /^skip: [^[\n]*(?:\[\n?([\s\S]*?)\n\]$)?/m.exec(output);
  if (skip !== null) return { result: 'skip', message: oneLine(skip[1] ?? '') };
  return { result: 'fail', message: oneLine(output.trim().split('\n').at(-1) ?? '') || 'no verdict' };
}

function oneLine(text: string): string {
  return text
    .replace(/(?:\.\.\/)*source4\/torture\//g, '')
    .replace(/\s+/g, ' ')
    .trim()
    .slice(0, 300);
}
