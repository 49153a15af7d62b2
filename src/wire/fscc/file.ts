/**
 * Information classes of one file that are neither names nor listings. [MS-FSCC] 2.4
 */
import { fileTime } from '../dtyp/filetime.ts';
import { bool, type Infer, i64, nested, reserved, struct, u8, u16, u32, u64 } from '../struct.ts';
import { FileId128 } from './file-id.ts';
import { FileNameInformation } from './names.ts';

const times = {
  creationTime: fileTime,
  lastAccessTime: fileTime,
  lastWriteTime: fileTime,
  changeTime: fileTime,
};

/** Times of 0, -1 and -2 have a meaning of their own when set, see `TimeChange`. [MS-FSCC] 2.4.7 */
export const FileBasicInformation = struct('FileBasicInformation', {
  ...times,
  fileAttributes: u32,
  reserved: reserved(4),
});
export type FileBasicInformation = Infer<typeof FileBasicInformation>;

/** [MS-FSCC] 2.4.47 */
export const FileStandardInformation = struct('FileStandardInformation', {
  allocationSize: i64,
  endOfFile: i64,
  numberOfLinks: u32,
  deletePending: bool,
  directory: bool,
  reserved: reserved(2),
});
export type FileStandardInformation = Infer<typeof FileStandardInformation>;

/** [MS-FSCC] 2.4.27 */
export const FileInternalInformation = struct('FileInternalInformation', { indexNumber: u64 });
export type FileInternalInformation = Infer<typeof FileInternalInformation>;

/** [MS-FSCC] 2.4.13 */
export const FileEaInformation = struct('FileEaInformation', { eaSize: u32 });
export type FileEaInformation = Infer<typeof FileEaInformation>;

/** [MS-FSCC] 2.4.1 */
export const FileAccessInformation = struct('FileAccessInformation', { accessFlags: u32 });
export type FileAccessInformation = Infer<typeof FileAccessInformation>;

/** [MS-FSCC] 2.4.40 */
export const FilePositionInformation = struct('FilePositionInformation', { currentByteOffset: i64 });
export type FilePositionInformation = Infer<typeof FilePositionInformation>;

/** [MS-FSCC] 2.4.31 */
export const FileModeInformation = struct('FileModeInformation', { mode: u32 });
export type FileModeInformation = Infer<typeof FileModeInformation>;

/** [MS-FSCC] 2.4.3 */
export const FileAlignmentInformation = struct('FileAlignmentInformation', { alignmentRequirement: u32 });
export type FileAlignmentInformation = Infer<typeof FileAlignmentInformation>;

/** [MS-FSCC] 2.4.2 */
export const FileAllInformation = struct('FileAllInformation', {
  basicInformation: FileBasicInformation,
  standardInformation: FileStandardInformation,
  internalInformation: FileInternalInformation,
  eaInformation: FileEaInformation,
  accessInformation: FileAccessInformation,
  positionInformation: FilePositionInformation,
  modeInformation: FileModeInformation,
  alignmentInformation: FileAlignmentInformation,
  nameInformation: nested(FileNameInformation),
});
export type FileAllInformation = Infer<typeof FileAllInformation>;

/** [MS-FSCC] 2.4.4 */
export const FileAllocationInformation = struct('FileAllocationInformation', { allocationSize: i64 });
export type FileAllocationInformation = Infer<typeof FileAllocationInformation>;

/** [MS-FSCC] 2.4.14 */
export const FileEndOfFileInformation = struct('FileEndOfFileInformation', { endOfFile: i64 });
export type FileEndOfFileInformation = Infer<typeof FileEndOfFileInformation>;

/** [MS-FSCC] 2.4.50 */
export const FileValidDataLengthInformation = struct('FileValidDataLengthInformation', {
  validDataLength: i64,
});
export type FileValidDataLengthInformation = Infer<typeof FileValidDataLengthInformation>;

/** [MS-FSCC] 2.4.11 */
export const FileDispositionInformation = struct('FileDispositionInformation', { deletePending: bool });
export type FileDispositionInformation = Infer<typeof FileDispositionInformation>;

/** Flags of {@link FileDispositionInformationEx}. [MS-FSCC] 2.4.12 */
export const DispositionFlag = Object.freeze({
  DELETE: 0x01,
  POSIX_SEMANTICS: 0x02,
  FORCE_IMAGE_SECTION_CHECK: 0x04,
  ON_CLOSE: 0x08,
  IGNORE_READONLY_ATTRIBUTE: 0x10,
});

/** [MS-FSCC] 2.4.12 */
export const FileDispositionInformationEx = struct('FileDispositionInformationEx', { flags: u32 });
export type FileDispositionInformationEx = Infer<typeof FileDispositionInformationEx>;

/** CompressionFormat and CompressionState. [MS-FSCC] 2.4.9 */
export const CompressionFormat = Object.freeze({ NONE: 0, DEFAULT: 1, LZNT1: 2 });

/** [MS-FSCC] 2.4.9 */
export const FileCompressionInformation = struct('FileCompressionInformation', {
  compressedFileSize: i64,
  compressionFormat: u16,
  compressionUnitShift: u8,
  chunkShift: u8,
  clusterShift: u8,
  reserved: reserved(3),
});
export type FileCompressionInformation = Infer<typeof FileCompressionInformation>;

/** [MS-FSCC] 2.4.34 */
export const FileNetworkOpenInformation = struct('FileNetworkOpenInformation', {
  ...times,
  allocationSize: i64,
  endOfFile: i64,
  fileAttributes: u32,
  reserved: reserved(4),
});
export type FileNetworkOpenInformation = Infer<typeof FileNetworkOpenInformation>;

/** [MS-FSCC] 2.4.6 */
export const FileAttributeTagInformation = struct('FileAttributeTagInformation', {
  fileAttributes: u32,
  reparseTag: u32,
});
export type FileAttributeTagInformation = Infer<typeof FileAttributeTagInformation>;

/** [MS-FSCC] 2.4.26 */
export const FileIdInformation = struct('FileIdInformation', {
  volumeSerialNumber: u64,
  fileId128: FileId128,
});
export type FileIdInformation = Infer<typeof FileIdInformation>;

/** FILE_STANDARD_LINK_INFORMATION. [MS-FSCC] 2.4.48 */
export const FileStandardLinkInformation = struct('FileStandardLinkInformation', {
  numberOfAccessibleLinks: u32,
  totalNumberOfLinks: u32,
  deletePending: bool,
  directory: bool,
  reserved: reserved(2),
});
export type FileStandardLinkInformation = Infer<typeof FileStandardLinkInformation>;

const stat = {
  fileId: u64,
  ...times,
  allocationSize: i64,
  endOfFile: i64,
  fileAttributes: u32,
  reparseTag: u32,
  numberOfLinks: u32,
  effectiveAccess: u32,
};

/** FILE_STAT_INFORMATION of ntifs.h; its parts are those of [MS-FSCC] 2.4.7, 2.4.27 and 2.4.47. */
export const FileStatInformation = struct('FileStatInformation', stat);
export type FileStatInformation = Infer<typeof FileStatInformation>;

/** LxFlags: which of the POSIX fields hold. ntifs.h */
export const LxFlag = Object.freeze({
  HAS_UID: 0x01,
  HAS_GID: 0x02,
  HAS_MODE: 0x04,
  HAS_DEVICE_ID: 0x08,
  CASE_SENSITIVE_DIRECTORY: 0x10,
});

/** FILE_STAT_LX_INFORMATION of ntifs.h: the above and what WSL keeps. [MS-FSCC] 2.1.2 names its reparse points */
export const FileStatLxInformation = struct('FileStatLxInformation', {
  ...stat,
  lxFlags: u32,
  lxUid: u32,
  lxGid: u32,
  lxMode: u32,
  lxDeviceIdMajor: u32,
  lxDeviceIdMinor: u32,
});
export type FileStatLxInformation = Infer<typeof FileStatLxInformation>;

/** FILE_CASE_SENSITIVE_INFORMATION of ntifs.h, a class beyond [MS-FSCC] 2.4; bit 0: the directory tells case apart. */
export const FileCaseSensitiveInformation = struct('FileCaseSensitiveInformation', { flags: u32 });
export type FileCaseSensitiveInformation = Infer<typeof FileCaseSensitiveInformation>;
