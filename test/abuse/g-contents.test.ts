/** Rows G14, G16, G17, G19 and G21: locks, lists, searches, large numbers, renames. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EMPTY } from '../../src/base/bytes.ts';
import { NtStatus, NtStatusError, statusName } from '../../src/base/status.ts';
import { ioctlRequestOf, type TestFile, type TestTree } from '../../src/testing/client.ts';
import { allow } from '../../src/wire/dtyp/ace.ts';
import { aclOf } from '../../src/wire/dtyp/acl.ts';
import { SecurityDescriptorCodec, SecurityInformation } from '../../src/wire/dtyp/security-descriptor.ts';
import { WellKnownSid } from '../../src/wire/dtyp/sid.ts';
import { AccessMask, CreateOption, FileAttribute } from '../../src/wire/flags.ts';
import { FileZeroDataInformation } from '../../src/wire/fscc/control.ts';
import { FileFullEaInformationList } from '../../src/wire/fscc/extended-attributes.ts';
import {
  FileAllocationInformation,
  FileBasicInformation,
  FileEndOfFileInformation,
} from '../../src/wire/fscc/file.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { FileInformationClass as Class } from '../../src/wire/fscc/information-class-table.ts';
import { FileLinkInformation, FileRenameInformation } from '../../src/wire/fscc/names.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { SrvCopychunkCopy } from '../../src/wire/smb2/ioctl-payload.ts';
import { type LockElement, LockFlags } from '../../src/wire/smb2/lock.ts';
import { QueryDirectoryRequest } from '../../src/wire/smb2/query-directory.ts';
import { InfoType } from '../../src/wire/smb2/query-info.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { bob } from '../testing/memory-server.ts';
import { refusal, underAbuse } from './scene.ts';

const { FILE, SECURITY } = InfoType;
const everything = { desiredAccess: AccessMask.FILE_ALL_ACCESS };

describe('byte-range locks', () => {
  const lock = (offset: bigint, length: bigint, flags: number): LockElement => ({ offset, length, flags });
  const exclusive = LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY;
  const max = 2n ** 64n - 1n;

  async function statusOf(file: TestFile, ...locks: readonly LockElement[]): Promise<string> {
    return statusName((await file.lock(locks).response).status);
  }

  it('G14 are let go by nobody but the open that holds them', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const [holder, same, other] = [
        await share.open('l'),
        await share.open('l'),
        await (await tree()).open('l'),
      ];
      assert.equal(await statusOf(holder, lock(10n, 10n, exclusive)), 'STATUS_SUCCESS');
      for (const file of [same, other]) {
        assert.equal(await statusOf(file, lock(10n, 10n, LockFlags.UNLOCK)), 'STATUS_RANGE_NOT_LOCKED');
        for (const [from, count] of [
          [10n, 1n],
          [19n, 1n],
          [0n, max],
          [15n, 0n],
        ] as const) {
          const status = await statusOf(file, lock(from, count, exclusive));
          assert.equal(status, 'STATUS_LOCK_NOT_GRANTED', `${from} ${count}`);
        }
        assert.equal(await refusal(file.write(10n, Buffer.alloc(1))), NtStatus.FILE_LOCK_CONFLICT);
        assert.equal(await refusal(file.read(5n, 10)), NtStatus.FILE_LOCK_CONFLICT);
      }
      for (const file of [holder, same, other]) file.tree.session.connection.close();
    }));

  it('G14 at the edges of 64 bits are exact or refused', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const [one, two] = [await share.open('l'), await share.open('l')];
      assert.equal(await statusOf(one, lock(max, 1n, exclusive)), 'STATUS_SUCCESS');
      assert.equal(await statusOf(two, lock(max, 1n, exclusive)), 'STATUS_LOCK_NOT_GRANTED');
      assert.equal(await statusOf(two, lock(max - 1n, 1n, exclusive)), 'STATUS_SUCCESS');
      assert.equal(await statusOf(two, lock(max, 2n, exclusive)), 'STATUS_INVALID_LOCK_RANGE');
      assert.equal(
        await statusOf(two, lock(2n ** 63n, 2n ** 63n + 1n, exclusive)),
        'STATUS_INVALID_LOCK_RANGE',
      );
      // Above 2^53 neighbours are still neighbours.
      assert.equal(await statusOf(one, lock(2n ** 60n, 1n, exclusive)), 'STATUS_SUCCESS');
      assert.equal(await statusOf(two, lock(2n ** 60n + 1n, 1n, exclusive)), 'STATUS_SUCCESS');
      share.session.connection.close();
    }));

  it('G14 hold against zeroing and copying, too', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const [holder, other] = [await share.open('l'), await share.open('l')];
      await holder.write(0n, Buffer.alloc(100, 1));
      assert.equal(await statusOf(holder, lock(10n, 10n, exclusive)), 'STATUS_SUCCESS');
      const zero = FileZeroDataInformation.encode({ fileOffset: 0n, beyondFinalZero: 15n });
      assert.equal(await refusal(other.ioctl(Fsctl.SET_ZERO_DATA, zero)), NtStatus.FILE_LOCK_CONFLICT);
      const sourceKey = (await other.ioctl(Fsctl.SRV_REQUEST_RESUME_KEY, EMPTY)).subarray(0, 24);
      for (const [sourceOffset, targetOffset] of [
        [0n, 50n],
        [50n, 0n],
      ] as const) {
        const input = SrvCopychunkCopy.encode({
          sourceKey,
          chunks: [{ sourceOffset, targetOffset, length: 12 }],
        });
        const body = ioctlRequestOf(Fsctl.SRV_COPYCHUNK, input, { fileId: other.fileId });
        const { status } = await share.request(Command.IOCTL, body);
        assert.equal(status, NtStatus.FILE_LOCK_CONFLICT);
      }
      assert.deepEqual(await holder.read(10n, 10), Buffer.alloc(10, 1));
      share.session.connection.close();
    }));

  it('G14 beyond the number of one request are refused, and nothing is held then', () =>
    underAbuse(async ({ tree, server }) => {
      const share = await tree();
      const [file, other] = [await share.open('l'), await share.open('l')];
      const { lockElementCount } = server.state.limits;
      for (const length of [lockElementCount + 1, 65_535]) {
        const many = Array.from({ length }, (_, index) => lock(BigInt(index), 1n, exclusive));
        assert.match(await statusOf(file, ...many), /INVALID_PARAMETER|INSUFFICIENT_RESOURCES/, `${length}`);
      }
      assert.equal(await statusOf(file), 'STATUS_INVALID_PARAMETER');
      assert.equal(await statusOf(other, lock(0n, max, exclusive)), 'STATUS_SUCCESS');
      share.session.connection.close();
    }));
});

describe('lists of extended attributes', () => {
  const right = FileFullEaInformationList.encode([
    { flags: 0, eaName: 'FIRST', eaValue: Buffer.from('one') },
    { flags: 0, eaName: 'SECOND', eaValue: Buffer.from('two') },
  ]);
  const edits: readonly (readonly [string, (bytes: Buffer) => void])[] = [
    ['that point at themselves', (bytes) => bytes.writeUInt32LE(1, 0)],
    ['that point beyond the end', (bytes) => bytes.writeUInt32LE(0x7fff_fff0, 0)],
    ['that point into the middle of an entry', (bytes) => bytes.writeUInt32LE(8, 0)],
    ['whose name is longer than the list', (bytes) => bytes.writeUInt8(255, 5)],
    ['whose value is longer than the list', (bytes) => bytes.writeUInt16LE(0xffff, 6)],
    ['whose name does not end', (bytes) => bytes.writeUInt8(0x41, 13)],
  ];
  for (const [what, edit] of edits) {
    it(`G16 ${what} are refused, and nothing is changed`, () =>
      underAbuse(async ({ tree }) => {
        const file = await (await tree()).open('eas.bin', everything);
        const bytes = Buffer.from(right);
        edit(bytes);
        const body = SetInfoRequest.encode({
          infoType: FILE,
          fileInfoClass: Class.FileFullEaInformation,
          additionalInformation: 0,
          fileId: file.fileId,
          buffer: bytes,
        });
        const { status } = await file.tree.request(Command.SET_INFO, body);
        assert.match(statusName(status), /EA_LIST_INCONSISTENT|INVALID_PARAMETER|INVALID_EA_NAME/);
        const size = (await file.queryInfo(FILE, Class.FileEaInformation)).readUInt32LE(0);
        assert.equal(size, 0);
        file.tree.session.connection.close();
      }));
  }
});

async function search(
  directory: TestFile,
  fileName: string,
  outputBufferLength: number,
  flags = 1,
): Promise<number> {
  const body = QueryDirectoryRequest.encode({
    fileIndex: 0,
    outputBufferLength,
    fileInformationClass: 37,
    flags,
    fileId: directory.fileId,
    fileName,
  });
  return (await directory.tree.request(Command.QUERY_DIRECTORY, body)).status;
}

describe('a search', () => {
  const directory = { createOptions: CreateOption.DIRECTORY_FILE };

  it('G17 with patterns that branch everywhere takes one pass over each name', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      await (await share.open('d', directory)).close();
      for (let index = 0; index < 50; index++)
        await (await share.open(`d\\${'a'.repeat(200)}${index}`)).close();
      const folder = await share.open('d', directory);
      const before = process.cpuUsage().user;
      for (const pattern of [
        '*a'.repeat(100),
        '<a'.repeat(100),
        '?*'.repeat(100),
        '>*<"'.repeat(60),
        '*'.repeat(255),
      ]) {
        const status = await search(folder, `${pattern}b`, 65_536);
        assert.equal(statusName(status), 'STATUS_NO_SUCH_FILE', pattern);
      }
      const spentMs = (process.cpuUsage().user - before) / 1000;
      assert.ok(spentMs < 10_000, `${spentMs} ms: linear takes a hundredth of it, backtracking for ever`);
      share.session.connection.close();
    }));

  it('G17 into a buffer that is too small is refused and loses no entry', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      await (await share.open('d', directory)).close();
      await (await share.open('d\\entry')).close();
      const folder = await share.open('d', directory);
      for (const size of [0, 1, 50, 103])
        assert.equal(await search(folder, '*', size), NtStatus.INFO_LENGTH_MISMATCH);
      assert.equal(await search(folder, '*', 65_536), NtStatus.SUCCESS);
      share.session.connection.close();
    }));

  it('G17 that many requests restart at once answers each of them', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      await (await share.open('d', directory)).close();
      for (let index = 0; index < 40; index++) await (await share.open(`d\\file${index}`)).close();
      const folder = await share.open('d', directory);
      const statuses = await Promise.all(
        Array.from({ length: 60 }, (_, index) => search(folder, '*', 1000, [0, 1, 0x10, 2][index % 4])),
      );
      for (const status of statuses) assert.match(statusName(status), /SUCCESS|NO_MORE_FILES|NO_SUCH_FILE/);
      share.session.connection.close();
    }));
});

describe('numbers of 64 bits', () => {
  const offsets = [2n ** 53n, 2n ** 53n + 1n, 2n ** 62n, 2n ** 63n - 1n, 2n ** 63n, 2n ** 64n - 1n];

  it('G19 as offsets are exact or refused, never another place', () =>
    underAbuse(async ({ tree }) => {
      const file = await (await tree()).open('large.bin');
      await file.write(0n, Buffer.from('beginning'));
      for (const offset of offsets) {
        const outcome = await file.write(offset, Buffer.from('x')).then(
          () => 'written',
          () => 'refused',
        );
        if (outcome === 'written')
          assert.deepEqual(await file.read(offset, 1), Buffer.from('x'), `${offset}`);
        else await refusal(file.read(offset, 1));
      }
      assert.deepEqual(await file.read(0n, 9), Buffer.from('beginning'));
      file.tree.session.connection.close();
    }));

  it('G19 as sizes and times are exact or refused', () =>
    underAbuse(async ({ tree }) => {
      const file = await (await tree()).open('large.bin', everything);
      for (const endOfFile of [-1n, -(2n ** 63n)])
        await refusal(
          file.setInfo(FILE, Class.FileEndOfFileInformation, FileEndOfFileInformation.encode({ endOfFile })),
        );
      const large = FileEndOfFileInformation.encode({ endOfFile: 2n ** 63n - 1n });
      await refusal(file.setInfo(FILE, Class.FileEndOfFileInformation, large));
      const allocation = FileAllocationInformation.encode({ allocationSize: 2n ** 63n - 1n });
      await refusal(file.setInfo(FILE, Class.FileAllocationInformation, allocation));
      const before = await file.query(Class.FileBasicInformation, FileBasicInformation);
      for (const creationTime of [0n, -1n, -2n, -3n, -(2n ** 63n), 1n, 2n ** 53n + 1n, 2n ** 63n - 1n]) {
        const others = { lastAccessTime: 0n, lastWriteTime: 0n, changeTime: 0n, fileAttributes: 0 };
        const wanted = FileBasicInformation.encode({ creationTime, ...others });
        const status = await file.setInfo(FILE, Class.FileBasicInformation, wanted).then(
          () => 0,
          (error: unknown) => (error instanceof NtStatusError ? error.status : assert.fail(String(error))),
        );
        const kept = await file.query(Class.FileBasicInformation, FileBasicInformation);
        assert.ok(status === 0 || status === NtStatus.INVALID_PARAMETER, statusName(status));
        if (creationTime <= 0n) assert.equal(kept.creationTime, before.creationTime, `${creationTime}`);
        else if (status === 0) assert.equal(kept.creationTime, creationTime);
      }
      for (const [fileOffset, beyondFinalZero] of [
        [-1n, 10n],
        [0n, -1n],
        [10n, 5n],
        [-(2n ** 63n), 2n ** 63n - 1n],
      ] as const) {
        const range = FileZeroDataInformation.encode({ fileOffset, beyondFinalZero });
        assert.equal(await refusal(file.ioctl(Fsctl.SET_ZERO_DATA, range)), NtStatus.INVALID_PARAMETER);
      }
      file.tree.session.connection.close();
    }));
});

describe('renaming and linking', () => {
  const onto = (fileName: string, codec = FileRenameInformation): Buffer =>
    codec.encode({ rootDirectory: 0n, fileName, replaceIfExists: true });

  async function expectRefused(share: TestTree, fileName: string): Promise<void> {
    const file = await share.open('source.bin', everything);
    await refusal(file.setInfo(FILE, Class.FileRenameInformation, onto(fileName)));
    await refusal(file.setInfo(FILE, Class.FileLinkInformation, onto(fileName, FileLinkInformation)));
    await file.close();
  }

  it('G21 replace no file that is read-only, open, or a folder', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      await (await share.open('readonly.bin', { fileAttributes: FileAttribute.READONLY })).close();
      await expectRefused(share, 'readonly.bin');
      const open = await share.open('open.bin');
      await expectRefused(share, 'open.bin');
      await open.close();
      await (await share.open('folder', { createOptions: CreateOption.DIRECTORY_FILE })).close();
      await expectRefused(share, 'folder');
      await expectRefused(share, 'source.bin\\child');
      share.session.connection.close();
    }));

  it('G21 do not put a folder into itself, nor move one whose files are open', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const options = { createOptions: CreateOption.DIRECTORY_FILE, ...everything };
      const folder = await share.open('folder', options);
      await (await share.open('folder\\inner', options)).close();
      for (const to of ['folder\\x', 'folder\\inner\\x', 'folder\\inner'])
        await refusal(folder.setInfo(FILE, Class.FileRenameInformation, onto(to)));
      const child = await share.open('folder\\inner\\file');
      await refusal(folder.setInfo(FILE, Class.FileRenameInformation, onto('moved')));
      await child.close();
      await folder.setInfo(FILE, Class.FileRenameInformation, onto('moved'));
      share.session.connection.close();
    }));

  it('G21 replace no file that its owner keeps from being deleted', () =>
    underAbuse(async ({ tree, connect }) => {
      const share = await tree();
      const options = { createOptions: CreateOption.DIRECTORY_FILE, ...everything };
      const folder = await share.open('kept', options);
      const entries = aclOf(allow('S-1-5-21-1-2-3-1001', 0x1f01ff), allow(WellKnownSid.EVERYONE, 0x1201bf));
      const descriptor = SecurityDescriptorCodec.encode({ control: 0, sbz1: 0, dacl: entries });
      const file = await share.open('kept\\file.bin', everything);
      for (const each of [file, folder])
        await each.setInfo(SECURITY, 0, descriptor, SecurityInformation.DACL);
      await file.close();
      const other = await (await (await connect()).logOn(bob)).connectTree('files');
      const mine = await other
        .open('kept\\mine.bin', { desiredAccess: AccessMask.GENERIC_READ | AccessMask.DELETE })
        .catch(() => undefined);
      if (mine !== undefined)
        await refusal(mine.setInfo(FILE, Class.FileRenameInformation, onto('kept\\file.bin')));
      const outside = await other.open('mine.bin', everything);
      assert.equal(
        await refusal(outside.setInfo(FILE, Class.FileRenameInformation, onto('kept\\file.bin'))),
        NtStatus.ACCESS_DENIED,
      );
      for (const each of [share, other]) each.session.connection.close();
    }));
});
