/**
 * Changes files of its own, flushes some of it, and keeps books of what it was promised.
 */
import type { TestTree } from '../../src/testing/client.ts';
import type { SeededEntropy } from '../../src/testing/seeded-entropy.ts';
import { Writer } from '../durability/writer.ts';
import { Actor } from './actor.ts';

export class LedgerWriter extends Actor {
  #writer: Writer | undefined;
  #count = 0;

  protected override async connected(): Promise<void> {
    // What was under way when the connection ended may have happened or not: other files are begun.
    this.#writer = undefined;
  }

  protected override moved(): void {
    this.#writer = undefined;
  }

  protected override interrupted(): void {
    this.#writer = undefined;
  }

  protected override async act(random: SeededEntropy, tree: TestTree): Promise<string> {
    return `its files: ${await (await this.#opened(tree)).act(random)}`;
  }

  protected override async leave(): Promise<void> {
    await this.#writer?.leave();
  }

  async #opened(tree: TestTree): Promise<Writer> {
    if (this.#writer !== undefined) return this.#writer;
    this.#count += 1;
    const { ledger, plan } = this.world;
    const directory = `${this.plan.name}-${this.#count}`;
    const writer = new Writer(tree, { ledger, directory, seed: plan.seed, pauseMs: 0 });
    await writer.open();
    this.#writer = writer;
    return writer;
  }
}
