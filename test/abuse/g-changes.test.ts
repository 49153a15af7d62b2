/** Rows G4, G5 and G7: every way to change something that the tables know, the rights on a root, and read-only files. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import { controlCodes } from '../../src/server/commands/ioctl-table.ts';
import type { TestFile, TestTree } from '../../src/testing/client.ts';
import { fileSettings } from '../../src/vfs/set-file-table.ts';
import { Volume } from '../../src/vfs/volume.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { AccessMask, CreateOption, FileAttribute } from '../../src/wire/flags.ts';
import { DuplicateExtentsDataEx } from '../../src/wire/fscc/control.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileLinkInformationEx, FileRenameInformationEx } from '../../src/wire/fscc/names.ts';
import { SrvCopychunkCopy } from '../../src/wire/smb2/ioctl-payload.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { addVolume, readingRights } from './places.ts';
import { refusal, type Scene, underAbuse } from './scene.ts';

const { FILE } = InfoType;
const content = Buffer.from('what must stay as it is');
const reading = { createDisposition: 1, desiredAccess: AccessMask.GENERIC_READ } as const;
const everything = { desiredAccess: AccessMask.FILE_ALL_ACCESS };

/** Something that changes a file through an open of it. */
type Attempt = (file: TestFile) => Promise<unknown>;

const target = { rootDirectory: 0n, fileName: 'other.bin', flags: 1 };
const trim = Buffer.concat([
  Buffer.from('0000000001000000', 'hex'),
  Buffer.alloc(8),
  Buffer.from([9]),
  Buffer.alloc(7),
]);

/** By class of SET_INFO, and by control code: those that other tests of this class do not try. */
const settings = new Map<number, Buffer>([
  [Class.FileRenameInformationEx, FileRenameInformationEx.encode(target)],
  [Class.FileLinkInformationEx, FileLinkInformationEx.encode(target)],
  [Class.FileDispositionInformationEx, Buffer.from([3, 0, 0, 0])],
  [Class.FileValidDataLengthInformation, Buffer.alloc(8)],
  [Class.FileShortNameInformation, Buffer.alloc(16)],
  [Class.FileObjectIdInformation, Buffer.alloc(64)],
  [Class.FileQuotaInformation, Buffer.alloc(64)],
  [Class.FileCaseSensitiveInformation, Buffer.alloc(4)],
]);
const controls = new Map<number, Buffer>([
  [Fsctl.FILE_LEVEL_TRIM, trim],
  [Fsctl.SET_OBJECT_ID, Buffer.alloc(64, 7)],
  [Fsctl.SET_OBJECT_ID_EXTENDED, Buffer.alloc(48, 7)],
  [Fsctl.DELETE_OBJECT_ID, EMPTY],
  [Fsctl.DELETE_REPARSE_POINT, Buffer.from('0c0000a000000000', 'hex')],
]);
/** Tried with all they need by the tests beside. */
const elsewhere: readonly number[] = [
  Class.FileBasicInformation,
  Class.FileRenameInformation,
  Class.FileLinkInformation,
  Class.FileDispositionInformation,
  Class.FileFullEaInformation,
  Class.FileAllocationInformation,
  Class.FileEndOfFileInformation,
];
const controlsElsewhere: readonly number[] = [
  Fsctl.DUPLICATE_EXTENTS_TO_FILE_EX,
  Fsctl.SRV_COPYCHUNK,
  Fsctl.SRV_COPYCHUNK_WRITE,
  Fsctl.SET_SPARSE,
  Fsctl.SET_ZERO_DATA,
  Fsctl.DUPLICATE_EXTENTS_TO_FILE,
  Fsctl.SET_COMPRESSION,
  Fsctl.SET_REPARSE_POINT,
];
/** These two are about the open alone. */
const ofTheOpen: readonly number[] = [Class.FilePositionInformation, Class.FileModeInformation];

/** The file, a tree with all rights to it and one whose share permits reading only. */
async function prepared({ server, tree }: Scene): Promise<{ open: TestTree; narrow: TestTree }> {
  const volume = server.state.shares.get('files')?.target;
  assert.ok(volume instanceof Volume);
  addVolume(server, 'narrow', { backend: volume.backend, rights: readingRights, id: 'narrow' });
  const open = await tree();
  const file = await open.open('kept.bin');
  await file.write(0n, content);
  await file.close();
  return { open, narrow: await open.session.connectTree('narrow') };
}

/** Extents of the file onto itself. */
function ofItself({ fileId }: TestFile): Buffer {
  return DuplicateExtentsDataEx.encode({
    sourceFileIdPersistent: fileId.persistent,
    sourceFileIdVolatile: fileId.volatile,
    sourceFileOffset: 0n,
    targetFileOffset: 0n,
    byteCount: 1n,
    flags: 0,
  });
}

function* attempts(): Generator<readonly [string, Attempt]> {
  for (const [infoClass, buffer] of settings)
    yield [`class ${infoClass}`, (file) => file.setInfo(FILE, infoClass, buffer)];
  yield ['extents', (file) => file.ioctl(Fsctl.DUPLICATE_EXTENTS_TO_FILE_EX, ofItself(file))];
  for (const [code, input] of controls)
    yield [`code ${code.toString(16)}`, (file) => file.ioctl(code, input)];
}

describe('every way to change a file', () => {
  it('G5 is tried, of those in the tables', () => {
    for (const infoClass of fileSettings.keys()) {
      const isTried = settings.has(infoClass) || [...elsewhere, ...ofTheOpen].includes(infoClass);
      assert.ok(isTried, `class ${infoClass}`);
    }
    for (const [code, { modifies }] of controlCodes)
      if (modifies === true)
        assert.ok(controls.has(code) || controlsElsewhere.includes(code), `code ${code.toString(16)}`);
  });

  it('G5 is refused on a read-only share, and by a handle that may only read', () =>
    underAbuse(async (scene) => {
      const { open, narrow } = await prepared(scene);
      for (const [where, share] of Object.entries({ narrow, open })) {
        for (const [what, attempt] of attempts()) {
          const isLink = what === `class ${Class.FileLinkInformationEx}`;
          // Linking asks for a right on the folder that gets the name.
          if (isLink && share === open) continue;
          const file = await share.open('kept.bin', reading);
          const status = statusName(await refusal(attempt(file)));
          assert.match(
            status,
            /^STATUS_(?:ACCESS_DENIED|MEDIA_WRITE_PROTECTED|PRIVILEGE_NOT_HELD|NOT_SUPPORTED)$/,
            `${where}: ${what}`,
          );
          await file.close();
        }
      }
      const onNarrow = await narrow.open('kept.bin', reading);
      await refusal(onNarrow.ioctl(Fsctl.CREATE_OR_GET_OBJECT_ID, EMPTY));
      await refusal(onNarrow.flush());
      assert.deepEqual(await onNarrow.read(0n, 100), content);
      open.session.connection.close();
    }));

  it('G5 does not copy, in any way, from what may not be read', () =>
    underAbuse(async (scene) => {
      const { open } = await prepared(scene);
      const source = await open.open('kept.bin', { desiredAccess: AccessMask.FILE_WRITE_DATA });
      const copy = await open.open('copy.bin', everything);
      await copy.write(0n, Buffer.alloc(5000));
      const sourceKey = (await source.ioctl(Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY)).subarray(0, 24);
      const chunks = [{ sourceOffset: 0n, targetOffset: 0n, length: 1 }];
      const input = SrvCopychunkCopy.encode({ sourceKey, chunks });
      for (const code of [Fsctl.SRV_COPYCHUNK, Fsctl.SRV_COPYCHUNK_WRITE])
        assert.equal(await refusal(copy.ioctl(code, input)), NtStatus.ACCESS_DENIED);
      const data = Buffer.alloc(40);
      data.writeBigUInt64LE(BigInt(source.fileId.persistent), 0);
      data.writeBigUInt64LE(BigInt(source.fileId.volatile), 8);
      assert.equal(await refusal(copy.ioctl(Fsctl.DUPLICATE_EXTENTS_TO_FILE, data)), NtStatus.ACCESS_DENIED);
      open.session.connection.close();
    }));
});

describe('the root of a share', () => {
  it('G4 that somebody may not enter is not opened to them, nor another folder in its place', () =>
    underAbuse(async ({ tree, connect }) => {
      const folder = { createOptions: CreateOption.DIRECTORY_FILE } as const;
      const share = await tree('secret');
      const root = await share.open('', { ...folder, createDisposition: 1, desiredAccess: 0x1f01ff });
      const alicesSid = 'S-1-5-21-1-2-3-1001';
      const dacl = aclOf(allow(alicesSid, AccessMask.FILE_ALL_ACCESS));
      const descriptor = SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl });
      await root.setInfo(InfoType.SECURITY, 0, descriptor, SecurityInformation.DACL);
      const other = await (await (await connect()).logOn(bob)).connectTree('secret');
      for (const desiredAccess of [
        AccessMask.FILE_READ_DATA,
        AccessMask.READ_CONTROL,
        AccessMask.WRITE_DAC,
      ]) {
        const attempt = other.open('', { ...folder, createDisposition: 1, desiredAccess });
        assert.equal(await refusal(attempt), NtStatus.ACCESS_DENIED);
      }
      for (const name of ['new.bin', '..\\secret.bin'])
        await refusal(other.open(name, { createDisposition: 2 }));
      const again = await (await (await connect()).logOn(alice)).connectTree('secret');
      await (await again.open('', { ...folder, createDisposition: 1 })).close();
      for (const one of [share, other, again]) one.session.connection.close();
    }));
});

describe('a file with the read-only attribute', () => {
  it('G7 has no right to write in its maximum, and gives none', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      await (await share.open('r.bin', { fileAttributes: FileAttribute.READONLY })).close();
      const most = { createDisposition: 1, desiredAccess: AccessMask.MAXIMUM_ALLOWED } as const;
      const file = await share.open('r.bin', most);
      const access = (await file.queryInfo(FILE, Class.FileAccessInformation)).readUInt32LE(0);
      const { FILE_WRITE_DATA, FILE_APPEND_DATA, FILE_ALL_ACCESS } = AccessMask;
      assert.equal(access & (FILE_WRITE_DATA | FILE_APPEND_DATA), 0, access.toString(16));
      assert.ok((access & AccessMask.FILE_READ_DATA) !== 0 && access < FILE_ALL_ACCESS);
      assert.equal(await refusal(file.write(0n, content)), NtStatus.ACCESS_DENIED);
      const writing = share.open('r.bin', { createDisposition: 1, desiredAccess: FILE_WRITE_DATA });
      assert.equal(await refusal(writing), NtStatus.ACCESS_DENIED);
      share.session.connection.close();
    }));
});
