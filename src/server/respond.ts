/**
 * From finished elements to a frame on its way: header, credits, padding, signature, hash, seal, frame.
 */
import { EMPTY } from '../base/bytes.ts';
import { isError, type NtStatus, NtStatus as Status } from '../base/status.ts';
import type { SessionCrypto } from '../crypto/session-crypto.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Connection } from '../session/connection.ts';
import type { Codec } from '../wire/codec.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../wire/frame.ts';
import { ErrorContexts, ErrorId, ErrorResponse } from '../wire/smb2/error.ts';
import { HeaderFlags, NO_SIGNATURE, signatureIn } from '../wire/smb2/header.ts';
import { pace } from './pace.ts';
import { type Protection, protectionOf } from './protection.ts';
import { HEADROOM_BYTES, ReplyBuffer } from './reply.ts';
import type { Request } from './request.ts';

/** What the field of the header can hold. [MS-SMB2] 2.2.1 */
const CREDITS_MAX = 0xffff;

/** An element's answer before credits and protection are settled. */
export interface Answer {
  readonly request: Request;
  readonly status: NtStatus;
  readonly buffer: ReplyBuffer;
  readonly isInterim: boolean;
  /** See {@link Reply}. */
  beforeSend: ((message: Buffer) => void) | undefined;
  afterSend: (() => void) | undefined;
}

/** An answer with the command's ordinary body. */
export function answerWith<R>(request: Request, status: NtStatus, codec: Codec<R>, value: R): Answer {
  const buffer = request.replyBuffer ?? new ReplyBuffer(codec.sizeOf(value));
  buffer.writeBody(codec, value);
  return { request, status, buffer, isInterim: false, beforeSend: undefined, afterSend: undefined };
}

/** An answer with the body of SMB2 ERROR Response. [MS-SMB2] 2.2.2, 3.3.4.4 */
export function answerError(request: Request, status: NtStatus, errorData: Buffer = EMPTY): Answer {
  const value =
    errorData.length > 0 && request.connection.negotiated?.dialect.hasErrorContexts === true
      ? { errorContextCount: 1, errorData: inContext(errorData) }
      : { errorContextCount: 0, errorData };
  const buffer = new ReplyBuffer(ErrorResponse.sizeOf(value));
  buffer.writeBody(ErrorResponse, value);
  return { request, status, buffer, isInterim: false, beforeSend: undefined, afterSend: undefined };
}

/** Error data as SMB 3.1.1 carries it. [MS-SMB2] 2.2.2.1 */
function inContext(errorContextData: Buffer): Buffer {
  return ErrorContexts.encode({ contexts: [{ errorId: ErrorId.DEFAULT, errorContextData }] });
}

/** STATUS_PENDING. [MS-SMB2] 3.3.4.2 */
export function answerInterim(request: Request): Answer {
  return { ...answerError(request, Status.PENDING), isInterim: true };
}

/**
 * Sends the answers as one message. `creditsRequested` are those of all elements; they are granted on the last one.
 * [MS-SMB2] 3.3.4.1
 */
export function transmit(connection: Connection, answers: readonly Answer[]): void {
  try {
    if (!connection.isClosed) put(connection, answers);
  } finally {
    answers.forEach(done);
    pace(connection);
  }
}

/** The answer has left, or never will. */
export function done(answer: Answer): void {
  if (answer.isInterim) return;
  answer.afterSend?.();
  answer.request.release();
}

function put(connection: Connection, answers: readonly Answer[]): void {
  const last = answers.at(-1);
  let sealer: SessionCrypto | undefined;
  let signer: Signer | undefined;
  let requested = 0;
  let offset = 0;
  for (const answer of answers) {
    const { request, buffer } = answer;
    requested += creditsWanted(answer);
    const protection = protectionOf(request, answer.isInterim);
    sealer ??= protection.sealer;
    const isLast = answer === last;
    if (answers.length > 1) buffer.pad();
    finish(answer, {
      credits: isLast ? creditsGranted(connection, requested) : 0,
      nextCommand: isLast ? 0 : buffer.sizeBytes,
      isRelated: offset > 0 && (request.header.flags & HeaderFlags.RELATED_OPERATIONS) !== 0,
      isSigned: protection.signer !== undefined,
    });
    if (answers.length === 1 && mayWait(connection, answer, protection)) signer = protection.signer;
    if (signer === undefined) protection.signer?.sign(buffer.message);
    else signer.signSoon(buffer.message);
    answer.beforeSend?.(buffer.message);
    offset += buffer.sizeBytes;
  }
  const [first] = answers;
  if (first === undefined) return;
  const buffers = answers.length === 1 ? [first.buffer] : answers.map(({ buffer }) => buffer);
  send(connection, buffers, { sealer, signer });
}

/** Whether the signature need not be there before the frame leaves. */
function mayWait({ transport }: Connection, { buffer, beforeSend }: Answer, { signer }: Protection): boolean {
  return (
    signer?.isPairable(buffer.message) === true &&
    transport.sendLater !== undefined &&
    beforeSend === undefined
  );
}

/** What a frame lacks. */
interface Unfinished {
  /** It is to be sealed. */
  readonly sealer?: SessionCrypto | undefined;
  /** Its signature comes when this is settled. */
  readonly signer?: Signer | undefined;
}

/** Frames and sends messages that are complete but for what they lack; their memory is given back when they have left. */
export function send(
  connection: Connection,
  buffers: readonly ReplyBuffer[],
  { sealer, signer }: Unfinished,
): void {
  const [first] = buffers;
  if (connection.isClosed || first === undefined) return;
  const rest = buffers.length === 1 ? NOTHING : buffers.slice(1).map((buffer) => buffer.message);
  const start = sealer === undefined ? HEADROOM_BYTES - FRAME_HEADER_BYTES : 0;
  const parts =
    sealer === undefined ? [first.bytes.subarray(start, first.end), ...rest] : sealed(sealer, first, rest);
  const [head] = parts;
  if (head === undefined) return;
  const frameBytes = sizeOf(parts);
  writeFrameHeader(head, 0, frameBytes - FRAME_HEADER_BYTES);
  connection.server.statistics.bytesSent += frameBytes;
  const left = (): void => {
    for (const buffer of buffers) buffer.release();
  };
  const { transport } = connection;
  if (signer === undefined) transport.send(parts, left);
  else transport.sendLater?.(parts, left, () => signer.settle());
}

/** The transform header and, behind it or in memory of its own, what was sealed; room for the frame header in front. */
function sealed(sealer: SessionCrypto, first: ReplyBuffer, rest: readonly Buffer[]): readonly Buffer[] {
  const message = first.message;
  const header = first.bytes.subarray(0, HEADROOM_BYTES);
  const [, ciphertext = EMPTY, ...others] = sealer.seal(
    [message, ...rest],
    header.subarray(FRAME_HEADER_BYTES),
  );
  const isInPlace = ciphertext.buffer === message.buffer && ciphertext.byteOffset === message.byteOffset;
  return isInPlace
    ? [first.bytes.subarray(0, HEADROOM_BYTES + ciphertext.length), ...others]
    : [header, ciphertext, ...others];
}

const NOTHING: readonly Buffer[] = Object.freeze([]);

interface HeaderChoice {
  readonly credits: number;
  readonly nextCommand: number;
  readonly isRelated: boolean;
  readonly isSigned: boolean;
}

function finish(answer: Answer, choice: HeaderChoice): void {
  const { request, buffer, status } = answer;
  const { header, reply, asyncId } = request;
  let flags: number = HeaderFlags.SERVER_TO_REDIR;
  if (choice.isRelated) flags |= HeaderFlags.RELATED_OPERATIONS;
  // Without a session there is no key. The client's own signature is sent back, as Windows does: some clients take the
  // status of an answer only when it looks signed.
  const isEchoed = !choice.isSigned && request.sessionInUse === undefined && request.asyncId === undefined;
  flags |= choice.isSigned ? HeaderFlags.SIGNED : isEchoed ? header.flags & HeaderFlags.SIGNED : 0;
  if (asyncId !== undefined) flags |= HeaderFlags.ASYNC_COMMAND;
  buffer.writeHeader({
    creditCharge: header.creditCharge,
    status,
    command: header.command,
    credits: choice.credits,
    flags,
    nextCommand: choice.nextCommand,
    messageId: header.messageId,
    treeId: reply.treeId,
    asyncId: asyncId ?? 0,
    sessionId: reply.sessionId,
    signature: isEchoed ? signatureIn(request.message) : NO_SIGNATURE,
  });
}

/** [MS-SMB2] 3.3.4.1.2: the interim answer grants; the final one of the same request grants nothing more. */
function creditsWanted(answer: Answer): number {
  const { request, isInterim } = answer;
  if (request.asyncId !== undefined && !isInterim) return 0;
  // A failed logon earns nothing beyond what keeps the client able to go on.
  if (isError(answer.status) && request.sessionInUse === undefined) return 1;
  return Math.max(request.header.credits, 1);
}

function creditsGranted({ window }: Connection, requested: number): number {
  // [MS-SMB2] 3.3.1.2: a client without credits could never speak again.
  const least = window.available === 0 ? 1 : 0;
  return window.grant(Math.min(Math.max(requested, least), CREDITS_MAX));
}

function sizeOf(parts: readonly Buffer[]): number {
  let sizeBytes = 0;
  for (const part of parts) sizeBytes += part.length;
  return sizeBytes;
}
