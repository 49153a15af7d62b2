/**
 * Reparse points: symbolic links of the store, and what clients attach to files otherwise. [MS-FSCC] 2.1.2
 */
import type { BackendPath, BackendStat } from '../backend/contract.ts';
import { demand, NtStatus } from '../base/status.ts';
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
import { noteChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { readTarget } from './symlinks.ts';
import type { Volume } from './volume.ts';

const ownName = 'REPARSE';
const bytesMax = 16_384;
const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_WRITE_ATTRIBUTES;

/** The tag of what is at `path`; 0 for none. */
export async function reparseTagOf(volume: Volume, path: BackendPath, stat: BackendStat): Promise<number> {
  if (stat.kind === 'symlink') return ReparseTag.SYMLINK;
  if (!((stat.attributes ?? 0) & FileAttribute.REPARSE_POINT)) return 0;
  const stored = await readOwn(volume, path, ownName);
  return stored === undefined || stored.length < 4 ? 0 : stored.readUInt32LE(0);
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
  const stored = await readOwn(volume, link.path, ownName);
  const isSameTag = stored === undefined || stored.readUInt32LE(0) === point.tag;
  demand(isSameTag, NtStatus.IO_REPARSE_TAG_MISMATCH);
  await writeOwn(volume, link.path, ownName, Buffer.from(input));
  await mark(file, true);
}

/** FSCTL_DELETE_REPARSE_POINT. [MS-FSA] 2.1.5.10.2 */
export async function deleteReparsePoint(file: OpenFile, input: Buffer): Promise<void> {
  file.demandAccess(writing);
  const point = decodeReparsePoint(input);
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
