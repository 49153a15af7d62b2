/**
 * One message of the client: a request of its own or a compound, from its first element to its answer.
 * [MS-SMB2] 3.3.5.2.7
 */
import type { NtStatus } from '../base/status.ts';
import type { Connection } from '../session/connection.ts';
import { type Carried, type CommandTable, carry, dispatch } from './dispatch.ts';
import type { Request, RequestOwner } from './request.ts';
import { type Answer, answerInterim, transmit } from './respond.ts';

/** What an exchange needs of the server. */
export interface ExchangeHost {
  readonly commands: CommandTable;
  /** Closes the connection because of `error`. */
  fail(connection: Connection, error: unknown): void;
}

/** Makes the request of element `index`, or nothing when the element gets no answer (CANCEL). */
export type NextRequest = (owner: RequestOwner) => Request | undefined;

export class Exchange implements RequestOwner {
  readonly #host: ExchangeHost;
  readonly #connection: Connection;
  readonly #next: readonly NextRequest[];
  /** Answers that wait for the whole compound. */
  #answers: Answer[] = [];
  #carried: Carried | undefined;

  constructor(host: ExchangeHost, connection: Connection, next: readonly NextRequest[]) {
    this.#host = host;
    this.#connection = connection;
    this.#next = next;
  }

  /** Works on the elements in order; answers without a promise when none has to wait. */
  run(from = 0): void {
    for (let index = from; index < this.#next.length; index++) {
      const request = this.#next[index]?.(this);
      if (request === undefined) continue;
      const answer = dispatch(request, this.#host.commands, this.#carried);
      request.sessionInUse?.retain();
      const retained = request.sessionInUse;
      if (answer instanceof Promise) {
        request.park();
        answer
          .then((value) => {
            request.finished();
            this.#finish(value, retained);
            this.run(index + 1);
          })
          .catch((error: unknown) => this.#host.fail(this.#connection, error));
        return;
      }
      this.#finish(answer, retained);
    }
    const answers = this.#answers;
    this.#answers = [];
    if (answers.length > 0) transmit(this.#connection, answers);
  }

  sendInterim(request: Request): void {
    // The answers of the elements before leave together with the interim one. [MS-SMB2] 3.3.4.2
    const answers = [...this.#answers, answerInterim(request)];
    this.#answers = [];
    transmit(this.#connection, answers);
  }

  #finish(answer: Answer, retained: { release(): void } | undefined): void {
    this.#carried = carry(answer.request, answer.status satisfies NtStatus);
    const { afterSend } = answer;
    const release = (): void => {
      afterSend?.();
      retained?.release();
    };
    this.#answers.push(retained === undefined ? answer : { ...answer, afterSend: release });
  }
}
