/**
 * Ways in which things end early: a request, or the whole connection.
 */
import { NtStatus, NtStatusError } from '../base/status.ts';
import type { CloseReason } from '../session/open.ts';

/** Why a request ends before its work is done. */
export type EndReason = CloseReason | 'cancel';

/** What a request that ended early answers, unless its command's row says otherwise. */
export const endStatus: Readonly<Record<EndReason, NtStatus>> = Object.freeze({
  cancel: NtStatus.CANCELLED,
  close: NtStatus.FILE_CLOSED,
  'tree-disconnect': NtStatus.NETWORK_NAME_DELETED,
  logoff: NtStatus.USER_SESSION_DELETED,
  disconnect: NtStatus.CANCELLED,
  shutdown: NtStatus.CANCELLED,
});

/** Rejects what a request waits for, so that its handler unwinds. */
export class RequestEnded extends NtStatusError {
  readonly reason: EndReason;

  constructor(reason: EndReason) {
    super(endStatus[reason], `request ended: ${reason}`);
    this.reason = reason;
  }
}

/** The peer broke the protocol in a way for which the document demands that the connection be closed. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
}

/** Throws {@link ProtocolViolation} unless `condition` holds. */
export function insist(condition: unknown, reason: string): asserts condition {
  if (!condition) throw new ProtocolViolation(reason);
}
