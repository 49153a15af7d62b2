/**
 * What programs give to `serve()`.
 */
import type { Backend } from '../backend/contract.ts';
import type { NodeFsSource } from '../backend/node-fs-source.ts';
import type { Clock } from '../base/clock.ts';
import type { Entropy } from '../base/entropy.ts';
import type { Log } from '../base/log.ts';
import type { ConfigurationInput } from './schema.ts';
import type { BackendSource, VirtualShare } from './share-source.ts';

type ShareInput = NonNullable<ConfigurationInput['shares']>[string];

/** One share in full; with `backend` its storage comes from the program. */
export interface ShareOptions extends Omit<ShareInput, 'memory'> {
  readonly backend?: BackendSource;
}

/**
 * A folder's path, an object like `node:fs/promises`, an object of files (see `virtualTree`), a backend, or options with one
 * of these.
 */
export type ShareSource = string | NodeFsSource | VirtualShare | Backend | ShareOptions;

/** An account. A password given as a Buffer (UTF-8) is overwritten once its hash exists. */
export interface UserOptions {
  readonly name: string;
  readonly password: string | Buffer;
  readonly groups?: readonly string[];
}

/** What happens in a server, for programs that want to know. */
export interface ServerEvent {
  readonly event: string;
  readonly [field: string]: unknown;
}

/** Everything but `shares` may be left out. The settings are those of docs/configuration.md. */
export interface ServeOptions
  extends Pick<
    ConfigurationInput,
    | 'profile'
    | 'guest'
    | 'anonymous'
    | 'signing'
    | 'encryption'
    | 'dialects'
    | 'session'
    | 'multichannel'
    | 'targetNames'
    | 'lockout'
    | 'audit'
    | 'limits'
  > {
  /** Shares by name. */
  readonly shares: Readonly<Record<string, ShareSource>>;
  /** Accounts. Without any, one is made and its password generated: see {@link RunningServer.credentials}. */
  readonly users?: readonly UserOptions[];
  /** Default 127.0.0.1: this machine only. */
  readonly host?: string;
  /** Default: 445 where permitted, otherwise 1445. 0 picks a free one. */
  readonly port?: number;
  /** Without `port`: fail rather than fall back from 445 to 1445. */
  readonly strictPort?: boolean;
  /** The name the server tells its clients; default: the machine's host name. */
  readonly name?: string;
  /** Folder for what must survive a restart and has no place in a shared folder; see docs/configuration.md. */
  readonly stateDir?: string;
  /** Closes the server when it fires. */
  readonly signal?: AbortSignal;
  /** Where log events go; default: nowhere. */
  readonly log?: Log;
  readonly onEvent?: (event: ServerEvent) => void;
  /** Receives every session's keys, in the form tshark reads. Whoever has them can read everything; for debugging only. */
  readonly keyLog?: (line: string) => void;
  readonly clock?: Clock;
  readonly entropy?: Entropy;
}
