/**
 * A client that has many answers to take is not listened to: what one connection can make the server hold is bounded. When all
 * connections together hold much, each is bounded to its part: one large request, or some small ones.
 */
import type { Connection } from '../session/connection.ts';

/** While all together hold too much, a connection is read as long as it holds no more itself. */
const PART_BYTES = 256 * 1024;

/** To be called whenever requests begin or end, answers are queued or taken, and when the connection is gone. */
export function pace(connection: Connection): void {
  const { server } = connection;
  const bytes = connection.isClosed ? 0 : connection.transport.queuedBytes + connection.payloadBytes;
  server.heldBytes += bytes - connection.heldBytes;
  connection.heldBytes = bytes;
  const isTooMuch = bytes > boundOf(connection);
  if (connection.isClosed || isTooMuch === connection.isPaused) return;
  connection.isPaused = isTooMuch;
  if (isTooMuch) connection.transport.pause();
  else connection.transport.resume();
}

/** Lower while the connection is paused, so that it does not stop and go at every answer. */
function boundOf({ isPaused, server }: Connection): number {
  const { sendQueueBytes, heldBytes } = server.limits;
  const bound = isPaused ? sendQueueBytes / 2 : sendQueueBytes;
  return server.heldBytes > heldBytes ? Math.min(bound, PART_BYTES) : bound;
}
