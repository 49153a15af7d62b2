/** Rows G5, G6, G7, G9 and G22: what a share, a handle or a descriptor does not allow. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus, statusName } from '../../src/base/status.ts';
import type { OpenOptions, TestFile, TestTree } from '../../src/testing/client.ts';
import { Volume } from '../../src/vfs/volume.ts';
import { type Ace, AceType, allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { WellKnownSid } from '../../src/wire/dtyp/sid.ts';
import { AccessMask, CompletionFilter, CreateOption, FileAttribute } from '../../src/wire/flags.ts';
import {
  CompressionStateBuffer,
  DuplicateExtentsData,
  FileSetSparseBuffer,
  FileZeroDataInformation,
} from '../../src/wire/fscc/control.ts';
import { FileFullEaInformationList } from '../../src/wire/fscc/extended-attributes.ts';
import {
  FileAllocationInformation,
  FileBasicInformation,
  FileDispositionInformation,
  FileEndOfFileInformation,
} from '../../src/wire/fscc/file.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileLinkInformation, FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { FileNotifyInformationList } from '../../src/wire/fscc/notify.ts';
import { ChangeNotifyFlags, ChangeNotifyResponse } from '../../src/wire/smb2/change-notify.ts';
import { SrvCopychunkCopy } from '../../src/wire/smb2/ioctl-payload.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { bob } from '../testing/memory-server.ts';
import { addVolume, readingRights } from './places.ts';
import { refusal, type Scene, underAbuse } from './scene.ts';

const { FILE } = InfoType;
const name = 'kept.bin';
const content = Buffer.from('what must stay as it is');

const times = { creationTime: 0n, lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n };
const everyone = { ...allow(WellKnownSid.EVERYONE, 0) };

function descriptorOf(...aces: readonly Ace[]): Buffer {
  return SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl: aclOf(...aces) });
}

type Change = (file: TestFile, source: Buffer) => Promise<unknown>;

const set =
  (infoClass: number, buffer: Buffer): Change =>
  (file) =>
    file.setInfo(FILE, infoClass, buffer);
const control =
  (code: number, input: Buffer): Change =>
  (file) =>
    file.ioctl(code, input);

const target = { rootDirectory: 0n, fileName: 'other.bin', replaceIfExists: true };
const range = { fileOffset: 0n, beyondFinalZero: 10n };
const reparse = Buffer.from('0c0000a00c0000000000000000000000000000000000', 'hex');

/** Everything that changes a file through an open of it. */
const changes: Readonly<Record<string, Change>> = {
  WRITE: (file) => file.write(0n, Buffer.from('x')),
  'end of file': set(Class.FileEndOfFileInformation, FileEndOfFileInformation.encode({ endOfFile: 1n })),
  allocation: set(Class.FileAllocationInformation, FileAllocationInformation.encode({ allocationSize: 0n })),
  attributes: set(
    Class.FileBasicInformation,
    FileBasicInformation.encode({ ...times, fileAttributes: FileAttribute.HIDDEN }),
  ),
  deletion: set(Class.FileDispositionInformation, FileDispositionInformation.encode({ deletePending: true })),
  rename: set(Class.FileRenameInformation, FileRenameInformation.encode(target)),
  EAs: set(
    Class.FileFullEaInformation,
    FileFullEaInformationList.encode([{ flags: 0, eaName: 'A', eaValue: Buffer.from('b') }]),
  ),
  descriptor: (file) =>
    file.setInfo(InfoType.SECURITY, 0, descriptorOf({ ...everyone, mask: 1 }), SecurityInformation.DACL),
  SET_ZERO_DATA: control(Fsctl.SET_ZERO_DATA, FileZeroDataInformation.encode(range)),
  SET_SPARSE: control(Fsctl.SET_SPARSE, FileSetSparseBuffer.encode({ setSparse: true })),
  SET_REPARSE_POINT: control(Fsctl.SET_REPARSE_POINT, reparse),
  SET_COMPRESSION: control(Fsctl.SET_COMPRESSION, CompressionStateBuffer.encode({ compressionState: 2 })),
  SRV_COPYCHUNK: (file, source) => {
    const chunks = [{ sourceOffset: 0n, targetOffset: 0n, length: 1 }];
    return file.ioctl(Fsctl.SRV_COPYCHUNK_WRITE, SrvCopychunkCopy.encode({ sourceKey: source, chunks }));
  },
  DUPLICATE_EXTENTS: (file) => {
    const spans = { sourceFileOffset: 0n, targetFileOffset: 0n, byteCount: 1n };
    return file.ioctl(
      Fsctl.DUPLICATE_EXTENTS_TO_FILE,
      DuplicateExtentsData.encode({
        sourceFileIdPersistent: file.fileId.persistent,
        sourceFileIdVolatile: file.fileId.volatile,
        ...spans,
      }),
    );
  },
};

/** Linking needs no right on the file itself but on the directory that gets the name. */
const link: Change = set(Class.FileLinkInformation, FileLinkInformation.encode(target));

/** A share where the file is, and a second way to it through `rights`. */
async function prepared(
  { server, tree }: Scene,
  rights: number,
): Promise<{ open: TestTree; narrow: TestTree }> {
  const volume = server.state.shares.get('files')?.target;
  assert.ok(volume instanceof Volume);
  const { backend } = volume;
  addVolume(server, 'narrow', { backend, rights, id: 'narrow' });
  const open = await tree();
  const file = await open.open(name);
  await file.write(0n, content);
  await file.close();
  return { open, narrow: await open.session.connectTree('narrow') };
}

async function expectKept(share: TestTree): Promise<void> {
  const file = await share.open(name, { createDisposition: 1 });
  assert.deepEqual(await file.read(0n, 100), content);
  await refusal(share.open('other.bin', { createDisposition: 1 }));
  await file.close();
}

/** The resume key of the file, which any change that copies needs. */
async function keyOf(share: TestTree): Promise<Buffer> {
  const source = await share.open(name, { createDisposition: 1, desiredAccess: AccessMask.GENERIC_READ });
  return (await source.ioctl(Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY)).subarray(0, 24);
}

const creations: readonly (readonly [string, OpenOptions & { readonly path?: string }])[] = [
  ['a new file', { path: 'new.bin', createDisposition: 2 }],
  ['a new folder', { path: 'new', createDisposition: 2, createOptions: CreateOption.DIRECTORY_FILE }],
  ['a new stream', { path: `${name}:new`, createDisposition: 2 }],
  ['OVERWRITE', { createDisposition: 4, desiredAccess: AccessMask.GENERIC_READ }],
  ['OVERWRITE_IF', { createDisposition: 5, desiredAccess: AccessMask.FILE_READ_ATTRIBUTES }],
  ['SUPERSEDE', { createDisposition: 0, desiredAccess: AccessMask.FILE_READ_ATTRIBUTES }],
  ['to write', { createDisposition: 1, desiredAccess: AccessMask.FILE_WRITE_DATA }],
  ['to append', { createDisposition: 1, desiredAccess: AccessMask.FILE_APPEND_DATA }],
  ['to change the descriptor', { createDisposition: 1, desiredAccess: AccessMask.WRITE_DAC }],
  ['to delete', { createDisposition: 1, desiredAccess: AccessMask.DELETE }],
  [
    'to delete on close',
    { createDisposition: 1, desiredAccess: AccessMask.DELETE, createOptions: CreateOption.DELETE_ON_CLOSE },
  ],
];

describe('a share or handle that may only read', () => {
  for (const [what, { path = name, ...options }] of creations) {
    it(`G5 refuses CREATE: ${what}`, () =>
      underAbuse(async (scene) => {
        const { open, narrow } = await prepared(scene, readingRights);
        assert.equal(await refusal(narrow.open(path, options)), NtStatus.ACCESS_DENIED);
        await expectKept(open);
        open.session.connection.close();
      }));
  }

  it('G5 refuses every change through an open of a read-only share', () =>
    underAbuse(async (scene) => {
      const { open, narrow } = await prepared(scene, readingRights);
      for (const [what, change] of Object.entries({ ...changes, link })) {
        const key = await keyOf(narrow);
        const file = await narrow.open(name, {
          createDisposition: 1,
          desiredAccess: AccessMask.MAXIMUM_ALLOWED,
        });
        const status = await refusal(change(file, key));
        assert.equal(statusName(status), statusName(NtStatus.ACCESS_DENIED), what);
      }
      await expectKept(open);
      open.session.connection.close();
    }));

  it('G5 refuses every change through a handle that was opened to read', () =>
    underAbuse(async (scene) => {
      const { open } = await prepared(scene, readingRights);
      for (const [what, change] of Object.entries(changes)) {
        const key = await keyOf(open);
        const file = await open.open(name, { createDisposition: 1, desiredAccess: AccessMask.GENERIC_READ });
        const status = await refusal(change(file, key));
        assert.equal(statusName(status), statusName(NtStatus.ACCESS_DENIED), what);
      }
      await expectKept(open);
      open.session.connection.close();
    }));

  it('G5 refuses to copy from a source that may not be read', () =>
    underAbuse(async (scene) => {
      const { open } = await prepared(scene, readingRights);
      const source = await open.open(name, { desiredAccess: AccessMask.FILE_WRITE_DATA });
      const key = (await source.ioctl(Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY)).subarray(0, 24);
      const to = await open.open('copy.bin');
      const chunks = [{ sourceOffset: 0n, targetOffset: 0n, length: 1 }];
      const input = SrvCopychunkCopy.encode({ sourceKey: key, chunks });
      assert.equal(await refusal(to.ioctl(Fsctl.SRV_COPYCHUNK, input)), NtStatus.ACCESS_DENIED);
      open.session.connection.close();
    }));
});

/** A file of alice's on which everybody has `mask`, or nobody what is denied. */
async function guarded(share: TestTree, descriptor: Buffer): Promise<void> {
  const file = await share.open('guarded.bin', { desiredAccess: AccessMask.FILE_ALL_ACCESS });
  await file.write(0n, content);
  await file.setInfo(InfoType.SECURITY, 0, descriptor, SecurityInformation.DACL);
  await file.close();
}

async function treeOfBob({ connect }: Scene): Promise<TestTree> {
  return (await (await connect()).logOn(bob)).connectTree('files');
}

describe('a descriptor', () => {
  it('G6 that allows reading only is not overwritten by a disposition', () =>
    underAbuse(async (scene) => {
      const share = await scene.tree();
      await guarded(share, descriptorOf({ ...everyone, mask: readingRights }));
      const other = await treeOfBob(scene);
      for (const createDisposition of [0, 4, 5] as const) {
        for (const desiredAccess of [AccessMask.FILE_READ_DATA, AccessMask.FILE_READ_ATTRIBUTES]) {
          const attempt = other.open('guarded.bin', { createDisposition, desiredAccess });
          assert.equal(await refusal(attempt), NtStatus.ACCESS_DENIED);
        }
      }
      const file = await other.open('guarded.bin', {
        createDisposition: 1,
        desiredAccess: AccessMask.GENERIC_READ,
      });
      assert.deepEqual(await file.read(0n, 100), content);
      other.session.connection.close();
      share.session.connection.close();
    }));

  it('G7 grants exactly what is left of the maximum', () =>
    underAbuse(async (scene) => {
      const share = await scene.tree();
      const { FILE_ALL_ACCESS, FILE_WRITE_DATA, DELETE, WRITE_DAC, WRITE_OWNER } = AccessMask;
      const denied = FILE_WRITE_DATA | DELETE | WRITE_DAC | WRITE_OWNER;
      const deny = { ...everyone, type: AceType.ACCESS_DENIED, mask: denied };
      await guarded(share, descriptorOf(deny, { ...everyone, mask: FILE_ALL_ACCESS }));
      const other = await treeOfBob(scene);
      const file = await other.open('guarded.bin', {
        createDisposition: 1,
        desiredAccess: AccessMask.MAXIMUM_ALLOWED,
      });
      const access = (await file.queryInfo(FILE, Class.FileAccessInformation)).readUInt32LE(0);
      // The folder lets its children be deleted, which the file's own entry does not take away.
      assert.equal((access & ~DELETE) >>> 0, (FILE_ALL_ACCESS & ~denied) >>> 0);
      await refusal(file.write(0n, content));
      other.session.connection.close();
      share.session.connection.close();
    }));

  it('G9 with an empty list denies everybody, with a null one grants everything', () =>
    underAbuse(async (scene) => {
      const share = await scene.tree();
      await guarded(share, descriptorOf());
      const other = await treeOfBob(scene);
      for (const desiredAccess of [
        AccessMask.FILE_READ_DATA,
        AccessMask.FILE_WRITE_DATA,
        AccessMask.READ_CONTROL,
      ]) {
        const attempt = other.open('guarded.bin', { createDisposition: 1, desiredAccess });
        assert.equal(await refusal(attempt), NtStatus.ACCESS_DENIED);
      }
      const own = await share.open('guarded.bin', {
        createDisposition: 1,
        desiredAccess: AccessMask.WRITE_DAC,
      });
      const open = SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl: null });
      await own.setInfo(InfoType.SECURITY, 0, open, SecurityInformation.DACL);
      const file = await other.open('guarded.bin', {
        createDisposition: 1,
        desiredAccess: AccessMask.FILE_ALL_ACCESS,
      });
      await file.write(0n, content);
      other.session.connection.close();
      share.session.connection.close();
    }));
});

describe('CHANGE_NOTIFY', () => {
  it('G22 needs the right to list, and a directory', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const options = { createOptions: CreateOption.DIRECTORY_FILE };
      await (await share.open('watched', options)).close();
      const desiredAccess = AccessMask.FILE_READ_ATTRIBUTES | AccessMask.SYNCHRONIZE;
      const blind = await share.open('watched', { ...options, desiredAccess });
      const file = await share.open('file.bin');
      const statuses = await Promise.all(
        [blind.watch(CompletionFilter.FILE_NAME), file.watch(CompletionFilter.FILE_NAME)].map(
          async ({ response }) => (await response).status,
        ),
      );
      assert.deepEqual(statuses, [NtStatus.ACCESS_DENIED, NtStatus.INVALID_PARAMETER]);
      share.session.connection.close();
    }));

  it('G22 below a folder tells what changes there and nowhere else, and as in Windows asks no more of folders below', () =>
    underAbuse(async ({ tree }) => {
      const [share, other] = [await tree(), await tree()];
      const options = { createOptions: CreateOption.DIRECTORY_FILE };
      for (const folder of ['watched', 'watched\\closed', 'watching']) {
        await (await share.open(folder, options)).close();
      }
      const watched = await share.open('watched', options);
      const watch = watched.watch(CompletionFilter.FILE_NAME, ChangeNotifyFlags.WATCH_TREE);
      await watch.firstResponse;
      const closed = await share.open('watched\\closed', { ...options, desiredAccess: AccessMask.WRITE_DAC });
      const mayEnter = descriptorOf({
        ...everyone,
        mask: AccessMask.FILE_ALL_ACCESS & ~AccessMask.FILE_READ_DATA,
      });
      await closed.setInfo(InfoType.SECURITY, 0, mayEnter, SecurityInformation.DACL);
      await assert.rejects(
        other.open('watched\\closed', { ...options, desiredAccess: AccessMask.FILE_READ_DATA }),
      );
      await (await other.open('watching\\elsewhere')).close();
      await (await other.open('watched\\closed\\within')).close();
      const { buffer } = (await watch.response).decode(ChangeNotifyResponse);
      const told = FileNotifyInformationList.decode(buffer).map(({ fileName }) => fileName);
      assert.deepEqual(told, ['closed\\within']);
      for (const one of [share, other]) one.session.connection.close();
    }));
});
