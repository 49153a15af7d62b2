import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/wire/codec.ts';
import { GuidCodec, nilGuid } from '../../../src/wire/dtyp/guid.ts';
import {
  FileIdBothDirectoryInformationList,
  FileNamesInformation,
  FileNamesInformationList,
} from '../../../src/wire/fscc/directory.ts';
import { FileFullEaInformationList } from '../../../src/wire/fscc/extended-attributes.ts';
import { FileFsObjectIdInformation } from '../../../src/wire/fscc/file-system.ts';
import { Fsctl } from '../../../src/wire/fscc/fsctl-table.ts';
import {
  FileInformationClass,
  FileSystemInformationClass,
} from '../../../src/wire/fscc/information-class-table.ts';
import { FileRenameInformation } from '../../../src/wire/fscc/names.ts';
import { decodeReparsePoint, encodeReparsePoint, ReparseTag } from '../../../src/wire/fscc/reparse.ts';

test('the tables hold no number twice', () => {
  for (const table of [FileInformationClass, FileSystemInformationClass, Fsctl]) {
    const numbers = Object.values(table);
    assert.equal(new Set(numbers).size, numbers.length);
  }
});

test('a listing takes as many entries as fit, each 8-aligned, the last unpadded', () => {
  const target = Buffer.alloc(64, 0xff);
  const writer = FileNamesInformationList.writer(target, 0, 14 + 2 + 14 + 2 + 13);
  assert.equal(writer.append({ fileName: 'a' }), true);
  assert.equal(writer.append({ fileName: 'b' }), true);
  assert.equal(writer.append({ fileName: 'c' }), false);
  assert.equal(writer.end, 30);
  assert.equal(
    target.subarray(0, writer.end).toString('hex'),
    hex('10000000 00000000 02000000 6100 0000 00000000 00000000 02000000 6200').toString('hex'),
  );
  assert.ok(
    target.subarray(writer.end).every((byte) => byte === 0xff),
    'nothing is written behind',
  );
});

test('an entry that fills the buffer to the last byte fits', () => {
  const size = FileNamesInformation.sizeOf({ fileName: 'abc' });
  const target = Buffer.alloc(size);
  assert.equal(FileNamesInformationList.writer(target, 0, size - 1).append({ fileName: 'abc' }), false);
  assert.equal(FileNamesInformationList.writer(target, 0, size).append({ fileName: 'abc' }), true);
});

test('a short name of more than twelve characters is refused', () => {
  const bytes = Buffer.alloc(106);
  bytes.writeUInt8(25, 68);
  assert.throws(() => FileIdBothDirectoryInformationList.decode(bytes), WireError);
});

test('a list of extended attributes that loops, overlaps or runs out is refused', () => {
  const good = FileFullEaInformationList.encode([
    { flags: 0, eaName: 'A', eaValue: Buffer.from('1') },
    { flags: 0, eaName: 'B', eaValue: Buffer.from('2') },
  ]);
  assert.equal(FileFullEaInformationList.decode(good).length, 2);
  for (const next of [4, 8, 11, 13, 24, 0xffff_fffc]) {
    const bad = Buffer.from(good);
    bad.writeUInt32LE(next, 0);
    assert.throws(() => FileFullEaInformationList.decode(bad), WireError, `NextEntryOffset ${next}`);
  }
  const unterminated = Buffer.from(good);
  unterminated.writeUInt8(1, 9);
  assert.throws(() => FileFullEaInformationList.decode(unterminated), WireError);
  const nameTooLong = Buffer.from(good);
  nameTooLong.writeUInt8(255, 5);
  assert.throws(() => FileFullEaInformationList.decode(nameTooLong), WireError);
});

test('a rename to a name of one character is padded to 24 bytes', () => {
  const value = { replaceIfExists: false, rootDirectory: 0n, fileName: 'a' };
  const bytes = FileRenameInformation.encode(value);
  assert.equal(bytes.length, 24);
  assert.deepEqual(FileRenameInformation.decode(bytes), value);
  assert.deepEqual(FileRenameInformation.decode(bytes.subarray(0, 22)), value);
});

test('a reparse point of either form survives and must have the length it says', () => {
  const guid = '12345678-1234-abcd-0102-030405060708';
  const data = Buffer.from('data');
  for (const point of [
    { tag: ReparseTag.SYMLINK, guid: nilGuid, data },
    { tag: 0x0000_1234, guid, data },
  ]) {
    const bytes = encodeReparsePoint(point);
    assert.deepEqual(decodeReparsePoint(bytes), point);
    assert.throws(() => decodeReparsePoint(Buffer.concat([bytes, Buffer.alloc(1)])), WireError);
    for (let end = 0; end < bytes.length; end++) {
      assert.throws(() => decodeReparsePoint(bytes.subarray(0, end)), WireError);
    }
  }
  assert.equal(encodeReparsePoint({ tag: 0x0000_1234, guid, data }).length, 28);
});

test('an object id takes 64 bytes', () => {
  const objectId = GuidCodec.decode(Buffer.alloc(16, 1));
  assert.equal(FileFsObjectIdInformation.encode({ objectId, extendedInfo: Buffer.alloc(48) }).length, 64);
});
