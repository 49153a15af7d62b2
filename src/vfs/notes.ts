/**
 * What watchers are told of changes made through an open. [MS-FSA] 2.1.4.1
 */
import type { Change, Place } from '../fs/types.ts';
import { CompletionFilter, FileAction } from '../wire/flags.ts';
import type { OpenFile } from './open-file.ts';

const { SIZE, LAST_WRITE, STREAM_SIZE, STREAM_WRITE } = CompletionFilter;
/** A change that no watcher asks for. */
export const forNoWatcher = 0;

/** Tells that the file changed in the ways of `filter`. */
export function noteChange(file: OpenFile, filter: number): void {
  note(file, { filter, sparesLeases: false });
}

function note(file: OpenFile, change: Pick<Change, 'filter' | 'sparesLeases'>): void {
  const { core, volume } = file;
  const { filter } = change;
  if (core.place.ancestors.length === 0) return;
  if (!file.isStream) {
    volume.changed({ ...change, place: core.place, action: FileAction.MODIFIED, by: core });
    return;
  }
  const streamFilter = (filter & SIZE ? STREAM_SIZE : 0) | (filter & LAST_WRITE ? STREAM_WRITE : 0);
  const place = streamPlace(core.place, file.streamName);
  const action = FileAction.MODIFIED_STREAM;
  volume.changed({ ...change, place, action, filter: streamFilter || filter, by: core });
}

/** Data was changed: watchers hear of it at once, holders of directory leases when the open is closed. */
export function noteDataChange(file: OpenFile): void {
  file.isModified = true;
  if (file.volume.driver.core.hasWatches) note(file, { filter: LAST_WRITE | SIZE, sparesLeases: true });
}

/** As {@link noteDataChange}, when the store took its time: caches of others break that were given meanwhile. */
export function noteSlowDataChange(file: OpenFile): void {
  file.volume.driver.call((core, nowMs) => core.wrote(file.core, nowMs));
  noteDataChange(file);
}

/** The open is about to be closed: who caches its directory hears of data that it changed. */
export function noteModified(file: OpenFile): void {
  if (file.isModified) note(file, { filter: forNoWatcher, sparesLeases: false });
  file.isModified = false;
}

/** Where a stream is: its name stands behind its file's. */
export function streamPlace(place: Place, stream: string): Place {
  return { ...place, name: `${place.name}:${stream}:$DATA` };
}
