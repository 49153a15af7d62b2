import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import type { Backend } from '../../../src/backend/contract.ts';
import { snapshots } from '../../../src/backend/snapshots.ts';
import { fileTimeOfUnixMs } from '../../../src/base/clock.ts';
import { NtStatus } from '../../../src/base/status.ts';
import { type ClientResponse, ioctlRequestOf, type TestFile } from '../../../src/testing/client.ts';
import { AccessMask, CreateDisposition } from '../../../src/wire/flags.ts';
import { Fsctl } from '../../../src/wire/fscc/fsctl-table.ts';
import { Command } from '../../../src/wire/smb2/header.ts';
import { IoctlResponse } from '../../../src/wire/smb2/ioctl.ts';
import {
  SrvCopychunkCopy,
  SrvCopychunkResponse,
  SrvRequestResumeKeyResponse,
  SrvSnapshotArray,
} from '../../../src/wire/smb2/ioctl-payload.ts';
import { LockFlags } from '../../../src/wire/smb2/lock.ts';
import { answered, onTree } from './world.ts';

describe('READ and WRITE', () => {
  it('return what was written, zeros between, and END_OF_FILE behind', () =>
    onTree(async (tree) => {
      const file = await tree.open('a');
      assert.equal(await file.write(4n, Buffer.from('data')), 4);
      assert.deepEqual(await file.read(0n, 100), Buffer.from('\0\0\0\0data'));
      await assert.rejects(file.read(8n, 1), answered(NtStatus.END_OF_FILE));
      assert.equal(await file.write(0n, Buffer.alloc(0)), 0);
      await file.flush();
    }));

  it('want the access that the open was given', () =>
    onTree(async (tree) => {
      const reader = await tree.open('a', { desiredAccess: AccessMask.GENERIC_READ });
      await assert.rejects(reader.write(0n, Buffer.from('x')), answered(NtStatus.ACCESS_DENIED));
      await assert.rejects(reader.flush(), answered(NtStatus.ACCESS_DENIED));
      const writer = await tree.open('a', { desiredAccess: AccessMask.GENERIC_WRITE });
      await assert.rejects(writer.read(0n, 1), answered(NtStatus.ACCESS_DENIED));
    }));

  it('stop at the locks of others', () =>
    onTree(async (tree) => {
      const [one, two] = [await tree.open('a'), await tree.open('a')];
      await one.write(0n, Buffer.from('0123456789'));
      const { EXCLUSIVE_LOCK, FAIL_IMMEDIATELY, UNLOCK } = LockFlags;
      const lock = async (file: TestFile, flags: number) =>
        (await file.lock([{ offset: 2n, length: 3n, flags }]).response).status;
      assert.equal(await lock(one, EXCLUSIVE_LOCK | FAIL_IMMEDIATELY), NtStatus.SUCCESS);
      assert.equal(await lock(two, EXCLUSIVE_LOCK | FAIL_IMMEDIATELY), NtStatus.LOCK_NOT_GRANTED);
      await assert.rejects(two.read(4n, 2), answered(NtStatus.FILE_LOCK_CONFLICT));
      assert.deepEqual(await two.read(5n, 2), Buffer.from('56'));
      assert.equal(await lock(one, UNLOCK), NtStatus.SUCCESS);
      assert.deepEqual(await two.read(4n, 2), Buffer.from('45'));
      assert.equal(await lock(one, UNLOCK), NtStatus.RANGE_NOT_LOCKED);
    }));
});

/** The answer to FSCTL_SRV_COPYCHUNK of one chunk. */
async function copy(source: TestFile, target: TestFile, bytes: number): Promise<ClientResponse> {
  const answer = await source.ioctl(Fsctl.SRV_REQUEST_RESUME_KEY, Buffer.alloc(0));
  const { resumeKey } = SrvRequestResumeKeyResponse.decode(answer);
  const chunks = [{ sourceOffset: 0n, targetOffset: 2n, length: bytes }];
  const input = SrvCopychunkCopy.encode({ sourceKey: resumeKey, chunks });
  const { tree, fileId } = target;
  return tree.request(Command.IOCTL, ioctlRequestOf(Fsctl.SRV_COPYCHUNK, input, { fileId }));
}

const resultOf = (response: ClientResponse): SrvCopychunkResponse =>
  SrvCopychunkResponse.decode(response.decode(IoctlResponse).output);

describe('FSCTL_SRV_COPYCHUNK', () => {
  it('copies on the server', () =>
    onTree(async (tree) => {
      const [source, target] = [await tree.open('a'), await tree.open('b')];
      await source.write(0n, Buffer.from('content'));
      const { chunksWritten, totalBytesWritten } = resultOf(await copy(source, target, 7));
      assert.deepEqual([chunksWritten, totalBytesWritten], [1, 7]);
      assert.deepEqual(await target.read(0n, 20), Buffer.from('\0\0content'));
    }));

  it('wants a source long enough, and a target that may be read and written', () =>
    onTree(async (tree) => {
      const [source, target] = [await tree.open('a'), await tree.open('b')];
      await source.write(0n, Buffer.from('content'));
      assert.equal((await copy(source, target, 8)).status, NtStatus.INVALID_VIEW_SIZE);
      const writeOnly = await tree.open('b', { desiredAccess: AccessMask.GENERIC_WRITE });
      assert.equal((await copy(source, writeOnly, 7)).status, NtStatus.ACCESS_DENIED);
    }));

  it('says what it would allow instead of too much', () =>
    onTree(async (tree) => {
      const mebibyte = 1024 * 1024;
      const response = await copy(await tree.open('a'), await tree.open('b'), mebibyte + 1);
      assert.equal(response.status, NtStatus.INVALID_PARAMETER);
      const { chunksWritten, chunkBytesWritten, totalBytesWritten } = resultOf(response);
      assert.deepEqual([chunksWritten, chunkBytesWritten, totalBytesWritten], [256, mebibyte, 16 * mebibyte]);
    }));
});

describe('a file that is deleted on close', () => {
  it('is gone with the last open, and cannot be opened before', () =>
    onTree(async (tree) => {
      const DELETE_ON_CLOSE = 0x0000_1000;
      const other = await tree.open('a');
      const deleter = await tree.open('a', { createOptions: DELETE_ON_CLOSE });
      await deleter.close();
      await assert.rejects(tree.open('a'), answered(NtStatus.DELETE_PENDING));
      assert.equal(await other.write(0n, Buffer.from('x')), 1);
      await other.close();
      const open = tree.open('a', { createDisposition: CreateDisposition.OPEN });
      await assert.rejects(open, answered(NtStatus.OBJECT_NAME_NOT_FOUND));
    }));

  it('does not lose requests that were on their way', () =>
    onTree(async (tree) => {
      const file = await tree.open('a');
      const data = Buffer.alloc(1000, 1);
      const writes = [0, 1, 2].map((n) =>
        tree.send(Command.WRITE, file.writeRequest(BigInt(n * 1000), data)),
      );
      for (const { response } of writes) assert.equal((await response).status, NtStatus.SUCCESS);
      assert.equal((await file.close()).endOfFile, 3000n);
    }));
});

describe('FSCTL_SRV_ENUMERATE_SNAPSHOTS', () => {
  const january = fileTimeOfUnixMs(Date.UTC(2026, 0, 31, 13, 5, 59));
  const times = [january + 10_000_000n, january];
  const withSnapshots = (store: Backend): Backend => snapshots(store, { list: () => times, at: () => store });

  const ask = (file: TestFile, maxOutputResponse: number): Promise<Buffer> =>
    file.tree.ioctl(Fsctl.SRV_ENUMERATE_SNAPSHOTS, Buffer.alloc(0), {
      fileId: file.fileId,
      maxOutputResponse,
    });

  it('answers all tokens where there is room for them, else how much room they need', () =>
    onTree(
      async (tree) => {
        const file = await tree.open('a');
        const counts = { numberOfSnapShots: 2, snapShotArraySize: 102 };
        const all = SrvSnapshotArray.decode(await ask(file, 12 + 102));
        const snapShots = '@GMT-2026.01.31-13.06.00\0@GMT-2026.01.31-13.05.59\0\0';
        assert.deepEqual(all, { ...counts, numberOfSnapShotsReturned: 2, snapShots });
        const little = await ask(file, 12 + 101);
        assert.equal(little.length, 16);
        const { snapShots: none, ...told } = SrvSnapshotArray.decode(little.subarray(0, 12));
        assert.deepEqual({ none, ...told }, { none: '', ...counts, numberOfSnapShotsReturned: 0 });
        await assert.rejects(ask(file, 15), answered(NtStatus.INVALID_PARAMETER));
      },
      { wrapStore: withSnapshots },
    ));

  it('answers none where the store keeps none', () =>
    onTree(async (tree) => {
      assert.deepEqual(await ask(await tree.open('a'), 16), Buffer.alloc(16));
    }));
});

describe('the control codes of object ids', () => {
  const nothing = Buffer.alloc(0);

  it('make, tell, change and delete the id of a file', () =>
    onTree(async (tree) => {
      const file = await tree.open('a');
      await assert.rejects(file.ioctl(Fsctl.GET_OBJECT_ID, nothing), answered(NtStatus.OBJECTID_NOT_FOUND));
      const made = await file.ioctl(Fsctl.CREATE_OR_GET_OBJECT_ID, nothing);
      assert.equal(made.length, 64);
      await file.ioctl(Fsctl.SET_OBJECT_ID_EXTENDED, Buffer.alloc(48, 7));
      const changed = Buffer.concat([made.subarray(0, 16), Buffer.alloc(48, 7)]);
      assert.deepEqual(await file.ioctl(Fsctl.GET_OBJECT_ID, nothing, { maxOutputResponse: 64 }), changed);
      await file.ioctl(Fsctl.DELETE_OBJECT_ID, nothing);
      await assert.rejects(file.ioctl(Fsctl.GET_OBJECT_ID, nothing), answered(NtStatus.OBJECTID_NOT_FOUND));
    }));

  it('want room for the answer, and a right to set one', () =>
    onTree(async (tree) => {
      const file = await tree.open('a');
      for (const code of [Fsctl.GET_OBJECT_ID, Fsctl.CREATE_OR_GET_OBJECT_ID]) {
        const small = file.ioctl(code, nothing, { maxOutputResponse: 63 });
        await assert.rejects(small, answered(NtStatus.INVALID_PARAMETER));
      }
      const set = file.ioctl(Fsctl.SET_OBJECT_ID, Buffer.alloc(64, 1));
      await assert.rejects(set, answered(NtStatus.ACCESS_DENIED));
    }));
});
