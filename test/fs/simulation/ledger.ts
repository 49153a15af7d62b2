/**
 * The locks as the clients were told of them, kept apart from the core to be held against it.
 */
import type { CoreOpen, Ticket } from '../../../src/fs/types.ts';

export interface LedgerEntry {
  readonly open: CoreOpen;
  readonly offset: bigint;
  readonly length: bigint;
  readonly isExclusive: boolean;
}

export class Ledger {
  #held: LedgerEntry[] = [];
  readonly #waiting = new Map<Ticket, LedgerEntry>();

  lock(entry: LedgerEntry): void {
    this.#held = this.#held.filter((held) => !held.open.isClosed);
    const other = this.#held.find((held) => conflict(held, entry));
    if (other !== undefined) throw new Error(`a lock was granted over one of open ${other.open.id}`);
    this.#held.push(entry);
  }

  unlock({ open, offset, length }: LedgerEntry): void {
    const mine = this.#held.filter(
      (held) => held.open === open && held.offset === offset && held.length === length,
    );
    const gone = mine.find((held) => held.isExclusive) ?? mine[0];
    if (gone === undefined) throw new Error('an unlock of nothing was accepted');
    this.#held = this.#held.filter((held) => held !== gone);
  }

  await(ticket: Ticket, entry: LedgerEntry): void {
    this.#waiting.set(ticket, entry);
  }

  /** The wait is over, one way or the other. */
  ended(ticket: Ticket): void {
    this.#waiting.delete(ticket);
  }

  /** Nobody waits for what could be had. */
  check(isBreaking: boolean): void {
    if (isBreaking) return;
    for (const [ticket, entry] of this.#waiting) {
      const met = this.#held.some((held) => !held.open.isClosed && conflict(held, entry));
      if (!met) throw new Error(`lock ${ticket} waits for nothing`);
    }
  }
}

/** Whether `wanted` may not stand beside `held`. */
function conflict(held: LedgerEntry, wanted: LedgerEntry): boolean {
  const isApart = held.offset >= wanted.offset + wanted.length || wanted.offset >= held.offset + held.length;
  if (held.open.file !== wanted.open.file || isApart || (!held.isExclusive && !wanted.isExclusive))
    return false;
  return wanted.isExclusive || held.open !== wanted.open;
}
