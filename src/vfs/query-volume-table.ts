/**
 * QUERY_INFO of file systems. [MS-FSCC] 2.5, [MS-SMB2] 3.3.5.20.2
 */
import type { VolumeStat } from '../backend/contract.ts';
import { AccessMask } from '../wire/flags.ts';
import {
  FileSystemAttribute as Attribute,
  DeviceCharacteristic,
  DeviceType,
  FileFsAttributeInformation,
  FileFsControlInformation,
  FileFsDeviceInformation,
  FileFsFullSizeInformation,
  FileFsObjectIdInformation,
  FileFsSectorSizeInformation,
  FileFsSizeInformation,
  FileFsVolumeInformation,
  QuotaControlFlag,
  SectorSizeFlag,
} from '../wire/fscc/file-system.ts';
import { FileSystemInformationClass as Class } from '../wire/fscc/information-class-table.ts';
import { volumeObjectId } from './object-id.ts';
import type { Volume } from './volume.ts';

export interface VolumeQuery {
  readonly volume: Volume;
  readonly stat: VolumeStat;
  /** What the caller may still use of the free space. */
  readonly callerFreeBytes: number;
}

export interface VolumeQueryRow {
  /** One of these rights; 0: none. */
  readonly access: number;
  readonly fixedBytes: number;
  readonly answer: (query: VolumeQuery) => Promise<Buffer> | Buffer;
}

function units({ stat, callerFreeBytes }: VolumeQuery): {
  total: bigint;
  free: bigint;
  callerFree: bigint;
  sectorsPerAllocationUnit: number;
  bytesPerSector: number;
} {
  const { totalBytes, freeBytes, clusterBytes, sectorBytes } = stat;
  return {
    total: BigInt(Math.floor(totalBytes / clusterBytes)),
    free: BigInt(Math.floor(freeBytes / clusterBytes)),
    callerFree: BigInt(Math.floor(callerFreeBytes / clusterBytes)),
    sectorsPerAllocationUnit: Math.max(1, Math.floor(clusterBytes / sectorBytes)),
    bytesPerSector: sectorBytes,
  };
}

async function volumeInformation({ volume, stat }: VolumeQuery): Promise<Buffer> {
  const root = await volume.backend.stat('');
  return FileFsVolumeInformation.encode({
    volumeCreationTime: root.creationTime,
    volumeSerialNumber: stat.serialNumber >>> 0,
    supportsObjects: false,
    volumeLabel: stat.label,
  });
}

function size(query: VolumeQuery): Buffer {
  const { total, free: _free, callerFree, ...unit } = units(query);
  return FileFsSizeInformation.encode({
    totalAllocationUnits: total,
    availableAllocationUnits: callerFree,
    ...unit,
  });
}

function fullSize(query: VolumeQuery): Buffer {
  const { total, free, callerFree, ...unit } = units(query);
  return FileFsFullSizeInformation.encode({
    totalAllocationUnits: total,
    callerAvailableAllocationUnits: callerFree,
    actualAvailableAllocationUnits: free,
    ...unit,
  });
}

function attribute({ volume }: VolumeQuery): Buffer {
  return FileFsAttributeInformation.encode({
    fileSystemAttributes: volumeAttributes(volume),
    maximumComponentNameLength: volume.limits.nameChars,
    fileSystemName: 'NTFS',
  });
}

/** What the volume can do follows from what its store can. */
export function volumeAttributes({ backend, isReadOnly }: Volume): number {
  const always =
    Attribute.CASE_SENSITIVE_SEARCH |
    Attribute.CASE_PRESERVED_NAMES |
    Attribute.UNICODE_ON_DISK |
    Attribute.SUPPORTS_OBJECT_IDS |
    Attribute.SUPPORTS_POSIX_UNLINK_RENAME;
  return (
    always |
    (isReadOnly ? Attribute.READ_ONLY_VOLUME : 0) |
    (backend.security === undefined ? 0 : Attribute.PERSISTENT_ACLS) |
    (backend.streams === undefined ? 0 : Attribute.NAMED_STREAMS) |
    (backend.extendedAttributes === undefined
      ? 0
      : Attribute.SUPPORTS_EXTENDED_ATTRIBUTES |
        Attribute.SUPPORTS_REPARSE_POINTS |
        Attribute.FILE_COMPRESSION) |
    (backend.quota === undefined ? 0 : Attribute.VOLUME_QUOTAS) |
    (backend.link === undefined ? 0 : Attribute.SUPPORTS_HARD_LINKS) |
    (backend.sparse === undefined ? 0 : Attribute.SUPPORTS_SPARSE_FILES) |
    (backend.copyRange === undefined ? 0 : Attribute.SUPPORTS_BLOCK_REFCOUNTING)
  );
}

const device = FileFsDeviceInformation.encode({
  deviceType: DeviceType.DISK,
  characteristics: DeviceCharacteristic.DEVICE_IS_MOUNTED | DeviceCharacteristic.REMOTE_DEVICE,
});

/** Users without a limit of their own have none. */
function control({ volume }: VolumeQuery): Buffer {
  const { QUOTA_TRACK, QUOTA_ENFORCE } = QuotaControlFlag;
  return FileFsControlInformation.encode({
    freeSpaceStartFiltering: 0n,
    freeSpaceThreshold: 0n,
    freeSpaceStopFiltering: 0n,
    defaultQuotaThreshold: -1n,
    defaultQuotaLimit: -1n,
    fileSystemControlFlags: volume.backend.quota === undefined ? 0 : QUOTA_TRACK | QUOTA_ENFORCE,
  });
}

function sectorSize({ stat }: VolumeQuery): Buffer {
  return FileFsSectorSizeInformation.encode({
    logicalBytesPerSector: stat.sectorBytes,
    physicalBytesPerSectorForAtomicity: stat.clusterBytes,
    physicalBytesPerSectorForPerformance: stat.clusterBytes,
    fileSystemEffectivePhysicalBytesPerSectorForAtomicity: stat.clusterBytes,
    flags:
      SectorSizeFlag.ALIGNED_DEVICE |
      SectorSizeFlag.PARTITION_ALIGNED_ON_DEVICE |
      SectorSizeFlag.TRIM_ENABLED,
    byteOffsetForSectorAlignment: 0,
    byteOffsetForPartitionAlignment: 0,
  });
}

async function objectId({ volume }: VolumeQuery): Promise<Buffer> {
  return FileFsObjectIdInformation.encode({
    objectId: await volumeObjectId(volume),
    extendedInfo: Buffer.alloc(48),
  });
}

const reading = AccessMask.FILE_READ_DATA;

export const volumeQueries: ReadonlyMap<number, VolumeQueryRow> = new Map<number, VolumeQueryRow>([
  [Class.FileFsVolumeInformation, { access: 0, fixedBytes: 24, answer: volumeInformation }],
  [Class.FileFsSizeInformation, { access: 0, fixedBytes: 24, answer: size }],
  [Class.FileFsDeviceInformation, { access: 0, fixedBytes: 8, answer: () => device }],
  [Class.FileFsAttributeInformation, { access: 0, fixedBytes: 16, answer: attribute }],
  [Class.FileFsControlInformation, { access: reading, fixedBytes: 48, answer: control }],
  [Class.FileFsFullSizeInformation, { access: 0, fixedBytes: 32, answer: fullSize }],
  [Class.FileFsObjectIdInformation, { access: 0, fixedBytes: 64, answer: objectId }],
  [Class.FileFsSectorSizeInformation, { access: 0, fixedBytes: 28, answer: sectorSize }],
]);
