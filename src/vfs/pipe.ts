/**
 * Named pipes: the share IPC$ and what is open of it. [MS-SMB2] 3.3.5.9, 3.3.5.12, 3.3.5.13
 */
import type { Limits } from '../base/limits.ts';
import { demand, NtStatus } from '../base/status.ts';
import type { RpcCaller, RpcEndpoint } from '../rpc/endpoint.ts';
import { type PipeBacklog, PipeConnection, type PipeData } from '../rpc/pipe-connection.ts';
import { Waiter } from './waiter.ts';

/** The share of kind `pipe`: one pipe for each RPC interface. */
export class PipeShare {
  readonly kind = 'pipe';
  readonly #endpoints: readonly RpcEndpoint[];
  readonly #limits: Pick<Limits, 'pipeBytes'>;

  constructor(endpoints: readonly RpcEndpoint[], limits: Pick<Limits, 'pipeBytes'>) {
    this.#endpoints = endpoints;
    this.#limits = limits;
  }

  /** Opens the pipe `name`, in any case and with or without a backslash in front; OBJECT_NAME_NOT_FOUND for others. */
  open(name: string, caller: RpcCaller): OpenPipe {
    const wanted = plainName(name);
    demand(this.has(name), NtStatus.OBJECT_NAME_NOT_FOUND, 'no such pipe');
    const { pipeBytes } = this.#limits;
    const options = { name: wanted, endpoints: this.#endpoints, caller, limits: { pipeBytes } };
    return new OpenPipe(wanted, new PipeConnection(options));
  }

  has(name: string): boolean {
    return this.#endpoints.some((endpoint) => endpoint.name === plainName(name));
  }

  close(): void {
    // Nothing is held.
  }
}

function plainName(name: string): string {
  return name.replace(/^\\/, '').toLowerCase();
}

export class OpenPipe {
  readonly name: string;
  readonly #connection: PipeConnection;
  #readers: Waiter[] = [];
  #isClosed = false;

  constructor(name: string, connection: PipeConnection) {
    this.name = name;
    this.#connection = connection;
  }

  /** The next message or part of one; a waiter while there is none. */
  read(maxBytes: number): PipeData | Waiter {
    demand(!this.#isClosed, NtStatus.PIPE_DISCONNECTED);
    return this.#connection.read(maxBytes) ?? this.#waiter();
  }

  write(bytes: Buffer): void {
    demand(!this.#isClosed, NtStatus.PIPE_DISCONNECTED);
    this.#connection.write(bytes);
    this.#wake();
  }

  /** Writes a message and reads the answer. [MS-SMB2] 3.3.5.15.5 */
  transact(bytes: Buffer, maxBytes: number): PipeData | Waiter {
    demand(!this.#isClosed, NtStatus.PIPE_DISCONNECTED);
    return this.#connection.transact(bytes, maxBytes) ?? this.#waiter();
  }

  backlog(): PipeBacklog {
    return this.#connection.backlog();
  }

  peek(maxBytes: number): Buffer {
    return this.#connection.peek(maxBytes);
  }

  close(): void {
    this.#isClosed = true;
    this.#wake();
  }

  #waiter(): Waiter {
    const waiter = new Waiter(0, () => {
      this.#readers = this.#readers.filter((other) => other !== waiter);
    });
    this.#readers.push(waiter);
    return waiter;
  }

  #wake(): void {
    const readers = this.#readers;
    this.#readers = [];
    for (const reader of readers) reader.end({ kind: 'retry' });
  }
}
