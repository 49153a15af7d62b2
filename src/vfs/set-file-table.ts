/**
 * SET_INFO of files: each class with the rights it needs, the least bytes it has, and what it does. [MS-FSCC] 2.4,
 * [MS-SMB2] 3.3.5.21.1
 */
import type { BackendStat, MaybePromise } from '../backend/contract.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { WireError } from '../wire/codec.ts';
import { AccessMask, CompletionFilter, CreateOption, FileAttribute } from '../wire/flags.ts';
import { FileFullEaInformationList } from '../wire/fscc/extended-attributes.ts';
import {
  DispositionFlag,
  FileAllocationInformation,
  FileBasicInformation,
  FileDispositionInformation,
  FileDispositionInformationEx,
  FileEndOfFileInformation,
  FileModeInformation,
  FilePositionInformation,
} from '../wire/fscc/file.ts';
import { FileInformationClass as Class } from '../wire/fscc/information-class-table.ts';
import {
  FileLinkInformation,
  FileLinkInformationEx,
  FileRenameInformation,
  FileRenameInformationEx,
  RenameFlag,
} from '../wire/fscc/names.ts';
import { attributesAfterSet } from './attributes.ts';
import { setDisposition } from './disposition.ts';
import { changeEas } from './extended-attributes.ts';
import { chain } from './maybe-promise.ts';
import { noteChange } from './notes.ts';
import type { OpenFile } from './open-file.ts';
import { setSize } from './read-write.ts';
import { linkFile, type RenameIntent, renameFile } from './rename.ts';
import { applyTimes, keepingTimes } from './times.ts';
import type { Waiter } from './waiter.ts';

export interface FileSettingRow {
  /** One of these rights; 0: none, or checked by the setting itself. */
  readonly access: number;
  /** Fewer bytes are INFO_LENGTH_MISMATCH. */
  readonly fixedBytes: number;
  /** A waiter when somebody must act first; then the whole is tried again. */
  readonly set: (file: OpenFile, input: Buffer) => MaybePromise<Waiter | undefined>;
}

/** [MS-FSA] 2.1.5.15.2 */
function setBasic(file: OpenFile, input: Buffer): MaybePromise<undefined> {
  const information = FileBasicInformation.decode(input);
  const { fileAttributes } = information;
  const isDirectoryBit = (fileAttributes & FileAttribute.DIRECTORY) !== 0;
  demand(!isDirectoryBit || file.isDirectory, NtStatus.INVALID_PARAMETER, 'a file is no directory');
  const isTemporary = (fileAttributes & FileAttribute.TEMPORARY) !== 0;
  demand(!isTemporary || !file.isDirectory, NtStatus.INVALID_PARAMETER, 'temporary directory');
  file.writeTime.show();
  return chain(file.handle.stat(), (before) => changeBasic(file, information, before));
}

function changeBasic(
  file: OpenFile,
  information: FileBasicInformation,
  before: BackendStat,
): MaybePromise<undefined> {
  const { fileAttributes } = information;
  const times = applyTimes(file, information);
  const attributes =
    fileAttributes === 0 ? undefined : attributesAfterSet(fileAttributes, before.attributes ?? 0);
  const keepsChangeTime = file.userSetTimes.changeTime && times.changeTime === undefined;
  const isNothing = attributes === undefined && Object.keys(times).length === 0;
  if (isNothing) return undefined;
  const changed = file.handle.setStat({
    ...(keepsChangeTime ? { changeTime: before.changeTime } : {}),
    ...times,
    ...(attributes === undefined ? {} : { attributes }),
  });
  const known = chain(changed, () => (times.creationTime === undefined ? undefined : noteCreationTime(file)));
  return chain(known, () => {
    const isChanged = attributes !== undefined && attributes !== before.attributes;
    noteBasic(file, times, isChanged);
    return undefined;
  });
}

/** What was kept of the open names the file by the time at which it was made. */
function noteCreationTime(file: OpenFile): MaybePromise<void> {
  return chain(file.handle.stat(), ({ creationTime }) =>
    file.volume.driver.call((core) => core.createdAnew(file.core.file, String(creationTime))),
  );
}

function noteBasic(file: OpenFile, times: ReturnType<typeof applyTimes>, isAttributeChange: boolean): void {
  const filter =
    (isAttributeChange ? CompletionFilter.ATTRIBUTES : 0) |
    (times.creationTime === undefined ? 0 : CompletionFilter.CREATION) |
    (times.lastAccessTime === undefined ? 0 : CompletionFilter.LAST_ACCESS) |
    (times.lastWriteTime === undefined ? 0 : CompletionFilter.LAST_WRITE);
  if (filter !== 0) noteChange(file, filter);
}

function breakOthers(file: OpenFile): Waiter | undefined {
  return file.volume.driver.attempt((core, nowMs) => core.truncate(file.core, nowMs));
}

/** [MS-FSA] 2.1.5.15.4 */
function setEndOfFile(file: OpenFile, input: Buffer): MaybePromise<Waiter | undefined> {
  const { endOfFile } = FileEndOfFileInformation.decode(input);
  demand(!file.isDirectory && endOfFile >= 0n, NtStatus.INVALID_PARAMETER);
  const waiter = breakOthers(file);
  return waiter ?? chain(setSize(file, endOfFile), () => undefined);
}

/** [MS-FSA] 2.1.5.15.1: less than the file holds cuts it, more is space kept for it. */
async function setAllocation(file: OpenFile, input: Buffer): Promise<Waiter | undefined> {
  const { allocationSize } = FileAllocationInformation.decode(input);
  demand(!file.isDirectory && allocationSize >= 0n, NtStatus.INVALID_PARAMETER);
  const waiter = breakOthers(file);
  if (waiter !== undefined) return waiter;
  const { sizeBytes } = await file.handle.stat();
  const { freeBytes } = await file.volume.backend.volume();
  demand(allocationSize <= BigInt(sizeBytes) + BigInt(freeBytes), NtStatus.DISK_FULL);
  if (allocationSize < BigInt(sizeBytes)) await setSize(file, allocationSize);
  file.shared.reservedBytes = Number(allocationSize);
  return undefined;
}

function setPosition(file: OpenFile, input: Buffer): undefined {
  const { currentByteOffset } = FilePositionInformation.decode(input);
  demand(currentByteOffset >= 0n, NtStatus.INVALID_PARAMETER);
  file.position = currentByteOffset;
}

const settableModes =
  CreateOption.WRITE_THROUGH |
  CreateOption.SEQUENTIAL_ONLY |
  CreateOption.SYNCHRONOUS_IO_ALERT |
  CreateOption.SYNCHRONOUS_IO_NONALERT;

/** [MS-FSA] 2.1.5.15.8 */
function setMode(file: OpenFile, input: Buffer): undefined {
  const { mode } = FileModeInformation.decode(input);
  demand((mode & ~settableModes) === 0, NtStatus.INVALID_PARAMETER, 'mode');
  const synchronous = CreateOption.SYNCHRONOUS_IO_ALERT | CreateOption.SYNCHRONOUS_IO_NONALERT;
  demand((mode & synchronous) !== synchronous, NtStatus.INVALID_PARAMETER, 'mode');
  file.mode = (file.mode & ~settableModes) | mode;
}

/** [MS-FSA] 2.1.5.15.5 */
async function setEas(file: OpenFile, input: Buffer): Promise<undefined> {
  const entries = eaList(input);
  await keepingTimes(file, () => changeEas(file.volume, file.link.path, entries));
  noteChange(file, CompletionFilter.EA);
}

function eaList(input: Buffer): ReturnType<typeof FileFullEaInformationList.decode> {
  try {
    return FileFullEaInformationList.decode(input);
  } catch (error) {
    if (error instanceof WireError) throw new NtStatusError(NtStatus.EA_LIST_INCONSISTENT, error.message);
    throw error;
  }
}

type Relocation = (file: OpenFile, intent: RenameIntent) => MaybePromise<Waiter | undefined>;

function relocation(work: Relocation, codec: typeof FileRenameInformation): FileSettingRow['set'] {
  return (file, input) => {
    const { rootDirectory, fileName, replaceIfExists } = codec.decode(input);
    demand(rootDirectory === 0n && fileName !== '', NtStatus.INVALID_PARAMETER, 'new name');
    return work(file, { newName: fileName, replaceIfExists });
  };
}

function relocationEx(work: Relocation, codec: typeof FileRenameInformationEx): FileSettingRow['set'] {
  return (file, input) => {
    const { rootDirectory, fileName, flags } = codec.decode(input);
    demand(rootDirectory === 0n && fileName !== '', NtStatus.INVALID_PARAMETER, 'new name');
    return work(file, {
      newName: fileName,
      replaceIfExists: (flags & RenameFlag.REPLACE_IF_EXISTS) !== 0,
      isPosix: (flags & RenameFlag.POSIX_SEMANTICS) !== 0,
      ignoresReadOnly: (flags & RenameFlag.IGNORE_READONLY_ATTRIBUTE) !== 0,
    });
  };
}

function dispose(file: OpenFile, input: Buffer): MaybePromise<Waiter | undefined> {
  const { deletePending } = FileDispositionInformation.decode(input);
  return setDisposition(file, deletePending ? DispositionFlag.DELETE : 0);
}

const disposeEx: FileSettingRow['set'] = (file, input) =>
  setDisposition(file, FileDispositionInformationEx.decode(input).flags);

function refused(status: NtStatus): FileSettingRow {
  return {
    access: 0,
    fixedBytes: 0,
    set: () => {
      throw new NtStatusError(status, 'not to be set');
    },
  };
}

const { FILE_WRITE_ATTRIBUTES, FILE_WRITE_DATA, FILE_WRITE_EA, DELETE } = AccessMask;

export const fileSettings: ReadonlyMap<number, FileSettingRow> = new Map<number, FileSettingRow>([
  [Class.FileBasicInformation, { access: FILE_WRITE_ATTRIBUTES, fixedBytes: 36, set: setBasic }],
  [
    Class.FileRenameInformation,
    { access: DELETE, fixedBytes: 20, set: relocation(renameFile, FileRenameInformation) },
  ],
  [
    Class.FileRenameInformationEx,
    { access: DELETE, fixedBytes: 20, set: relocationEx(renameFile, FileRenameInformationEx) },
  ],
  [Class.FileLinkInformation, { access: 0, fixedBytes: 20, set: relocation(linkFile, FileLinkInformation) }],
  [
    Class.FileLinkInformationEx,
    { access: 0, fixedBytes: 20, set: relocationEx(linkFile, FileLinkInformationEx) },
  ],
  [Class.FileDispositionInformation, { access: DELETE, fixedBytes: 1, set: dispose }],
  [Class.FileDispositionInformationEx, { access: DELETE, fixedBytes: 4, set: disposeEx }],
  [Class.FilePositionInformation, { access: 0, fixedBytes: 8, set: setPosition }],
  [Class.FileFullEaInformation, { access: FILE_WRITE_EA, fixedBytes: 0, set: setEas }],
  [Class.FileModeInformation, { access: 0, fixedBytes: 4, set: setMode }],
  [Class.FileAllocationInformation, { access: FILE_WRITE_DATA, fixedBytes: 8, set: setAllocation }],
  [Class.FileEndOfFileInformation, { access: FILE_WRITE_DATA, fixedBytes: 8, set: setEndOfFile }],
  [Class.FileValidDataLengthInformation, refused(NtStatus.PRIVILEGE_NOT_HELD)],
  [Class.FileShortNameInformation, refused(NtStatus.NOT_SUPPORTED)],
  [Class.FileObjectIdInformation, refused(NtStatus.NOT_SUPPORTED)],
  [Class.FileQuotaInformation, refused(NtStatus.NOT_SUPPORTED)],
  [Class.FileCaseSensitiveInformation, refused(NtStatus.NOT_SUPPORTED)],
]);
