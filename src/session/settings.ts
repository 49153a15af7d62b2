/**
 * The protocol's settings, as one immutable value.
 */
import type { Limits } from '../base/limits.ts';
import type { DialectName } from './dialect.ts';
import type { EncryptionMode } from './tree-connect.ts';

export type SigningAlgorithmName = 'AES-GMAC' | 'AES-CMAC' | 'HMAC-SHA256';
export type CipherName = 'AES-128-GCM' | 'AES-128-CCM' | 'AES-256-GCM' | 'AES-256-CCM';

export interface Settings {
  readonly signing: {
    /** Unsigned requests of authenticated sessions are refused. */
    readonly required: boolean;
    /** For dialect 3.1.1, most preferred first. */
    readonly algorithms: readonly SigningAlgorithmName[];
  };
  readonly encryption: {
    readonly mode: EncryptionMode;
    /** Most preferred first. */
    readonly ciphers: readonly CipherName[];
  };
  readonly dialects: { readonly min: DialectName; readonly max: DialectName };
  readonly session: {
    /** Milliseconds after which a session must authenticate again; 0: never. */
    readonly lifetimeMs: number;
  };
  readonly multichannel: boolean;
  /** Sessions for unknown users, without signing or encryption. */
  readonly guest: boolean;
  /** Sessions without a user, on IPC$ only. */
  readonly anonymous: boolean;
  /**
   * The server that a logon may be for. `off`: any. `accepted`: this one where the client says it. `required`: this one, and the client must
   * say it.
   */
  readonly targetNames: {
    readonly level: 'off' | 'accepted' | 'required';
    /** Names of this server beside its own and its address. */
    readonly names: readonly string[];
  };
  /**
   * So many wrong passwords for an account within `windowMs`, and all its logons are refused for `durationMs`. `failures` 0: never.
   */
  readonly lockout: { readonly failures: number; readonly windowMs: number; readonly durationMs: number };
  readonly limits: Limits;
}
