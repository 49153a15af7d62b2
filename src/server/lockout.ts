/**
 * Locks an account out after so many wrong passwords, from wherever they come. Until that is over its right password is answered as a
 * wrong one is, so that clients learn neither of the lock-out nor of who exists. The last administrator is never locked out: somebody must
 * be able to set things right.
 */
import type { Audit } from '../base/audit.ts';
import type { Clock } from '../base/clock.ts';
import type { Log } from '../base/log.ts';
import type { Settings } from '../session/settings.ts';
import { accountKey } from './account-key.ts';

/** Names remembered, unless there are more accounts. */
const NAME_COUNT_MAX = 10_000;

/** What must be known of the accounts; names in lower case. */
export interface AccountNames {
  has(name: string): boolean;
  /** Administrators that are not disabled. */
  administrators(): readonly string[];
}

/** Why a lock-out ended. */
export type LockoutEnd = 'over' | 'lifted' | 'account-changed' | 'last-administrator' | 'forgotten';

export interface LockoutOptions {
  readonly clock: Clock;
  readonly log: Log;
  readonly audit: Audit;
  readonly accounts: AccountNames;
  readonly settings: () => Settings['lockout'];
}

/** What is remembered of one name. Times are those of Clock.monotonicMs. */
interface Tried {
  /** Wrong passwords, the oldest first. */
  readonly failuresMs: readonly number[];
  /** The end of the lock-out, while there is one. */
  readonly lockedUntilMs?: number;
}

export class Lockout {
  readonly #options: LockoutOptions;
  /** By name, the one tried last at the end. Names that are no accounts count like others, and the log tells of them. */
  readonly #tried = new Map<string, Tried>();

  constructor(options: LockoutOptions) {
    this.#options = options;
  }

  /** Names that are locked out. */
  get count(): number {
    return [...this.#tried.keys()].filter((name) => this.#isLocked(name)).length;
  }

  /** Whether the account's logons are refused for now, whatever the password. */
  refuses(account: string): boolean {
    const name = accountKey(account);
    if (!this.#isLocked(name)) return false;
    if (!this.#isLastAdministrator(name)) return true;
    this.#end(name, 'last-administrator');
    return false;
  }

  /** A wrong password came from `address`. During a lock-out it counts for nothing. */
  failed(account: string, address: string): void {
    const { failures, windowMs, durationMs } = this.#options.settings();
    const name = accountKey(account);
    if (failures === 0 || name === '' || this.refuses(name)) return;
    const now = this.#options.clock.monotonicMs();
    const before = this.#tried.get(name)?.failuresMs ?? [];
    const failuresMs = [...before.filter((time) => now - time < windowMs), now].slice(-failures);
    const isTooMany = failuresMs.length === failures && !this.#isLastAdministrator(name);
    this.#tried.delete(name);
    this.#tried.set(name, isTooMany ? { failuresMs: [], lockedUntilMs: now + durationMs } : { failuresMs });
    if (isTooMany) {
      const isAccount = this.#options.accounts.has(name);
      this.#tell('lockout-began', { user: name, isAccount, address, failures, durationMs });
    }
    this.#forget();
  }

  /** The right password came, and was not refused. */
  succeeded(account: string): void {
    this.#tried.delete(accountKey(account));
  }

  /** Forgets what was wrong before; false when the account was not locked out. */
  lift(account: string, reason: LockoutEnd): boolean {
    const name = accountKey(account);
    const isLocked = this.#isLocked(name);
    this.#end(name, reason);
    return isLocked;
  }

  /** Ends what is over, and forgets what does not count any more. To be called now and then. */
  look(): void {
    const { windowMs } = this.#options.settings();
    const now = this.#options.clock.monotonicMs();
    for (const [name, { failuresMs }] of this.#tried) {
      const isOld = now - (failuresMs.at(-1) ?? now - windowMs) >= windowMs;
      if (!this.#isLocked(name) && isOld) this.#tried.delete(name);
    }
  }

  /** Whether `name` is locked out; where that is over, it is ended. */
  #isLocked(name: string): boolean {
    const until = this.#tried.get(name)?.lockedUntilMs;
    if (until === undefined) return false;
    const isLocked = this.#options.settings().failures > 0 && this.#options.clock.monotonicMs() < until;
    if (!isLocked) this.#end(name, 'over');
    return isLocked;
  }

  #isLastAdministrator(name: string): boolean {
    const administrators = this.#options.accounts.administrators();
    if (!administrators.includes(name)) return false;
    return administrators.every((other) => other === name || this.#isLocked(other));
  }

  #end(name: string, reason: LockoutEnd): void {
    const wasLocked = this.#tried.get(name)?.lockedUntilMs !== undefined;
    this.#tried.delete(name);
    if (wasLocked) this.#tell('lockout-ended', { user: name, reason });
  }

  /** Anybody can make up names; what is remembered of accounts does not give way to them. */
  #forget(): void {
    for (const name of this.#tried.keys()) {
      if (this.#tried.size <= NAME_COUNT_MAX) return;
      if (!this.#options.accounts.has(name)) this.#end(name, 'forgotten');
    }
  }

  #tell(event: 'lockout-began' | 'lockout-ended', fields: Parameters<Audit>[1]): void {
    this.#options.log.write('warn', event, fields);
    this.#options.audit(event, fields);
  }
}
