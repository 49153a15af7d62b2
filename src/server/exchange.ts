/**
 * One message of the client: a request of its own or a compound, from its first element to its answer.
 * [MS-SMB2] 3.3.5.2.7
 */
import { NtStatus } from '../base/status.ts';
import { telemetry } from '../base/telemetry.ts';
import type { Connection } from '../session/connection.ts';
import type { Session } from '../session/session.ts';
import type { MessageMemory } from '../session/transport.ts';
import { type Carried, type CommandTable, carry, dispatch } from './dispatch.ts';
import type { Request, RequestOwner } from './request.ts';
import { type Answer, answerError, answerInterim, done, transmit } from './respond.ts';

/** What an exchange needs of the server. */
export interface ExchangeHost {
  readonly commands: CommandTable;
  /** Closes the connection because of `error`. */
  fail(connection: Connection, error: unknown): void;
}

/** A message to be worked on. */
export interface Incoming {
  readonly elements: readonly Buffer[];
  /** Where the elements stand, to be given back when nothing refers to them any more. */
  readonly memory: MessageMemory | undefined;
  /** The session whose key opened the message's seal. */
  readonly sealedBy: Session | undefined;
  /** Makes the request of an element, or nothing when the element gets no answer (CANCEL). */
  prepare(
    connection: Connection,
    incoming: Incoming,
    index: number,
    owner: RequestOwner,
  ): Request | undefined;
}

/** Of every final answer, in the order in which they are known. */
function count({ request, status, buffer }: Answer): void {
  const { server, header, clock, startMs, connection } = request;
  const { command, sessionId } = header;
  const durationMs = clock.monotonicMs() - startMs;
  server.statistics.answered(command, status, durationMs);
  if (!telemetry.request.hasSubscribers) return;
  const { available: credits } = connection.window;
  telemetry.request.publish({ command, status, durationMs, bytes: buffer.sizeBytes, sessionId, credits });
}

const NONE: readonly Answer[] = Object.freeze([]);

/** Answers up to this size always have room: that many elements a compound does not have. */
const SMALL_ANSWER_BYTES = 4096;

export class Exchange implements RequestOwner {
  readonly #host: ExchangeHost;
  readonly #connection: Connection;
  readonly #incoming: Incoming;
  /** Answers that wait for the whole compound. */
  #answers: readonly Answer[] = NONE;
  /** Bytes of the compound's answers until now, small ones not counted. */
  #answerBytes = 0;
  #carried: Carried | undefined;

  constructor(host: ExchangeHost, connection: Connection, incoming: Incoming) {
    this.#host = host;
    this.#connection = connection;
    this.#incoming = incoming;
  }

  /** Works on the elements in order; answers without a promise when none has to wait. */
  run(from = 0): void {
    try {
      this.#run(from);
    } catch (error) {
      this.#fail(error);
    }
  }

  #run(from: number): void {
    const { elements } = this.#incoming;
    // What is left of a compound is not worked on for a client that is gone.
    for (let index = from; index < elements.length && !this.#connection.isClosed; index++) {
      const request = this.#incoming.prepare(this.#connection, this.#incoming, index, this);
      if (request === undefined) continue;
      const answer = dispatch(request, this.#host.commands, this.#carried);
      if (request.sessionInUse !== undefined) request.retain(request.sessionInUse);
      if (answer instanceof Promise) {
        this.#await(request, answer, index);
        return;
      }
      this.#finish(answer);
    }
    const answers = this.#answers;
    this.#answers = NONE;
    if (answers.length > 0) transmit(this.#connection, answers);
    this.#giveBack(answers);
  }

  /** The element at `index` has no answer yet: the others follow when it has. */
  #await(request: Request, answer: Promise<Answer>, index: number): void {
    request.park();
    answer.then(
      (value) => {
        request.finished();
        this.#finish(value);
        this.run(index + 1);
      },
      (error: unknown) => {
        // No answer will come: the connection is to be closed.
        request.finished();
        request.release();
        this.#fail(error);
      },
    );
  }

  /**
   * The message's memory is used for another one. Only where the command says that it keeps nothing of it, and only when
   * all went well: what failed may have left work behind that still reads the payload.
   */
  #giveBack(answers: readonly Answer[]): void {
    const { memory, elements } = this.#incoming;
    const answer = answers[0];
    if (memory === undefined || answer === undefined || elements.length > 1) return;
    if (answer.status === NtStatus.SUCCESS && answer.request.command?.keepsNothing === true) memory.release();
  }

  sendInterim(request: Request): void {
    // The answers of the elements before leave together with the interim one. [MS-SMB2] 3.3.4.2
    request.answered('interim');
    const answers = [...this.#answers, answerInterim(request)];
    this.#answers = NONE;
    try {
      transmit(this.#connection, answers);
    } catch (error) {
      // Called from timers and from what wakes a request: nobody else would take the error.
      this.#fail(error);
    }
  }

  /** The connection is to be closed; the answers that waited for the rest of their compound are not sent any more. */
  #fail(error: unknown): void {
    const answers = this.#answers;
    this.#answers = NONE;
    for (const answer of answers) done(answer);
    this.#host.fail(this.#connection, error);
  }

  #finish(made: Answer): void {
    const answer = this.#bounded(made);
    answer.request.answered('final');
    count(answer);
    if (!answer.request.isLast) this.#carried = carry(answer.request, answer.status);
    this.#answers = this.#answers.length === 0 ? [answer] : [...this.#answers, answer];
  }

  /** A small request must not bring about an answer without bounds: what is too much for one message is not sent. */
  #bounded(answer: Answer): Answer {
    const { sizeBytes } = answer.buffer;
    if (this.#incoming.elements.length > 1 && sizeBytes > SMALL_ANSWER_BYTES) {
      const { compoundResponseBytes } = this.#connection.server.limits;
      if (this.#answerBytes + sizeBytes > compoundResponseBytes) {
        const { request, afterSend } = answer;
        return { ...answerError(request, NtStatus.INSUFFICIENT_RESOURCES), afterSend };
      }
      this.#answerBytes += sizeBytes;
    }
    return answer;
  }
}
