/**
 * Persistent opens of an earlier process: made again, without a client until theirs comes back. [MS-SMB2] 3.3.5.9.12
 */
import { demand, NtStatus } from '../base/status.ts';
import { upper } from '../fs/names.ts';
import type { OpenRecord } from '../fs/snapshot.ts';
import type { CoreOpen } from '../fs/types.ts';
import { WellKnownSid } from '../wire/dtyp/sid.ts';
import { AccessMask } from '../wire/flags.ts';
import type { CoreDriver } from './core-driver.ts';
import { OpenFile } from './open-file.ts';
import type { OpenStore } from './open-store.ts';
import type { Entry } from './resolve.ts';
import { SymlinkHandle } from './symlink-handle.ts';
import type { Volume } from './volume.ts';

/** Makes what `store` kept open again. What cannot be had any more is forgotten; it says how many came back. */
export async function restoreOpens(
  driver: CoreDriver,
  store: OpenStore,
  volumes: readonly Volume[],
): Promise<number> {
  const byId = new Map(volumes.map((volume) => [volume.id, volume]));
  const volumeOf = ({ file }: { readonly file: string }) => byId.get(file.slice(0, file.indexOf(':')));
  const isServed = (record: OpenRecord) => volumeOf(record)?.isContinuouslyAvailable === true;
  for (const record of store.records) {
    const { persistentId } = record.durable;
    if (!isServed(record)) store.write({ persistentId, record: undefined });
  }
  const snapshot = { format: 1 as const, opens: store.records.filter(isServed) };
  const opens = driver.call((core, nowMs) => core.restore(snapshot, nowMs));
  let count = 0;
  for (const open of opens) {
    const volume = volumeOf(open);
    if (volume !== undefined && (await isReopened(volume, open))) count++;
    else driver.call((core, nowMs) => core.abandon(open, nowMs));
  }
  return count;
}

async function isReopened(volume: Volume, open: CoreOpen): Promise<boolean> {
  try {
    const file = await reopened(volume, open);
    volume.driver.bind(file);
    file.endCacheWatch = volume.caches.begin(file);
    return true;
  } catch (error) {
    const name = open.place.name;
    volume.log.write('warn', 'open-not-restored', { volume: volume.id, name, error: String(error) });
    return false;
  }
}

async function reopened(volume: Volume, open: CoreOpen): Promise<OpenFile> {
  const { path, stat } = await entryAt(volume, open);
  // Under the name there may be another file by now.
  const isSame =
    stat !== undefined &&
    volume.keyOf(stat.fileId) === open.file &&
    String(stat.creationTime) === open.createdAt;
  demand(isSame, NtStatus.OBJECT_NAME_NOT_FOUND, 'the file is gone');
  const streams = open.stream === '' ? [] : ((await volume.backend.streams?.list(path)) ?? []);
  const streamName = streams.find(({ name }) => upper(name) === open.stream)?.name ?? '';
  demand(upper(streamName) === open.stream, NtStatus.OBJECT_NAME_NOT_FOUND, 'the stream is gone');
  const write = (open.grantedAccess & (AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA)) !== 0;
  const handle =
    stat.kind === 'symlink'
      ? new SymlinkHandle(volume.backend, path)
      : await volume.backend.open(path, { write, ...(streamName === '' ? {} : { stream: streamName }) });
  const shares = volume.retain(open, path);
  const token = { user: open.owner.user, groups: new Set<string>(), privileges: new Set<never>() };
  // Until its client is back nobody acts through it.
  const requester = { token, owner: open.owner, group: WellKnownSid.BUILTIN_USERS, maximalAccess: 0 };
  return new OpenFile({
    volume,
    core: open,
    handle,
    shares,
    fileId: stat.fileId,
    streamName,
    requester,
  });
}

async function entryAt({ resolver }: Volume, { place }: CoreOpen): Promise<Entry> {
  const names = [...place.ancestors.slice(1).map(({ name }) => name), place.name];
  return resolver.entry(await resolver.directoryFor(names), place.name);
}
