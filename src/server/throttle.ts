/**
 * Slows down guessing: one answer per delay and (address, account), however many attempts run side by side. A right
 * guess that comes while earlier wrong ones are being punished waits like them, so nothing is learnt faster. Guesses of one address at
 * many accounts are slowed down as well, by a tenth of the delay each, and those of all addresses together by a hundredth; who guesses
 * right does not wait for those. A crowd that logs on at the same moment is let in a few at a time, so that the work of others goes on
 * between them.
 */

import type { AcceptorContext, AuthenticationStep } from '../auth/mechanism.ts';
import { LogonError } from '../auth/mechanism.ts';
import { type Audit, noAudit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import { NtStatus } from '../base/status.ts';
import type { LogonAttempt, LogonThrottle } from '../session/server-state.ts';
import { accountKey } from './account-key.ts';
import { addressKey } from './address.ts';
import { Crowd } from './crowd.ts';
import type { Lockout } from './lockout.ts';

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

export interface ThrottleOptions {
  readonly clock: Clock;
  readonly delayMs: () => number;
  /** By default no account is locked out. */
  readonly lockout?: Lockout | undefined;
  readonly audit?: Audit | undefined;
}

export class FailedLogonThrottle implements LogonThrottle {
  readonly #clock: Clock;
  readonly #delayMs: () => number;
  readonly #lockout: Lockout | undefined;
  readonly #audit: Audit;
  /** Until when the answers of a key are taken, by key. */
  readonly #busyUntilMs = new Map<string, number>();
  readonly #crowd: Crowd;

  constructor({ clock, delayMs, lockout, audit = noAudit }: ThrottleOptions) {
    this.#clock = clock;
    this.#crowd = new Crowd(clock, LEGS_PER_TURN);
    this.#delayMs = delayMs;
    this.#lockout = lockout;
    this.#audit = audit;
  }

  get lockedCount(): number {
    return this.#lockout?.count ?? 0;
  }

  async step(acceptor: AcceptorContext, attempt: LogonAttempt): Promise<AuthenticationStep> {
    const turn = this.#crowd.next();
    if (turn !== undefined) await turn;
    // The delay counts from here, so that it hides what more there is to do for a right password than for a wrong one.
    const startMs = this.#clock.monotonicMs();
    try {
      const step = await acceptor.step(attempt.token);
      if (step.identity === undefined) return step;
      if (step.identity.kind === 'user') this.#admit(step, step.identity.name);
      await this.#until(this.#busyUntil(keyOf(attempt.address, step.identity.name)), attempt);
      return step;
    } catch (error) {
      if (error instanceof LogonError) await this.#fail(error, attempt, startMs);
      throw error;
    }
  }

  /** What was proved first counts first, whatever then waits how long: guesses side by side do not get past a lock-out. */
  #admit(step: AuthenticationStep, account: string): void {
    if (this.#lockout?.refuses(account) === true) {
      if (step.kind === 'complete') step.sessionKey?.fill(0);
      throw new LogonError('the account is locked out', NtStatus.LOGON_FAILURE, account);
    }
    if (step.kind === 'complete') this.#lockout?.succeeded(account);
  }

  #fail({ account, message }: LogonError, attempt: LogonAttempt, startMs: number): Promise<void> | undefined {
    const { address } = attempt;
    this.#audit('logon-failed', { user: account, address, reason: message });
    this.#lockout?.failed(account, address);
    return this.#until(this.#punish(address, account, startMs), attempt);
  }

  #busyUntil(key: string): number {
    return this.#busyUntilMs.get(key) ?? 0;
  }

  /** Takes time of everything that a wrong answer counts for; returns when it may be given. */
  #punish(address: string, account: string, now: number): number {
    const delayMs = this.#delayMs();
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

  #until(timeMs: number, attempt: LogonAttempt): Promise<void> | undefined {
    const delayMs = timeMs - this.#clock.monotonicMs();
    return delayMs <= 0 ? undefined : attempt.pause(delayMs);
  }
}

function keyOf(address: string, account: string): string {
  return `${addressKey(address)}|${accountKey(account)}`;
}
