/**
 * Writers that work side by side, each on a connection of its own.
 */
import { ConnectionClosedError, type TestTree } from '../../src/testing/client.ts';
import type { Comparison } from './found.ts';
import type { Ledger } from './ledger.ts';
import { Writer } from './writer.ts';

/** What a run compared, and what it found to be lost. */
export interface Tally {
  crashes: number;
  /** Names, blocks and pieces of metadata that were promised and looked for. */
  names: number;
  blocks: number;
  metadata: number;
  readonly losses: string[];
  /** What the writers did. */
  operations: number;
}

/** Counts one more crash. */
export function addTo(tally: Tally, { names, blocks, metadata, losses }: Comparison): void {
  tally.crashes += 1;
  tally.names += names;
  tally.blocks += blocks;
  tally.metadata += metadata;
  tally.losses.push(...losses);
}

export interface WriterGroupOptions {
  readonly ledger: Ledger;
  readonly writers: number;
  readonly seed: number;
  readonly connect: () => Promise<TestTree>;
  /** Begins the names of their directories. */
  readonly prefix: string;
  /** See {@link WriterOptions}. */
  readonly pauseMs: number;
}

export class WriterGroup {
  readonly #writers: readonly Writer[];
  readonly #trees: readonly TestTree[];
  readonly #running: Promise<unknown>;

  static async start(options: WriterGroupOptions): Promise<WriterGroup> {
    const { connect, writers } = options;
    const trees = await Promise.all(Array.from({ length: writers }, connect));
    return new WriterGroup(trees, options);
  }

  private constructor(trees: readonly TestTree[], options: WriterGroupOptions) {
    const { ledger, seed, prefix, pauseMs } = options;
    this.#trees = trees;
    this.#writers = trees.map(
      (tree, i) => new Writer(tree, { ledger, directory: `${prefix}${i}`, seed: seed * 1000 + i, pauseMs }),
    );
    this.#running = Promise.all(this.#writers.map((writer) => writer.run()));
    this.#running.catch(() => {});
  }

  /** Waits for `work`, or throws what stopped a writer. */
  async during(work: Promise<unknown>): Promise<void> {
    await Promise.race([work, this.#running]);
  }

  /** Waits until every writer has lost its server, with whatever was on its way. */
  async lost(): Promise<number> {
    try {
      await this.#running;
    } catch (error) {
      if (!(error instanceof ConnectionClosedError)) throw error;
    }
    await Promise.all(this.#trees.map((tree) => tree.session.connection.closed));
    return this.#count();
  }

  /** Ends them after what they are at; how much they did. */
  async stop(): Promise<number> {
    for (const writer of this.#writers) writer.stop();
    await this.#running;
    for (const tree of this.#trees) tree.session.connection.close();
    return this.#count();
  }

  #count(): number {
    const counts = this.#writers.flatMap((writer) => [...writer.done.values()]);
    return counts.reduce((total, count) => total + count, 0);
  }
}
