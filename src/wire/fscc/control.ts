/**
 * Input and output of file system control codes. [MS-FSCC] 2.3
 */
import { fileTime } from '../dtyp/filetime.ts';
import {
  bool,
  bytes,
  constant,
  countOf,
  type Infer,
  i64,
  id64,
  lengthOf,
  list,
  reserved,
  struct,
  u8,
  u16,
  u32,
  u64,
  utf16,
  utf16Slot,
} from '../struct.ts';

/** FSCTL_SET_SPARSE request; an absent one means true. [MS-FSCC] 2.3.83 */
export const FileSetSparseBuffer = struct('FileSetSparseBuffer', { setSparse: bool });
export type FileSetSparseBuffer = Infer<typeof FileSetSparseBuffer>;

/** FSCTL_SET_ZERO_DATA request. [MS-FSCC] 2.3.85 */
export const FileZeroDataInformation = struct('FileZeroDataInformation', {
  fileOffset: i64,
  beyondFinalZero: i64,
});
export type FileZeroDataInformation = Infer<typeof FileZeroDataInformation>;

/** FSCTL_QUERY_ALLOCATED_RANGES request, and each element of its reply. [MS-FSCC] 2.3.51, 2.3.52 */
export const FileAllocatedRangeBuffer = struct('FileAllocatedRangeBuffer', { fileOffset: i64, length: i64 });
export type FileAllocatedRangeBuffer = Infer<typeof FileAllocatedRangeBuffer>;

/** FSCTL_QUERY_ALLOCATED_RANGES reply. [MS-FSCC] 2.3.52 */
export const QueryAllocatedRangesReply = struct('QueryAllocatedRangesReply', {
  ranges: list(FileAllocatedRangeBuffer),
});
export type QueryAllocatedRangesReply = Infer<typeof QueryAllocatedRangesReply>;

const duplicateExtents = {
  sourceFileIdPersistent: id64,
  sourceFileIdVolatile: id64,
  sourceFileOffset: i64,
  targetFileOffset: i64,
  byteCount: i64,
};

/** SMB2_DUPLICATE_EXTENTS_DATA. [MS-FSCC] 2.3.7.2 */
export const DuplicateExtentsData = struct('DuplicateExtentsData', duplicateExtents);
export type DuplicateExtentsData = Infer<typeof DuplicateExtentsData>;

/** Flags of {@link DuplicateExtentsDataEx}. [MS-FSCC] 2.3.9.2 */
export const DuplicateExtentsFlag = Object.freeze({ SOURCE_ATOMIC: 1 });

/** SMB2_DUPLICATE_EXTENTS_DATA_EX. [MS-FSCC] 2.3.9.2 */
export const DuplicateExtentsDataEx = struct('DuplicateExtentsDataEx', {
  structureSize: constant(u32, 0x30),
  structureSizeHigh: constant(u32, 0),
  ...duplicateExtents,
  flags: u32,
  reserved: reserved(4),
});
export type DuplicateExtentsDataEx = Infer<typeof DuplicateExtentsDataEx>;

/** FILE_LEVEL_TRIM_RANGE. [MS-FSCC] 2.3.13.1 */
export const FileLevelTrimRange = struct('FileLevelTrimRange', { offset: u64, length: u64 });
export type FileLevelTrimRange = Infer<typeof FileLevelTrimRange>;

/** FSCTL_FILE_LEVEL_TRIM request. [MS-FSCC] 2.3.13 */
export const FileLevelTrim = struct('FileLevelTrim', {
  key: u32,
  numRanges: countOf(u32, 'ranges'),
  ranges: list(FileLevelTrimRange),
});
export type FileLevelTrim = Infer<typeof FileLevelTrim>;

/** FSCTL_FILE_LEVEL_TRIM reply. [MS-FSCC] 2.3.14 */
export const FileLevelTrimOutput = struct('FileLevelTrimOutput', { numRangesProcessed: u32 });
export type FileLevelTrimOutput = Infer<typeof FileLevelTrimOutput>;

const token = { token: bytes(512) };

/** FSCTL_OFFLOAD_READ request; the time to live is in milliseconds. [MS-FSCC] 2.3.41 */
export const FsctlOffloadReadInput = struct('FsctlOffloadReadInput', {
  size: constant(u32, 0x20),
  flags: u32,
  tokenTimeToLive: u32,
  reserved: reserved(4),
  fileOffset: u64,
  copyLength: u64,
});
export type FsctlOffloadReadInput = Infer<typeof FsctlOffloadReadInput>;

/** Flags of {@link FsctlOffloadReadOutput}. [MS-FSCC] 2.3.42 */
export const OffloadReadFlag = Object.freeze({ ALL_ZERO_BEYOND_CURRENT_RANGE: 1 });

/** FSCTL_OFFLOAD_READ reply. [MS-FSCC] 2.3.42 */
export const FsctlOffloadReadOutput = struct('FsctlOffloadReadOutput', {
  size: constant(u32, 0x210),
  flags: u32,
  transferLength: u64,
  ...token,
});
export type FsctlOffloadReadOutput = Infer<typeof FsctlOffloadReadOutput>;

/** FSCTL_OFFLOAD_WRITE request. [MS-FSCC] 2.3.43 */
export const FsctlOffloadWriteInput = struct('FsctlOffloadWriteInput', {
  size: constant(u32, 0x220),
  flags: u32,
  fileOffset: u64,
  copyLength: u64,
  transferOffset: u64,
  ...token,
});
export type FsctlOffloadWriteInput = Infer<typeof FsctlOffloadWriteInput>;

/** FSCTL_OFFLOAD_WRITE reply. [MS-FSCC] 2.3.44 */
export const FsctlOffloadWriteOutput = struct('FsctlOffloadWriteOutput', {
  size: constant(u32, 0x10),
  flags: u32,
  lengthWritten: u64,
});
export type FsctlOffloadWriteOutput = Infer<typeof FsctlOffloadWriteOutput>;

/** FSCTL_GET_COMPRESSION reply and FSCTL_SET_COMPRESSION request. [MS-FSCC] 2.3.20, 2.3.69 */
export const CompressionStateBuffer = struct('CompressionStateBuffer', { compressionState: u16 });
export type CompressionStateBuffer = Infer<typeof CompressionStateBuffer>;

/** ChecksumAlgorithm. [MS-FSCC] 2.3.22 */
export const ChecksumAlgorithm = Object.freeze({ NONE: 0, CRC32: 1, CRC64: 2, UNCHANGED: 0xffff });

/** FSCTL_GET_INTEGRITY_INFORMATION reply. [MS-FSCC] 2.3.22 */
export const FsctlGetIntegrityInformationBuffer = struct('FsctlGetIntegrityInformationBuffer', {
  checksumAlgorithm: u16,
  reserved: reserved(2),
  flags: u32,
  checksumChunkSizeInBytes: u32,
  clusterSizeInBytes: u32,
});
export type FsctlGetIntegrityInformationBuffer = Infer<typeof FsctlGetIntegrityInformationBuffer>;

/** FSCTL_SET_INTEGRITY_INFORMATION request. [MS-FSCC] 2.3.73 */
export const FsctlSetIntegrityInformationBuffer = struct('FsctlSetIntegrityInformationBuffer', {
  checksumAlgorithm: u16,
  reserved: reserved(2),
  flags: u32,
});
export type FsctlSetIntegrityInformationBuffer = Infer<typeof FsctlSetIntegrityInformationBuffer>;

/** FSCTL_SET_INTEGRITY_INFORMATION_EX request. [MS-FSCC] 2.3.75 */
export const FsctlSetIntegrityInformationBufferEx = struct('FsctlSetIntegrityInformationBufferEx', {
  enableIntegrity: u8,
  keepIntegrityStateUnchanged: u8,
  reserved: reserved(2),
  flags: u32,
  version: u8,
  reserved2: reserved(7),
});
export type FsctlSetIntegrityInformationBufferEx = Infer<typeof FsctlSetIntegrityInformationBufferEx>;

/** FSCTL_QUERY_ON_DISK_VOLUME_INFO reply; counts of -1 are unknown. [MS-FSCC] 2.3.58 */
export const FileQueryOnDiskVolInfoBuffer = struct('FileQueryOnDiskVolInfoBuffer', {
  directoryCount: i64,
  fileCount: i64,
  fsFormatMajVersion: u16,
  fsFormatMinVersion: u16,
  fsFormatName: utf16Slot(24),
  formatTime: fileTime,
  lastUpdateTime: fileTime,
  copyrightInfo: utf16Slot(68),
  abstractInfo: utf16Slot(68),
  formattingImplementationInfo: utf16Slot(68),
  lastModifyingImplementationInfo: utf16Slot(68),
});
export type FileQueryOnDiskVolInfoBuffer = Infer<typeof FileQueryOnDiskVolInfoBuffer>;

/** Usage of {@link FileRegionInfo}. [MS-FSCC] 2.3.56.1 */
export const FileRegionUsage = Object.freeze({ VALID_CACHED_DATA: 1, VALID_NONCACHED_DATA: 2 });

/** FSCTL_QUERY_FILE_REGIONS request; an absent one means the whole file. [MS-FSCC] 2.3.55 */
export const FileRegionInput = struct('FileRegionInput', {
  fileOffset: i64,
  length: i64,
  desiredUsage: u32,
  reserved: reserved(4),
});
export type FileRegionInput = Infer<typeof FileRegionInput>;

/** FILE_REGION_INFO. [MS-FSCC] 2.3.56.1 */
export const FileRegionInfo = struct('FileRegionInfo', {
  fileOffset: i64,
  length: i64,
  usage: u32,
  reserved: reserved(4),
});
export type FileRegionInfo = Infer<typeof FileRegionInfo>;

/** FSCTL_QUERY_FILE_REGIONS reply. [MS-FSCC] 2.3.56 */
export const FileRegionOutput = struct('FileRegionOutput', {
  flags: u32,
  totalRegionEntryCount: u32,
  regionEntryCount: countOf(u32, 'regions'),
  reserved: reserved(4),
  regions: list(FileRegionInfo),
});
export type FileRegionOutput = Infer<typeof FileRegionOutput>;

/** FSCTL_IS_PATHNAME_VALID request. [MS-FSCC] 2.3.33 */
export const PathNameBuffer = struct('PathNameBuffer', {
  pathNameLength: lengthOf(u32, 'pathName'),
  pathName: utf16(),
});
export type PathNameBuffer = Infer<typeof PathNameBuffer>;
