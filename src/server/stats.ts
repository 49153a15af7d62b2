/**
 * The server in numbers, for people and programs that watch it.
 */
import type { Connection } from '../session/connection.ts';
import type { ServerState } from '../session/server-state.ts';
import type { CommandStatistics } from '../session/statistics.ts';
import { Volume } from '../vfs/volume.ts';
import type { CommandTable } from './dispatch.ts';

/** What is there now, and what was done since the start. */
export interface ServerStats {
  readonly uptimeMs: number;
  readonly now: {
    readonly connections: number;
    readonly authenticatedConnections: number;
    readonly sessions: number;
    readonly treeConnects: number;
    readonly opens: number;
    /** Opens whose client is gone and may come back. */
    readonly disconnectedOpens: number;
    readonly files: number;
    readonly locks: number;
    readonly leases: number;
    readonly breaks: number;
    readonly watchedDirectories: number;
    /** Names that are locked out after too many wrong passwords. */
    readonly lockedAccounts: number;
    /** Requests at work or waiting. */
    readonly outstandingRequests: number;
    /** Those of them that were answered with STATUS_PENDING. */
    readonly waitingRequests: number;
    /** Credits that clients hold. */
    readonly credits: number;
    /** Bytes of answers that have not left. */
    readonly queuedBytes: number;
    /** Bytes that requests at work carry or ask for. */
    readonly payloadBytes: number;
  };
  readonly total: {
    readonly connectionsAccepted: number;
    readonly connectionsRefused: number;
    readonly sessions: number;
    readonly opens: number;
    readonly requests: number;
    readonly bytesReceived: number;
    readonly bytesSent: number;
  };
  /** By the document's name of the command. */
  readonly commands: Readonly<Record<string, CommandStatistics>>;
}

/** Adds everything up; takes time with the number of connections. */
export function statsOf(
  state: ServerState,
  table: CommandTable & { get(code: number): unknown },
): ServerStats {
  const { statistics } = state;
  const commands = statistics.commands((code) => nameOf(table.get(code), code));
  const requests = Object.values(commands).reduce((sum, { count }) => sum + count, 0);
  return {
    uptimeMs: state.clock.monotonicMs() - state.startMs,
    now: {
      ...state.tableSizes(),
      ...coreOf(state),
      ...connectionsOf(state.connections),
      lockedAccounts: state.throttle.lockedCount,
    },
    total: {
      connectionsAccepted: statistics.connectionsAccepted,
      connectionsRefused: statistics.connectionsRefused,
      sessions: statistics.sessionsBegun,
      opens: statistics.opensMade,
      requests,
      bytesReceived: statistics.bytesReceived,
      bytesSent: statistics.bytesSent,
    },
    commands,
  };
}

function nameOf(row: unknown, code: number): string {
  const isRow = typeof row === 'object' && row !== null && 'name' in row && typeof row.name === 'string';
  return isRow ? String(row.name) : `command ${code}`;
}

/** All volumes of a server share one core. */
function coreOf({ shares }: ServerState) {
  const volume = [...shares.values()].map(({ target }) => target).find((target) => target instanceof Volume);
  const census = volume?.driver.core.census();
  return {
    disconnectedOpens: census?.disconnectedOpens ?? 0,
    files: census?.files ?? 0,
    locks: census?.locks ?? 0,
    leases: census?.leases ?? 0,
    breaks: census?.breaks ?? 0,
    watchedDirectories: census?.watchedDirectories ?? 0,
  };
}

function connectionsOf(connections: Iterable<Connection>) {
  const sums = {
    authenticatedConnections: 0,
    waitingRequests: 0,
    credits: 0,
    queuedBytes: 0,
    payloadBytes: 0,
  };
  for (const connection of connections) {
    if (connection.isAuthenticated) sums.authenticatedConnections++;
    sums.waitingRequests += connection.async.size;
    sums.credits += connection.window.available;
    sums.queuedBytes += connection.transport.queuedBytes;
    sums.payloadBytes += connection.payloadBytes;
  }
  return sums;
}
