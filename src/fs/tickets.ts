/**
 * Waiting: one ticket per request that cannot go on. Every ticket ends exactly once: by a `retry`, `lock` or `notify`
 * effect, or by being cancelled.
 */
import { assert } from '../base/assert.ts';
import type { Cache, CoreState, TicketState } from './file-object.ts';
import type { Ticket, Wait } from './types.ts';

/** A fresh ticket. `cancel` is called when the wait is given up from outside. */
export function issueTicket(state: CoreState, cancel?: () => void): TicketState {
  const ticket: TicketState = { ticket: state.nextTicket++, breaks: new Set(), cancel };
  state.tickets.set(ticket.ticket, ticket);
  return ticket;
}

/** Waits until every break of `caches` has ended. */
export function waitForBreaks(state: CoreState, caches: readonly Cache[]): Wait {
  assert(caches.length > 0, 'a wait for nothing');
  const ticket = issueTicket(state);
  for (const cache of caches) {
    ticket.breaks.add(cache);
    cache.waiters.add(ticket);
  }
  return { kind: 'wait', ticket: ticket.ticket };
}

/** The break of `cache` has ended: whoever waited only for it runs again. */
export function releaseWaiters(state: CoreState, cache: Cache): void {
  const waiters = [...cache.waiters];
  cache.waiters.clear();
  for (const waiter of waiters) {
    waiter.breaks.delete(cache);
    if (waiter.breaks.size > 0) continue;
    endTicket(state, waiter);
    state.effects.push({ kind: 'retry', ticket: waiter.ticket });
  }
}

/** Takes a ticket out of the table; its effect is the caller's. */
export function endTicket(state: CoreState, ticket: TicketState): void {
  const wasWaiting = state.tickets.delete(ticket.ticket);
  assert(wasWaiting, 'a ticket ended twice');
}

/** Gives up a wait; false when there was none. */
export function cancelTicket(state: CoreState, number: Ticket): boolean {
  const ticket = state.tickets.get(number);
  if (ticket === undefined) return false;
  endTicket(state, ticket);
  for (const cache of ticket.breaks) cache.waiters.delete(ticket);
  ticket.breaks.clear();
  ticket.cancel?.();
  return true;
}
