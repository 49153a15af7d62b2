/**
 * A client that has many answers to take is not listened to: what one connection can make the server hold is bounded.
 */
import type { Connection } from '../session/connection.ts';

/** To be called whenever requests begin or end, and answers are queued or taken. */
export function pace(connection: Connection): void {
  const { transport, server } = connection;
  const { sendQueueBytes } = server.limits;
  const bytes = transport.queuedBytes + connection.payloadBytes;
  const isTooMuch = bytes > (connection.isPaused ? sendQueueBytes / 2 : sendQueueBytes);
  if (connection.isClosed || isTooMuch === connection.isPaused) return;
  connection.isPaused = isTooMuch;
  if (isTooMuch) transport.pause();
  else transport.resume();
}
