/**
 * From a header to a handler's answer: the checks that every request passes, in the document's order. It reads the
 * command's row and knows no command by name. [MS-SMB2] 3.3.5.2
 */
import { EMPTY } from '../base/bytes.ts';
import { demand, isError, NtStatus, NtStatusError, statusName } from '../base/status.ts';
import type { Open } from '../session/open.ts';
import type { Session } from '../session/session.ts';
import type { TreeConnect } from '../session/tree-connect.ts';
import { statusOf } from '../vfs/status-of-error.ts';
import { WireError } from '../wire/codec.ts';
import { HEADER_BYTES, HeaderFlags } from '../wire/smb2/header.ts';
import { leaveChannelSequence, verifyChannelSequence } from './channel-sequence.ts';
import { type Command, type FileIdFields, type Needs, Reply } from './command.ts';
import { ProtocolViolation, RequestEnded } from './ending.ts';
import type { Request } from './request.ts';
import { type Answer, answerError, answerWith } from './respond.ts';

/** What later elements of a compound take over from those before them. [MS-SMB2] 3.3.5.2.7.2 */
export interface Carried {
  readonly session: Session | undefined;
  readonly tree: TreeConnect | undefined;
  readonly open: Open | undefined;
  /** The status with which the element that should have made the open failed. */
  readonly failure: NtStatus | undefined;
}

/** Commands by code. The request is for tables of tests, which answer some in their own way. */
export interface CommandTable {
  get(code: number, request: Request): Command | undefined;
}

/** The FileId that stands for "the open of the element before". [MS-SMB2] 3.3.5.2.7.2 */
const ALL_ONES = -1;

/**
 * Answers `request`. Throws {@link ProtocolViolation} where the connection must be closed; every other error becomes
 * an error answer.
 */
export function dispatch(
  request: Request,
  commands: CommandTable,
  carried: Carried | undefined,
): Answer | Promise<Answer> {
  let row: Command | undefined;
  try {
    row = commands.get(request.header.command, request);
    request.command = row;
    resolveSession(request, row, carried);
    demand(row !== undefined, NtStatus.INVALID_PARAMETER, 'unknown command');
    const result = handle(request, row, carried);
    return result instanceof Promise ? rescued(request, row, result) : result;
  } catch (error) {
    return failed(request, row, error);
  }
}

function rescued(request: Request, row: Command, result: Promise<Answer>): Promise<Answer> {
  return result.catch((error: unknown) => failed(request, row, error));
}

function handle<N extends Needs, Q, R>(
  request: Request,
  row: Command<N, Q, R>,
  carried: Carried | undefined,
): Answer | Promise<Answer> {
  if (row.needs === 'tree' || row.needs === 'open') resolveTree(request, carried);
  const body = row.request.decode(request.message, HEADER_BYTES);
  if (row.subject !== undefined) request.subject = row.subject(body);
  const payloadBytes = row.payloadBytes?.(body) ?? 0;
  verifyCreditCharge(request, payloadBytes);
  request.carries(payloadBytes);
  const fileId = row.fileId?.(body);
  if (fileId !== undefined) resolveOpen(request, fileId, carried).isReplayEligible = false;
  const modifies = row.modifies?.(body) === true;
  if (request.openInUse !== undefined) verifyChannelSequence(request, modifies);
  let result: ReturnType<typeof row.handle>;
  try {
    result = row.handle(request, body);
  } catch (error) {
    leaveChannelSequence(request);
    throw error;
  }
  if (result instanceof Promise) return answerLater(request, row, result);
  leaveChannelSequence(request);
  return answer(request, row, result);
}

interface Answering<R> {
  readonly response: Command<Needs, unknown, R>['response'];
}

async function answerLater<R>(
  request: Request,
  row: Answering<R>,
  result: Promise<R | Reply<R>>,
): Promise<Answer> {
  let value: R | Reply<R>;
  try {
    value = await result;
  } finally {
    leaveChannelSequence(request);
  }
  return answer(request, row, value);
}

function answer<R>(request: Request, row: Answering<R>, result: R | Reply<R>): Answer {
  if (!(result instanceof Reply)) {
    return answerWith(request, NtStatus.SUCCESS, row.response, result);
  }
  const made = answerWith(request, result.status, row.response, result.response);
  made.beforeSend = result.beforeSend;
  made.afterSend = result.afterSend;
  return made;
}

/** What a session was not allowed to do. */
function auditDenial(
  { server, sessionInUse, treeInUse, subject }: Request,
  row: Command | undefined,
  error: Error,
): void {
  const user = sessionInUse?.authenticated?.identity.name;
  if (user === undefined) return;
  const share = treeInUse?.share.name;
  server.audit('access-denied', { user, command: row?.name, share, path: subject, reason: error.message });
}

/** The one translation from what was thrown to what is answered. */
function failed(request: Request, row: Command | undefined, error: unknown): Answer {
  if (error instanceof ProtocolViolation) throw error;
  if (error instanceof RequestEnded) {
    return answerError(request, row?.endStatus?.[error.reason] ?? error.status);
  }
  if (error instanceof NtStatusError) {
    if (error.status === NtStatus.ACCESS_DENIED) auditDenial(request, row, error);
    if (request.log.enabled('debug')) {
      const { status, message } = error;
      request.log.write('debug', 'request-failed', {
        command: row?.name,
        status: statusName(status),
        message,
      });
    }
    return answerError(request, error.status, error.errorData ?? EMPTY);
  }
  if (error instanceof WireError) {
    request.log.write('debug', 'malformed-request', { command: row?.name, message: error.message });
    return answerError(request, NtStatus.INVALID_PARAMETER);
  }
  const status = statusOf(error);
  if (status !== undefined) {
    const message = error instanceof Error ? error.message : String(error);
    request.log.write('debug', 'store-failed', { command: row?.name, status: statusName(status), message });
    return answerError(request, status);
  }
  const stack = error instanceof Error ? error.stack : String(error);
  request.log.write('error', 'internal-error', { command: row?.name, stack });
  return answerError(request, NtStatus.INTERNAL_ERROR);
}

function isRelated(request: Request): boolean {
  return (request.header.flags & HeaderFlags.RELATED_OPERATIONS) !== 0;
}

/** [MS-SMB2] 3.3.5.2.7.2, 3.3.5.2.4, 3.3.5.2.9 */
function resolveSession(request: Request, row: Command | undefined, carried: Carried | undefined): void {
  const session = lookUpSession(request, carried);
  if (session !== undefined) {
    request.sessionInUse = session;
    request.channelSigner = session.signerOn(request.connection);
    request.reply.sessionId = session.sessionId;
  }
  if (row?.needs === 'connection') {
    // [MS-SMB2] 3.3.5.2.4, 3.3.5.2.9: what names a session is protected as that session demands.
    if (session?.authenticated === undefined || row.verifiesProtection === true) {
      verifySignatureIfAny(request, session);
    } else verifyProtection(request, session);
    return;
  }
  demand(session !== undefined, NtStatus.USER_SESSION_DELETED);
  const state = session.currentState(request.startMs);
  // [MS-SMB2] 3.3.5.2.9: a session whose first authentication is not over is not there yet.
  if (state === 'in-progress') {
    request.sessionInUse = undefined;
    throw new NtStatusError(NtStatus.USER_SESSION_DELETED, 'authentication is not over');
  }
  demand(state !== 'ended', NtStatus.USER_SESSION_DELETED);
  verifyProtection(request, session);
  demand(state === 'valid' || row?.validWhenExpired === true, NtStatus.NETWORK_SESSION_EXPIRED);
}

function lookUpSession(request: Request, carried: Carried | undefined): Session | undefined {
  if (isRelated(request)) {
    // The client may leave the ids of a related element at all ones; whatever they are, those before it count. One before
    // it that has none, or none before it, is an error of its own, whatever became of that element.
    const session = carried?.session;
    demand(session !== undefined, NtStatus.INVALID_PARAMETER, 'no session before this related element');
    return session;
  }
  return request.connection.sessions.get(request.header.sessionId);
}

/** Commands without a session may still be signed (the legs of a binding or re-authentication); they check it themselves. */
function verifySignatureIfAny(request: Request, session: Session | undefined): void {
  const crypto = session?.crypto;
  const signer = request.channelSigner;
  if (request.isEncrypted || (request.header.flags & HeaderFlags.SIGNED) === 0) return;
  if (crypto === undefined || signer === undefined) return;
  request.signsAnswer = true;
  demand(crypto.verify(signer, request.message), NtStatus.ACCESS_DENIED, 'wrong signature');
  request.isSigned = true;
}

/** [MS-SMB2] 3.3.5.2.4, 3.3.5.2.9 */
function verifyProtection(request: Request, session: Session): void {
  const authenticated = session.authenticated;
  if (authenticated?.crypto === undefined || request.isEncrypted) return;
  if ((request.header.flags & HeaderFlags.SIGNED) !== 0) {
    verifySignatureIfAny(request, session);
    demand(request.isSigned, NtStatus.ACCESS_DENIED, 'the connection is no channel of the session');
  } else if (authenticated.signingRequired) {
    // The refusal is signed: the client discards what is not.
    request.signsAnswer = true;
    throw new NtStatusError(NtStatus.ACCESS_DENIED, 'the session requires signing');
  }
  demand(!authenticated.encryptData, NtStatus.ACCESS_DENIED, 'the session requires encryption');
}

/** [MS-SMB2] 3.3.5.2.11 */
function resolveTree(request: Request, carried: Carried | undefined): void {
  const { trees } = request.session;
  const tree = isRelated(request) ? carriedTree(request, carried) : trees.get(request.header.treeId);
  demand(tree !== undefined, NtStatus.NETWORK_NAME_DELETED);
  request.treeInUse = tree;
  request.reply.treeId = tree.treeId;
  demand(!tree.encryptData || request.isEncrypted, NtStatus.ACCESS_DENIED, 'the share requires encryption');
}

/** The tree of the element before, unless that element ended it. */
function carriedTree(request: Request, carried: Carried | undefined): TreeConnect | undefined {
  const tree = carried?.tree;
  demand(tree !== undefined, NtStatus.INVALID_PARAMETER, 'no tree connect before this related element');
  return request.session.trees.get(tree.treeId) === tree ? tree : undefined;
}

/** [MS-SMB2] 3.3.5.2.7.2, 3.3.5.2.8 */
function resolveOpen(request: Request, fileId: FileIdFields, carried: Carried | undefined): Open {
  const isSentinel = fileId.persistent === ALL_ONES && fileId.volatile === ALL_ONES;
  const useCarried = isRelated(request) && (isSentinel || carried?.open !== undefined);
  if (useCarried) {
    demand(carried?.failure === undefined, carried?.failure ?? NtStatus.FILE_CLOSED);
    demand(carried?.open !== undefined, NtStatus.INVALID_PARAMETER, 'no open before this related element');
    demand(!carried.open.isClosed, NtStatus.FILE_CLOSED);
    request.openInUse = carried.open;
    return carried.open;
  }
  const open = request.session.findOpen(fileId);
  demand(open !== undefined && open.tree === request.tree, NtStatus.FILE_CLOSED);
  request.openInUse = open;
  return open;
}

/** [MS-SMB2] 3.3.5.2.5 */
function verifyCreditCharge(request: Request, payloadBytes: number): void {
  const negotiated = request.connection.negotiated;
  if (negotiated === undefined) return;
  if (!negotiated.dialect.hasMultiCredit || negotiated.maxTransactSize <= 65_536) {
    return;
  }
  const charge = Math.max(request.header.creditCharge, 1);
  const needed = Math.max(1, Math.ceil(payloadBytes / 65_536));
  demand(charge >= needed, NtStatus.INVALID_PARAMETER, 'CreditCharge is too small for the payload');
}

/** What the next element of the compound starts from. */
export function carry(request: Request, status: NtStatus): Carried {
  const failsOpen = isError(status) && request.openInUse === undefined;
  return {
    session: request.sessionInUse,
    tree: request.treeInUse,
    open: request.openInUse,
    failure: failsOpen ? status : undefined,
  };
}
