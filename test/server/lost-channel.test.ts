import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { NtStatus } from '../../src/base/status.ts';
import type { Server } from '../../src/server/server.ts';
import {
  connectClient,
  createRequestOf,
  type OpenOptions,
  type TestClient,
  type TestTree,
} from '../../src/testing/client.ts';
import type { ClientResponse } from '../../src/testing/client-message.ts';
import type { TestSession } from '../../src/testing/client-session.ts';
import { VirtualClock } from '../../src/testing/virtual-clock.ts';
import type { OpenStore } from '../../src/vfs/open-store.ts';
import { LeaseState, OplockLevel } from '../../src/wire/flags.ts';
import { CreateResponse } from '../../src/wire/smb2/create.ts';
import {
  CreateContextName,
  DurableHandleFlags,
  DurableHandleRequestV2,
  DurableHandleResponseV2,
  RequestLeaseV2,
} from '../../src/wire/smb2/create-context.ts';
import { Command, HeaderFlags } from '../../src/wire/smb2/header.ts';
import { LeaseBreakNotification, OplockBreakRequest } from '../../src/wire/smb2/oplock-break.ts';
import { alice, bob, memoryServer } from '../testing/memory-server.ts';

const leaseKey = '11111111-2222-3333-4444-555555555555';
const createGuid = 'aaaaaaaa-bbbb-cccc-dddd-eeeeeeeeeeee';
const rivalGuid = '99999999-8888-7777-6666-555555555555';
const { READ_CACHING: R, WRITE_CACHING: W, HANDLE_CACHING: H } = LeaseState;

const lease = {
  oplockLevel: OplockLevel.LEASE,
  contexts: [
    {
      name: CreateContextName.REQUEST_LEASE,
      data: RequestLeaseV2.encode({
        leaseKey,
        leaseState: R | W | H,
        leaseFlags: 0,
        parentLeaseKey: '00000000-0000-0000-0000-000000000000',
        epoch: 7,
      }),
    },
  ],
};

const replayable = {
  contexts: [
    {
      name: CreateContextName.DURABLE_HANDLE_REQUEST_V2,
      data: DurableHandleRequestV2.encode({ timeout: 0, flags: 0, createGuid }),
    },
  ],
};

/** A client with a session on three channels, and a rival. */
interface Scene {
  readonly server: Server;
  readonly clock: VirtualClock;
  /** The session on each of its channels, the oldest first. */
  readonly channels: readonly TestSession[];
  readonly tree: TestTree;
  readonly rival: TestTree;
  connect(clientGuid?: string): Promise<TestClient>;
  settle(): Promise<void>;
}

async function withChannels(body: (scene: Scene) => Promise<void>, openStore?: OpenStore): Promise<void> {
  const clock = new VirtualClock();
  const server = memoryServer({ clock, openStore });
  const connect = (clientGuid?: string) =>
    connectClient(server.connect(), clientGuid === undefined ? {} : { clientGuid });
  const settle = async () => {
    for (let count = 0; count < 20; count++) await turn();
  };
  const first = await (await connect()).logOn(alice);
  const channels = [
    first,
    await first.bind(await connect(), alice),
    await first.bind(await connect(), alice),
  ];
  const tree = await first.connectTree('files');
  const rival = await (await (await connect(rivalGuid)).logOn(bob)).connectTree('files');
  await body({ server, clock, channels, tree, rival, connect, settle });
  const closing = server.close({ drainMs: 0 });
  await clock.advance(10_000);
  await closing;
}

/** The breaks that have come on a channel, which are taken. */
async function breaksOn({ connection }: TestSession): Promise<readonly ClientResponse[]> {
  const breaks: ClientResponse[] = [];
  while (connection.unsolicitedCount > 0) breaks.push(await connection.nextUnsolicited());
  return breaks;
}

async function breakCounts({ channels, settle }: Scene): Promise<readonly number[]> {
  await settle();
  const counts: number[] = [];
  for (const channel of channels) counts.push((await breaksOn(channel)).length);
  return counts;
}

function acknowledge(tree: TestTree, channel: TestSession | undefined, leaseState: number) {
  assert.ok(channel !== undefined);
  return tree.on(channel).request(Command.OPLOCK_BREAK, OplockBreakRequest.encode({ leaseKey, leaseState }));
}

describe('a lease break', () => {
  it('goes out on the oldest channel, and again on the next when that one is lost', () =>
    withChannels(async (scene) => {
      const { tree, rival, channels } = scene;
      await tree.open('cached', lease);
      const opening = rival.open('cached');
      const sent = channels[0]?.connection.nextUnsolicited();
      assert.deepEqual(await breakCounts(scene), [0, 0, 0]);
      channels[0]?.connection.close();
      const repeated = await channels[1]?.connection.nextUnsolicited();
      assert.deepEqual(
        repeated?.decode(LeaseBreakNotification),
        (await sent)?.decode(LeaseBreakNotification),
      );
      assert.deepEqual(await breakCounts(scene), [0, 0, 0]);
      assert.equal((await acknowledge(tree, channels[2], R | H)).status, NtStatus.SUCCESS);
      await opening;
    }));

  it('is not sent again when another channel is lost', () =>
    withChannels(async (scene) => {
      const { tree, rival, channels } = scene;
      await tree.open('cached', lease);
      const opening = rival.open('cached');
      assert.deepEqual(await breakCounts(scene), [1, 0, 0]);
      channels[1]?.connection.close();
      channels[2]?.connection.close();
      assert.deepEqual(await breakCounts(scene), [0, 0, 0]);
      await acknowledge(tree, channels[0], R | H);
      await opening;
    }));

  it('is not sent again once it is acknowledged', () =>
    withChannels(async (scene) => {
      const { tree, rival, channels } = scene;
      await tree.open('cached', lease);
      const opening = rival.open('cached');
      assert.deepEqual(await breakCounts(scene), [1, 0, 0]);
      await acknowledge(tree, channels[1], R | H);
      await opening;
      channels[0]?.connection.close();
      assert.deepEqual(await breakCounts(scene), [0, 0, 0]);
    }));

  it('goes out on the oldest connection of the client, whose session ever has the lease', () =>
    withChannels(async (scene) => {
      const { rival, channels, connect } = scene;
      const other = await (await connect()).logOn(alice);
      const held = await (await other.connectTree('files')).open('cached', lease);
      const opening = rival.open('cached');
      assert.deepEqual(await breakCounts(scene), [1, 0, 0]);
      channels[0]?.connection.close();
      assert.deepEqual(await breakCounts(scene), [0, 1, 0]);
      assert.equal((await breaksOn(other)).length, 0);
      await held.close();
      await opening;
    }));

  it('does not go out on connections that only claim to be the client’s', () =>
    withChannels(async (scene) => {
      const { rival, channels, connect, settle } = scene;
      const clientGuid = '12121212-3434-5656-7878-909090909090';
      const claimant = await (await connect(clientGuid)).logOn(bob);
      const owner = await (await connect(clientGuid)).logOn(alice);
      const held = await (await owner.connectTree('files')).open('cached', lease);
      const opening = rival.open('cached');
      await settle();
      const received = [...channels, claimant, owner].map(({ connection }) => connection.unsolicitedCount);
      assert.deepEqual(received, [0, 0, 0, 0, 1]);
      await held.close();
      await opening;
    }));

  it('stays on the session’s own channels when it is sealed', () =>
    withChannels(async (scene) => {
      const { server, channels, connect, settle } = scene;
      const other = await (await connect()).logOn(alice);
      const held = await (await other.connectTree('secret')).open('cached', lease);
      const rival = await (await connectClient(server.connect(), { clientGuid: rivalGuid })).logOn(bob);
      const opening = (await rival.connectTree('secret')).open('cached');
      await settle();
      const received = [...channels, other].map(({ connection }) => connection.unsolicitedCount);
      assert.deepEqual(received, [0, 0, 0, 1]);
      await held.close();
      await opening;
    }));
});

describe('an oplock break', () => {
  it('goes out once, on the newest channel, whatever becomes of it', () =>
    withChannels(async (scene) => {
      const { tree, rival, channels, clock } = scene;
      await tree.open('cached', { oplockLevel: OplockLevel.BATCH });
      const opening = rival.open('cached');
      assert.deepEqual(await breakCounts(scene), [0, 0, 1]);
      channels[2]?.connection.close();
      assert.deepEqual(await breakCounts(scene), [0, 0, 0]);
      await clock.advance(35_000);
      await opening;
    }));
});

describe('a CREATE whose channel is lost while it waits', () => {
  it('goes on when it can be replayed, and its replay finds the open', () =>
    withChannels(async (scene) => {
      const { server, tree, rival, channels, settle } = scene;
      const [first, second] = channels;
      assert.ok(first !== undefined && second !== undefined);
      const held = await rival.open('cached', { oplockLevel: OplockLevel.BATCH });
      const pending = tree.on(second).send(Command.CREATE, createRequestOf('cached', replayable));
      await pending.firstResponse;
      const lost = assert.rejects(pending.response);
      second.connection.close();
      await lost;
      const replay = () =>
        tree.request(Command.CREATE, createRequestOf('cached', replayable), {
          header: { flags: HeaderFlags.REPLAY_OPERATION },
        });
      assert.equal((await replay()).status, NtStatus.ACCESS_DENIED);
      await held.close();
      await settle();
      const answer = await replay();
      assert.equal(answer.status, NtStatus.SUCCESS);
      const state = server.state.sessions.get(first.sessionId);
      const fileIds = [...(state?.opens ?? [])].map((open) => open.fileId);
      assert.deepEqual(fileIds, [answer.decode(CreateResponse).fileId]);
      assert.equal(state?.orphans.size, 0);
    }));

  it('ends with the last channel all the same', () =>
    withChannels(async (scene) => {
      const { server, tree, rival, channels, settle } = scene;
      await rival.open('cached', { oplockLevel: OplockLevel.BATCH });
      const pending = tree.send(Command.CREATE, createRequestOf('cached', replayable));
      await pending.firstResponse;
      const lost = assert.rejects(pending.response);
      for (const channel of channels) {
        channel.connection.close();
        await settle();
      }
      await lost;
      assert.equal(server.counters().outstandingRequests, 0);
      assert.equal(server.counters().opens, 1);
    }));

  it('ends with its channel when it cannot be replayed', () =>
    withChannels(async (scene) => {
      const { server, tree, rival, channels, settle } = scene;
      const held = await rival.open('cached', { oplockLevel: OplockLevel.BATCH });
      const pending = tree.send(Command.CREATE, createRequestOf('cached'));
      await pending.firstResponse;
      const lost = assert.rejects(pending.response);
      channels[0]?.connection.close();
      await lost;
      await settle();
      assert.equal(server.counters().outstandingRequests, 0);
      await held.close();
      await settle();
      assert.equal(server.counters().opens, 0);
    }));
});

describe('the replay of a CREATE', () => {
  const batch = { ...replayable, oplockLevel: OplockLevel.BATCH };

  /** The level that the client is told when its CREATE is sent again. */
  async function levelOfReplay({ tree }: Scene, options: OpenOptions = batch): Promise<number> {
    const header = { flags: HeaderFlags.REPLAY_OPERATION };
    const answer = await tree.request(Command.CREATE, createRequestOf('cached', options), { header });
    assert.equal(answer.status, NtStatus.SUCCESS);
    return answer.decode(CreateResponse).oplockLevel;
  }

  it('says no more of an oplock than is left, of which the client may have missed the break', () =>
    withChannels(async (scene) => {
      const { tree, rival, clock, settle } = scene;
      await tree.open('cached', batch);
      assert.equal(await levelOfReplay(scene), OplockLevel.BATCH);
      const opening = rival.open('cached');
      await settle();
      assert.equal(await levelOfReplay(scene), OplockLevel.LEVEL_II, 'while the break is under way');
      await clock.advance(35_000);
      await opening;
      assert.equal(await levelOfReplay(scene), OplockLevel.NONE, 'since nobody acknowledged it');
    }));

  it('says of an oplock what was granted, when that is less than was asked for', () =>
    withChannels(async (scene) => {
      const { tree, rival } = scene;
      await rival.open('cached');
      await tree.open('cached', batch);
      assert.equal(await levelOfReplay(scene), OplockLevel.LEVEL_II);
    }));

  it('says no more of an oplock than is asked for this time', () =>
    withChannels(async (scene) => {
      await scene.tree.open('cached', batch);
      assert.equal(await levelOfReplay(scene, replayable), OplockLevel.NONE);
    }));
});

/** Keeps persistent opens nowhere. */
const openStore: OpenStore = { records: [], write: () => {}, sync: async () => {}, close: async () => {} };

it('the replay of a CREATE says that its open is persistent, cached or not', () =>
  withChannels(async ({ tree }) => {
    const flags = DurableHandleFlags.PERSISTENT;
    const name = CreateContextName.DURABLE_HANDLE_REQUEST_V2;
    const data = DurableHandleRequestV2.encode({ timeout: 0, flags, createGuid });
    const body = createRequestOf('kept', { contexts: [{ name, data }] });
    for (const isReplay of [false, true]) {
      const header = { flags: isReplay ? HeaderFlags.REPLAY_OPERATION : 0 };
      const answer = await tree.request(Command.CREATE, body, { header });
      const { createContexts } = answer.decode(CreateResponse);
      const context = createContexts.find((one) => one.name === name);
      assert.ok(context !== undefined, isReplay ? 'the replay' : 'the first');
      assert.equal(DurableHandleResponseV2.decode(context.data).flags, flags);
    }
  }, openStore));
