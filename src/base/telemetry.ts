/**
 * Events for whoever watches from outside: channels of node:diagnostics_channel. Where nobody subscribes, an event costs one look at a
 * property and makes no object.
 */
import { type Channel, channel } from 'node:diagnostics_channel';

/** The channels, by what their events tell of. */
export const telemetry = Object.freeze({
  /** `{ event: 'opened' | 'closed' | 'refused', address }` */
  connection: channel('smbkit:connection'),
  /** `{ event: 'began' | 'ended', sessionId, user, reason }` */
  session: channel('smbkit:session'),
  /** `{ event: 'opened' | 'closed', sessionId, share, reason }` */
  open: channel('smbkit:open'),
  /** `{ command, status, durationMs, bytes, sessionId, credits }`, one for each final answer */
  request: channel('smbkit:request'),
}) satisfies Readonly<Record<string, Channel>>;
