import assert from 'node:assert/strict';
import test from 'node:test';
import { statusName } from '../../src/base/status.ts';
import type { CoreSnapshot } from '../../src/fs/contract.ts';
import type { CoreOpen, ReclaimRequest } from '../../src/fs/types.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { bitsOf, describe, guid, type OpenWords, World } from './world.ts';

const v1 = { version: 1 as const, persistentId: 77 };
const v2 = { version: 2 as const, persistentId: 77, createGuid: guid(0xabc) };

function reclaimOf(words: Partial<ReclaimRequest> = {}, client = 1, user = 'S-1-5-1'): ReclaimRequest {
  const owner = { clientGuid: guid(0xc000 + client), session: 9, user, share: 'SHARE' };
  return { version: 1, persistentId: 77, owner, isSameName: () => true, ...words };
}

function lease(key = 1): NonNullable<ReclaimRequest['lease']> {
  return { kind: 'lease', version: 1, key: guid(key), state: bitsOf('RWH'), epoch: 0 };
}

function reclaim(world: World, request: ReclaimRequest): string {
  const outcome = world.core.reclaim(request, world.now);
  return outcome.kind === 'denied' ? statusName(outcome.status) : outcome.kind;
}

function disconnected(words: OpenWords, world = new World()): { world: World; open: CoreOpen } {
  const open = world.open('f', words);
  assert.equal(world.core.disconnect(open, world.now), 'kept');
  return { world, open };
}

test('durability needs a batch oplock or handle caching', () => {
  for (const [words, isDurable] of [
    [{ oplock: 'b' }, true],
    [{ oplock: 'x' }, false],
    [{ oplock: 's' }, false],
    [{}, false],
    [{ lease: 'RWH' }, true],
    [{ lease: 'RH' }, true],
    [{ lease: 'RW' }, false],
    [{ lease: 'R' }, false],
  ] as const) {
    const world = new World();
    const open = world.open('f', { ...words, durable: v1 });
    assert.equal(open.durable !== undefined, isDurable, JSON.stringify(words));
    assert.equal(world.core.disconnect(open, world.now), isDurable ? 'kept' : 'closed');
  }
  const directory = new World().open('d', { isDirectory: true, lease: 'RH', durable: v2 });
  assert.equal(directory.durable, undefined);
});

test('a persistent open is kept whatever it caches', () => {
  const { world } = disconnected({ durable: { ...v2, isPersistent: true } });
  assert.equal(describe(world.tryOpen('f', { share: 0, client: 2 })), 'STATUS_FILE_NOT_AVAILABLE');
  assert.equal(
    reclaim(world, reclaimOf({ version: 2, createGuid: guid(0xabc), isPersistent: true })),
    'granted',
  );
});

test('the time-out is what was asked for, within the server’s bound', () => {
  const settings = { durableTimeoutMs: 60_000, durableTimeoutMaxMs: 300_000 };
  const granted = (timeoutMs: number | undefined) => {
    const durable = timeoutMs === undefined ? v2 : { ...v2, timeoutMs };
    return new World(settings).open('f', { oplock: 'b', durable }).durable?.timeoutMs;
  };
  assert.equal(granted(undefined), 60_000);
  assert.equal(granted(0), 60_000);
  assert.equal(granted(1234), 1234);
  assert.equal(granted(0xffff_ffff), 300_000);
});

test('an oplock’s open is reclaimed by its user, from any client', () => {
  const { world, open } = disconnected({ oplock: 'b', durable: v1 });
  assert.equal(reclaim(world, reclaimOf({ persistentId: 78 })), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf({ lease: lease() })), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf({ version: 2 })), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf({}, 1, 'S-1-5-2')), 'STATUS_ACCESS_DENIED');
  assert.equal(reclaim(world, reclaimOf({ isSameName: () => false }, 2)), 'granted');
  assert.equal(reclaim(world, reclaimOf()), 'STATUS_OBJECT_NAME_NOT_FOUND', 'only once');
  assert.equal(world.held(open), 'b');
  assert.equal(open.owner.session, 9);
});

test('a lease’s open is reclaimed with its client, its key and its name', () => {
  const { world } = disconnected({ lease: 'RWH', durable: v1 });
  assert.equal(reclaim(world, reclaimOf()), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf({ lease: lease(2) })), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf({ lease: lease() }, 2)), 'STATUS_OBJECT_NAME_NOT_FOUND');
  const elsewhere = { lease: lease(), isSameName: () => false };
  assert.equal(reclaim(world, reclaimOf(elsewhere)), 'STATUS_INVALID_PARAMETER');
  assert.equal(reclaim(world, reclaimOf({ lease: lease() })), 'granted');
});

test('version 2 asks for the create GUID, and persistence for itself', () => {
  const { world } = disconnected({ oplock: 'b', durable: v2 });
  const good = { version: 2 as const, createGuid: guid(0xabc) };
  assert.equal(reclaim(world, reclaimOf({ ...good, createGuid: guid(1) })), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf({ ...good, isPersistent: true })), 'STATUS_OBJECT_NAME_NOT_FOUND');
  assert.equal(reclaim(world, reclaimOf(good)), 'granted');
  assert.equal(world.core.findByCreateGuid(guid(0xc001), guid(0xabc))?.durable?.persistentId, 77);
  assert.equal(world.core.findByCreateGuid(guid(0xc002), guid(0xabc)), undefined);
  const plain = world.open('g', { durable: { ...v2, createGuid: guid(0xdef) }, client: 2 });
  assert.equal(world.core.findByCreateGuid(guid(0xc002), guid(0xdef)), plain);
  world.close(plain);
  assert.equal(world.core.findByCreateGuid(guid(0xc002), guid(0xdef)), undefined);
});

test('an open of version 2 is reclaimed by the older reconnect too', () => {
  const { world } = disconnected({ oplock: 'b', durable: v2 });
  assert.equal(reclaim(world, reclaimOf()), 'granted');
});

test('nobody coming back ends the open', () => {
  const { world, open } = disconnected({
    oplock: 'b',
    durable: { ...v2, timeoutMs: 500 },
    deleteOnClose: true,
  });
  assert.equal(world.core.nextDeadline(), world.now + 500);
  world.core.advance(world.now + 499);
  assert.deepEqual(world.news(), []);
  world.core.advance(world.now + 500);
  assert.deepEqual(world.news(), ['delete v:f', `expire ${open.id}`]);
  assert.equal(
    reclaim(world, reclaimOf({ version: 2, createGuid: guid(0xabc) })),
    'STATUS_OBJECT_NAME_NOT_FOUND',
  );
  assert.equal(world.core.nextDeadline(), undefined);
});

/** What is held without a connection, what another does, and whether that ends it. */
const purges: [OpenWords, OpenWords, boolean][] = [
  [{ lease: 'RH' }, { access: AccessMask.FILE_READ_ATTRIBUTES }, false],
  [{ lease: 'RH' }, { lease: 'RH', key: 2 }, false],
  [{ lease: 'RWH' }, { access: AccessMask.FILE_READ_ATTRIBUTES }, false],
  [{ lease: 'RWH' }, { lease: 'RH', key: 2 }, true],
  [{ lease: 'RH' }, { share: 0 }, true],
  [{ lease: 'RH' }, { replaces: 'overwrite' }, true],
  [{ oplock: 'b' }, {}, true],
];

test('a break that no connection can carry ends the open, and the other goes on at once', () => {
  for (const [held, other, isPurged] of purges) {
    const { world, open } = disconnected({ ...held, durable: v1 });
    world.open('f', { ...other, client: 2 });
    assert.equal(open.isClosed, isPurged, `${JSON.stringify(held)} ${JSON.stringify(other)}`);
    assert.deepEqual(world.news(), isPurged ? [`expire ${open.id}`] : []);
  }
});

test('a purged open that deletes takes the file along, and the newcomer looks its name up again', () => {
  const { world, open } = disconnected({ oplock: 'b', durable: v1, deleteOnClose: true });
  const ticket = world.openLater('f', { client: 2 });
  assert.deepEqual(world.news(), ['delete v:f', `expire ${open.id}`, `retry ${ticket}`]);
  assert.equal(world.core.openCount, 0);
  const busy = disconnected({ lease: 'RWH', durable: v1, deleteOnClose: true });
  busy.world.open('f', { access: AccessMask.FILE_READ_ATTRIBUTES, client: 3 });
  assert.equal(describe(busy.world.tryOpen('f', { client: 2 })), 'STATUS_DELETE_PENDING');
});

test('a write by another ends a disconnected reader', () => {
  const { world, open } = disconnected({ lease: 'RH', durable: v1 });
  const writer = world.open('f', { client: 2 });
  assert.equal(describe(world.core.write(writer, 0n, 1n, world.now)), 'done');
  assert.ok(open.isClosed);
});

test('a disconnected lease with a connected open is told as ever', () => {
  const { world, open } = disconnected({ lease: 'RWH', durable: v1 });
  world.open('f', { lease: 'RWH' });
  assert.equal(world.tryOpen('f', { client: 2 }).kind, 'wait');
  assert.deepEqual(world.news(), ['1 RWH>RH ack']);
  assert.ok(!open.isClosed);
});

test('a resilient open outlives a break for its time-out', () => {
  const world = new World();
  const open = world.open('f', { oplock: 'b' });
  world.core.makeResilient(open, { persistentId: 77, timeoutMs: 1000 });
  assert.equal(world.core.disconnect(open, world.now), 'kept');
  assert.equal(world.tryOpen('f', { client: 2 }).kind, 'wait');
  assert.deepEqual(world.news(), []);
  assert.equal(reclaim(world, reclaimOf()), 'granted');
  assert.deepEqual(world.news(), [`${open.id} to s ack`]);
  assert.equal(world.ackOplock(open, 's'), 's');
});

test('an open whose break is under way is not kept', () => {
  const world = new World();
  const open = world.open('f', { oplock: 'b', durable: v1 });
  const ticket = world.openLater('f', { client: 2 });
  world.news();
  assert.equal(world.core.disconnect(open, world.now), 'closed');
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
});

test('locks stay with a disconnected open', () => {
  const world = new World();
  const open = world.open('f', { lease: 'RWH', durable: v1 });
  world.core.lock(open, [{ offset: 0n, length: 1n, flags: 0x12 }], world.now);
  world.core.disconnect(open, world.now);
  assert.equal(reclaim(world, reclaimOf({ lease: lease() })), 'granted');
  const unlocked = world.core.lock(open, [{ offset: 0n, length: 1n, flags: 4 }], world.now);
  assert.equal(describe(unlocked), 'done');
});

test('a user keeps only so many opens', () => {
  const world = new World({ durableCountPerUser: 1 });
  const one = world.open('f', { oplock: 'b', durable: v1 });
  const two = world.open('g', { oplock: 'b', durable: { ...v1, persistentId: 78 } });
  assert.equal(world.core.disconnect(one, world.now), 'kept');
  assert.equal(world.core.disconnect(two, world.now), 'closed');
  world.close(one);
  const three = world.open('g', { oplock: 'b', durable: { ...v1, persistentId: 79 } });
  assert.equal(world.core.disconnect(three, world.now), 'kept');
});

test('an application instance that comes from elsewhere ends its older open without a break', () => {
  const world = new World();
  const appInstance = { id: guid(5) };
  const old = world.open('f', { oplock: 'b', appInstance, share: 0 });
  world.open('f', { oplock: 'b', appInstance, share: 0, client: 2 });
  assert.deepEqual(world.news(), [`expire ${old.id}`]);
});

test('an older version of an application instance is refused', () => {
  const world = new World();
  world.open('f', { appInstance: { id: guid(5), version: 3n } });
  const older = { id: guid(5), version: 3n };
  assert.equal(describe(world.tryOpen('f', { client: 2, appInstance: older })), 'STATUS_FILE_FORCED_CLOSED');
  world.open('f', { client: 2, appInstance: { ...older, version: 4n } });
});

test('persistent opens come back from a snapshot with all they held', () => {
  const world = new World();
  const durable = { ...v2, isPersistent: true };
  const open = world.open('d/f', { lease: 'RWH', version: 2, epoch: 4, durable, deleteOnClose: true });
  world.open('g', { oplock: 'b', durable: v1, client: 2 });
  world.core.lock(open, [{ offset: 1n << 63n, length: 7n, flags: 0x12 }], world.now);
  const text = JSON.stringify(world.core.snapshot());
  const snapshot: CoreSnapshot = JSON.parse(text);
  const later = new World();
  const [back, ...rest] = later.core.restore(snapshot, later.now);
  assert.ok(back !== undefined && rest.length === 0);
  assert.equal(later.core.nextDeadline(), later.now + 300_000);
  assert.equal(later.tryOpen('d/f', { client: 2, share: 0 }).kind, 'wait');
  later.news();
  const again = reclaimOf({ version: 2, createGuid: guid(0xabc), lease: lease(), isPersistent: true });
  assert.equal(reclaim(later, again), 'granted');
  assert.deepEqual(later.ack(1, 'RW'), 'RW');
  assert.equal(JSON.stringify(new World().core.snapshot()), '{"format":1,"opens":[]}');
  const unlocked = later.core.lock(back, [{ offset: 1n << 63n, length: 7n, flags: 4 }], later.now);
  assert.equal(describe(unlocked), 'done');
  later.news();
  later.close(back);
  assert.deepEqual(later.news(), ['delete v:d/f']);
});
