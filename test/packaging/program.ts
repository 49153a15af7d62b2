/**
 * Programs, run to their end.
 */
import { type ChildProcess, spawn } from 'node:child_process';

export interface Ran {
  readonly exitCode: number | null;
  /** Standard output and error in the order of arrival. */
  readonly output: string;
}

export interface RunOptions {
  readonly input?: string;
  readonly folder?: string;
  readonly limitMs?: number;
}

const limitMsUsual = 60_000;
const running = new Set<ChildProcess>();

/** Ends the programs that still run; for the end of this process. */
export function endPrograms(): void {
  for (const child of running) child.kill('SIGKILL');
}

/** Runs a program to its end, which comes after `limitMs` at the latest. */
export function ran(words: readonly string[], options: RunOptions = {}): Promise<Ran> {
  const [program = '', ...rest] = words;
  const child = spawn(program, rest, {
    cwd: options.folder,
    stdio: ['pipe', 'pipe', 'pipe'],
    timeout: options.limitMs ?? limitMsUsual,
    killSignal: 'SIGKILL',
  });
  running.add(child);
  // A program that does not read its input closes it.
  child.stdin.on('error', () => undefined);
  child.stdin.end(options.input ?? '');
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk));
  return new Promise((done, failed) => {
    child.on('error', failed);
    child.on('close', (exitCode) => {
      running.delete(child);
      done({ exitCode, output: Buffer.concat(chunks).toString('utf8') });
    });
  });
}

/** The same, and throws with what the program said unless it ended with 0. */
export async function done(words: readonly string[], options: RunOptions = {}): Promise<string> {
  const { exitCode, output } = await ran(words, options);
  if (exitCode === 0) return output;
  throw new Error(`${words.join(' ').slice(0, 300)} ended with ${exitCode}:\n${output.slice(-4000)}`);
}
