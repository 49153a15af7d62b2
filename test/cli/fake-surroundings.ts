/**
 * A run of the command without a process.
 */
import { EventEmitter } from 'node:events';
import { run } from '../../src/cli/run.ts';
import type { SignalName, Surroundings } from '../../src/cli/surroundings.ts';

export interface Run {
  /** Standard output and standard error so far. */
  readonly out: () => string;
  readonly err: () => string;
  /** Events of `--json` so far. */
  readonly events: () => readonly Record<string, unknown>[];
  readonly signal: (name: SignalName) => void;
  /** Codes that the run wanted to end the process with at once. */
  readonly exits: readonly number[];
  /** Resolves with the event of that name, once it was written. */
  readonly event: (name: string) => Promise<Record<string, unknown>>;
  readonly code: Promise<number>;
}

export interface RunOptions {
  readonly variables?: Readonly<Record<string, string>>;
  readonly input?: string;
}

/** Starts `smbkit` with these words. */
export function start(words: readonly string[], options: RunOptions = {}): Run {
  const signals = new EventEmitter();
  const written = new EventEmitter();
  const exits: number[] = [];
  let out = '';
  let err = '';
  const around: Surroundings = {
    words,
    variables: options.variables ?? {},
    out: (text) => {
      out += text;
      written.emit('out');
    },
    err: (text) => {
      err += text;
    },
    outHasColor: false,
    errHasColor: false,
    readInput: async () => Buffer.from(options.input ?? ''),
    onSignal(name, handler) {
      signals.on(name, handler);
      return () => signals.off(name, handler);
    },
    exit: (code) => exits.push(code),
    timestamp: () => 'T',
    version: '1.2.3',
  };
  const events = (): readonly Record<string, unknown>[] =>
    out.split('\n').flatMap((line) => (line.startsWith('{') ? [JSON.parse(line)] : []));
  const code = run(around);
  const event = async (name: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const found = events().find((one) => one['event'] === name);
      if (found !== undefined) return found;
      const more = new Promise<true>((resolve) => written.once('out', () => resolve(true)));
      const isMore = await Promise.race([more, code.then(() => false)]);
      if (!isMore) throw new Error(`ended without ${name}: ${out}${err}`);
    }
  };
  return { out: () => out, err: () => err, events, signal: (name) => signals.emit(name), exits, event, code };
}
