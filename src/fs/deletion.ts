/**
 * Deletion: disposition, delete on close, and what happens when the last open of a name goes. [MS-FSA] 2.1.5.5, 2.1.5.15.3
 */
import {
  type CoreState,
  enterPending,
  hasOpen,
  isThroughLink,
  type LeaseName,
  leavePending,
  linkKeyOf,
  type OpenState,
  pendingAt,
  sparedBy,
  touchFile,
} from './file-object.ts';
import { endWatchesOfDeleted } from './notify.ts';
import type { Disposition, Place, Removal } from './types.ts';

/** Sets or clears what `open` was asked to; the breaks have been waited for. */
export function applyDisposition(state: CoreState, open: OpenState, disposition: Disposition): void {
  // [MS-FSCC] 2.4.12: FILE_DISPOSITION_ON_CLOSE speaks of the open's own flag.
  if (disposition.isOnClose) open.deleteOnClose = disposition.isDelete;
  else if (disposition.isDelete) markDeleted(state, open);
  else unmarkDeleted(open);
  if (disposition.isDelete) open.isPosixDelete = disposition.isPosix === true;
  touchFile(state, open.streamObject.file);
}

function markDeleted(state: CoreState, open: OpenState): void {
  const stream = open.streamObject;
  if (stream.name !== '') {
    stream.isDeletePending = true;
    return;
  }
  const { place, isDirectory } = open;
  enterPending(stream.file, { linkKey: linkKeyOf(place), place, isDirectory, spared: sparedBy(open) });
  if (open.isDirectory) endWatchesOfDeleted(state, open.file);
}

function unmarkDeleted(open: OpenState): void {
  const stream = open.streamObject;
  if (stream.name !== '') stream.isDeletePending = false;
  else leavePending(stream.file, linkKeyOf(open.place));
}

/** True when a CREATE through `place` meets a file or stream that is going. [MS-FSA] 2.1.5.1.2 */
export function isGoing(state: CoreState, file: string, stream: string, place: Place): boolean {
  const object = state.files.get(file);
  if (object === undefined) return false;
  if (object.pendingLinks.length > 0 && pendingAt(object, linkKeyOf(place)) !== undefined) return true;
  return object.streams.get(stream)?.isDeletePending === true;
}

/** True when any name of the file, or the stream, is going. */
export function isDeletePending(state: CoreState, file: string, stream: string): boolean {
  const object = state.files.get(file);
  if (object === undefined) return false;
  return object.pendingLinks.length > 0 || object.streams.get(stream)?.isDeletePending === true;
}

/** After `open` left its stream: what must be removed now, if anything. */
export function removalAfter(state: CoreState, open: OpenState): Removal | undefined {
  if (open.deleteOnClose) markDeleted(state, open);
  const stream = open.streamObject;
  const { file } = stream;
  if (file.pendingLinks.length === 0 && !stream.isDeletePending) return undefined;
  touchFile(state, file);
  const linkKey = linkKeyOf(open.place);
  const pending = pendingAt(file, linkKey);
  if (pending !== undefined) {
    const isLast = !hasOpen(file, (other) => isThroughLink(other, linkKey));
    if (!isLast && !open.isPosixDelete) return undefined;
    leavePending(file, linkKey);
    const removal = removalOf(open, '', commonSpared(pending.spared, sparedBy(open)));
    return { ...removal, isDirectory: pending.isDirectory };
  }
  if (stream.isDeletePending && stream.opens.size === 0) {
    stream.isDeletePending = false;
    return removalOf(open, stream.name, sparedBy(open));
  }
  return undefined;
}

function removalOf(open: OpenState, stream: string, spared: LeaseName | undefined): Removal {
  const { file, place, isDirectory } = open;
  const removal = { file, stream, place, isDirectory, by: open };
  return spared === undefined ? removal : { ...removal, parentKey: spared.key };
}

/** A parent lease is spared only when who asked for the deletion and who closed last both hold it. */
function commonSpared(left: LeaseName | undefined, right: LeaseName | undefined): LeaseName | undefined {
  const isSame = left?.key === right?.key && left?.clientGuid === right?.clientGuid;
  return isSame ? left : undefined;
}
