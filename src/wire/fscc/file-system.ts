/**
 * Information classes of file systems. [MS-FSCC] 2.5
 */
import { fileTime } from '../dtyp/filetime.ts';
import { GuidCodec } from '../dtyp/guid.ts';
import { bool, bytes, type Infer, i64, lengthOf, reserved, struct, u32, utf16 } from '../struct.ts';

/** FileSystemAttributes. [MS-FSCC] 2.5.1 */
export const FileSystemAttribute = Object.freeze({
  CASE_SENSITIVE_SEARCH: 0x0000_0001,
  CASE_PRESERVED_NAMES: 0x0000_0002,
  UNICODE_ON_DISK: 0x0000_0004,
  PERSISTENT_ACLS: 0x0000_0008,
  FILE_COMPRESSION: 0x0000_0010,
  VOLUME_QUOTAS: 0x0000_0020,
  SUPPORTS_SPARSE_FILES: 0x0000_0040,
  SUPPORTS_REPARSE_POINTS: 0x0000_0080,
  SUPPORTS_REMOTE_STORAGE: 0x0000_0100,
  RETURNS_CLEANUP_RESULT_INFO: 0x0000_0200,
  SUPPORTS_POSIX_UNLINK_RENAME: 0x0000_0400,
  VOLUME_IS_COMPRESSED: 0x0000_8000,
  SUPPORTS_OBJECT_IDS: 0x0001_0000,
  SUPPORTS_ENCRYPTION: 0x0002_0000,
  NAMED_STREAMS: 0x0004_0000,
  READ_ONLY_VOLUME: 0x0008_0000,
  SEQUENTIAL_WRITE_ONCE: 0x0010_0000,
  SUPPORTS_TRANSACTIONS: 0x0020_0000,
  SUPPORTS_HARD_LINKS: 0x0040_0000,
  SUPPORTS_EXTENDED_ATTRIBUTES: 0x0080_0000,
  SUPPORTS_OPEN_BY_FILE_ID: 0x0100_0000,
  SUPPORTS_USN_JOURNAL: 0x0200_0000,
  SUPPORTS_INTEGRITY_STREAMS: 0x0400_0000,
  SUPPORTS_BLOCK_REFCOUNTING: 0x0800_0000,
  SUPPORTS_SPARSE_VDL: 0x1000_0000,
});

/** DeviceType. [MS-FSCC] 2.5.10 */
export const DeviceType = Object.freeze({ CD_ROM: 0x02, DISK: 0x07, NAMED_PIPE: 0x11 });

/** Characteristics. [MS-FSCC] 2.5.10 */
export const DeviceCharacteristic = Object.freeze({
  REMOVABLE_MEDIA: 0x0000_0001,
  READ_ONLY_DEVICE: 0x0000_0002,
  WRITE_ONCE_MEDIA: 0x0000_0008,
  REMOTE_DEVICE: 0x0000_0010,
  DEVICE_IS_MOUNTED: 0x0000_0020,
  VIRTUAL_VOLUME: 0x0000_0040,
  SECURE_OPEN: 0x0000_0100,
});

/** FileSystemControlFlags. [MS-FSCC] 2.5.2 */
export const QuotaControlFlag = Object.freeze({
  QUOTA_TRACK: 0x0001,
  QUOTA_ENFORCE: 0x0002,
  CONTENT_INDEX_DISABLED: 0x0008,
  LOG_QUOTA_THRESHOLD: 0x0010,
  LOG_QUOTA_LIMIT: 0x0020,
  LOG_VOLUME_THRESHOLD: 0x0040,
  LOG_VOLUME_LIMIT: 0x0080,
  QUOTAS_INCOMPLETE: 0x0100,
  QUOTAS_REBUILDING: 0x0200,
});

/** Flags of {@link FileFsSectorSizeInformation}. [MS-FSCC] 2.5.7 */
export const SectorSizeFlag = Object.freeze({
  ALIGNED_DEVICE: 0x01,
  PARTITION_ALIGNED_ON_DEVICE: 0x02,
  NO_SEEK_PENALTY: 0x04,
  TRIM_ENABLED: 0x08,
});

/** [MS-FSCC] 2.5.9 */
export const FileFsVolumeInformation = struct('FileFsVolumeInformation', {
  volumeCreationTime: fileTime,
  volumeSerialNumber: u32,
  volumeLabelLength: lengthOf(u32, 'volumeLabel'),
  supportsObjects: bool,
  reserved: reserved(1),
  volumeLabel: utf16(),
});
export type FileFsVolumeInformation = Infer<typeof FileFsVolumeInformation>;

/** [MS-FSCC] 2.5.5 */
export const FileFsLabelInformation = struct('FileFsLabelInformation', {
  volumeLabelLength: lengthOf(u32, 'volumeLabel'),
  volumeLabel: utf16(),
});
export type FileFsLabelInformation = Infer<typeof FileFsLabelInformation>;

/** [MS-FSCC] 2.5.8 */
export const FileFsSizeInformation = struct('FileFsSizeInformation', {
  totalAllocationUnits: i64,
  availableAllocationUnits: i64,
  sectorsPerAllocationUnit: u32,
  bytesPerSector: u32,
});
export type FileFsSizeInformation = Infer<typeof FileFsSizeInformation>;

/** [MS-FSCC] 2.5.10 */
export const FileFsDeviceInformation = struct('FileFsDeviceInformation', {
  deviceType: u32,
  characteristics: u32,
});
export type FileFsDeviceInformation = Infer<typeof FileFsDeviceInformation>;

/** [MS-FSCC] 2.5.1 */
export const FileFsAttributeInformation = struct('FileFsAttributeInformation', {
  fileSystemAttributes: u32,
  maximumComponentNameLength: u32,
  fileSystemNameLength: lengthOf(u32, 'fileSystemName'),
  fileSystemName: utf16(),
});
export type FileFsAttributeInformation = Infer<typeof FileFsAttributeInformation>;

/** [MS-FSCC] 2.5.2 */
export const FileFsControlInformation = struct('FileFsControlInformation', {
  freeSpaceStartFiltering: i64,
  freeSpaceThreshold: i64,
  freeSpaceStopFiltering: i64,
  defaultQuotaThreshold: i64,
  defaultQuotaLimit: i64,
  fileSystemControlFlags: u32,
  padding: reserved(4),
});
export type FileFsControlInformation = Infer<typeof FileFsControlInformation>;

/** [MS-FSCC] 2.5.4 */
export const FileFsFullSizeInformation = struct('FileFsFullSizeInformation', {
  totalAllocationUnits: i64,
  callerAvailableAllocationUnits: i64,
  actualAvailableAllocationUnits: i64,
  sectorsPerAllocationUnit: u32,
  bytesPerSector: u32,
});
export type FileFsFullSizeInformation = Infer<typeof FileFsFullSizeInformation>;

/** [MS-FSCC] 2.5.6 */
export const FileFsObjectIdInformation = struct('FileFsObjectIdInformation', {
  objectId: GuidCodec,
  extendedInfo: bytes(48),
});
export type FileFsObjectIdInformation = Infer<typeof FileFsObjectIdInformation>;

/** [MS-FSCC] 2.5.7 */
export const FileFsSectorSizeInformation = struct('FileFsSectorSizeInformation', {
  logicalBytesPerSector: u32,
  physicalBytesPerSectorForAtomicity: u32,
  physicalBytesPerSectorForPerformance: u32,
  fileSystemEffectivePhysicalBytesPerSectorForAtomicity: u32,
  flags: u32,
  byteOffsetForSectorAlignment: u32,
  byteOffsetForPartitionAlignment: u32,
});
export type FileFsSectorSizeInformation = Infer<typeof FileFsSectorSizeInformation>;

/** [MS-FSCC] 2.5.3 */
export const FileFsDriverPathInformation = struct('FileFsDriverPathInformation', {
  driverInPath: bool,
  reserved: reserved(3),
  driverNameLength: lengthOf(u32, 'driverName'),
  driverName: utf16(),
});
export type FileFsDriverPathInformation = Infer<typeof FileFsDriverPathInformation>;
