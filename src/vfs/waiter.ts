/**
 * Something in a file system that a request waits for.
 */
import type { NtStatus } from '../base/status.ts';
import type { NotifyEntry, Ticket, Wait } from '../fs/types.ts';

/** How a wait ended. `retry`: the work is worth trying again from its start. */
export type WaitResult =
  | { readonly kind: 'retry' }
  | { readonly kind: 'lock'; readonly status: NtStatus }
  | { readonly kind: 'notify'; readonly status: NtStatus; readonly entries: readonly NotifyEntry[] };

/** Wakes one request once. It fits the server's `Ticket`. */
export class Waiter {
  readonly ticket: Ticket;
  /** See {@link Wait}. */
  readonly isOpposed: boolean;
  /** How it ended; absent while it lasts. */
  result: WaitResult | undefined;
  readonly #giveUp: () => void;
  #wake: (() => void) | undefined;
  #isAbandoned = false;

  /** `giveUp` is called when the request ends before what it waits for. */
  constructor(ticket: Ticket, giveUp: () => void, isOpposed = false) {
    this.ticket = ticket;
    this.isOpposed = isOpposed;
    this.#giveUp = giveUp;
  }

  onWake(wake: () => void): void {
    if (this.result === undefined) this.#wake = wake;
    else wake();
  }

  abandon(): void {
    if (this.#isAbandoned || this.result !== undefined) return;
    this.#isAbandoned = true;
    this.#wake = undefined;
    this.#giveUp();
  }

  /** What was waited for has happened. */
  end(result: WaitResult): void {
    if (this.#isAbandoned || this.result !== undefined) return;
    this.result = result;
    this.#wake?.();
  }
}
