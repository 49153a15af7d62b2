/**
 * A network whose weather comes from a seed: what is sent arrives later, in pieces or together, and connections are cut with
 * things on their way. On one connection everything arrives in order; of two connections either may be faster.
 */
import type { Clock } from '../base/clock.ts';
import type { MemoryConnection } from '../server/memory-transport.ts';
import { FRAME_HEADER_BYTES, writeFrameHeader } from '../wire/frame.ts';
import type { ClientTransport } from './client-transport.ts';
import type { SeededEntropy } from './seeded-entropy.ts';

/** The weather. */
export interface NetworkTraits {
  /** The longest way, in milliseconds; also how long an end may take to notice that it is alone. */
  readonly delayMs: number;
  /** How many of 100 messages to the server are cut into pieces. */
  readonly splitPercent: number;
  /** How many of 100 pieces wait for the next one and arrive with it. */
  readonly joinPercent: number;
}

export interface NetworkOptions {
  readonly clock: Clock;
  readonly chance: SeededEntropy;
  readonly traits: NetworkTraits;
  /** Sees everything that arrives. */
  readonly onArrival?: (connection: number, end: 'server' | 'client', bytes: Buffer) => void;
}

export class SimulatedNetwork {
  readonly options: NetworkOptions;
  /** Connections that are neither closed nor cut. */
  readonly connections = new Set<SimulatedConnection>();
  #count = 0;

  constructor(options: NetworkOptions) {
    this.options = options;
  }

  /** Puts the network between a client and the server's end. */
  join(end: MemoryConnection): SimulatedConnection {
    this.#count += 1;
    const connection = new SimulatedConnection(this, end, this.#count);
    this.connections.add(connection);
    return connection;
  }

  /** A time on the way. */
  delayMs(): number {
    return this.options.chance.below(this.options.traits.delayMs + 1);
  }
}

/** The client's end of a connection through the network. */
export class SimulatedConnection implements ClientTransport {
  readonly number: number;
  onMessage: (message: Buffer) => void = () => {};
  onClose: () => void = () => {};
  isClosed = false;
  readonly #network: SimulatedNetwork;
  readonly #end: MemoryConnection;
  readonly #toServer: Wire;
  readonly #toClient: Wire;

  constructor(network: SimulatedNetwork, end: MemoryConnection, number: number) {
    this.#network = network;
    this.#end = end;
    this.number = number;
    this.#toServer = new Wire(network);
    this.#toClient = new Wire(network);
    const { onArrival } = network.options;
    end.onMessage = (message) =>
      this.#toClient.carry(() => {
        if (this.isClosed) return;
        onArrival?.(number, 'client', message);
        this.onMessage(message);
      });
    end.onClose = () => this.#toClient.carry(() => this.#closed());
  }

  send(message: Buffer): void {
    const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
    message.copy(frame, writeFrameHeader(frame, 0, message.length));
    this.write(frame);
  }

  write(bytes: Buffer): void {
    for (const piece of this.#pieces(bytes)) {
      this.#toServer.carry(() => {
        this.#network.options.onArrival?.(this.number, 'server', piece);
        this.#end.write(piece);
      }, this.#joins());
    }
  }

  /** The client leaves; what it sent before arrives. */
  close(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#network.connections.delete(this);
    this.#toServer.carry(() => this.#end.close());
    this.onClose();
  }

  /** Nothing arrives any more; both ends notice sooner or later. */
  cut(): void {
    if (!this.#network.connections.delete(this)) return;
    this.#toServer.cut();
    this.#toClient.cut();
    const { clock } = this.#network.options;
    clock.setTimer(this.#network.delayMs(), () => this.#end.close());
    clock.setTimer(this.#network.delayMs(), () => this.#closed());
  }

  #closed(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    this.#network.connections.delete(this);
    this.onClose();
  }

  #pieces(bytes: Buffer): Buffer[] {
    const { chance, traits } = this.#network.options;
    if (chance.below(100) >= traits.splitPercent) return [bytes];
    const first = chance.below(bytes.length + 1);
    const second = first + chance.below(bytes.length - first + 1);
    const pieces = [bytes.subarray(0, first), bytes.subarray(first, second), bytes.subarray(second)];
    return pieces.filter((piece) => piece.length > 0);
  }

  #joins(): boolean {
    const { chance, traits } = this.#network.options;
    return chance.below(100) < traits.joinPercent;
  }
}

/** One direction. */
class Wire {
  readonly #network: SimulatedNetwork;
  #arrivalMs = 0;
  #isCut = false;

  constructor(network: SimulatedNetwork) {
    this.#network = network;
  }

  /** Lets `arrive` happen after its way, not before what was sent earlier; `joins`: together with it, if that is on its way. */
  carry(arrive: () => void, joins = false): void {
    const { clock } = this.#network.options;
    const nowMs = clock.monotonicMs();
    const dueMs = joins && this.#arrivalMs > nowMs ? this.#arrivalMs : nowMs + this.#network.delayMs();
    this.#arrivalMs = Math.max(this.#arrivalMs, dueMs);
    clock.setTimer(this.#arrivalMs - nowMs, () => {
      if (!this.#isCut) arrive();
    });
  }

  cut(): void {
    this.#isCut = true;
  }
}
