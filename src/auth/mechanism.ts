/**
 * What an authentication mechanism is to the server: tokens in, tokens out, an identity at the end.
 */

import { NtStatus, NtStatusError } from '../base/status.ts';
import type { Identity } from './identity.ts';
import type { MaybePromise } from './maybe-promise.ts';

/** An authentication that failed. `message` says why, for the log; the client sees the status only. */
export class LogonError extends NtStatusError {
  /** The account that was tried, as the client spelled it; empty where the password was not looked at. */
  readonly account: string;

  constructor(message: string, status: NtStatus = NtStatus.LOGON_FAILURE, account = '') {
    super(status, message);
    this.account = account;
  }
}

/** A mechanism, as SPNEGO offers it. */
export interface Mechanism {
  /** Object identifier in dotted form. */
  readonly oid: string;
  /** Starts one authentication. */
  begin(): AcceptorContext;
}

/** One authentication in progress, or one that is done. */
export interface AcceptorContext {
  /**
   * Takes the client's next token. Throws {@link LogonError}, after which the context is of no use; every other error is a
   * fault of the server. One step at a time.
   */
  step(token: Buffer): MaybePromise<AuthenticationStep>;
  /** Overwrites whatever is secret. To be called exactly when the context is no longer needed, however it ended. */
  destroy(): void;
}

/** The outcome of one token. */
export type AuthenticationStep = AuthenticationContinues | AuthenticationComplete;

/** The client must send another token. */
export interface AuthenticationContinues {
  readonly kind: 'continue';
  readonly token: Buffer;
  /** Who the client is, where that is proved and only a checksum of what was said before is missing. */
  readonly identity?: Identity;
}

/** The client is who it says. */
export interface AuthenticationComplete {
  readonly kind: 'complete';
  /** The last token for the client, where there is one. */
  readonly token?: Buffer;
  readonly identity: Identity;
  /**
   * The whole session key; belongs to the receiver, who overwrites it. Absent for guests and anonymous clients, whose keys
   * anybody could compute.
   */
  readonly sessionKey: Buffer | undefined;
  /** The service principal name that the client believes it talks to, where it said so (e.g. `cifs/server`). */
  readonly targetName?: string;
  /** Checksums over the negotiation, where the mechanism can make them; valid until the context is destroyed. */
  readonly integrity?: MessageIntegrity;
}

/** GSS_GetMIC and GSS_VerifyMIC of a completed context. RFC 2743 2.3 */
export interface MessageIntegrity {
  makeMic(message: Buffer): Buffer;
  verifyMic(message: Buffer, mic: Buffer): boolean;
}
