/**
 * QUERY_INFO of files: each class with the rights it needs, the least bytes a client must offer, and how it is answered.
 * [MS-FSCC] 2.4, [MS-SMB2] 3.3.5.20.1
 */
import type { BackendStat, MaybePromise } from '../backend/contract.ts';
import { NtStatus, NtStatusError } from '../base/status.ts';
import { AccessMask, FileAttribute } from '../wire/flags.ts';
import {
  CompressionFormat,
  FileAccessInformation,
  FileAlignmentInformation,
  FileAllInformation,
  FileAttributeTagInformation,
  FileBasicInformation,
  FileCaseSensitiveInformation,
  FileCompressionInformation,
  FileEaInformation,
  FileIdInformation,
  FileInternalInformation,
  FileModeInformation,
  FileNetworkOpenInformation,
  FilePositionInformation,
  FileStandardInformation,
  FileStandardLinkInformation,
  FileStatInformation,
  FileStatLxInformation,
  LxFlag,
} from '../wire/fscc/file.ts';
import { FileInformationClass as Class } from '../wire/fscc/information-class-table.ts';
import { FileNameInformation } from '../wire/fscc/names.ts';
import { FileObjectIdBuffer, FileObjectIdInformation } from '../wire/fscc/object-id.ts';
import { allocationOf } from './attributes.ts';
import { eaSizeAt, readEas } from './extended-attributes.ts';
import { chain } from './maybe-promise.ts';
import { queryObjectId } from './object-id.ts';
import type { OpenFile } from './open-file.ts';
import { reparseTagOf } from './reparse.ts';
import { maximumAccessOfOpen } from './security-information.ts';
import { shortNameAt } from './short-names.ts';
import { streamList } from './stream-list.ts';

/** What is known when a query begins. */
export interface FileQuery {
  readonly file: OpenFile;
  readonly stat: BackendStat;
}

export interface FileQueryRow {
  /** One of these rights; 0: none. */
  readonly access: number;
  /** Fewer bytes of output are INFO_LENGTH_MISMATCH, more but too few are BUFFER_OVERFLOW. */
  readonly fixedBytes: number;
  /** The oldest dialect that has the class; others answer NOT_SUPPORTED. */
  readonly revisionMin?: number;
  readonly answer: (query: FileQuery) => MaybePromise<Buffer>;
}

const readAttributes = AccessMask.FILE_READ_ATTRIBUTES;

function timesOf({
  creationTime,
  lastAccessTime,
  lastWriteTime,
  changeTime,
}: BackendStat): Pick<BackendStat, 'creationTime' | 'lastAccessTime' | 'lastWriteTime' | 'changeTime'> {
  return { creationTime, lastAccessTime, lastWriteTime, changeTime };
}

function sizesOf({ file, stat }: FileQuery): { allocationSize: bigint; endOfFile: bigint } {
  if (file.isDirectory) return { allocationSize: 0n, endOfFile: 0n };
  return {
    allocationSize: allocationOf(stat, file.shared.reservedBytes),
    endOfFile: BigInt(stat.sizeBytes),
  };
}

const basic = ({ file, stat }: FileQuery): FileBasicInformation => ({
  ...timesOf(stat),
  fileAttributes: file.attributesOf(stat),
});

function standard(query: FileQuery): FileStandardInformation {
  const { file, stat } = query;
  const deletePending = file.volume.driver.core.isDeletePending(file.core.file, file.core.stream);
  // [MS-FSA] 2.1.5.12.26: a file about to be deleted has one link less.
  const numberOfLinks = Math.max(0, stat.linkCount - (deletePending ? 1 : 0));
  return { ...sizesOf(query), numberOfLinks, deletePending, directory: file.isDirectory };
}

function eaSize({ file, stat }: FileQuery): MaybePromise<number> {
  return eaSizeAt(file.volume, { path: file.link.path, stat });
}

function all(query: FileQuery): MaybePromise<Buffer> {
  return chain(eaSize(query), allWith, query);
}

function allWith(size: number, query: FileQuery): Buffer {
  const { file, stat } = query;
  return FileAllInformation.encode({
    basicInformation: basic(query),
    standardInformation: standard(query),
    internalInformation: { indexNumber: stat.fileId },
    eaInformation: { eaSize: size },
    accessInformation: { accessFlags: file.core.grantedAccess },
    positionInformation: { currentByteOffset: file.position },
    modeInformation: { mode: file.mode },
    alignmentInformation: { alignmentRequirement: 0 },
    nameInformation: { fileName: `\\${file.shownPath}` },
  });
}

function alternateName({ file }: FileQuery): Buffer {
  const { path } = file.link;
  if (path === '') throw new NtStatusError(NtStatus.OBJECT_NAME_NOT_FOUND, 'the root has no short name');
  return FileNameInformation.encode({ fileName: shortNameAt(path) });
}

function statOf(query: FileQuery): MaybePromise<FileStatInformation> {
  const { file, stat } = query;
  return chain(reparseTagOf(file.volume, file.link.path, stat), (reparseTag) =>
    chain(maximumAccessOfOpen(file), (effectiveAccess) => ({
      fileId: stat.fileId,
      ...timesOf(stat),
      ...sizesOf(query),
      fileAttributes: file.attributesOf(stat),
      reparseTag,
      numberOfLinks: stat.linkCount,
      effectiveAccess,
    })),
  );
}

/** What WSL keeps of a file stands in its extended attributes: `$LXUID`, `$LXGID`, `$LXMOD`, `$LXDEV`. */
async function statLx(query: FileQuery): Promise<Buffer> {
  const eas = await readEas(query.file.volume, { path: query.file.link.path, stat: query.stat });
  const number = (name: string, at = 0): number => {
    const value = eas.get(name);
    return value !== undefined && value.length >= at + 4 ? value.readUInt32LE(at) : 0;
  };
  const flag = (name: string, bytes: number, bit: number): number =>
    eas.get(name)?.length === bytes ? bit : 0;
  return FileStatLxInformation.encode({
    ...(await statOf(query)),
    lxFlags:
      flag('$LXUID', 4, LxFlag.HAS_UID) |
      flag('$LXGID', 4, LxFlag.HAS_GID) |
      flag('$LXMOD', 4, LxFlag.HAS_MODE) |
      flag('$LXDEV', 8, LxFlag.HAS_DEVICE_ID),
    lxUid: number('$LXUID'),
    lxGid: number('$LXGID'),
    lxMode: number('$LXMOD'),
    lxDeviceIdMajor: number('$LXDEV'),
    lxDeviceIdMinor: number('$LXDEV', 4),
  });
}

function compression({ file, stat }: FileQuery): Buffer {
  const isCompressed = (file.attributesOf(stat) & FileAttribute.COMPRESSED) !== 0;
  return FileCompressionInformation.encode({
    compressedFileSize: file.isDirectory ? 0n : BigInt(isCompressed ? stat.allocatedBytes : stat.sizeBytes),
    compressionFormat: isCompressed ? CompressionFormat.LZNT1 : CompressionFormat.NONE,
    compressionUnitShift: isCompressed ? 16 : 0,
    chunkShift: isCompressed ? 12 : 0,
    clusterShift: isCompressed ? 12 : 0,
  });
}

function attributeTag({ file, stat }: FileQuery): MaybePromise<Buffer> {
  return chain(reparseTagOf(file.volume, file.link.path, stat), (reparseTag) =>
    FileAttributeTagInformation.encode({ fileAttributes: file.attributesOf(stat), reparseTag }),
  );
}

function idInformation({ file, stat }: FileQuery): MaybePromise<Buffer> {
  return chain(file.volume.serialNumber(), (serialNumber) =>
    FileIdInformation.encode({ volumeSerialNumber: BigInt(serialNumber), fileId128: stat.fileId }),
  );
}

function standardLink(query: FileQuery): Buffer {
  const { numberOfLinks, deletePending, directory } = standard(query);
  const totalNumberOfLinks = query.stat.linkCount;
  return FileStandardLinkInformation.encode({
    numberOfAccessibleLinks: numberOfLinks,
    totalNumberOfLinks,
    deletePending,
    directory,
  });
}

async function objectId({ file, stat }: FileQuery): Promise<Buffer> {
  const ids = FileObjectIdBuffer.decode(await queryObjectId(file));
  return FileObjectIdInformation.encode({ fileReferenceNumber: stat.fileId, ...ids });
}

/** FileFullEaInformation and the others with an input are answered elsewhere. */
export const fileQueries: ReadonlyMap<number, FileQueryRow> = new Map<number, FileQueryRow>([
  [
    Class.FileBasicInformation,
    { access: readAttributes, fixedBytes: 40, answer: (query) => FileBasicInformation.encode(basic(query)) },
  ],
  [
    Class.FileStandardInformation,
    { access: 0, fixedBytes: 24, answer: (query) => FileStandardInformation.encode(standard(query)) },
  ],
  [
    Class.FileInternalInformation,
    {
      access: 0,
      fixedBytes: 8,
      answer: ({ stat }) => FileInternalInformation.encode({ indexNumber: stat.fileId }),
    },
  ],
  [
    Class.FileEaInformation,
    {
      access: 0,
      fixedBytes: 4,
      answer: (query) => chain(eaSize(query), (size) => FileEaInformation.encode({ eaSize: size })),
    },
  ],
  [
    Class.FileAccessInformation,
    {
      access: 0,
      fixedBytes: 4,
      answer: ({ file }) => FileAccessInformation.encode({ accessFlags: file.core.grantedAccess }),
    },
  ],
  [
    Class.FileNameInformation,
    {
      access: 0,
      fixedBytes: 8,
      answer: ({ file }) => FileNameInformation.encode({ fileName: `\\${file.shownPath}` }),
    },
  ],
  [
    Class.FilePositionInformation,
    {
      access: 0,
      fixedBytes: 8,
      answer: ({ file }) => FilePositionInformation.encode({ currentByteOffset: file.position }),
    },
  ],
  [
    Class.FileModeInformation,
    { access: 0, fixedBytes: 4, answer: ({ file }) => FileModeInformation.encode({ mode: file.mode }) },
  ],
  [
    Class.FileAlignmentInformation,
    { access: 0, fixedBytes: 4, answer: () => FileAlignmentInformation.encode({ alignmentRequirement: 0 }) },
  ],
  [Class.FileAllInformation, { access: readAttributes, fixedBytes: 104, answer: all }],
  [Class.FileAlternateNameInformation, { access: 0, fixedBytes: 8, answer: alternateName }],
  [Class.FileStreamInformation, { access: 0, fixedBytes: 32, answer: streamList }],
  [Class.FileCompressionInformation, { access: 0, fixedBytes: 16, answer: compression }],
  [
    Class.FileNetworkOpenInformation,
    {
      access: readAttributes,
      fixedBytes: 56,
      answer: (query) =>
        FileNetworkOpenInformation.encode({
          ...timesOf(query.stat),
          ...sizesOf(query),
          fileAttributes: query.file.attributesOf(query.stat),
        }),
    },
  ],
  [Class.FileAttributeTagInformation, { access: readAttributes, fixedBytes: 8, answer: attributeTag }],
  [
    Class.FileNormalizedNameInformation,
    {
      access: 0,
      fixedBytes: 8,
      revisionMin: 0x0311,
      answer: ({ file }) => FileNameInformation.encode({ fileName: file.shownPath }),
    },
  ],
  [Class.FileObjectIdInformation, { access: 0, fixedBytes: 72, answer: objectId }],
  [Class.FileStandardLinkInformation, { access: 0, fixedBytes: 12, answer: standardLink }],
  [Class.FileIdInformation, { access: 0, fixedBytes: 24, answer: idInformation }],
  [
    Class.FileStatInformation,
    {
      access: readAttributes,
      fixedBytes: 72,
      answer: (query) => chain(statOf(query), (stat) => FileStatInformation.encode(stat)),
    },
  ],
  [Class.FileStatLxInformation, { access: readAttributes, fixedBytes: 96, answer: statLx }],
  // Names are never told apart by case alone.
  [
    Class.FileCaseSensitiveInformation,
    {
      access: readAttributes,
      fixedBytes: 4,
      answer: () => FileCaseSensitiveInformation.encode({ flags: 0 }),
    },
  ],
]);
