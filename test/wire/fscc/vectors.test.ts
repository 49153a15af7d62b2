import { nilGuid } from '../../../src/wire/dtyp/guid.ts';
import { WellKnownSid } from '../../../src/wire/dtyp/sid.ts';
import * as ea from '../../../src/wire/fscc/extended-attributes.ts';
import * as file from '../../../src/wire/fscc/file.ts';
import * as fileSystem from '../../../src/wire/fscc/file-system.ts';
import * as names from '../../../src/wire/fscc/names.ts';
import { FileNotifyInformationList } from '../../../src/wire/fscc/notify.ts';
import * as objectId from '../../../src/wire/fscc/object-id.ts';
import * as pipe from '../../../src/wire/fscc/pipe.ts';
import * as quota from '../../../src/wire/fscc/quota.ts';
import * as reparse from '../../../src/wire/fscc/reparse.ts';
import { obeysTheLaws } from '../dtyp/laws.ts';

// Times and sizes whose bytes tell them apart.
const time1 = '0100000000000001';
const time2 = '0200000000000001';
const time3 = '0300000000000001';
const time4 = '0400000000000001';
const timesHex = time1 + time2 + time3 + time4;
const times = {
  creationTime: 0x0100_0000_0000_0001n,
  lastAccessTime: 0x0100_0000_0000_0002n,
  lastWriteTime: 0x0100_0000_0000_0003n,
  changeTime: 0x0100_0000_0000_0004n,
};
const guid = '12345678-1234-abcd-0102-030405060708';
const guidHex = '785634123412cdab0102030405060708';
const sidHex = '0101000000000001 00000000';
const id128 = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100n;
const id128Hex = '000102030405060708090a0b0c0d0e0f';

obeysTheLaws(file.FileBasicInformation, [
  { name: 'times', hex: `${timesHex} 20000000 00000000`, value: { ...times, fileAttributes: 0x20 } },
  {
    name: 'the special times',
    hex: `0000000000000000 ffffffffffffffff feffffffffffffff ${time4} 00000000 00000000`,
    value: {
      creationTime: 0n,
      lastAccessTime: -1n,
      lastWriteTime: -2n,
      changeTime: times.changeTime,
      fileAttributes: 0,
    },
  },
]);

const standardHex = '0010000000000000 0500000000000000 02000000 01 00 0000';
const standard = {
  allocationSize: 4096n,
  endOfFile: 5n,
  numberOfLinks: 2,
  deletePending: true,
  directory: false,
};
obeysTheLaws(file.FileStandardInformation, [{ name: 'a file', hex: standardHex, value: standard }]);

obeysTheLaws(file.FileAllInformation, [
  {
    name: 'all parts in order',
    hex: `${timesHex} 20000000 00000000 ${standardHex} 0807060504030201 0a000000 ff011f00 0b00000000000000
      02000000 01000000 04000000 5c006100`,
    value: {
      basicInformation: { ...times, fileAttributes: 0x20 },
      standardInformation: standard,
      internalInformation: { indexNumber: 0x0102_0304_0506_0708n },
      eaInformation: { eaSize: 10 },
      accessInformation: { accessFlags: 0x1f01ff },
      positionInformation: { currentByteOffset: 11n },
      modeInformation: { mode: 2 },
      alignmentInformation: { alignmentRequirement: 1 },
      nameInformation: { fileName: '\\a' },
    },
  },
]);

obeysTheLaws(file.FileNetworkOpenInformation, [
  {
    name: 'a directory',
    hex: `${timesHex} 0010000000000000 0500000000000000 10000000 00000000`,
    value: { ...times, allocationSize: 4096n, endOfFile: 5n, fileAttributes: 0x10 },
  },
]);
obeysTheLaws(file.FileCompressionInformation, [
  {
    name: 'LZNT1',
    hex: '0010000000000000 0200 10 0c 0c 000000',
    value: {
      compressedFileSize: 4096n,
      compressionFormat: 2,
      compressionUnitShift: 16,
      chunkShift: 12,
      clusterShift: 12,
    },
  },
]);
obeysTheLaws(file.FileIdInformation, [
  {
    name: 'a wide id',
    hex: `0100000000000000 ${id128Hex}`,
    value: { volumeSerialNumber: 1n, fileId128: id128 },
  },
]);
obeysTheLaws(file.FileEndOfFileInformation, [
  { name: 'the largest size', hex: 'ffffffffffffff7f', value: { endOfFile: 0x7fff_ffff_ffff_ffffn } },
  { name: 'a negative size', hex: 'ffffffffffffffff', value: { endOfFile: -1n } },
]);
obeysTheLaws(file.FileDispositionInformation, [
  { name: 'delete', hex: '01', value: { deletePending: true } },
]);
obeysTheLaws(file.FileDispositionInformationEx, [{ name: 'POSIX', hex: '03000000', value: { flags: 3 } }]);
obeysTheLaws(file.FileAttributeTagInformation, [
  { name: 'a link', hex: '00040000 0c0000a0', value: { fileAttributes: 0x400, reparseTag: 0xa000_000c } },
]);
const statHex = `0700000000000000 ${timesHex} 0010000000000000 0500000000000000 20000000 00000000 01000000 ff011f00`;
const stat = {
  fileId: 7n,
  ...times,
  allocationSize: 4096n,
  endOfFile: 5n,
  fileAttributes: 0x20,
  reparseTag: 0,
  numberOfLinks: 1,
  effectiveAccess: 0x1f01ff,
};
obeysTheLaws(file.FileStatInformation, [{ name: 'a file', hex: statHex, value: stat }]);
obeysTheLaws(file.FileStatLxInformation, [
  {
    name: 'a file',
    hex: `${statHex} 07000000 e8030000 e9030000 a4810000 00000000 00000000`,
    value: {
      ...stat,
      lxFlags: 7,
      lxUid: 1000,
      lxGid: 1001,
      lxMode: 0o100644,
      lxDeviceIdMajor: 0,
      lxDeviceIdMinor: 0,
    },
  },
]);

obeysTheLaws(names.FileNameInformation, [
  { name: 'a name with a lone surrogate', hex: '04000000 6100 00d8', value: { fileName: 'a\ud800' } },
]);
obeysTheLaws(names.FileRenameInformation, [
  {
    name: 'a target of two characters',
    hex: '01 00000000000000 0000000000000000 04000000 61006200',
    value: { replaceIfExists: true, rootDirectory: 0n, fileName: 'ab' },
  },
]);
obeysTheLaws(names.FileRenameInformationEx, [
  {
    name: 'POSIX semantics',
    hex: '03000000 00000000 0000000000000000 04000000 61006200',
    value: { flags: 3, rootDirectory: 0n, fileName: 'ab' },
  },
]);
obeysTheLaws(names.FileLinkInformation, [
  {
    name: 'a new name',
    hex: '00 00000000000000 0000000000000000 04000000 61006200',
    value: { replaceIfExists: false, rootDirectory: 0n, fileName: 'ab' },
  },
]);
obeysTheLaws(names.FileStreamInformationList, [
  {
    name: 'the data and a named stream',
    cutFrom: 1,
    hex: `28000000 0e000000 0500000000000000 0010000000000000 3a003a002400440041005400 4100 0000
      00000000 06000000 0100000000000000 0010000000000000 3a0061003a00`,
    value: [
      { streamName: '::$DATA', streamSize: 5n, streamAllocationSize: 4096n },
      { streamName: ':a:', streamSize: 1n, streamAllocationSize: 4096n },
    ],
  },
]);

obeysTheLaws(ea.FileFullEaInformation, [
  {
    name: 'an attribute',
    hex: '00000000 80 04 0300 55534552 00 010203',
    value: { flags: 0x80, eaName: 'USER', eaValue: Buffer.from([1, 2, 3]) },
  },
]);
obeysTheLaws(ea.FileGetEaInformation, [
  { name: 'a name', hex: '00000000 04 55534552 00', value: { eaName: 'USER' } },
]);

const quotaHex = `0c000000 ${time1} 0100000000000000 0200000000000000 ffffffffffffffff ${sidHex}`;
obeysTheLaws(quota.FileQuotaInformation, [
  {
    name: 'a user without limit',
    hex: `00000000 ${quotaHex}`,
    value: {
      changeTime: times.creationTime,
      quotaUsed: 1n,
      quotaThreshold: 2n,
      quotaLimit: -1n,
      sid: WellKnownSid.EVERYONE,
    },
  },
]);
obeysTheLaws(quota.QueryQuotaInfo, [
  {
    name: 'a list of two users',
    hex: `01 00 0000 28000000 00000000 00000000 14000000 0c000000 ${sidHex} 00000000 0c000000 ${sidHex}`,
    value: {
      returnSingle: true,
      restartScan: false,
      sidList: [{ sid: WellKnownSid.EVERYONE }, { sid: WellKnownSid.EVERYONE }],
      startSid: [],
    },
  },
  {
    name: 'the user to start from',
    hex: `00 01 0000 00000000 0c000000 00000000 ${sidHex}`,
    value: { returnSingle: false, restartScan: true, sidList: [], startSid: [WellKnownSid.EVERYONE] },
  },
]);

obeysTheLaws(objectId.FileObjectIdBuffer, [
  {
    name: 'an id',
    hex: `${guidHex} ${'00'.repeat(16)} ${guidHex} ${'00'.repeat(16)}`,
    value: { objectId: guid, birthVolumeId: nilGuid, birthObjectId: guid, domainId: nilGuid },
  },
]);

obeysTheLaws(pipe.FilePipeLocalInformation, [
  {
    name: 'a connected message pipe',
    hex: '01000000 02000000 ffffffff 01000000 00100000 00000000 00100000 00100000 03000000 00000000',
    value: {
      namedPipeType: pipe.PipeMode.MESSAGE,
      namedPipeConfiguration: pipe.PipeConfiguration.FULL_DUPLEX,
      maximumInstances: 0xffff_ffff,
      currentInstances: 1,
      inboundQuota: 4096,
      readDataAvailable: 0,
      outboundQuota: 4096,
      writeQuotaAvailable: 4096,
      namedPipeState: pipe.PipeState.CONNECTED,
      namedPipeEnd: pipe.PipeEnd.CLIENT,
    },
  },
]);
obeysTheLaws(pipe.FsctlPipeWaitRequest, [
  {
    name: 'a name',
    hex: '0a00000000000000 04000000 01 00 61006200',
    value: { timeout: 10n, timeoutSpecified: true, name: 'ab' },
  },
]);

obeysTheLaws(fileSystem.FileFsVolumeInformation, [
  {
    name: 'a label',
    hex: `${time1} 78563412 04000000 01 00 61006200`,
    value: {
      volumeCreationTime: times.creationTime,
      volumeSerialNumber: 0x1234_5678,
      supportsObjects: true,
      volumeLabel: 'ab',
    },
  },
]);
obeysTheLaws(fileSystem.FileFsAttributeInformation, [
  {
    name: 'NTFS',
    hex: '07000000 ff000000 08000000 4e00540046005300',
    value: { fileSystemAttributes: 7, maximumComponentNameLength: 255, fileSystemName: 'NTFS' },
  },
]);
obeysTheLaws(fileSystem.FileFsFullSizeInformation, [
  {
    name: 'sizes',
    hex: '0300000000000000 0200000000000000 0100000000000000 08000000 00020000',
    value: {
      totalAllocationUnits: 3n,
      callerAvailableAllocationUnits: 2n,
      actualAvailableAllocationUnits: 1n,
      sectorsPerAllocationUnit: 8,
      bytesPerSector: 512,
    },
  },
]);
obeysTheLaws(fileSystem.FileFsObjectIdInformation, [
  {
    name: 'an id',
    hex: guidHex + '11'.repeat(48),
    value: { objectId: guid, extendedInfo: Buffer.alloc(48, 0x11) },
  },
]);

obeysTheLaws(FileNotifyInformationList, [
  {
    name: 'a rename',
    cutFrom: 1,
    hex: '10000000 04000000 02000000 6100 0000 00000000 05000000 02000000 6200',
    value: [
      { action: 4, fileName: 'a' },
      { action: 5, fileName: 'b' },
    ],
  },
]);

obeysTheLaws(reparse.ReparseDataBuffer, [
  {
    name: 'a socket',
    hex: '230000800400 0000 01020304',
    value: { reparseTag: reparse.ReparseTag.AF_UNIX, data: Buffer.from([1, 2, 3, 4]) },
  },
]);
obeysTheLaws(reparse.SymbolicLinkReparseData, [
  {
    name: 'a relative link',
    hex: '0000 0400 0400 0200 01000000 61006200 6300',
    value: { flags: reparse.SymlinkFlag.RELATIVE, substituteName: 'ab', printName: 'c' },
  },
]);
obeysTheLaws(reparse.MountPointReparseData, [
  {
    name: 'a junction',
    hex: '0000 0400 0400 0200 61006200 6300',
    value: { substituteName: 'ab', printName: 'c' },
  },
]);
