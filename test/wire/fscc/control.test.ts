import * as control from '../../../src/wire/fscc/control.ts';
import { obeysTheLaws } from '../dtyp/laws.ts';

const time1 = '0100000000000001';
const time2 = '0200000000000001';
const times = { creationTime: 0x0100_0000_0000_0001n, lastAccessTime: 0x0100_0000_0000_0002n };

obeysTheLaws(control.FileZeroDataInformation, [
  {
    name: 'a range',
    hex: '0100000000000000 0200000000000000',
    value: { fileOffset: 1n, beyondFinalZero: 2n },
  },
]);
obeysTheLaws(control.DuplicateExtentsData, [
  {
    name: 'a range',
    hex: '0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000',
    value: {
      sourceFileIdPersistent: 1,
      sourceFileIdVolatile: 2,
      sourceFileOffset: 3n,
      targetFileOffset: 4n,
      byteCount: 5n,
    },
  },
]);
obeysTheLaws(control.DuplicateExtentsDataEx, [
  {
    name: 'an atomic range',
    hex: `3000000000000000 0100000000000000 0200000000000000 0300000000000000 0400000000000000 0500000000000000
      01000000 00000000`,
    value: {
      sourceFileIdPersistent: 1,
      sourceFileIdVolatile: 2,
      sourceFileOffset: 3n,
      targetFileOffset: 4n,
      byteCount: 5n,
      flags: 1,
    },
  },
]);
obeysTheLaws(control.FileLevelTrim, [
  {
    name: 'a range',
    hex: '00000000 01000000 0100000000000000 0200000000000000',
    value: { key: 0, ranges: [{ offset: 1n, length: 2n }] },
  },
]);
obeysTheLaws(control.FsctlOffloadWriteInput, [
  {
    name: 'a token',
    hex: `20020000 00000000 0100000000000000 0200000000000000 0300000000000000 ${'aa'.repeat(512)}`,
    value: { flags: 0, fileOffset: 1n, copyLength: 2n, transferOffset: 3n, token: Buffer.alloc(512, 0xaa) },
  },
]);
obeysTheLaws(control.FsctlOffloadReadOutput, [
  {
    name: 'a token',
    hex: `10020000 00000000 0100000000000000 ${'aa'.repeat(512)}`,
    value: { flags: 0, transferLength: 1n, token: Buffer.alloc(512, 0xaa) },
  },
]);
obeysTheLaws(control.FileQueryOnDiskVolInfoBuffer, [
  {
    name: 'UDF',
    hex: `ffffffffffffffff ffffffffffffffff 0100 0200 550044004600 ${'00'.repeat(18)} ${time1} ${time2}
      ${'00'.repeat(4 * 68)}`,
    value: {
      directoryCount: -1n,
      fileCount: -1n,
      fsFormatMajVersion: 1,
      fsFormatMinVersion: 2,
      fsFormatName: 'UDF',
      formatTime: times.creationTime,
      lastUpdateTime: times.lastAccessTime,
      copyrightInfo: '',
      abstractInfo: '',
      formattingImplementationInfo: '',
      lastModifyingImplementationInfo: '',
    },
  },
]);
obeysTheLaws(control.FileRegionOutput, [
  {
    name: 'a region',
    hex: '00000000 01000000 01000000 00000000 0100000000000000 0200000000000000 01000000 00000000',
    value: { flags: 0, totalRegionEntryCount: 1, regions: [{ fileOffset: 1n, length: 2n, usage: 1 }] },
  },
]);
