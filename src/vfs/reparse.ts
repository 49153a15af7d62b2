/**
 * Reparse points: symbolic links of the store, and what clients attach to files otherwise. [MS-FSCC] 2.1.2
 */
import type { BackendPath, BackendStat, MaybePromise } from '../backend/contract.ts';
import { join, parentOf } from '../backend/path.ts';
import { randomId32 } from '../base/entropy.ts';
import { demand, NtStatus } from '../base/status.ts';
import { isValidName } from '../fs/names.ts';
import { nilGuid } from '../wire/dtyp/guid.ts';
import { AccessMask, CompletionFilter, FileAttribute } from '../wire/flags.ts';
import {
  decodeReparsePoint,
  encodeReparsePoint,
  ReparseTag,
  SymbolicLinkReparseData,
  SymlinkFlag,
} from '../wire/fscc/reparse.ts';
import { readOwn, writeOwn } from './extended-attributes.ts';
import { storedName } from './name-mapping.ts';
import { noteChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { SymlinkHandle } from './symlink-handle.ts';
import { readTarget } from './symlinks.ts';
import type { Volume } from './volume.ts';

const ownName = 'REPARSE';
const bytesMax = 16_384;
const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_WRITE_ATTRIBUTES;

/** The tag of what is at `path`; 0 for none. */
export function reparseTagOf(volume: Volume, path: BackendPath, stat: BackendStat): MaybePromise<number> {
  if (stat.kind === 'symlink') return ReparseTag.SYMLINK;
  if (!((stat.attributes ?? 0) & FileAttribute.REPARSE_POINT)) return 0;
  return readOwn(volume, path, ownName).then((stored) =>
    stored === undefined || stored.length < 4 ? 0 : stored.readUInt32LE(0),
  );
}

/** FSCTL_GET_REPARSE_POINT. [MS-FSA] 2.1.5.10.12 */
export async function queryReparsePoint(file: OpenFile): Promise<Buffer> {
  const { volume, link } = file;
  const stat = await file.handle.stat();
  if (stat.kind === 'symlink') return symlinkBuffer(await readTarget(volume.backend, link.path));
  const stored = await readOwn(volume, link.path, ownName);
  demand(stored, NtStatus.NOT_A_REPARSE_POINT);
  return stored;
}

function symlinkBuffer(target: string): Buffer {
  const isAbsolute = target.startsWith('/');
  const name = target.replaceAll('/', '\\');
  const data = SymbolicLinkReparseData.encode({
    flags: isAbsolute ? 0 : SymlinkFlag.RELATIVE,
    substituteName: isAbsolute ? `\\??\\${name}` : name,
    printName: name,
  });
  return encodeReparsePoint({ tag: ReparseTag.SYMLINK, guid: nilGuid, data });
}

/** FSCTL_SET_REPARSE_POINT. [MS-FSA] 2.1.5.10.36 */
export async function setReparsePoint(file: OpenFile, input: Buffer): Promise<void> {
  file.demandAccess(writing);
  demand(input.length <= bytesMax, NtStatus.IO_REPARSE_DATA_INVALID);
  const point = decodeReparsePoint(input);
  const isReserved = point.tag <= ReparseTag.RESERVED_TWO;
  demand(!isReserved, NtStatus.IO_REPARSE_TAG_INVALID);
  demand(!file.isStream, NtStatus.INVALID_PARAMETER);
  const { volume, link } = file;
  const stat = await file.handle.stat();
  const tag = await reparseTagOf(volume, link.path, stat);
  demand(tag === 0 || tag === point.tag, NtStatus.IO_REPARSE_TAG_MISMATCH);
  const target = point.tag === ReparseTag.SYMLINK ? linkTarget(file, point.data) : undefined;
  if (target !== undefined && (await isPlaceholder(file, stat))) {
    await becomeLink(file, target);
    return;
  }
  demand(stat.kind !== 'symlink', NtStatus.ACCESS_DENIED, 'a link of the store leads inside the share');
  await writeOwn(volume, link.path, ownName, Buffer.from(input));
  await mark(file, true);
}

/**
 * What a symbolic link of the store would say: a relative target that stays inside the share. Any other is kept as clients
 * write it, for them to follow: nothing that lies outside is ever named to the store.
 */
function linkTarget({ volume, link }: OpenFile, data: Buffer): string | undefined {
  if (volume.backend.symlinks === undefined || volume.symlinks === 'hide') return undefined;
  const { flags, substituteName } = SymbolicLinkReparseData.decode(data);
  if (!(flags & SymlinkFlag.RELATIVE) || substituteName.startsWith('\\')) return undefined;
  const names = substituteName.split(/[\\/]/).filter((name) => name !== '' && name !== '.');
  let depth = link.path.split('/').length - 1;
  for (const name of names) {
    depth += name === '..' ? -1 : 1;
    if (depth < 0 || (name !== '..' && !isValidName(name))) return undefined;
  }
  return names.length === 0 ? undefined : names.map(storedName).join('/');
}

/** True for what a client made to turn it into a link: nothing is in it, and nobody else has it open. */
async function isPlaceholder(file: OpenFile, stat: BackendStat): Promise<boolean> {
  const { volume, core, link } = file;
  if (volume.driver.core.opensOf(core.file).length > 1 || link.path === '' || link.isRemoved) return false;
  if (stat.kind === 'symlink') return true;
  if (stat.kind === 'directory') {
    for await (const batch of volume.backend.list(link.path)) if (batch.length > 0) return false;
  } else if (stat.sizeBytes > 0) return false;
  return ((await volume.backend.streams?.list(link.path)) ?? []).length === 0;
}

/** Puts a link in the place of `file`, which from then on is the link. */
async function becomeLink(file: OpenFile, target: string): Promise<void> {
  const { volume, core, link } = file;
  const { backend } = volume;
  await volume.names.run([volume.slotOf(core.place)], async () => {
    const { path } = link;
    const former = file.handle;
    // Made under another name first: what cannot be made leaves the file as it is.
    const fresh = join(parentOf(path), `.link-${randomId32(volume.entropy).toString(16)}`);
    await backend.symlinks?.makeLink(fresh, target);
    try {
      if (file.isDirectory) await backend.removeDirectory(path);
      await backend.rename(fresh, path, true);
    } catch (error) {
      await backend.removeFile(fresh);
      throw error;
    }
    file.handle = new SymlinkHandle(backend, path);
    await former.close();
  });
  noteChange(file, CompletionFilter.ATTRIBUTES);
}

/** FSCTL_DELETE_REPARSE_POINT. [MS-FSA] 2.1.5.10.2 */
export async function deleteReparsePoint(file: OpenFile, input: Buffer): Promise<void> {
  file.demandAccess(writing);
  const point = decodeReparsePoint(input);
  const { kind } = await file.handle.stat();
  demand(kind !== 'symlink', NtStatus.ACCESS_DENIED, 'a link of the store is deleted as a whole');
  const stored = await readOwn(file.volume, file.link.path, ownName);
  demand(stored, NtStatus.NOT_A_REPARSE_POINT);
  demand(stored.readUInt32LE(0) === point.tag, NtStatus.IO_REPARSE_TAG_MISMATCH);
  demand(point.data.length === 0, NtStatus.IO_REPARSE_DATA_INVALID);
  await writeOwn(file.volume, file.link.path, ownName, undefined);
  await mark(file, false);
}

async function mark(file: OpenFile, isReparsePoint: boolean): Promise<void> {
  const { attributes = 0 } = await file.handle.stat();
  const others = attributes & ~FileAttribute.REPARSE_POINT;
  await file.handle.setStat({ attributes: isReparsePoint ? others | FileAttribute.REPARSE_POINT : others });
  noteChange(file, CompletionFilter.ATTRIBUTES);
}
