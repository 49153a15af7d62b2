import assert from 'node:assert/strict';
import test from 'node:test';
import { AccessMask, OplockLevel } from '../../src/wire/flags.ts';
import { describe, World } from './world.ts';

const attributes = AccessMask.FILE_READ_ATTRIBUTES;

test('only R, RH, RW and RWH are granted; anything else holds nothing', () => {
  const granted = { '': '', R: 'R', H: '', W: '', RH: 'RH', RW: 'RW', WH: '', RWH: 'RWH' };
  for (const [lease, held] of Object.entries(granted)) {
    const world = new World();
    assert.equal(world.held(world.open('f', { lease })), held);
  }
});

test('one key names one stream of one file', () => {
  const world = new World();
  world.open('f', { lease: 'RWH', key: 1 });
  assert.equal(describe(world.tryOpen('g', { lease: 'R', key: 1 })), 'STATUS_INVALID_PARAMETER');
  assert.equal(describe(world.tryOpen('f', { lease: 'R', key: 1, stream: 'S' })), 'STATUS_INVALID_PARAMETER');
  assert.equal(world.held(world.open('f', { lease: 'RWH', key: 2, stream: 'S' })), 'RWH');
  assert.equal(world.held(world.open('g', { lease: 'RWH', key: 1, client: 2 })), 'RWH');
});

test('an uncontended lease grows exactly when more than it holds is asked for', () => {
  const states = ['', 'R', 'RH', 'RW', 'RWH'];
  for (const held of states) {
    for (const asked of states) {
      const world = new World();
      world.open('f', { lease: held });
      const again = world.open('f', { lease: asked });
      const isMore = [...held].every((letter) => asked.includes(letter));
      assert.equal(world.held(again), isMore ? asked : held, `${held} asked ${asked}`);
      assert.deepEqual(world.news(), []);
    }
  }
});

const upgradesBeside = [
  ['R', 'R', { '': 'R', R: 'R', RW: 'R', RH: 'RH', RWH: 'R' }],
  ['R', 'RH', { '': 'R', R: 'R', RW: 'R', RH: 'RH', RWH: 'R' }],
  ['RH', 'R', { '': 'RH', R: 'RH', RW: 'RH', RH: 'RH', RWH: 'RH' }],
  ['RH', 'RH', { '': 'RH', R: 'RH', RW: 'RH', RH: 'RH', RWH: 'RH' }],
] as const;

test('beside another lease an upgrade is granted whole or not at all', () => {
  for (const [first, second, table] of upgradesBeside) {
    for (const [asked, expected] of Object.entries(table)) {
      const world = new World();
      world.open('f', { lease: first, key: 1 });
      world.open('f', { lease: second, key: 2 });
      assert.equal(
        world.held(world.open('f', { lease: asked, key: 1 })),
        expected,
        `${first} ${second} ${asked}`,
      );
      assert.deepEqual(world.news(), []);
    }
  }
});

/** Held, asked for, broken to, granted. */
const contention = [
  ['R', 'R', 'R', 'R'],
  ['R', 'RH', 'R', 'RH'],
  ['R', 'RW', 'R', 'R'],
  ['R', 'RWH', 'R', 'RH'],
  ['RH', 'R', 'RH', 'R'],
  ['RH', 'RH', 'RH', 'RH'],
  ['RH', 'RW', 'RH', 'R'],
  ['RH', 'RWH', 'RH', 'RH'],
  ['RW', 'R', 'R', 'R'],
  ['RW', 'RH', 'R', 'RH'],
  ['RW', 'RW', 'R', 'R'],
  ['RW', 'RWH', 'R', 'RH'],
  ['RWH', 'R', 'RH', 'R'],
  ['RWH', 'RH', 'RH', 'RH'],
  ['RWH', 'RW', 'RH', 'R'],
  ['RWH', 'RWH', 'RH', 'RH'],
] as const;

test('contended leases break and share as Windows does it', () => {
  for (const [held, asked, broken, granted] of contention) {
    const world = new World();
    const first = world.open('f', { lease: held, key: 1 });
    const words = { lease: asked, key: 2, client: 2 };
    if (held === broken) assert.equal(world.held(world.open('f', words)), granted);
    else {
      const ticket = world.openLater('f', words);
      assert.deepEqual(world.news(), [`1 ${held}>${broken} ack`]);
      assert.equal(world.ack(1, broken), broken);
      assert.deepEqual(world.news(), [`retry ${ticket}`]);
      assert.equal(world.held(world.open('f', words)), granted, `${held} ${asked}`);
    }
    assert.equal(world.held(first), broken);
    assert.equal(world.held(world.open('f', { lease: 'RWH', key: 1 })), broken, 'no upgrade beside another');
    assert.deepEqual(world.news(), []);
  }
});

/** Lease held, oplock asked for, lease broken to, oplock granted. */
const leaseThenOplock = [
  ['R', 's', 'R', 's'],
  ['R', 'x', 'R', 's'],
  ['R', 'b', 'R', 's'],
  ['RH', 's', 'RH', ''],
  ['RH', 'b', 'RH', ''],
  ['RW', 's', 'R', 's'],
  ['RW', 'b', 'R', 's'],
  ['RWH', 's', 'RH', ''],
  ['RWH', 'b', 'RH', ''],
] as const;

test('oplocks contend with leases', () => {
  for (const [held, oplock, broken, granted] of leaseThenOplock) {
    const world = new World();
    world.open('f', { lease: held });
    if (held !== broken) {
      world.openLater('f', { oplock });
      world.ack(1, broken);
      world.news();
    }
    assert.equal(world.held(world.open('f', { oplock })), granted, `${held} ${oplock}`);
  }
});

test('leases contend with oplocks: whatever is held becomes level II, and only R is granted beside it', () => {
  for (const oplock of ['s', 'x', 'b']) {
    for (const lease of ['R', 'RH', 'RW', 'RWH']) {
      const world = new World();
      const first = world.open('f', { oplock });
      if (oplock !== 's') {
        world.openLater('f', { lease });
        assert.deepEqual(world.news(), [`${first.id} to s ack`]);
        assert.equal(world.ackOplock(first, 's'), 's');
        world.news();
      }
      assert.equal(world.held(world.open('f', { lease })), 'R', `${oplock} ${lease}`);
      assert.equal(world.held(first), 's');
    }
  }
});

test('an open under the breaking key goes on and is told of the break', () => {
  const world = new World();
  world.open('f', { lease: 'RWH' });
  world.openLater('f', { client: 2 });
  assert.equal(world.held(world.open('f', { lease: 'RWH' })), 'RWH!');
});

test('an acknowledgement may give up more than asked, never keep more', () => {
  const world = new World();
  world.open('f', { lease: 'RWH' });
  const ticket = world.openLater('f', { client: 2, replaces: 'overwrite' });
  assert.deepEqual(world.news(), ['1 RWH> ack']);
  for (const state of ['RWH', 'RW', 'WH', 'RH', 'W', 'H', 'R']) {
    assert.equal(world.ack(1, state), 'STATUS_REQUEST_NOT_ACCEPTED');
  }
  assert.equal(world.ack(1, ''), '');
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  assert.equal(world.ack(1, ''), 'STATUS_UNSUCCESSFUL');
  assert.equal(world.ack(9, ''), 'STATUS_OBJECT_NAME_NOT_FOUND');
});

test('what is asked for during a break follows it in steps, under one epoch', () => {
  const world = new World();
  const first = world.open('f', { lease: 'RWH', version: 2, epoch: 0x11 });
  assert.equal(world.epoch(first), 0x12);
  const plain = world.openLater('f', { client: 2 });
  assert.deepEqual(world.news(), ['1 RWH>RH ack epoch 19']);
  const overwrite = world.openLater('f', { client: 2, replaces: 'overwrite' });
  assert.deepEqual(world.news(), []);
  assert.equal(world.ack(1, 'RH'), 'RH');
  assert.deepEqual(world.news(), ['1 RH>R ack epoch 19']);
  assert.equal(world.held(world.open('f', { lease: 'RWH', version: 2 })), 'RH!');
  assert.equal(world.ack(1, 'R'), 'R');
  assert.deepEqual(world.news(), ['1 R> epoch 19', `retry ${plain}`, `retry ${overwrite}`]);
  assert.equal(world.held(first), '');
});

test('taking RH or R from a holder keeps nobody waiting', () => {
  for (const [lease, notice] of [
    ['RH', '1 RH> ack'],
    ['R', '1 R>'],
  ] as const) {
    const world = new World();
    const first = world.open('f', { lease });
    world.close(world.open('f', { client: 2, replaces: 'overwrite' }));
    assert.deepEqual(world.news(), [notice]);
    world.close(world.open('f', { client: 2, replaces: 'overwrite' }));
    assert.deepEqual(world.news(), []);
    assert.equal(world.held(first), lease === 'RH' ? 'RH!' : '');
    assert.equal(world.ack(1, ''), lease === 'RH' ? '' : 'STATUS_UNSUCCESSFUL');
  }
});

test('a writer breaks the reading of others, not its own', () => {
  const world = new World();
  const one = world.open('f', { lease: 'R', key: 1 });
  const two = world.open('f', { lease: 'RH', key: 2, client: 2 });
  assert.equal(describe(world.core.write(one, 0n, 1n, world.now)), 'done');
  assert.deepEqual(world.news(), ['2 RH> ack']);
  assert.equal(world.held(one), 'R');
  world.ack(2, '', 2);
  world.core.write(two, 0n, 1n, world.now);
  assert.deepEqual(world.news(), ['1 R>']);
});

test('a lock breaks the reading of others', () => {
  const world = new World();
  const one = world.open('f', { lease: 'RH', key: 1 });
  world.open('f', { lease: 'RH', key: 2 });
  world.open('f', { lease: 'R', key: 3, client: 2 });
  const lock = world.core.lock(one, [{ offset: 0n, length: 1n, flags: 2 }], world.now);
  assert.equal(describe(lock), 'done');
  assert.deepEqual(world.news(), ['2 RH> ack', '3 R>']);
  assert.equal(world.held(one), 'RH');
});

test('a sharing violation takes handle caching first, and writing only when it passes', () => {
  const world = new World();
  const first = world.open('f', { lease: 'RWH', key: 1, version: 2, epoch: 0x11 });
  const refused = { lease: 'RWH', key: 2, version: 2 as const, share: 1 };
  const ticket = world.openLater('f', refused);
  assert.deepEqual(world.news(), ['1 RWH>RW ack epoch 19']);
  world.ack(1, 'RW');
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  assert.equal(describe(world.tryOpen('f', refused)), 'STATUS_SHARING_VIOLATION');
  const shared = { ...refused, share: 7, epoch: 0x22 };
  world.openLater('f', shared);
  assert.deepEqual(world.news(), ['1 RW>R ack epoch 20']);
  world.ack(1, 'R');
  world.news();
  const second = world.open('f', shared);
  assert.equal(world.held(second), 'RH');
  assert.equal(world.epoch(second), 0x23);
  assert.equal(world.held(first), 'R');
});

test('the last close acknowledges a break', () => {
  const world = new World();
  const one = world.open('f', { lease: 'RWH' });
  const two = world.open('f', { lease: 'RWH' });
  const ticket = world.openLater('f', { client: 2 });
  world.news();
  world.close(one);
  assert.deepEqual(world.news(), []);
  world.close(two);
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  assert.equal(world.ack(1, 'RH'), 'STATUS_OBJECT_NAME_NOT_FOUND');
});

test('a break that nobody acknowledges ends after 35 seconds with nothing held', () => {
  const world = new World();
  const first = world.open('f', { lease: 'RWH' });
  const ticket = world.openLater('f', { lease: 'RWH', key: 2 });
  assert.equal(world.core.nextDeadline(), world.now + 35_000);
  world.core.advance(world.now + 34_999);
  assert.deepEqual(world.news(), ['1 RWH>RH ack']);
  world.core.advance(world.now + 35_000);
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  assert.equal(world.ack(1, 'RH'), 'STATUS_UNSUCCESSFUL');
  assert.equal(world.held(first), '');
  assert.equal(world.held(world.open('f', { lease: 'RWH', key: 2 })), 'RH');
  assert.equal(world.core.nextDeadline(), undefined);
});

test('the version and the epoch are those of the request that made the lease', () => {
  const world = new World();
  const two = world.open('f', { lease: 'R', version: 2, epoch: 0x4711 });
  const one = world.open('f', { lease: 'RH' });
  assert.equal(world.epoch(one), 0x4713);
  world.close(two);
  assert.equal(world.epoch(world.open('f', { lease: 'RWH', version: 2, epoch: 5 })), 0x4714);
  const other = new World();
  other.open('f', { lease: 'R' });
  assert.equal(other.epoch(other.open('f', { lease: 'RW', version: 2, epoch: 0x4711 })), 0);
});

test('an open of attributes only breaks nothing and stands in nobody’s way', () => {
  const world = new World();
  world.open('f', { lease: 'RWH', key: 1 });
  for (const access of [
    attributes,
    AccessMask.FILE_WRITE_ATTRIBUTES,
    AccessMask.SYNCHRONIZE,
    AccessMask.READ_CONTROL,
  ]) {
    world.open('f', { access, client: 2 });
    assert.deepEqual(world.news(), []);
  }
  for (const access of [1, 2, 8, 0x10, 0x20, 0x1_0000, 0x4_0000, 0x8_0000]) {
    const busy = new World();
    busy.open('f', { lease: 'RWH', key: 1 });
    busy.openLater('f', { access, client: 2 });
  }
  const beside = new World();
  beside.open('f', { access: attributes, client: 2 });
  assert.equal(beside.held(beside.open('f', { lease: 'RWH', key: 1 })), 'RWH');
});

test('a lease held by an open of attributes only is a lease', () => {
  const world = new World();
  world.open('f', { access: attributes, lease: 'RWH', key: 1, share: 0 });
  world.openLater('f', { lease: 'RWH', key: 2 });
  assert.deepEqual(world.news(), ['1 RWH>RH ack']);
});

test('deleting and deleting on close ask holders of handles first', () => {
  const world = new World();
  world.open('f', { lease: 'RH', key: 1 });
  const ticket = world.openLater('f', { client: 2, access: AccessMask.DELETE, deleteOnClose: true });
  assert.deepEqual(world.news(), ['1 RH>R ack']);
  world.ack(1, 'R');
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  const deleting = world.open('f', { client: 2, access: AccessMask.DELETE });
  assert.equal(describe(world.core.setDisposition(deleting, { isDelete: true }, world.now)), 'done');
});

test('a directory lease has no writing, and breaks when others change an entry', () => {
  const world = new World();
  const directory = { isDirectory: true, version: 2 as const };
  const first = world.open('d', { ...directory, lease: 'RWH', key: 2, epoch: 0x22 });
  assert.equal(world.held(first), 'RH');
  const mine = world.open('d/a', { lease: 'RWH', key: 3, version: 2, parentKey: 2 });
  const add = { place: mine.place, action: 1 as const, filter: 1 };
  world.core.changed({ ...add, by: mine }, world.now);
  assert.deepEqual(world.news(), []);
  const other = world.open('d/b', { lease: 'RWH', key: 4, version: 2 });
  world.core.changed({ ...add, by: other }, world.now);
  assert.deepEqual(world.news(), ['2 RH> ack epoch 36']);
  world.ack(2, '');
  const again = world.open('d', { ...directory, lease: 'RWH', key: 2, epoch: 0x222 });
  assert.equal(world.held(again), 'RH');
  assert.equal(world.epoch(again), 0x25);
  world.close(other);
  world.core.changed({ ...add, action: 3, by: other }, world.now);
  assert.deepEqual(world.news(), ['2 RH> ack epoch 38']);
});

test('a directory gets no oplock', () => {
  const world = new World();
  const outcome = world.tryOpen('d', { isDirectory: true, oplock: 'b' });
  assert.ok(outcome.kind === 'granted');
  assert.deepEqual(outcome.cache, { kind: 'oplock', level: OplockLevel.NONE });
});

test('who will not wait is opened at once and told so', () => {
  const world = new World();
  world.open('f', { lease: 'RWH' });
  const outcome = world.tryOpen('f', { client: 2, options: 0x100, oplock: 'b' });
  assert.ok(outcome.kind === 'granted');
  assert.equal(outcome.status, 0x108);
  assert.equal(world.held(outcome.open), '');
  const reading = world.core.read(outcome.open, 0n, 1n, world.now);
  assert.equal(reading.kind, 'wait', 'data still to be written back is waited for');
});

test('other settings count from the next break on', () => {
  const world = new World();
  world.open('f', { lease: 'RWH' });
  world.core.configure({ breakTimeoutMs: 7 });
  assert.equal(world.tryOpen('f', { client: 2 }).kind, 'wait');
  assert.equal(world.core.nextDeadline(), world.now + 7);
});
