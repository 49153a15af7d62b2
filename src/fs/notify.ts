/**
 * Change notification. [MS-SMB2] 3.3.5.19; [MS-FSA] 2.1.5.11, 2.1.4.1
 *
 * The first CHANGE_NOTIFY of an open fixes what it watches and how much is kept for it between requests; from then on
 * changes are kept, and the next request is answered at once with what there is.
 */
import { NtStatus } from '../base/status.ts';
import { AccessMask, CompletionFilter, FileAction } from '../wire/flags.ts';
import type { CoreState, OpenState, TicketState } from './file-object.ts';
import { endTicket, issueTicket } from './tickets.ts';
import type { Change, FileKey, NotifyEntry, Place, WatchOutcome, WatchRequest } from './types.ts';

export interface WatchState {
  readonly filter: number;
  readonly isRecursive: boolean;
  /** What is kept between requests. */
  readonly bytesMax: number;
  buffered: NotifyEntry[];
  bufferedBytes: number;
  /** Something was lost: the next answer is NOTIFY_ENUM_DIR. */
  isOverflown: boolean;
  readonly waiting: WaitingWatch[];
}

interface WaitingWatch {
  readonly ticket: TicketState;
  readonly bytesMax: number;
}

const entryHeaderBytes = 12;

/** Bytes of an entry in FILE_NOTIFY_INFORMATION, aligned for the next. [MS-FSCC] 2.7.1 */
export function notifyBytesOf(entry: NotifyEntry): number {
  return (entryHeaderBytes + entry.name.length * 2 + 3) & ~3;
}

/** CHANGE_NOTIFY on a directory. */
export function watch(state: CoreState, open: OpenState, request: WatchRequest): WatchOutcome {
  if (!open.isDirectory) return { kind: 'denied', status: NtStatus.INVALID_PARAMETER };
  if (!(open.grantedAccess & AccessMask.FILE_LIST_DIRECTORY)) {
    return { kind: 'denied', status: NtStatus.ACCESS_DENIED };
  }
  if (open.streamObject.file.pendingLinks.length > 0)
    return { kind: 'denied', status: NtStatus.DELETE_PENDING };
  const watching = open.watch ?? begin(state, open, request);
  if (watching.isOverflown || watching.buffered.length > 0) {
    return { kind: 'notified', ...taken(watching, request.bytesMax) };
  }
  const ticket = issueTicket(state, () => {
    const at = watching.waiting.findIndex((waiting) => waiting.ticket === ticket);
    if (at >= 0) watching.waiting.splice(at, 1);
  });
  watching.waiting.push({ ticket, bytesMax: request.bytesMax });
  return { kind: 'wait', ticket: ticket.ticket };
}

function begin(state: CoreState, open: OpenState, request: WatchRequest): WatchState {
  const watching: WatchState = {
    filter: request.filter,
    isRecursive: request.isRecursive,
    bytesMax: Math.min(request.bytesMax, state.settings.notifyBytes),
    buffered: [],
    bufferedBytes: 0,
    isOverflown: false,
    waiting: [],
  };
  open.watch = watching;
  const others = state.watchers.get(open.file);
  if (others === undefined) state.watchers.set(open.file, new Set([open]));
  else others.add(open);
  return watching;
}

interface Notification {
  readonly status: NtStatus;
  readonly entries: readonly NotifyEntry[];
}

/** Everything kept, if the caller has room for it. */
function taken(watching: WatchState, bytesMax: number): Notification {
  const entries = watching.buffered;
  const isLost = watching.isOverflown || watching.bufferedBytes > bytesMax;
  watching.buffered = [];
  watching.bufferedBytes = 0;
  watching.isOverflown = false;
  return isLost ? { status: NtStatus.NOTIFY_ENUM_DIR, entries: [] } : { status: NtStatus.SUCCESS, entries };
}

/** Ends every waiting request of `open` with `status`, and the watch itself. */
export function endWatch(state: CoreState, open: OpenState, status: NtStatus): void {
  const watching = open.watch;
  if (watching === undefined) return;
  answerAll(state, watching, status);
  open.watch = undefined;
  const others = state.watchers.get(open.file);
  others?.delete(open);
  if (others?.size === 0) state.watchers.delete(open.file);
}

function answerAll(state: CoreState, watching: WatchState, status: NtStatus): void {
  for (const waiting of watching.waiting.splice(0)) answer(state, waiting, { status, entries: [] });
}

function answer(state: CoreState, waiting: WaitingWatch, notification: Notification): void {
  endTicket(state, waiting.ticket);
  state.effects.push({ kind: 'notify', ticket: waiting.ticket.ticket, ...notification });
}

/** The directory is to be deleted: its watchers hear of that. [MS-FSA] 2.1.5.15.3 */
export function endWatchesOfDeleted(state: CoreState, directory: FileKey): void {
  for (const open of state.watchers.get(directory) ?? []) {
    if (open.watch !== undefined) answerAll(state, open.watch, NtStatus.DELETE_PENDING);
  }
}

/** Changes in the directory, or below it, are not known: its watchers have to read it again. */
export function reportLoss(state: CoreState, directory: FileKey): void {
  for (const { watch: watching } of state.watchers.get(directory) ?? []) {
    if (watching === undefined) continue;
    watching.isOverflown = true;
    watching.buffered = [];
    watching.bufferedBytes = 0;
    const waiting = watching.waiting.shift();
    if (waiting !== undefined) answer(state, waiting, taken(watching, waiting.bytesMax));
  }
}

/** Reports a change to everyone who watches its directory, or one above with its whole tree. */
export function report(state: CoreState, change: Change): void {
  if (state.watchers.size === 0) return;
  const { newPlace } = change;
  if (change.action !== FileAction.RENAMED_OLD_NAME || newPlace === undefined) {
    reportAt(state, change.place, (name) => [{ action: change.action, name }], change);
    return;
  }
  reportRenamedFile(state, change, newPlace);
  if (parentOf(change.place) === parentOf(newPlace)) {
    // Old and new name go into one answer, whatever room there is.
    const pair = (name: string): NotifyEntry[] => [
      { action: FileAction.RENAMED_OLD_NAME, name },
      { action: FileAction.RENAMED_NEW_NAME, name: siblingOf(name, newPlace.name) },
    ];
    reportAt(state, change.place, pair, change);
    return;
  }
  reportAt(state, change.place, (name) => [{ action: FileAction.REMOVED, name }], change);
  reportAt(state, newPlace, (name) => [{ action: FileAction.ADDED, name }], change);
}

/**
 * Who watches attributes or creation times but no names hears of a renamed file, though not of a directory, as of a modified
 * one; NTFS reports it so.
 */
function reportRenamedFile(state: CoreState, { filter }: Change, newPlace: Place): void {
  if (!(filter & CompletionFilter.FILE_NAME)) return;
  const modified = (name: string): NotifyEntry[] => [{ action: FileAction.MODIFIED, name }];
  const heard = { filter: CompletionFilter.ATTRIBUTES | CompletionFilter.CREATION, unless: filter };
  reportAt(state, newPlace, modified, heard);
}

function parentOf(place: Place): FileKey | undefined {
  return place.ancestors.at(-1)?.directory;
}

function siblingOf(path: string, name: string): string {
  return path.slice(0, path.lastIndexOf('\\') + 1) + name;
}

function reportAt(
  state: CoreState,
  place: Place,
  entriesOf: (name: string) => NotifyEntry[],
  { filter, unless = 0 }: { readonly filter: number; readonly unless?: number },
): void {
  let name = place.name;
  for (let depth = place.ancestors.length - 1; depth >= 0; depth--) {
    const ancestor = place.ancestors[depth];
    if (ancestor === undefined) return;
    const isParent = depth === place.ancestors.length - 1;
    for (const open of state.watchers.get(ancestor.directory) ?? []) {
      const { watch: watching } = open;
      if (watching === undefined || !(watching.filter & filter) || watching.filter & unless) continue;
      if (isParent || watching.isRecursive) keep(state, watching, entriesOf(name));
    }
    name = `${ancestor.name}\\${name}`;
  }
}

/** Keeps entries, and answers the request that waits longest. */
function keep(state: CoreState, watching: WatchState, entries: readonly NotifyEntry[]): void {
  for (const entry of entries) push(watching, entry);
  const waiting = watching.waiting.shift();
  if (waiting !== undefined) answer(state, waiting, taken(watching, waiting.bytesMax));
}

function push(watching: WatchState, entry: NotifyEntry): void {
  if (watching.isOverflown) return;
  const last = watching.buffered.at(-1);
  // The same entry modified again tells nothing new.
  if (entry.action === FileAction.MODIFIED && last?.action === entry.action && last.name === entry.name)
    return;
  const bytes = notifyBytesOf(entry);
  if (watching.bufferedBytes + bytes > watching.bytesMax) {
    watching.isOverflown = true;
    watching.buffered = [];
    watching.bufferedBytes = 0;
    return;
  }
  watching.buffered.push(entry);
  watching.bufferedBytes += bytes;
}
