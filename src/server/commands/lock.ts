/**
 * LOCK: byte ranges. [MS-SMB2] 3.3.5.14
 */
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import type { LockSequence } from '../../fs/types.ts';
import type { Waiter } from '../../vfs/waiter.ts';
import { Command } from '../../wire/smb2/header.ts';
import { LockRequest, LockResponse } from '../../wire/smb2/lock.ts';
import { command, type OpenContext } from '../command.ts';
import { RequestEnded } from '../ending.ts';
import { openFileOf } from './open-target.ts';

export const lock = command({
  name: 'LOCK',
  code: Command.LOCK,
  needs: 'open',
  request: LockRequest,
  response: LockResponse,
  fileId: (request) => request.fileId,
  validWhenExpired: true,
  endStatus: { close: NtStatus.RANGE_NOT_LOCKED, logoff: NtStatus.RANGE_NOT_LOCKED },
  spec: '[MS-SMB2] 2.2.26, 2.2.27, 3.3.5.14',
  async handle(context, request) {
    const file = openFileOf(context.open);
    const { locks } = request;
    demand(locks.length > 0, NtStatus.INVALID_PARAMETER, 'no lock elements');
    demand(locks.length <= context.limits.lockElementCount, NtStatus.INVALID_PARAMETER, 'too many elements');
    demand(!file.isDirectory, NtStatus.INVALID_DEVICE_REQUEST, 'no locks on directories');
    const sequence = sequenceOf(context, request);
    const { driver } = file.volume;
    for (;;) {
      const waiter = driver.attempt((core, nowMs) => core.lock(file.core, locks, nowMs, sequence));
      if (waiter === undefined) break;
      if (await isTreeGone(context, waiter)) return {};
      if (waiter.result?.kind !== 'lock') continue;
      if (waiter.result.status === NtStatus.SUCCESS) break;
      throw new NtStatusError(waiter.result.status, 'lock given up');
    }
    await driver.stored(file.core);
    return {};
  },
});

/**
 * Waits. When the tree goes, Windows closes its opens one after the other, so that a lock that waits for another of the same
 * tree is granted before its own open is closed, and the client hears of that.
 */
async function isTreeGone(context: OpenContext, waiter: Waiter): Promise<boolean> {
  try {
    await context.wait(waiter, { interim: 'now' });
    return false;
  } catch (error) {
    if (error instanceof RequestEnded && error.reason === 'tree-disconnect') return true;
    throw error;
  }
}

/** [MS-SMB2] 3.3.5.14: only where a request may come twice is its sequence looked at. */
function sequenceOf({ session, open }: OpenContext, { lockSequence }: LockRequest): LockSequence | undefined {
  const { durable } = openFileOf(open).core;
  const isVerified =
    session.dialect.isSmb3 || durable?.isResilient === true || durable?.isPersistent === true;
  if (!isVerified) return undefined;
  const index = lockSequence >>> 4;
  return index === 0 || index > 64 ? undefined : { index, number: lockSequence & 0xf };
}
