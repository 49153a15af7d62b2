/**
 * Renaming and linking: what must be asked and broken before, and what follows after. [MS-FSA] 2.1.5.15.8, 2.1.5.15.11,
 * 2.1.5.15.12
 */
import { NtStatus } from '../base/status.ts';
import { AccessMask, ShareAccess } from '../wire/flags.ts';
import {
  type Cache,
  type CoreState,
  cacheOwnerOf,
  enterPending,
  hasOpen,
  isLinkPending,
  isThroughLink,
  leavePending,
  linkKeyOf,
  type OpenState,
  opensOfFile,
  pendingAt,
  type StreamObject,
  touch,
} from './file-object.ts';
import { breakHandlesOf, opposingOpens } from './opening.ts';
import { type BreakScope, breakCaches } from './oplock-breaks.ts';
import type { Ancestor, Denied, FileKey, Place, RenameRequest } from './types.ts';

/** What a step found: nothing in the way, a refusal, or breaks to wait for. */
export type Obstacle =
  | { readonly kind: 'free' }
  | Denied
  | { readonly kind: 'broken'; readonly caches: readonly Cache[] };

const free: Obstacle = Object.freeze({ kind: 'free' });

function denied(status: NtStatus): Denied {
  return { kind: 'denied', status };
}

/** Everything that stands in the way of renaming the file of `open`. */
export function obstacleToRename(
  state: CoreState,
  open: OpenState,
  request: RenameRequest,
  scope: BreakScope,
): Obstacle {
  if (isLinkPending(open)) return denied(NtStatus.ACCESS_DENIED);
  const inner = open.isDirectory ? obstacleBelow(state, open, scope) : obstacleInStreams(open);
  if (inner.kind !== 'free') return inner;
  const target = obstacleAtTarget(state, open, request, scope);
  if (target.kind !== 'free') return target;
  const spared = cacheOwnerOf(open);
  return broken(breakCaches(state, open.streamObject, 'handle', { ...scope, spared }));
}

/** The same for a hard link. */
export function obstacleToLink(
  state: CoreState,
  open: OpenState,
  request: RenameRequest,
  scope: BreakScope,
): Obstacle {
  if (open.isDirectory) return denied(NtStatus.FILE_IS_A_DIRECTORY);
  if (isLinkPending(open)) return denied(NtStatus.ACCESS_DENIED);
  return obstacleAtTarget(state, open, request, scope);
}

function broken(caches: readonly Cache[]): Obstacle {
  return caches.length === 0 ? free : { kind: 'broken', caches };
}

/** Open files below a directory keep it where it is, once their holders had the chance to close them. */
function obstacleBelow(state: CoreState, open: OpenState, scope: BreakScope): Obstacle {
  const below = opensBelow(state, open.file);
  if (below.length === 0) return free;
  const caches = breakHandlesOf(state, below, scope);
  if (caches.length > 0) return broken(caches);
  return below.some((other) => !other.isClosed) ? denied(NtStatus.ACCESS_DENIED) : free;
}

function opensBelow(state: CoreState, directory: FileKey): OpenState[] {
  const isBelow = (open: OpenState) => open.place.ancestors.some((step) => step.directory === directory);
  return [...state.opens.values()].filter(isBelow);
}

/** A file whose named streams are open is not renamed. */
function obstacleInStreams(open: OpenState): Obstacle {
  const hasOther = hasOpen(open.streamObject.file, (other) => other.stream !== '');
  return hasOther ? denied(NtStatus.ACCESS_DENIED) : free;
}

/** How the target's directory is opened on behalf of a rename. [MS-FSA] 2.1.5.15.11 */
const targetDirectoryAccess = {
  stream: '',
  grantedAccess: AccessMask.FILE_ADD_FILE | AccessMask.SYNCHRONIZE,
  shareAccess: ShareAccess.READ | ShareAccess.WRITE,
};

function obstacleAtTarget(
  state: CoreState,
  open: OpenState,
  { to, target, replaceIfExists, isPosix }: RenameRequest,
  scope: BreakScope,
): Obstacle {
  if (target !== undefined && target.file !== open.file) {
    if (!replaceIfExists) return denied(NtStatus.OBJECT_NAME_COLLISION);
    if (target.isDirectory && !isPosix) return denied(NtStatus.ACCESS_DENIED);
  }
  const directory = state.files.get(to.ancestors.at(-1)?.directory ?? '');
  if (directory !== undefined) {
    // Directories move all the same, as on Samba: who watches one often holds it with every right, deletion among them.
    const opposing = open.isDirectory ? [] : opposingOpens(directory, targetDirectoryAccess);
    const caches = breakHandlesOf(state, opposing, scope);
    if (caches.length > 0) return broken(caches);
    if (opposing.some((other) => !other.isClosed)) return denied(NtStatus.SHARING_VIOLATION);
    if (directory.pendingLinks.length > 0) return denied(NtStatus.DELETE_PENDING);
  }
  return target === undefined || target.file === open.file
    ? free
    : obstacleOfTarget(state, target.file, isPosix, scope);
}

/** A file that is open is not replaced, unless by POSIX rules. */
function obstacleOfTarget(
  state: CoreState,
  key: FileKey,
  isPosix: boolean | undefined,
  scope: BreakScope,
): Obstacle {
  const file = state.files.get(key);
  if (file === undefined) return free;
  const opens = [...opensOfFile(file)];
  const caches = breakHandlesOf(state, opens, scope);
  if (caches.length > 0) return broken(caches);
  const isOpen = opens.some((other) => !other.isClosed);
  return isOpen && isPosix !== true ? denied(NtStatus.ACCESS_DENIED) : free;
}

/** What stands in the way of giving the stream of `open` the name `to`. */
export function obstacleToStreamRename(
  state: CoreState,
  open: OpenState,
  { to, replaceIfExists }: { readonly to: string; readonly replaceIfExists: boolean },
  scope: BreakScope,
): Obstacle {
  const { streamObject: stream } = open;
  if (open.isDirectory && to === '') return denied(NtStatus.INVALID_PARAMETER);
  const target: StreamObject | undefined = stream.file.streams.get(to);
  if (target !== undefined && target !== stream && target.opens.size > 0) {
    return denied(replaceIfExists ? NtStatus.ACCESS_DENIED : NtStatus.OBJECT_NAME_COLLISION);
  }
  const spared = cacheOwnerOf(open);
  return broken(breakCaches(state, stream, 'handle', { ...scope, spared }));
}

/** The file of `open` has a new place: every open through the same name follows, and all below a directory. */
export function followRename(state: CoreState, open: OpenState, to: Place): void {
  const { file } = open.streamObject;
  const from = linkKeyOf(open.place);
  for (const other of opensOfFile(file)) {
    if (isThroughLink(other, from)) other.place = to;
    touch(state, other);
  }
  const pending = pendingAt(file, from);
  if (pending !== undefined) {
    leavePending(file, from);
    enterPending(file, { ...pending, linkKey: linkKeyOf(to), place: to });
  }
  if (!open.isDirectory) return;
  const moved: Ancestor = { directory: open.file, name: to.name };
  for (const other of opensBelow(state, open.file)) {
    const at = other.place.ancestors.findIndex((step) => step.directory === open.file);
    const ancestors = [...to.ancestors, moved, ...other.place.ancestors.slice(at + 1)];
    other.place = { ...other.place, ancestors };
    touch(state, other);
  }
}
