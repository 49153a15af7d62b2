/**
 * What watchers are told of changes made through an open. [MS-FSA] 2.1.4.1
 */
import type { Place } from '../fs/types.ts';
import { CompletionFilter, FileAction } from '../wire/flags.ts';
import type { OpenFile } from './open-file.ts';

const { SIZE, LAST_WRITE, STREAM_SIZE, STREAM_WRITE } = CompletionFilter;

/** Tells that the file changed in the ways of `filter`. */
export function noteChange(file: OpenFile, filter: number): void {
  const { core, volume } = file;
  if (core.place.ancestors.length === 0) return;
  if (!file.isStream) {
    volume.changed({ place: core.place, action: FileAction.MODIFIED, filter, by: core });
    return;
  }
  const streamFilter = (filter & SIZE ? STREAM_SIZE : 0) | (filter & LAST_WRITE ? STREAM_WRITE : 0);
  const place = streamPlace(core.place, file.streamName);
  volume.changed({ place, action: FileAction.MODIFIED_STREAM, filter: streamFilter || filter, by: core });
}

/** Where a stream is: its name stands behind its file's. */
export function streamPlace(place: Place, stream: string): Place {
  return { ...place, name: `${place.name}:${stream}:$DATA` };
}
