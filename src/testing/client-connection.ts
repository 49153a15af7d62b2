/**
 * A client's connection: MessageIds, credits, protection, and the matching of responses. [MS-SMB2] 3.2.4.1, 3.2.5.1
 */
import { assert, present } from '../base/assert.ts';
import { type Entropy, randomBytesOf, systemEntropy } from '../base/entropy.ts';
import { isError, NtStatus, NtStatusError, statusName } from '../base/status.ts';
import { PreauthHash } from '../crypto/preauth.ts';
import { TRANSFORM_HEADER_BYTES } from '../crypto/sealing.ts';
import { CancelRequest } from '../wire/smb2/cancel.ts';
import { EchoRequest } from '../wire/smb2/echo.ts';
import { Command, HeaderFlags, UNSOLICITED_MESSAGE_ID } from '../wire/smb2/header.ts';
import { DialectRevision, NegotiateRequest, NegotiateResponse } from '../wire/smb2/negotiate.ts';
import { TRANSFORM_PROTOCOL_ID, TransformHeader } from '../wire/smb2/transform.ts';
import {
  ClientResponse,
  compoundStep,
  elementsOf,
  encodeRequest,
  protectionOf,
  type RequestSpec,
  type SessionProtection,
} from './client-message.ts';
import {
  type ClientNegotiated,
  type NegotiateOffer,
  negotiatedOf,
  negotiateRequestOf,
} from './client-negotiate.ts';
import type { ClientTransport } from './client-transport.ts';

/** Credits that every request asks for. */
const CREDITS_ASKED = 64;
/** Payload that one credit pays for. [MS-SMB2] 3.2.4.1.5 */
const CREDIT_BYTES = 65_536;

/** The connection ended before the response came. */
export class ConnectionClosedError extends Error {
  override readonly name = 'ConnectionClosedError';
}

/** A request that has been sent. */
export interface SentRequest {
  readonly messageId: number;
  /** The bytes as they were sent, before they were sealed. */
  readonly message: Buffer;
  /** The final response; rejects with {@link ConnectionClosedError}. */
  readonly response: Promise<ClientResponse>;
  /** The STATUS_PENDING response, or the final one where none came before it. */
  readonly firstResponse: Promise<ClientResponse>;
  /** Sends CANCEL: by AsyncId when there is one. */
  cancel(): void;
}

interface Awaited {
  readonly spec: RequestSpec;
  readonly messageId: number;
  interim: ClientResponse | undefined;
  readonly first: PromiseWithResolvers<ClientResponse>;
  readonly final: PromiseWithResolvers<ClientResponse>;
}

/** What a {@link TestConnection} may be given. */
export interface TestConnectionOptions {
  readonly entropy?: Entropy;
}

/** One connection of a test client. */
export class TestConnection {
  readonly transport: ClientTransport;
  readonly entropy: Entropy;
  /** Connection.PreauthIntegrityHashValue. */
  readonly preauth = new PreauthHash();
  /** Sessions whose messages are opened and verified, by SessionId. */
  readonly sessions = new Map<number, SessionProtection>();
  /** The MessageId of the next request. */
  nextMessageId = 0;
  /** Credits granted and not used. */
  credits = 1;
  /** Resolves when the connection is gone. */
  readonly closed: Promise<void>;
  readonly #closing = Promise.withResolvers<void>();
  readonly #awaited = new Map<number, Awaited>();
  readonly #unsolicited: ClientResponse[] = [];
  readonly #unsolicitedWaiters: PromiseWithResolvers<ClientResponse>[] = [];
  #negotiated: ClientNegotiated | undefined;

  constructor(transport: ClientTransport, options: TestConnectionOptions = {}) {
    this.transport = transport;
    this.entropy = options.entropy ?? systemEntropy;
    this.closed = this.#closing.promise;
    transport.onMessage = (message) => this.#receive(message);
    transport.onClose = () => this.#end();
  }

  /** What NEGOTIATE settled. */
  get negotiated(): ClientNegotiated {
    return present(this.#negotiated, 'negotiated connection');
  }

  get isClosed(): boolean {
    return this.transport.isClosed;
  }

  close(): void {
    this.transport.close();
  }

  /** Negotiates; throws NtStatusError when the server refuses. [MS-SMB2] 3.2.4.2.2.2 */
  async negotiate(offer: NegotiateOffer = {}): Promise<ClientNegotiated> {
    const request = negotiateRequestOf(offer, randomBytesOf(this.entropy, 32));
    const body = NegotiateRequest.encode(request);
    const sent = this.send({ command: Command.NEGOTIATE, body, edit: offer.edit });
    const response = succeeded(await sent.response);
    this.#negotiated = negotiatedOf(request, response.decode(NegotiateResponse));
    this.preauth.update(sent.message);
    this.preauth.update(response.message);
    return this.#negotiated;
  }

  /** Sends a request. */
  send(spec: RequestSpec): SentRequest {
    return present(this.sendCompound([spec])[0], 'request');
  }

  /** Sends a request and waits for its final response, whatever its status. */
  request(spec: RequestSpec): Promise<ClientResponse> {
    return this.send(spec).response;
  }

  /**
   * Sends several requests in one message; relations are for `header.flags` to say. The first one's protection decides whether the
   * message is sealed. [MS-SMB2] 3.2.4.1.4
   */
  sendCompound(specs: readonly RequestSpec[]): readonly SentRequest[] {
    const requests = specs.map((spec, i) => {
      const isLast = i === specs.length - 1;
      const { creditCharge, messageId } = this.#numbers(spec);
      const nextCommand = isLast ? 0 : compoundStep(spec);
      const message = encodeRequest(spec, { messageId, creditCharge, credits: CREDITS_ASKED, nextCommand });
      return this.#awaitResponse(spec, spec.header?.messageId ?? messageId, message);
    });
    const message = Buffer.concat(requests.map((request) => request.message));
    this.#transmit(present(specs[0], 'request'), message);
    return requests;
  }

  /** Sends CANCEL, for which there is no response. [MS-SMB2] 3.2.4.24 */
  cancel(target: RequestSpec, messageId: number, asyncId?: number): void {
    const flags = asyncId === undefined ? 0 : HeaderFlags.ASYNC_COMMAND;
    const spec: RequestSpec = {
      command: Command.CANCEL,
      body: CancelRequest.encode({}),
      session: target.session,
      protection: target.protection,
      header: { flags, credits: 0, ...(asyncId !== undefined && { asyncId }) },
    };
    this.#transmit(spec, encodeRequest(spec, { messageId, creditCharge: 0, credits: 0, nextCommand: 0 }));
  }

  /** ECHO. [MS-SMB2] 3.2.4.23 */
  echo(session?: SessionProtection): Promise<ClientResponse> {
    return this.request({ command: Command.ECHO, body: EchoRequest.encode({}), session });
  }

  /** Sends one message as it is, framed. */
  sendRaw(message: Buffer): void {
    this.transport.send(message);
  }

  /** Waits for the response to a MessageId that went out by {@link sendRaw}. */
  responseTo(messageId: number): Promise<ClientResponse> {
    return this.#awaitResponse({ command: 0, body: Buffer.alloc(0) }, messageId, Buffer.alloc(0)).response;
  }

  /** The next message that answers nothing: an oplock or lease break. [MS-SMB2] 3.2.5.19 */
  nextUnsolicited(): Promise<ClientResponse> {
    const waiting = this.#unsolicited.shift();
    if (waiting !== undefined) return Promise.resolve(waiting);
    const waiter = Promise.withResolvers<ClientResponse>();
    this.#unsolicitedWaiters.push(waiter);
    return waiter.promise;
  }

  /** How many messages that answer nothing have come and were not asked for. */
  get unsolicitedCount(): number {
    return this.#unsolicited.length;
  }

  /** Requests without a final response. */
  get outstandingCount(): number {
    return this.#awaited.size;
  }

  #numbers({ payloadBytes = 0, header }: RequestSpec): { creditCharge: number; messageId: number } {
    const hasCharge = (this.#negotiated?.dialect ?? 0) > DialectRevision.SMB_2_0_2;
    const charge = hasCharge ? Math.max(1, Math.ceil(payloadBytes / CREDIT_BYTES)) : 0;
    const messageId = this.nextMessageId;
    if (header?.messageId === undefined) {
      this.nextMessageId += Math.max(1, charge);
      this.credits -= Math.max(1, charge);
    }
    return { creditCharge: charge, messageId };
  }

  #awaitResponse(spec: RequestSpec, messageId: number, message: Buffer): SentRequest {
    const first = Promise.withResolvers<ClientResponse>();
    const final = Promise.withResolvers<ClientResponse>();
    const awaited: Awaited = { spec, messageId, interim: undefined, first, final };
    // Whoever does not wait for a response is not told that it will not come.
    for (const { promise } of [first, final]) promise.catch(() => {});
    if (this.isClosed) this.#fail(awaited);
    else this.#awaited.set(messageId, awaited);
    const cancel = () => this.cancel(spec, messageId, awaited.interim?.header.asyncId);
    return { messageId, message, response: final.promise, firstResponse: first.promise, cancel };
  }

  #transmit(spec: RequestSpec, message: Buffer): void {
    if (this.isClosed) return;
    const crypto = protectionOf(spec) === 'seal' ? spec.session?.crypto : undefined;
    this.transport.send(crypto === undefined ? message : Buffer.concat(crypto.seal([message])));
  }

  #receive(message: Buffer): void {
    const isSealed = message.readUInt32LE(0) === TRANSFORM_PROTOCOL_ID;
    const plain = isSealed ? this.#open(message) : message;
    for (const element of elementsOf(plain)) this.#take(element, isSealed);
  }

  #open(message: Buffer): Buffer {
    const { sessionId } = TransformHeader.decode(message, 0, TRANSFORM_HEADER_BYTES);
    const crypto = this.sessions.get(sessionId)?.crypto;
    assert(crypto !== undefined, 'the session of an encrypted message is known');
    return crypto.open(message);
  }

  #take(element: Buffer, isSealed: boolean): void {
    const sessionId = Number(element.readBigUInt64LE(40));
    const response = new ClientResponse(element, isSealed, this.sessions.get(sessionId));
    const { messageId, credits } = response.header;
    this.credits += credits;
    if (messageId === UNSOLICITED_MESSAGE_ID) {
      const waiter = this.#unsolicitedWaiters.shift();
      if (waiter === undefined) this.#unsolicited.push(response);
      else waiter.resolve(response);
      return;
    }
    const awaited = this.#awaited.get(messageId);
    assert(awaited !== undefined, `a response to MessageId ${messageId} is awaited`);
    response.interim = awaited.interim;
    awaited.first.resolve(response);
    if (response.status === NtStatus.PENDING) {
      assert(awaited.interim === undefined, 'one interim response at most');
      awaited.interim = response;
      return;
    }
    this.#awaited.delete(messageId);
    awaited.final.resolve(response);
  }

  #end(): void {
    for (const awaited of this.#awaited.values()) this.#fail(awaited);
    this.#awaited.clear();
    for (const waiter of this.#unsolicitedWaiters.splice(0)) {
      waiter.reject(new ConnectionClosedError('the connection is closed'));
    }
    this.#closing.resolve();
  }

  #fail(awaited: Awaited): void {
    const error = new ConnectionClosedError(`no response to MessageId ${awaited.messageId}`);
    awaited.first.reject(error);
    awaited.final.reject(error);
  }
}

/** `response`, unless its status is an error: then throws NtStatusError with it. */
export function succeeded(response: ClientResponse): ClientResponse {
  const { status } = response;
  if (!isError(status)) return response;
  const known = Object.values(NtStatus).find((value) => value === status) ?? NtStatus.UNSUCCESSFUL;
  throw new NtStatusError(known, statusName(status), Buffer.from(response.errorData));
}
