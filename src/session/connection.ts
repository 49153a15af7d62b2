/**
 * A transport connection and what was agreed on it. [MS-SMB2] 3.3.1.7
 */
import type { AcceptorContext } from '../auth/mechanism.ts';
import type { Cipher, SigningAlgorithm } from '../crypto/algorithms.ts';
import type { PreauthHash } from '../crypto/preauth.ts';
import { CommandSequenceWindow } from './credits.ts';
import type { Dialect } from './dialect.ts';
import type { CloseReason, Open } from './open.ts';
import type { ServerState } from './server-state.ts';
import type { Session } from './session.ts';
import type { Transport } from './transport.ts';
import type { TreeConnect } from './tree-connect.ts';

/** Everything that NEGOTIATE settles, set once and as a whole. */
export interface Negotiated {
  readonly dialect: Dialect;
  readonly clientGuid: string;
  readonly clientCapabilities: number;
  readonly clientSecurityMode: number;
  /** The dialects that the client offered, for FSCTL_VALIDATE_NEGOTIATE_INFO. */
  readonly clientDialects: readonly number[];
  readonly serverCapabilities: number;
  readonly serverSecurityMode: number;
  readonly maxTransactSize: number;
  readonly maxReadSize: number;
  readonly maxWriteSize: number;
  /** The SigningAlgorithmId that was negotiated; absent where the dialect's own is used. */
  readonly signingAlgorithm: SigningAlgorithm | undefined;
  /** CipherId, or undefined when this connection cannot encrypt. */
  readonly cipher: Cipher | undefined;
  /** Connection.PreauthIntegrityHashValue after NEGOTIATE; empty before 3.1.1. */
  readonly preauthHash: Buffer;
}

/** One authentication in progress: a session's first, a re-authentication, or a channel's. */
export interface Authentication {
  readonly session: Session;
  readonly purpose: 'setup' | 'reauthentication' | 'binding';
  readonly acceptor: AcceptorContext;
  /** Session.PreauthIntegrityHashValue, or the channel's; absent before 3.1.1 and for re-authentications. */
  readonly preauth: PreauthHash | undefined;
  /** Clock.monotonicMs at which the next leg is too late. */
  deadlineMs: number;
  /** A leg is being worked on; another must not overtake it. */
  isBusy: boolean;
}

/** A request that has not been answered finally. */
export interface OutstandingRequest {
  readonly messageId: number;
  readonly asyncId: number | undefined;
  readonly sessionInUse: Session | undefined;
  readonly treeInUse: TreeConnect | undefined;
  readonly openInUse: Open | undefined;
  /** It can be sent again on another channel and is to be found done then. */
  readonly outlivesChannel: boolean;
  /**
   * Ends the request early. Once; later calls do nothing. One that waits answers soon: what is returned resolves then, so that
   * the answer to what ended it can follow.
   */
  end(reason: CloseReason | 'cancel'): Promise<void> | undefined;
}

export class Connection {
  readonly server: ServerState;
  readonly transport: Transport;
  readonly window: CommandSequenceWindow;
  /** Absent until NEGOTIATE succeeded. */
  negotiated: Negotiated | undefined;
  /** Clock.monotonicMs of the accept. */
  readonly createdMs: number;
  /** Sessions with a channel on this connection, and those whose setup is under way here. */
  readonly sessions = new Map<number, Session>();
  readonly authentications = new Map<number, Authentication>();
  /** Requests that are worked on or wait, by MessageId. */
  readonly outstanding = new Map<number, OutstandingRequest>();
  /** Those that got an interim response, by AsyncId. */
  readonly async = new Map<number, OutstandingRequest>();
  /** A session became valid on this connection. */
  isAuthenticated = false;
  isClosed = false;
  /** An SMB1 negotiate was answered with the wildcard revision; an SMB2 NEGOTIATE must follow. */
  isMultiProtocol = false;
  /** Bytes that requests at work carry or ask for. */
  payloadBytes = 0;
  /** What of ServerState.heldBytes is this connection's. */
  heldBytes = 0;
  /** Nothing is read for now: the client has too many answers to take first. */
  isPaused = false;

  constructor(server: ServerState, transport: Transport) {
    this.server = server;
    this.transport = transport;
    this.window = new CommandSequenceWindow(server.limits.creditCount);
    this.createdMs = server.clock.monotonicMs();
  }
}
