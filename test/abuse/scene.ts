/**
 * What the tests of authentication, channels and protection need beside the common fixture.
 */
import assert from 'node:assert/strict';
import { setImmediate as turn } from 'node:timers/promises';
import { type Clock, systemClock, type Timer } from '../../src/base/clock.ts';
import type { Log } from '../../src/base/log.ts';
import { NtStatusError } from '../../src/base/status.ts';
import type { MemoryConnection } from '../../src/server/memory-transport.ts';
import type { Server } from '../../src/server/server.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import {
  type Abuse,
  type AbuseOptions,
  type LoggedEvent,
  underAbuse as underCommonAbuse,
} from './fixture.ts';

/** What a test of abuse has at hand. */
export interface Scene extends Abuse {
  /** A connection without a client on it. */
  wire(): MemoryConnection;
  /** Until the server has nothing more to do that does not need time to pass. */
  settle(): Promise<void>;
}

/** As the common fixture, with everything logged, down to `debug`. */
export function underAbuse(body: (scene: Scene) => Promise<void>, options: AbuseOptions = {}): Promise<void> {
  const events: LoggedEvent[] = [];
  const log: Log = {
    enabled: () => true,
    write: (level, event, fields) => void events.push({ level, event, fields }),
  };
  const work = async (abuse: Abuse): Promise<void> => {
    const { server } = abuse;
    await body({ ...abuse, events, wire: () => wireTo(server), settle: () => settled(server) });
    const errors = events.filter(({ level }) => level === 'error');
    if (options.allowsErrors !== true) assert.deepEqual(errors, [], 'nothing unexpected was thrown');
  };
  return underCommonAbuse(work, { log, ...options });
}

/** A connection without a client on it. */
export function wireTo(server: Server): MemoryConnection {
  const connection = server.connect();
  assert.ok(connection !== undefined, 'the server takes the connection');
  return connection;
}

/** Until a server has worked off what it can without time passing. */
export async function settled(server: Server): Promise<void> {
  for (let quiet = 0; quiet < 5; ) {
    await turn();
    const busy = [...server.state.connections].some((connection) =>
      [...connection.outstanding.values()].some((request) => request.asyncId === undefined),
    );
    quiet = busy ? 0 : quiet + 1;
  }
}

/** The status with which `attempt` is refused. */
export async function refusal(attempt: Promise<unknown>): Promise<number> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof NtStatusError, `refused, not ${error}`);
  return error.status;
}

/** Time that passes when a test says so; only a server that waits for its own end waits in earnest. */
export class TestClock extends VirtualClock implements Clock {
  override setTimer(delayMs: number, callback: () => void, isVital = false): Timer {
    return isVital ? systemClock.setTimer(delayMs, callback, true) : super.setTimer(delayMs, callback);
  }
}

/** The messages that come on a connection, as they are. */
export function recorded(connection: { onMessage: (message: Buffer) => void }): Buffer[] {
  const messages: Buffer[] = [];
  connection.onMessage = (message) => void messages.push(message);
  return messages;
}
