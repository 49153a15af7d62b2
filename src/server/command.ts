/**
 * What a command is to the server: a row with its requirements and a handler. The dispatcher reads the row and knows no
 * command by name. A handler sends nothing, signs nothing, counts no credits and knows no MessageId: it returns its
 * response, a promise of one, or throws an {@link NtStatusError}.
 */

import type { MaybePromise } from '../backend/contract.ts';
import type { Clock } from '../base/clock.ts';
import type { Entropy } from '../base/entropy.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import type { NtStatus } from '../base/status.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Connection } from '../session/connection.ts';
import type { Open } from '../session/open.ts';
import type { ServerState } from '../session/server-state.ts';
import type { Session } from '../session/session.ts';
import type { TreeConnect } from '../session/tree-connect.ts';
import type { Codec } from '../wire/codec.ts';
import type { RequestHead } from '../wire/smb2/header.ts';
import type { EndReason } from './ending.ts';

/** Something that a request waits for: a lease break, a lock, a change in a directory. */
export interface Ticket {
  /** Calls `wake` once, when the work is worth trying again from its start. */
  onWake(wake: () => void): void;
  /** The waiter is gone (cancelled, closed, disconnected); `wake` will not be called any more. */
  abandon(): void;
}

export interface WaitOptions {
  /**
   * `now`: the interim response leaves at once, as for a request that by its nature waits (CHANGE_NOTIFY, a blocked
   * LOCK, a CREATE that waits for a break). `timer`: after the command's `interimAfterMs`.
   */
  readonly interim?: 'now' | 'timer';
}

/** Header fields and the signing key that SESSION_SETUP and TREE_CONNECT choose for their responses. */
export interface ReplyHeader {
  sessionId: number;
  treeId: number;
  /** Signs the response, whatever the request's protection; for the legs of an authentication. */
  signer: Signer | undefined;
  /** The response is neither signed nor sealed unless `signer` is set. [MS-SMB2] 3.3.4.1.4 */
  isExempt: boolean;
  /** The response is signed, or sealed, where the request was neither and nothing demands it. */
  isVouchedFor: boolean;
}

/** What every handler sees. */
export interface ConnectionContext {
  readonly server: ServerState;
  readonly connection: Connection;
  readonly header: RequestHead;
  /** The element's bytes, from the first of its header to the last before the next element. */
  readonly message: Buffer;
  readonly clock: Clock;
  readonly entropy: Entropy;
  readonly limits: Limits;
  readonly log: Log;
  /** Position in a compound; `isLast` also for a request of its own. */
  readonly isLast: boolean;
  /** The message came through a transform header. [MS-SMB2] 2.2.41 */
  readonly isEncrypted: boolean;
  /** The message was signed, and rightly. */
  readonly isSigned: boolean;
  /**
   * Parks the request until the ticket wakes it; the caller then tries again from its start. Rejects with CANCELLED,
   * or whatever the event that ends the request demands, after `ticket.abandon()`.
   */
  wait(ticket: Ticket, options?: WaitOptions): Promise<void>;
  /** Fires when the request is cancelled or its open, tree, session or connection goes away. Made on first use. */
  readonly signal: AbortSignal;
  /** What the response's header will say where it differs from the request's. */
  readonly reply: ReplyHeader;
  /**
   * Room for a payload of up to `sizeBytes` that will follow `fixedBytes` of response body, inside the buffer that will
   * be sent: a handler that fills it and returns it (or its beginning) as the response's last blob saves the copy.
   */
  payload(fixedBytes: number, sizeBytes: number): Buffer;
  /** The keys of `session` are needed until the response has left, even when the session ends meanwhile. */
  retain(session: Session): void;
}

export interface SessionContext extends ConnectionContext {
  readonly session: Session;
}

export interface TreeContext extends SessionContext {
  readonly tree: TreeConnect;
}

export interface OpenContext extends TreeContext {
  readonly open: Open;
}

/** CREATE tells the dispatcher of the open it made: later elements of the compound may refer to it. */
export interface CreateContext extends TreeContext {
  carryOpen(open: Open): void;
  /** Set where the client will ask for the open again, should this request's channel be lost. */
  outlivesChannel: boolean;
}

/** TREE_CONNECT and SESSION_SETUP do likewise. */
export interface CarryContext extends SessionContext {
  carryTree(tree: TreeConnect): void;
}

export interface ContextOf {
  connection: ConnectionContext;
  session: CarryContext;
  tree: CreateContext;
  open: OpenContext;
}
export type Needs = keyof ContextOf;

/** A response whose status is not SUCCESS but which has the command's ordinary body, e.g. BUFFER_OVERFLOW. */
export class Reply<R> {
  readonly status: NtStatus;
  readonly response: R;
  /** Called with the exact bytes of the response message, signed, before they are framed or sealed. */
  readonly beforeSend: ((message: Buffer) => void) | undefined;
  /** Called when the response has been handed to the transport. */
  readonly afterSend: (() => void) | undefined;

  constructor(
    status: NtStatus,
    response: R,
    hooks: { beforeSend?: (message: Buffer) => void; afterSend?: () => void } = {},
  ) {
    this.status = status;
    this.response = response;
    this.beforeSend = hooks.beforeSend;
    this.afterSend = hooks.afterSend;
  }
}

/** The FileId of a request, as two ids that this server issued (or NaN, −1: see wire `id64`). */
export interface FileIdFields {
  readonly persistent: number;
  readonly volatile: number;
}

export interface Command<N extends Needs = Needs, Q = unknown, R = unknown> {
  /** The document's name, e.g. `QUERY_DIRECTORY`. */
  readonly name: string;
  /** Command code of the header. [MS-SMB2] 2.2.1 */
  readonly code: number;
  /** What must exist before the handler runs; each level includes those before it. */
  readonly needs: N;
  readonly request: Codec<Q>;
  readonly response: Codec<R>;
  /** Where the request names its open; present exactly when `needs` is `open`. */
  fileId?(request: Q): FileIdFields | undefined;
  /** The name of what it is about, for the audit; present where the request carries one. */
  subject?(request: Q): string;
  /** Bytes of payload that the request carries or asks for, for the check of CreditCharge. [MS-SMB2] 3.3.5.2.5 */
  payloadBytes?(request: Q): number;
  /** Milliseconds after which an interim response is sent; absent: never by time. */
  readonly interimAfterMs?: number;
  /** The command changes data or metadata; its channel sequence is verified. [MS-SMB2] 3.3.5.2.10 */
  modifies?(request: Q): boolean;
  /** What the request answers when it ends early, where that is not {@link endStatus}. */
  readonly endStatus?: Partial<Record<EndReason, NtStatus>>;
  /** Once it has answered with SUCCESS, nothing refers to the request's bytes any more: their memory can be used again. */
  readonly keepsNothing?: boolean;
  /** Not the last of a compound and about to wait: fails with INTERNAL_ERROR, as Windows does. */
  readonly waitsOnlyLast?: boolean;
  /** Its handler decides itself how the request must be protected: NEGOTIATE and SESSION_SETUP. */
  readonly verifiesProtection?: boolean;
  /** Served on an expired session. [MS-SMB2] 3.3.5.2.9 */
  readonly validWhenExpired?: boolean;
  /** The sections of the document that define it. */
  readonly spec: string;
  handle(context: ContextOf[N], request: Q): MaybePromise<R | Reply<R>>;
}

/** Every row has every field, in this order: what all messages pass reads rows of one shape. */
const everyField: Readonly<Record<keyof Command, undefined>> = {
  name: undefined,
  code: undefined,
  needs: undefined,
  request: undefined,
  response: undefined,
  fileId: undefined,
  subject: undefined,
  payloadBytes: undefined,
  interimAfterMs: undefined,
  modifies: undefined,
  endStatus: undefined,
  keepsNothing: undefined,
  waitsOnlyLast: undefined,
  verifiesProtection: undefined,
  validWhenExpired: undefined,
  spec: undefined,
  handle: undefined,
};

/** Infers the types of a command's row. Rows are methods throughout, so that rows of different types fit one table. */
export function command<N extends Needs, Q, R>(row: Command<N, Q, R>): Command<N, Q, R> {
  return Object.assign({ ...everyField }, row);
}
