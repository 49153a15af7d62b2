/** Rows G10, G11, G12 and G13: handles of others, reclaimed handles, hoarded handles, and breaks that nobody answers. */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { isError, NtStatus, NtStatusError, statusName } from '../../src/base/status.ts';
import { createRequestOf, type TestFile, type TestTree } from '../../src/testing/client.ts';
import { CreateDisposition, LeaseState, OplockLevel } from '../../src/wire/flags.ts';
import {
  CreateContextName,
  DurableHandleReconnectV2,
  DurableHandleRequestV2,
  RequestLeaseV2,
} from '../../src/wire/smb2/create-context.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import type { FileId } from '../../src/wire/smb2/file-id.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LeaseBreakAcknowledgment, OplockBreakRequest } from '../../src/wire/smb2/oplock-break.ts';
import { alice, bob } from '../testing/memory-server.ts';
import { figure } from './figures.ts';
import { bodyOf } from './messages.ts';
import { driverOf } from './places.ts';
import { type Scene, TestClock, underAbuse } from './scene.ts';

const usersOfFiles = [
  Command.CLOSE,
  Command.FLUSH,
  Command.READ,
  Command.WRITE,
  Command.LOCK,
  Command.IOCTL,
  Command.QUERY_DIRECTORY,
  Command.CHANGE_NOTIFY,
  Command.QUERY_INFO,
  Command.SET_INFO,
] as const;

async function expectUnknown(share: TestTree, fileId: FileId, what: string): Promise<void> {
  for (const command of usersOfFiles) {
    const { status } = await share.request(command, bodyOf(command, fileId));
    assert.equal(statusName(status), statusName(NtStatus.FILE_CLOSED), `${what}, command ${command}`);
  }
}

describe('a FileId', () => {
  it('G10 of another tree, session or user names nothing', () =>
    underAbuse(async ({ tree, connect }) => {
      const share = await tree();
      const file = await share.open('mine.bin');
      await expectUnknown(await share.session.connectTree('files'), file.fileId, 'another tree');
      await expectUnknown(await tree(), file.fileId, 'another session');
      const other = await (await (await connect()).logOn(bob)).connectTree('files');
      await expectUnknown(other, file.fileId, 'another user');
      for (const [what, change] of [
        ['volatile', { volatile: file.fileId.volatile + 1 }],
        ['persistent', { persistent: file.fileId.persistent + 1 }],
        ['zero', { volatile: 0, persistent: 0 }],
      ] as const) {
        await expectUnknown(share, { ...file.fileId, ...change }, what);
      }
      await file.close();
      await expectUnknown(share, file.fileId, 'closed');
    }));

  it('G10 does not outlive TREE_DISCONNECT or LOGOFF', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const file = await share.open('mine.bin');
      const again = await share.session.connectTree('files');
      await share.disconnect();
      await expectUnknown(again, file.fileId, 'after TREE_DISCONNECT');
      const second = await again.open('mine.bin');
      await again.session.logOff();
      await expectUnknown(await tree(), second.fileId, 'after LOGOFF');
    }));

  it('G10 names nothing after a restart of the server', async () => {
    let fileId: FileId | undefined;
    await underAbuse(async ({ tree }) => {
      fileId = (await (await tree()).open('mine.bin')).fileId;
    });
    await underAbuse(async ({ tree }) => {
      const share = await tree();
      await share.open('mine.bin');
      assert.ok(fileId !== undefined);
      await expectUnknown(share, fileId, 'after a restart');
    });
  });

  it('G10 is random: a thousand do not repeat and follow no order', () =>
    underAbuse(async ({ tree }) => {
      const share = await tree();
      const ids = new Set<number>();
      let rises = 0;
      let before = 0;
      for (let round = 0; round < 1000; round++) {
        const file = await share.open('one.bin');
        ids.add(file.fileId.volatile).add(file.fileId.persistent);
        if (file.fileId.volatile > before) rises++;
        before = file.fileId.volatile;
        await file.close();
      }
      assert.equal(ids.size, 2000);
      assert.ok(rises > 350 && rises < 650, `${rises} of 1,000 are larger than the one before`);
      assert.ok(Math.max(...ids) > 2 ** 50, 'they come from a wide range');
      share.session.connection.close();
    }));
});

const createGuid = '11111111-2222-3333-4444-555555555555';
const leaseKey = '0a0a0a0a-0b0b-0c0c-0d0d-0e0e0e0e0e0e';

function leased(key: string) {
  const leaseState = LeaseState.READ_CACHING | LeaseState.HANDLE_CACHING | LeaseState.WRITE_CACHING;
  const lease = { leaseKey: key, leaseState, leaseFlags: 0, parentLeaseKey: createGuid, epoch: 0 };
  return {
    name: CreateContextName.REQUEST_LEASE,
    data: RequestLeaseV2.encode({ ...lease }),
  };
}

interface DurableWish {
  readonly guid?: string;
  readonly key?: string;
  readonly timeout?: number;
}

function durableOpen(
  share: TestTree,
  name: string,
  { guid = createGuid, key = leaseKey, timeout = 0 }: DurableWish = {},
): Promise<TestFile> {
  const data = DurableHandleRequestV2.encode({ timeout, flags: 0, createGuid: guid });
  const contexts = [leased(key), { name: CreateContextName.DURABLE_HANDLE_REQUEST_V2, data }];
  return share.open(name, { oplockLevel: OplockLevel.LEASE, contexts });
}

function reclaim(
  share: TestTree,
  name: string,
  fileId: FileId,
  { guid = createGuid, key = leaseKey }: DurableWish = {},
): Promise<TestFile> {
  const data = DurableHandleReconnectV2.encode({ fileId, createGuid: guid, flags: 0 });
  const contexts = [leased(key), { name: CreateContextName.DURABLE_HANDLE_RECONNECT_V2, data }];
  return share.open(name, { oplockLevel: OplockLevel.LEASE, contexts });
}

async function reclaimStatus(...wish: Parameters<typeof reclaim>): Promise<number> {
  return reclaim(...wish).then(() => NtStatus.SUCCESS, statusOfRefusal);
}

function statusOfRefusal(error: unknown): number {
  assert.ok(error instanceof NtStatusError);
  return error.status;
}

async function abandoned({ tree, settle }: Scene, name = 'durable.bin'): Promise<FileId> {
  const share = await tree();
  const file = await durableOpen(share, name);
  share.session.connection.close();
  await settle();
  return file.fileId;
}

describe('a durable open', () => {
  it('G11 goes to nobody but its owner, by its right name, once', () =>
    underAbuse(async (scene) => {
      const { tree, connect } = scene;
      const fileId = await abandoned(scene);
      const name = 'durable.bin';
      const share = await tree();
      const other = await (await (await connect()).logOn(bob)).connectTree('files');
      const elsewhere = await (await (await connect({ clientGuid: createGuid })).logOn(alice)).connectTree(
        'files',
      );
      const secret = await share.session.connectTree('secret');
      const refusals = [
        await reclaimStatus(other, name, fileId),
        await reclaimStatus(elsewhere, name, fileId),
        await reclaimStatus(secret, name, fileId),
        await reclaimStatus(share, name, fileId, { key: createGuid }),
        await reclaimStatus(share, name, fileId, { guid: leaseKey }),
        await reclaimStatus(share, 'other.bin', fileId),
        await reclaimStatus(share, name, { ...fileId, persistent: fileId.persistent + 1 }),
      ];
      for (const [index, status] of refusals.entries()) {
        // [MS-SMB2] 3.3.5.9.12 says INVALID_PARAMETER of another name.
        const known = /^STATUS_(?:OBJECT_NAME_NOT_FOUND|ACCESS_DENIED|INVALID_PARAMETER)$/;
        assert.match(statusName(status), known, `attempt ${index}`);
      }
      const both = await Promise.allSettled([
        reclaim(share, name, fileId),
        tree().then((second) => reclaim(second, name, fileId)),
      ]);
      const [won, more] = both.filter((one) => one.status === 'fulfilled');
      assert.ok(won !== undefined && more === undefined, 'one winner');
      await won.value.close();
    }));

  it('G11 is gone after its time', async () => {
    const clock = new TestClock();
    await underAbuse(
      async (scene) => {
        const fileId = await abandoned(scene);
        await clock.advance(300_001);
        const status = await reclaimStatus(await scene.tree(), 'durable.bin', fileId);
        assert.equal(status, NtStatus.OBJECT_NAME_NOT_FOUND);
        assert.equal(driverOf(scene.server).core.census().disconnectedOpens, 0);
      },
      { clock },
    );
  });

  it('G12 of one user stay up to a limit when the client is gone, and time ends them', async () => {
    const clock = new TestClock();
    const durableCountPerUser = figure(50, 10_000);
    await underAbuse(
      async ({ tree, server, settle }) => {
        const census = () => driverOf(server).core.census();
        const before = census().opens;
        for (let round = 0; round < 3; round++) {
          const share = await tree();
          for (let index = 0; index < figure(40, 33_334); index++) {
            const last = `${100_000 * (round + 1) + index}`.padStart(12, '0');
            const wish = {
              guid: `11111111-2222-3333-4444-${last}`,
              key: `0a0a0a0a-0b0b-0c0c-0d0d-${last}`,
              timeout: 0xffff_ffff,
            };
            await durableOpen(share, `hoard${round}-${index}.bin`, wish);
          }
          share.session.connection.close();
          await settle();
        }
        assert.equal(census().disconnectedOpens, durableCountPerUser);
        await clock.advance(server.state.limits.durableTimeoutMs + 1000);
        assert.deepEqual([census().disconnectedOpens, census().opens], [0, before]);
      },
      { clock, limits: { durableCountPerUser } },
    );
  });
});

async function creditsFor({ session }: TestTree, count: number): Promise<void> {
  while (session.connection.credits < count) {
    const body = EchoRequest.encode({});
    await session.connection.request({ command: Command.ECHO, body, session, header: { credits: 512 } });
  }
}

describe('a break', () => {
  it('G13 that is never answered holds a thousand waiters up for its time and no longer', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ tree, server }) => {
        const holder = await tree();
        const held = await holder.open('held.bin', { oplockLevel: OplockLevel.BATCH });
        const waiters = await Promise.all(Array.from({ length: 4 }, () => tree()));
        await Promise.all(waiters.map((share) => creditsFor(share, 300)));
        const sent = waiters.flatMap((share) =>
          Array.from({ length: 250 }, () =>
            share.send(Command.CREATE, createRequestOf('held.bin'), { header: { credits: 300 } }),
          ),
        );
        const { breakTimeoutMs } = server.state.limits;
        await clock.advance(breakTimeoutMs - 1000);
        assert.ok(server.counters().outstandingRequests >= sent.length);
        await clock.advance(2000);
        const statuses = new Set(
          (await Promise.all(sent.map(({ response }) => response))).map(({ status }) => status),
        );
        assert.deepEqual([...statuses], [NtStatus.SUCCESS]);
        // Whoever answers too late, or wants back what was given to others, is told so.
        for (const oplockLevel of [OplockLevel.NONE, OplockLevel.LEVEL_II, OplockLevel.BATCH]) {
          const body = OplockBreakRequest.encode({ oplockLevel, fileId: held.fileId });
          assert.ok(isError((await holder.request(Command.OPLOCK_BREAK, body)).status), `${oplockLevel}`);
        }
        for (const share of [holder, ...waiters]) share.session.connection.close();
      },
      { clock, limits: { pendingCount: 512 } },
    );
  });

  it('G13 is not ended by an acknowledgement with the wrong key, level or handle, nor by somebody else', async () => {
    const clock = new TestClock();
    await underAbuse(
      async ({ tree }) => {
        const holder = await tree();
        const file = await durableOpen(holder, 'leased.bin');
        const other = await tree('files', { clientGuid: createGuid });
        const waiting = other.send(
          Command.CREATE,
          createRequestOf('leased.bin', { createDisposition: CreateDisposition.OVERWRITE_IF }),
        );
        assert.equal((await waiting.firstResponse).status, NtStatus.PENDING);
        const acknowledge = async (share: TestTree, key: string, leaseState: number) => {
          const body = LeaseBreakAcknowledgment.encode({
            leaseKey: key,
            leaseState,
          });
          return (await share.request(Command.OPLOCK_BREAK, body)).status;
        };
        assert.ok(isError(await acknowledge(holder, createGuid, 0)), 'another key');
        assert.ok(isError(await acknowledge(other, leaseKey, 0)), 'another client');
        assert.ok(isError(await acknowledge(holder, leaseKey, 7)), 'more than was offered');
        for (const oplockLevel of [0, 1, 9, 255] as const) {
          const body = OplockBreakRequest.encode({ oplockLevel, fileId: file.fileId });
          assert.ok(
            isError((await holder.request(Command.OPLOCK_BREAK, body)).status),
            `level ${oplockLevel}`,
          );
        }
        // The holder closes in the middle of its break: that is an answer, too.
        await file.close();
        assert.equal((await waiting.response).status, NtStatus.SUCCESS);
        assert.ok(isError(await acknowledge(holder, leaseKey, 0)), 'when it is over');
        for (const share of [holder, other]) share.session.connection.close();
      },
      { clock },
    );
  });
});
