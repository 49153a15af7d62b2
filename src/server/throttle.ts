/**
 * Slows down guessing: one answer per delay and (address, account), however many attempts run side by side. A right
 * guess that comes while earlier wrong ones are being punished waits like them, so nothing is learnt faster. Guesses of one address at
 * many accounts are slowed down as well, by a tenth of the delay each, and those of all addresses together by a hundredth; who guesses
 * right does not wait for those. A crowd that logs on at the same moment is let in a few at a time, so that the work of others goes on
 * between them.
 */

import type { AcceptorContext, AuthenticationStep } from '../auth/mechanism.ts';
import { LogonError } from '../auth/mechanism.ts';
import type { Clock } from '../base/clock.ts';
import type { LogonAttempt, LogonThrottle } from '../session/server-state.ts';
import { accountKey } from './account-key.ts';
import { addressKey } from './address.ts';
import { Crowd } from './crowd.ts';

/** Keys remembered at most; the oldest are forgotten first. */
const KEY_COUNT_MAX = 10_000;

/** Wrong guesses of one address at whatever accounts that are answered in one delay. */
const GUESSES_PER_DELAY = 10;

/** Those of all addresses together: so many people mistype their passwords at once in a large office, and no more. */
const GUESSES_PER_DELAY_OF_ALL = 100;

/** The key of all addresses, which none of them has. */
const EVERYBODY = '*';

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

  async step(acceptor: AcceptorContext, attempt: LogonAttempt): Promise<AuthenticationStep> {
    const turn = this.#crowd.next();
    if (turn !== undefined) await turn;
    try {
      const step = await acceptor.step(attempt.token);
      if (step.identity !== undefined) {
        await this.#until(this.#busyUntil(keyOf(attempt.address, step.identity.name)));
      }
      return step;
    } catch (error) {
      if (error instanceof LogonError) await this.#until(this.#punish(attempt.address, error.account));
      throw error;
    }
  }

  #busyUntil(key: string): number {
    return this.#busyUntilMs.get(key) ?? 0;
  }

  /** Takes time of everything that a wrong answer counts for; returns when it may be given. */
  #punish(address: string, account: string): number {
    const delayMs = this.#delayMs();
    const now = this.#clock.monotonicMs();
    if (delayMs === 0) return now;
    const until = Math.max(
      this.#extend(keyOf(address, account), now, delayMs),
      this.#extend(addressKey(address), now, delayMs / GUESSES_PER_DELAY),
      this.#extend(EVERYBODY, now, delayMs / GUESSES_PER_DELAY_OF_ALL),
    );
    this.#forget(now);
    return until;
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

function keyOf(address: string, account: string): string {
  return `${addressKey(address)}|${accountKey(account)}`;
}
