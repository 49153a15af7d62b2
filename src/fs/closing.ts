/**
 * The end of an open: by CLOSE, by the loss of a durable one, by fail-over. [MS-FSA] 2.1.5.5
 */
import { NtStatus } from '../base/status.ts';
import { removalAfter } from './deletion.ts';
import { type CoreState, collectStream, leaveCreateGuid, type OpenState, touch } from './file-object.ts';
import { releaseLocks } from './lock-requests.ts';
import { endWatch } from './notify.ts';
import { dropCache } from './oplock-breaks.ts';

/** How an open ends. */
export interface Ending {
  /** False for an open that never was: nothing is deleted. */
  readonly isReal: boolean;
  /** The shell did not ask for it and must be told. */
  readonly isExpiry: boolean;
}

export function closeOpen(state: CoreState, open: OpenState, ending: Ending): void {
  if (open.isClosed) return;
  open.isClosed = true;
  const stream = open.streamObject;
  endWatch(state, open, NtStatus.NOTIFY_CLEANUP);
  stream.opens.delete(open);
  state.opens.delete(open.id);
  touch(state, open);
  leaveCreateGuid(state, open);
  forgetDurable(state, open);
  // Both may let others go on, who must find the open gone.
  releaseLocks(state, open);
  leaveCache(state, open);
  const removal = ending.isReal ? removalAfter(state, open) : undefined;
  // What is removed is found by the open, which the shell forgets when it expires.
  if (removal !== undefined) state.effects.push({ kind: 'delete', removal });
  if (ending.isExpiry) state.effects.push({ kind: 'expire', open });
  collectStream(state, stream);
}

/** An oplock ends with its open, a lease with its last: that counts as the acknowledgement of a break. */
function leaveCache(state: CoreState, open: OpenState): void {
  const { cache } = open;
  if (cache === undefined) return;
  open.cache = undefined;
  cache.opens.delete(open);
  if (cache.opens.size === 0) dropCache(state, cache);
}

/** Takes `open` out of the tables of durable and disconnected opens. */
export function forgetDurable(state: CoreState, open: OpenState): void {
  if (open.durable !== undefined && state.durables.get(open.durable.persistentId) === open) {
    state.durables.delete(open.durable.persistentId);
  }
  endDisconnection(state, open);
}

/** `open` is connected again, or gone. */
export function endDisconnection(state: CoreState, open: OpenState): void {
  if (!state.disconnected.delete(open)) return;
  const left = (state.disconnectedByUser.get(open.owner.user) ?? 0) - 1;
  if (left > 0) state.disconnectedByUser.set(open.owner.user, left);
  else state.disconnectedByUser.delete(open.owner.user);
}
