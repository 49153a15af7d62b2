/**
 * Closes connections that take too long: to authenticate, to finish a leg, to take their answers. One look a second over all
 * connections, instead of a timer for each; buffers that nobody needed for a while go at the same time, and lock-outs that are over end.
 */
import type { Timer } from '../base/clock.ts';
import type { Connection } from '../session/connection.ts';
import type { ServerState } from '../session/server-state.ts';
import { buffers } from './buffer-pool.ts';
import type { Lockout } from './lockout.ts';

const INTERVAL_MS = 1000;

export class Deadlines {
  readonly #server: ServerState;
  readonly #lockout: Lockout;
  readonly #close: (connection: Connection, reason: string) => void;
  #timer: Timer | undefined;

  constructor(
    server: ServerState,
    lockout: Lockout,
    close: (connection: Connection, reason: string) => void,
  ) {
    this.#server = server;
    this.#lockout = lockout;
    this.#close = close;
  }

  start(): void {
    this.#timer = this.#server.clock.setTimer(INTERVAL_MS, () => {
      this.#look();
      buffers.trim();
      this.#lockout.look();
      this.start();
    });
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #look(): void {
    const nowMs = this.#server.clock.monotonicMs();
    for (const connection of this.#server.connections) {
      const reason = this.#overdue(connection, nowMs);
      if (reason !== undefined) this.#close(connection, reason);
    }
  }

  #overdue(connection: Connection, nowMs: number): string | undefined {
    const { limits } = this.#server;
    const age = nowMs - connection.createdMs;
    if (!connection.isAuthenticated && age > limits.authenticationTimeoutMs) return 'no logon in time';
    const { stalledSinceMs, frameSinceMs } = connection.transport;
    if (nowMs - (stalledSinceMs ?? nowMs) > limits.sendTimeoutMs) return 'answers were not taken in time';
    if (nowMs - (frameSinceMs ?? nowMs) > limits.frameTimeoutMs) return 'a frame was not finished in time';
    for (const authentication of connection.authentications.values()) {
      if (!authentication.isBusy && nowMs > authentication.deadlineMs)
        return 'a logon was not finished in time';
    }
    return undefined;
  }
}
