/**
 * What a command sees of the process: handed in by main.ts, so that tests run commands without one.
 */
import type { CommandTable } from '../server/dispatch.ts';

/** The signals that a running server answers to. */
export type SignalName = 'SIGINT' | 'SIGTERM' | 'SIGHUP';

export interface Surroundings {
  /** The words after the program's name. */
  readonly words: readonly string[];
  readonly variables: Readonly<Record<string, string | undefined>>;
  /** Writes to standard output: what the user asked for. */
  out(text: string): void;
  /** Writes to standard error: logs, warnings and errors. */
  err(text: string): void;
  /** True when standard output is a terminal that shows colours. */
  readonly outHasColor: boolean;
  readonly errHasColor: boolean;
  /** All of standard input, as bytes that the caller overwrites. */
  readInput(): Promise<Buffer>;
  /** Calls `handler` at every signal from now on; returns how to stop that. */
  onSignal(name: SignalName, handler: () => void): () => void;
  /** Ends the process at once. */
  exit(code: number): void;
  /** The time of a log line, as ISO 8601. */
  timestamp(): string;
  readonly version: string;
  /** The protocol commands that `serve` answers, where a test wants others than the product's. */
  readonly commands?: CommandTable;
}
