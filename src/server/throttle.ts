/**
 * Slows down guessing: one answer per delay and (address, account), however many attempts run side by side. A right
 * guess that comes while earlier wrong ones are being punished waits like them, so nothing is learnt faster. Guesses of one address at
 * many accounts are slowed down as well, by a tenth of the delay each; who guesses right does not wait for those. A crowd that logs
 * on at the same moment is let in a few at a time, so that the work of others goes on between them.
 */

import type { AcceptorContext, AuthenticationStep } from '../auth/mechanism.ts';
import { LogonError } from '../auth/mechanism.ts';
import type { Clock } from '../base/clock.ts';
import type { LogonThrottle } from '../session/server-state.ts';
import { Crowd } from './crowd.ts';

/** Keys remembered at most; the oldest are forgotten first. */
const KEY_COUNT_MAX = 10_000;

/** Wrong guesses of one address at whatever accounts that are answered in one delay. */
const GUESSES_PER_DELAY = 10;

/** Legs of logons in one turn of the event loop: about two milliseconds of work. */
const LEGS_PER_TURN = 16;

export class FailedLogonThrottle implements LogonThrottle {
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  /** Until when the answers of a key are taken, by key. */
  readonly #busyUntilMs = new Map<string, number>();
  readonly #crowd: Crowd;

  constructor(clock: Clock, delayMs: () => number) {
    this.#clock = clock;
    this.#crowd = new Crowd(clock, LEGS_PER_TURN);
    this.#delayMs = delayMs;
  }

  async step(
    acceptor: AcceptorContext,
    attempt: { readonly token: Buffer; readonly address: string },
  ): Promise<AuthenticationStep> {
    const turn = this.#crowd.next();
    if (turn !== undefined) await turn;
    try {
      const step = await acceptor.step(attempt.token);
      if (step.kind === 'complete') {
        await this.#until(this.#busyUntil(keyOf(attempt.address, step.identity.name)));
      }
      return step;
    } catch (error) {
      if (error instanceof LogonError) await this.#punish(keyOf(attempt.address, error.account));
      throw error;
    }
  }

  #busyUntil(key: string): number {
    return this.#busyUntilMs.get(key) ?? 0;
  }

  async #punish(key: string): Promise<void> {
    const delayMs = this.#delayMs();
    if (delayMs === 0) return;
    const now = this.#clock.monotonicMs();
    const until = this.#extend(key, now, delayMs);
    const addressUntil = this.#extend(addressOf(key), now, delayMs / GUESSES_PER_DELAY);
    this.#forget(now);
    await this.#until(Math.max(until, addressUntil));
  }

  /** Takes `delayMs` more of the answers of `key`; returns until when. */
  #extend(key: string, now: number, delayMs: number): number {
    const until = Math.max(now, this.#busyUntil(key)) + delayMs;
    this.#busyUntilMs.delete(key);
    this.#busyUntilMs.set(key, until);
    return until;
  }

  #forget(now: number): void {
    for (const [key, until] of this.#busyUntilMs) {
      if (until >= now && this.#busyUntilMs.size <= KEY_COUNT_MAX) return;
      this.#busyUntilMs.delete(key);
    }
  }

  #until(timeMs: number): Promise<void> | undefined {
    const delayMs = timeMs - this.#clock.monotonicMs();
    if (delayMs <= 0) return undefined;
    return new Promise((resolve) => {
      this.#clock.setTimer(delayMs, resolve);
    });
  }
}

/** The key of an address alone, which no account has. */
function addressOf(key: string): string {
  return key.slice(0, key.indexOf('|'));
}

function keyOf(address: string, account: string): string {
  return `${address}|${account.toLowerCase()}`;
}
