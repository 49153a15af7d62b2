/**
 * Requests that a client sends again after losing a channel must not overtake the first ones. [MS-SMB2] 3.3.5.2.10
 */
import { demand, NtStatus } from '../base/status.ts';
import type { Open } from '../session/open.ts';
import { HeaderFlags } from '../wire/smb2/header.ts';
import type { Request } from './request.ts';

/** The channel sequence with which a request was counted as outstanding; undefined among those from before a fail-over. */
export interface SequenceMark {
  readonly open: Open;
  readonly sequence: number | undefined;
}

/**
 * Verifies Open.ChannelSequence and counts the request as outstanding until {@link leaveChannelSequence}. Throws
 * FILE_NOT_AVAILABLE for a request of the past.
 */
export function verifyChannelSequence(request: Request, modifies: boolean): void {
  const { open, header } = request;
  if (request.connection.negotiated?.dialect.isSmb3 !== true) return;
  const isReplay = (header.flags & HeaderFlags.REPLAY_OPERATION) !== 0;
  const difference = (header.channelSequence - open.channelSequence) & 0xffff;
  const isCurrent = difference === 0;
  const isNewer = !isCurrent && difference < 0x8000;
  if (isNewer) {
    open.outstandingPreRequestCount += open.outstandingRequestCount;
    open.outstandingRequestCount = 0;
    open.channelSequence = header.channelSequence;
  }
  if (isCurrent || isNewer) {
    // A modifying replay must wait until everything from before the fail-over is answered.
    const mayRun = !modifies || !isReplay || open.outstandingPreRequestCount === 0;
    demand(mayRun, NtStatus.FILE_NOT_AVAILABLE, 'requests from before the fail-over are outstanding');
    open.outstandingRequestCount++;
    request.sequenceMark = { open, sequence: open.channelSequence };
    return;
  }
  demand(!modifies, NtStatus.FILE_NOT_AVAILABLE, 'the request is from before a fail-over');
  open.outstandingPreRequestCount++;
  request.sequenceMark = { open, sequence: undefined };
}

/** The request is answered. */
export function leaveChannelSequence(request: Request): void {
  const mark = request.sequenceMark;
  if (mark === undefined) return;
  request.sequenceMark = undefined;
  const { open, sequence } = mark;
  if (open.channelSequence === sequence) open.outstandingRequestCount--;
  else open.outstandingPreRequestCount--;
}
