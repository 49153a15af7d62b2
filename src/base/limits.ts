/**
 * Every bound of the server, with its unit and its reason. A server may be given smaller or larger values.
 */

export interface Limits {
  /** Bytes of one frame before a session is valid: negotiate and session setup fit, nothing larger is wanted. */
  readonly frameBytesUnauthenticated: number;
  /** Bytes of one frame beyond the payload: header, body, contexts, transform. */
  readonly frameBytesOverhead: number;
  /** MaxTransactSize, MaxReadSize, MaxWriteSize of dialects 2.1 and later. [MS-SMB2] 3.3.5.4 */
  readonly payloadBytes: number;
  /** The same for 2.0.2 and for clients without large MTU. */
  readonly payloadBytesSmall: number;
  /** Elements of one compound. */
  readonly compoundCount: number;
  /** Bytes of one compound's joined response; with headers it fits the 16 MiB of a frame. */
  readonly compoundResponseBytes: number;
  /** Negotiate contexts of one request. */
  readonly negotiateContextCount: number;
  /** Create contexts of one request. */
  readonly createContextCount: number;
  /** Credits a connection may hold. */
  readonly creditCount: number;
  /** Requests of one connection that wait for something (interim answered). */
  readonly pendingCount: number;
  /** Connections of the whole server. */
  readonly connectionCount: number;
  /** Connections of one remote address. */
  readonly connectionCountPerAddress: number;
  /** Connections without a valid session, of the whole server. */
  readonly unauthenticatedConnectionCount: number;
  /** Sessions on one connection. */
  readonly sessionCountPerConnection: number;
  /** Sessions of the whole server. */
  readonly sessionCount: number;
  /** Sessions of one user, of the whole server. */
  readonly sessionCountPerUser: number;
  /** Half-open sessions (authentication in progress) on one connection. */
  readonly sessionSetupCountPerConnection: number;
  /** Channels of one session. */
  readonly channelCountPerSession: number;
  /** Tree connects of one session. */
  readonly treeConnectCountPerSession: number;
  /** Opens of one session. */
  readonly openCountPerSession: number;
  /** Opens of the whole server. */
  readonly openCount: number;
  /** Byte-range locks of one open. */
  readonly lockCountPerOpen: number;
  /** Elements of one LOCK request. */
  readonly lockElementCount: number;
  /** Time from accept to a valid session. */
  readonly authenticationTimeoutMs: number;
  /** Time from the first to the last byte of one frame. */
  readonly frameTimeoutMs: number;
  /** Time a half-open session may wait for its next leg. */
  readonly sessionSetupTimeoutMs: number;
  /** Unsent bytes at which the server stops reading a connection. */
  readonly sendQueueBytes: number;
  /**
   * Bytes that payloads at work and unsent answers of all connections may hold. Beyond them a connection is not read while it holds
   * more than a small part itself, so that each has one large request at work; none waits for another one.
   */
  readonly heldBytes: number;
  /** Time a connection's send queue may stay over its bound before the connection is closed. */
  readonly sendTimeoutMs: number;
  /** Time after which an unfinished request gets an interim response, where its command allows one. */
  readonly interimAfterMs: number;
  /** Time a failed logon waits before it is answered. */
  readonly failedLogonDelayMs: number;
  /** Time an oplock or lease break may stay unacknowledged. [MS-SMB2] 3.3.2.1 */
  readonly breakTimeoutMs: number;
  /** Largest durable-handle time-out granted. [MS-SMB2] 3.3.5.9.10 */
  readonly durableTimeoutMs: number;
  /** Durable handles of one user without a connection. */
  readonly durableCountPerUser: number;
  /** Bytes of buffered change notifications of one open. */
  readonly notifyBytes: number;
  /** UTF-16 units of a path within a share. */
  readonly pathChars: number;
  /** UTF-16 units of one component of a path. */
  readonly nameChars: number;
  /** Bytes of one stored RPC request or response on a pipe. */
  readonly pipeBytes: number;
}

export const defaultLimits: Limits = Object.freeze({
  frameBytesUnauthenticated: 16 * 1024,
  frameBytesOverhead: 64 * 1024,
  payloadBytes: 8 * 1024 * 1024,
  payloadBytesSmall: 64 * 1024,
  compoundCount: 64,
  compoundResponseBytes: 15 * 1024 * 1024,
  negotiateContextCount: 16,
  createContextCount: 32,
  creditCount: 8192,
  pendingCount: 512,
  connectionCount: 16_384,
  connectionCountPerAddress: 1024,
  unauthenticatedConnectionCount: 4096,
  sessionCountPerConnection: 1024,
  sessionCount: 65_536,
  sessionCountPerUser: 16_384,
  sessionSetupCountPerConnection: 32,
  channelCountPerSession: 32,
  treeConnectCountPerSession: 1024,
  openCountPerSession: 65_536,
  openCount: 200_000,
  lockCountPerOpen: 100_000,
  lockElementCount: 1024,
  authenticationTimeoutMs: 45_000,
  frameTimeoutMs: 30_000,
  sessionSetupTimeoutMs: 30_000,
  sendQueueBytes: 32 * 1024 * 1024,
  heldBytes: 32 * 1024 * 1024,
  sendTimeoutMs: 60_000,
  interimAfterMs: 500,
  failedLogonDelayMs: 2000,
  breakTimeoutMs: 35_000,
  durableTimeoutMs: 300_000,
  durableCountPerUser: 10_000,
  notifyBytes: 64 * 1024,
  pathChars: 32_760,
  nameChars: 255,
  pipeBytes: 4 * 1024 * 1024,
});
