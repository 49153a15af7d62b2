/**
 * Renaming streams. [MS-FSA] 2.1.5.15.11
 */
import { present } from '../base/assert.ts';
import { demand, NtStatus } from '../base/status.ts';
import { isSameName, upper } from '../fs/names.ts';
import { CompletionFilter, FileAction } from '../wire/flags.ts';
import { parseStream } from './name.ts';
import { streamPlace } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { keepingTimes } from './times.ts';
import type { Waiter } from './waiter.ts';

const stepBytes = 1024 * 1024;

/** `newName` is `:stream` or `:stream:$DATA`; `::$DATA` makes the stream the data of the file. */
export async function renameStream(
  file: OpenFile,
  { newName, replaceIfExists }: { readonly newName: string; readonly replaceIfExists: boolean },
): Promise<Waiter | undefined> {
  const { volume, core } = file;
  const { name, type } = parseStream(newName.slice(1));
  demand(type === '$DATA', NtStatus.INVALID_PARAMETER, 'only data streams are renamed');
  demand(file.isStream, NtStatus.INVALID_PARAMETER, 'the unnamed stream stays');
  const taken = await streamInTheWay(file, name);
  demand(taken === undefined || replaceIfExists, NtStatus.OBJECT_NAME_COLLISION);
  const waiter = volume.driver.attempt((fs, nowMs) =>
    fs.renameStream(core, upper(name), replaceIfExists, nowMs),
  );
  if (waiter !== undefined) return waiter;
  if (name === '') await becomeData(file);
  else await moveStream(file, name, taken);
  return undefined;
}

async function streamInTheWay(file: OpenFile, name: string): Promise<string | undefined> {
  if (isSameName(name, file.streamName)) return undefined;
  const listed = await present(file.volume.backend.streams, 'streams').list(file.link.path);
  return listed.find((stream) => isSameName(stream.name, name))?.name;
}

async function moveStream(file: OpenFile, name: string, taken: string | undefined): Promise<void> {
  const { volume, core, link, streamName: from } = file;
  const streams = present(volume.backend.streams, 'streams');
  if (taken !== undefined) await streams.remove(link.path, taken);
  await keepingTimes(file, () => streams.rename(link.path, from, name, true));
  follow(file, name);
  const place = streamPlace(core.place, from);
  const newPlace = streamPlace(core.place, name);
  const filter = CompletionFilter.STREAM_NAME;
  volume.changed({ place, action: FileAction.RENAMED_OLD_NAME, filter, newPlace, by: core });
}

function follow(file: OpenFile, name: string): void {
  const { volume, core, link, streamName: from } = file;
  volume.streamMoved(core, upper(name));
  volume.driver.call((fs) => fs.streamRenamed(core, upper(name)));
  for (const open of volume.openFiles())
    if (open.link === link && open.streamName === from) open.streamName = name;
}

/** The bytes of the stream replace those of the file, and the stream is gone. */
async function becomeData(file: OpenFile): Promise<void> {
  const { volume, link, streamName: from, handle: stream } = file;
  const data = await volume.backend.open(link.path, { write: true });
  await data.truncate(0);
  const buffer = Buffer.allocUnsafe(stepBytes);
  for (let position = 0; ; ) {
    const count = await stream.read(buffer, position);
    if (count === 0) break;
    await data.write(buffer.subarray(0, count), position);
    position += count;
  }
  await present(volume.backend.streams, 'streams').remove(link.path, from);
  file.handle = data;
  follow(file, '');
  await stream.close();
  const filter = CompletionFilter.STREAM_NAME;
  const place = streamPlace(file.core.place, from);
  volume.changed({ place, action: FileAction.REMOVED_STREAM, filter, by: file.core });
}
