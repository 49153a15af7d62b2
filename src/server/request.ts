/**
 * One element of a message while it is worked on: what its handler sees, and how it waits and ends.
 */
import { assert, present } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Entropy } from '../base/entropy.ts';
import type { Limits } from '../base/limits.ts';
import type { Log } from '../base/log.ts';
import { NtStatus, NtStatusError } from '../base/status.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Connection, OutstandingRequest } from '../session/connection.ts';
import type { Open } from '../session/open.ts';
import type { ServerState } from '../session/server-state.ts';
import type { Session } from '../session/session.ts';
import type { TreeConnect } from '../session/tree-connect.ts';
import type { RequestHead } from '../wire/smb2/header.ts';
import type { SequenceMark } from './channel-sequence.ts';
import type {
  CarryContext,
  Command,
  CreateContext,
  OpenContext,
  ReplyHeader,
  Ticket,
  WaitOptions,
} from './command.ts';
import { type EndReason, RequestEnded } from './ending.ts';
import { type InterimPlace, interimQueue } from './interim.ts';
import { pace } from './pace.ts';
import { ReplyBuffer } from './reply.ts';

/** What the request asks of the exchange that it belongs to. */
export interface RequestOwner {
  /** Sends the interim response of `request`, the last element, together with the answers of those before it. */
  sendInterim(request: Request): void;
}

const NONE: readonly Session[] = Object.freeze([]);

function releaseOne(session: Session): void {
  session.release();
}

export interface RequestFields {
  readonly connection: Connection;
  readonly header: RequestHead;
  readonly message: Buffer;
  readonly isLast: boolean;
  readonly isEncrypted: boolean;
  readonly owner: RequestOwner;
}

export class Request implements OpenContext, CreateContext, CarryContext, OutstandingRequest {
  readonly server: ServerState;
  readonly connection: Connection;
  readonly header: RequestHead;
  readonly message: Buffer;
  readonly isLast: boolean;
  readonly isEncrypted: boolean;
  readonly reply: ReplyHeader;
  /** Set by the dispatcher as far as the command needs them. */
  command: Command | undefined;
  sessionInUse: Session | undefined;
  treeInUse: TreeConnect | undefined;
  openInUse: Open | undefined;
  /** The element's signature was there and right. */
  isSigned = false;
  /** The answer is to be signed: the request was, even if wrongly, or should have been. */
  signsAnswer = false;
  /** The signer of the session on this connection when the request came; LOGOFF's answer still needs it. */
  channelSigner: Signer | undefined;
  asyncId: number | undefined;
  /** See {@link Command.subject}. */
  subject: string | undefined;
  /** How the request counts in its open's channel sequence. */
  sequenceMark: SequenceMark | undefined;
  outlivesChannel = false;
  replyBuffer: ReplyBuffer | undefined;
  /** Clock.monotonicMs of its arrival. */
  readonly startMs: number;
  readonly #owner: RequestOwner;
  /** Sessions whose keys the answer needs. */
  #retained: readonly Session[] = NONE;
  #endedBy: EndReason | undefined;
  #waiting: { ticket: Ticket; reject: (error: Error) => void } | undefined;
  /** Tells who ended it while it waited that it has its answer. */
  #onFinish: (() => void) | undefined;
  #abort: AbortController | undefined;
  #interim: InterimPlace | undefined;
  #answered: 'no' | 'interim' | 'final' = 'no';
  /** Payload that it carries or asks for, bytes. */
  #payloadBytes = 0;
  /** The part of Connection.payloadBytes that is this request's. */
  #countedBytes = 0;

  constructor(fields: RequestFields) {
    this.server = fields.connection.server;
    this.startMs = this.server.clock.monotonicMs();
    this.connection = fields.connection;
    this.header = fields.header;
    this.message = fields.message;
    this.isLast = fields.isLast;
    this.isEncrypted = fields.isEncrypted;
    this.#owner = fields.owner;
    this.reply = {
      sessionId: fields.header.sessionId,
      treeId: fields.header.treeId,
      signer: undefined,
      isExempt: false,
      isVouchedFor: false,
    };
  }

  get messageId(): number {
    return this.header.messageId;
  }
  get clock(): Clock {
    return this.server.clock;
  }
  get entropy(): Entropy {
    return this.server.entropy;
  }
  get limits(): Limits {
    return this.server.limits;
  }
  get log(): Log {
    return this.server.log;
  }
  get session(): Session {
    return present(this.sessionInUse, 'session');
  }
  get tree(): TreeConnect {
    return present(this.treeInUse, 'tree connect');
  }
  get open(): Open {
    return present(this.openInUse, 'open');
  }

  carryOpen(open: Open): void {
    this.openInUse = open;
  }

  carryTree(tree: TreeConnect): void {
    this.treeInUse = tree;
  }

  carrySession(session: Session): void {
    this.sessionInUse = session;
  }

  retain(session: Session): void {
    session.retain();
    this.#retained = this.#retained.length === 0 ? [session] : [...this.#retained, session];
  }

  /** The response has left, or there will be none. */
  release(): void {
    const retained = this.#retained;
    this.#retained = NONE;
    retained.forEach(releaseOne);
    this.#count(0);
  }

  /** Counts the payload among what the connection makes the server hold. */
  carries(payloadBytes: number): void {
    if (payloadBytes === 0) return;
    this.#payloadBytes = payloadBytes;
    this.#count(payloadBytes);
  }

  #count(bytes: number): void {
    if (bytes === this.#countedBytes) return;
    this.connection.payloadBytes += bytes - this.#countedBytes;
    this.#countedBytes = bytes;
    pace(this.connection);
  }

  get signal(): AbortSignal {
    this.#abort ??= new AbortController();
    if (this.#endedBy !== undefined) this.#abort.abort(new RequestEnded(this.#endedBy));
    return this.#abort.signal;
  }

  payload(fixedBytes: number, sizeBytes: number): Buffer {
    assert(this.replyBuffer === undefined, 'a request has one payload');
    this.replyBuffer = new ReplyBuffer(fixedBytes + sizeBytes);
    return this.replyBuffer.payload(fixedBytes, sizeBytes);
  }

  wait(ticket: Ticket, options: WaitOptions = {}): Promise<void> {
    return new Promise((resolve, reject) => {
      assert(this.#waiting === undefined, 'a request waits for one thing at a time');
      if (this.#endedBy !== undefined) {
        ticket.abandon();
        reject(new RequestEnded(this.#endedBy));
        return;
      }
      if (this.command?.waitsOnlyLast === true && !this.isLast) {
        ticket.abandon();
        reject(new NtStatusError(NtStatus.INTERNAL_ERROR, 'waits in the middle of a compound'));
        return;
      }
      this.#waiting = { ticket, reject };
      // A request that waits is not at work: others must be heard, perhaps the one that it waits for.
      this.#count(0);
      ticket.onWake(() => {
        this.#waiting = undefined;
        this.#count(this.#payloadBytes);
        resolve();
      });
      if (options.interim === 'now' && this.#waiting !== undefined) this.goAsync();
    });
  }

  end(reason: EndReason): Promise<void> | undefined {
    if (this.#endedBy !== undefined) return undefined;
    this.#endedBy = reason;
    const error = new RequestEnded(reason);
    this.#abort?.abort(error);
    const waiting = this.#waiting;
    this.#waiting = undefined;
    if (waiting === undefined) return undefined;
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#onFinish = resolve;
    waiting.ticket.abandon();
    waiting.reject(error);
    return promise;
  }

  /** The handler has not answered at once: it can be cancelled now and may get an interim response in a while. */
  park(): void {
    this.connection.outstanding.set(this.messageId, this);
    this.server.counters.outstandingRequests++;
    const afterMs = this.command?.interimAfterMs;
    if (this.isLast && afterMs !== undefined && this.asyncId === undefined) {
      this.#interim = interimQueue(this.clock, afterMs).add(() => this.goAsync());
    }
  }

  /** Sends the interim response, once, where the place in the compound allows one. [MS-SMB2] 3.3.4.2 */
  goAsync(): void {
    if (!this.isLast || this.asyncId !== undefined || this.connection.isClosed) return;
    const { async } = this.connection;
    if (async.size >= this.limits.pendingCount) {
      // [MS-SMB2] 3.3.4.2: the server may refuse to let more requests wait.
      this.#fail(new NtStatusError(NtStatus.INSUFFICIENT_RESOURCES, 'too many requests wait'));
      return;
    }
    this.asyncId = this.server.newId((id) => async.has(id));
    async.set(this.asyncId, this);
    this.#owner.sendInterim(this);
  }

  /** [MS-SMB2] 3.3.4.2: one interim answer at most, then the final one, then nothing. */
  answered(how: 'interim' | 'final'): void {
    const mayCome = how === 'interim' ? this.#answered === 'no' : this.#answered !== 'final';
    // The text is made for nobody in most cases.
    if (!mayCome) assert(false, `request ${this.messageId}: ${how} answer after ${this.#answered}`);
    this.#answered = how;
  }

  /** The final answer is there. */
  finished(): void {
    this.#onFinish?.();
    if (this.#interim !== undefined) this.#interim.goAsync = undefined;
    this.connection.outstanding.delete(this.messageId);
    this.sessionInUse?.orphans.delete(this);
    this.server.counters.outstandingRequests--;
    if (this.asyncId !== undefined) this.connection.async.delete(this.asyncId);
  }

  #fail(error: Error): void {
    const waiting = this.#waiting;
    this.#waiting = undefined;
    waiting?.ticket.abandon();
    waiting?.reject(error);
  }
}
