/**
 * A server that runs: what `serve()` gives to programs.
 */
import type { ServerStats } from '../server/stats.ts';
import type { ConfigurationInput } from './schema.ts';

/** An account that was made because none was given. */
export interface Credentials {
  readonly user: string;
  readonly password: string;
}

/** Settings that may change while the server runs; each part given replaces what it names, the rest stays. */
export type SettingsChange = Pick<
  ConfigurationInput,
  | 'signing'
  | 'encryption'
  | 'dialects'
  | 'session'
  | 'multichannel'
  | 'guest'
  | 'anonymous'
  | 'targetNames'
  | 'lockout'
  | 'limits'
>;

export interface CloseOptions {
  /** How long requests in flight may take to finish; then their connections are closed. Default 10,000. */
  readonly drainMs?: number;
}

/** Sizes of the server's tables, by name. */
export type TableSizes = Readonly<Record<string, number>>;

export interface RunningServer extends AsyncDisposable {
  /** Where it listens: the address asked for and the real port. */
  readonly address: { readonly host: string; readonly port: number };
  /** `smb://host:port/share` of the first share, for clients on this machine. */
  readonly url: string;
  /** Names of the shares, IPC$ not among them. */
  readonly shares: readonly string[];
  /** The account made for this run when no users and no guest access were given. */
  readonly credentials?: Credentials;
  /** Why the port is 1445 and not 445, when that was the server's choice. */
  readonly portNotice?: string;
  readonly settings: {
    /**
     * Checks the change as a whole and puts it in force for connections made from now on. Throws ConfigurationError, and
     * the settings stay as they were.
     */
    update(change: SettingsChange): void;
  };
  /** Tables, totals, and each command's answers with their times: see docs/observability.md. */
  stats(): ServerStats;
  /**
   * Disables an account until the configuration is read again, and ends its sessions with all they have open. Resolves to their number.
   */
  revoke(user: string): Promise<number>;
  /** Ends the lock-out of an account and forgets its wrong passwords; false when it was not locked out. See `lockout`. */
  unlock(user: string): boolean;
  /** Sizes of the server's tables: connections, sessions, tree connects, opens, …; all zero after close. */
  counters(): TableSizes;
  /**
   * Stops listening, lets requests in flight finish, closes every file and session. Resolves to the sizes of the tables after
   * the requests and before the rest: what clients had left behind. Idempotent.
   */
  close(options?: CloseOptions): Promise<TableSizes>;
}
