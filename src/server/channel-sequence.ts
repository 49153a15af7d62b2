/**
 * Requests that a client sends again after losing a channel must not overtake the first ones. [MS-SMB2] 3.3.5.2.10
 */
import { demand, NtStatus } from '../base/status.ts';
import { HeaderFlags } from '../wire/smb2/header.ts';
import type { Request } from './request.ts';

/**
 * Verifies Open.ChannelSequence and counts the request as outstanding; the returned function must be called when it is
 * answered. Throws FILE_NOT_AVAILABLE for a request of the past.
 */
export function verifyChannelSequence(request: Request, modifies: boolean): (() => void) | undefined {
  const { open, header } = request;
  if (request.connection.negotiated?.dialect.isSmb3 !== true) return undefined;
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
    const sequence = open.channelSequence;
    return () => {
      if (open.channelSequence === sequence) open.outstandingRequestCount--;
      else open.outstandingPreRequestCount--;
    };
  }
  demand(!modifies, NtStatus.FILE_NOT_AVAILABLE, 'the request is from before a fail-over');
  open.outstandingPreRequestCount++;
  return () => {
    open.outstandingPreRequestCount--;
  };
}
