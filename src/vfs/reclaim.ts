/**
 * Durable opens given back to the client that lost its connection. [MS-SMB2] 3.3.5.9.7, 3.3.5.9.12
 */
import type { BackendStat } from '../backend/contract.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { isSameName } from '../fs/names.ts';
import type { CacheGrant, ReclaimRequest } from '../fs/types.ts';
import type { OpenFile } from './open-file.ts';
import type { Requester } from './security.ts';
import type { Volume } from './volume.ts';

export interface ReclaimIntent extends Omit<ReclaimRequest, 'owner' | 'isSameName'> {
  readonly requester: Requester;
  /** The name in the request. */
  readonly path: string;
}

export interface Reclaimed {
  readonly file: OpenFile;
  readonly cache: CacheGrant;
  readonly stat: BackendStat;
}

/** The open again, or OBJECT_NAME_NOT_FOUND and what else the core says. */
export async function reclaimFile(volume: Volume, intent: ReclaimIntent): Promise<Reclaimed> {
  const { requester, path, ...request } = intent;
  const { driver } = volume;
  const outcome = driver.call((core, nowMs) => {
    const reclaimed = core.reclaim(
      {
        ...request,
        owner: requester.owner,
        isSameName: (open) => isSameName(driver.fileOf(open)?.shownPath ?? '', path),
      },
      nowMs,
    );
    // Until the client is told that it has the open again there is no session to send its breaks on.
    if (reclaimed.kind === 'granted') driver.granted(reclaimed.open);
    return reclaimed;
  });
  if (outcome.kind === 'denied') throw new NtStatusError(outcome.status, 'durable reconnect');
  const file = driver.fileOf(outcome.open);
  if (file === undefined) throw new NtStatusError(NtStatus.OBJECT_NAME_NOT_FOUND, 'the handle is gone');
  file.requester = requester;
  try {
    // The share may permit less by now than when the file was opened.
    demand((outcome.open.grantedAccess & ~requester.maximalAccess) === 0, NtStatus.ACCESS_DENIED);
    return { file, cache: outcome.cache, stat: await file.stat() };
  } catch (error) {
    // The client does not have it, and may try again.
    await file.close('disconnect');
    throw error;
  }
}
