import * as directory from '../../../src/wire/fscc/directory.ts';
import { obeysTheLaws } from '../dtyp/laws.ts';

// Times and sizes whose bytes tell them apart.
const times = {
  creationTime: 0x0100_0000_0000_0001n,
  lastAccessTime: 0x0100_0000_0000_0002n,
  lastWriteTime: 0x0100_0000_0000_0003n,
  changeTime: 0x0100_0000_0000_0004n,
};
const timesHex = '0100000000000001 0200000000000001 0300000000000001 0400000000000001';
const entry = { ...times, endOfFile: 5n, allocationSize: 4096n, fileAttributes: 0x20 };
/** The common part of a directory entry whose name takes two bytes. */
const entryHex = `00000000 00000000 ${timesHex} 0500000000000000 0010000000000000 20000000 02000000`;
const shortNameHex = `06 00 410042004300 ${'00'.repeat(18)}`;
const id128 = 0x0f0e_0d0c_0b0a_0908_0706_0504_0302_0100n;
const id128Hex = '000102030405060708090a0b0c0d0e0f';

obeysTheLaws(directory.FileDirectoryInformation, [
  { name: 'an entry', hex: `${entryHex} 6100`, value: { ...entry, fileName: 'a' } },
]);
obeysTheLaws(directory.FileFullDirectoryInformation, [
  { name: 'an entry', hex: `${entryHex} 07000000 6100`, value: { ...entry, eaSize: 7, fileName: 'a' } },
]);
obeysTheLaws(directory.FileIdFullDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${entryHex} 07000000 00000000 0900000000000000 6100`,
    value: { ...entry, eaSize: 7, fileId: 9n, fileName: 'a' },
  },
]);
obeysTheLaws(directory.FileBothDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${entryHex} 07000000 ${shortNameHex} 6100`,
    value: { ...entry, eaSize: 7, shortName: 'ABC', fileName: 'a' },
  },
]);
obeysTheLaws(directory.FileIdBothDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${entryHex} 07000000 ${shortNameHex} 0000 0900000000000000 6100`,
    value: { ...entry, eaSize: 7, shortName: 'ABC', fileId: 9n, fileName: 'a' },
  },
]);
obeysTheLaws(directory.AaplDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${entryHex} ff011f00 0000 0300000000000000 ${'ab'.repeat(16)} a481 0900000000000000 6100`,
    value: {
      ...entry,
      maximalAccess: 0x1f01ff,
      resourceForkSize: 3n,
      finderInfo: Buffer.alloc(16, 0xab),
      unixMode: 0o100644,
      fileId: 9n,
      fileName: 'a',
    },
  },
]);
const extended = { ...entry, eaSize: 7, reparsePointTag: 0xa000_000c, fileName: 'a' };
const extendedHex = `${entryHex} 07000000 0c0000a0`;
obeysTheLaws(directory.FileIdExtdDirectoryInformation, [
  { name: 'an entry', hex: `${extendedHex} ${id128Hex} 6100`, value: { ...extended, fileId128: id128 } },
]);
obeysTheLaws(directory.FileIdExtdBothDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${extendedHex} ${id128Hex} ${shortNameHex} 6100`,
    value: { ...extended, fileId128: id128, shortName: 'ABC' },
  },
]);
obeysTheLaws(directory.FileId64ExtdDirectoryInformation, [
  { name: 'an entry', hex: `${extendedHex} 0900000000000000 6100`, value: { ...extended, fileId: 9n } },
]);
obeysTheLaws(directory.FileId64ExtdBothDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${extendedHex} 0900000000000000 ${shortNameHex} 6100`,
    value: { ...extended, fileId: 9n, shortName: 'ABC' },
  },
]);
obeysTheLaws(directory.FileIdAllExtdDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${extendedHex} 0900000000000000 ${id128Hex} 6100`,
    value: { ...extended, fileId: 9n, fileId128: id128 },
  },
]);
obeysTheLaws(directory.FileIdAllExtdBothDirectoryInformation, [
  {
    name: 'an entry',
    hex: `${extendedHex} 0900000000000000 ${id128Hex} ${shortNameHex} 6100`,
    value: { ...extended, fileId: 9n, fileId128: id128, shortName: 'ABC' },
  },
]);
