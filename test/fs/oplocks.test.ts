import assert from 'node:assert/strict';
import test from 'node:test';
import { AccessMask, OplockLevel } from '../../src/wire/flags.ts';
import { all, describe, readWrite, World } from './world.ts';

const attributes =
  AccessMask.FILE_READ_ATTRIBUTES | AccessMask.FILE_WRITE_ATTRIBUTES | AccessMask.SYNCHRONIZE;

test('the first opener gets what it asks for, the second level II at most', () => {
  for (const [first, asked, second] of [
    ['s', 's', 's'],
    ['s', 'x', 's'],
    ['s', 'b', 's'],
    ['', 'b', 's'],
    ['', 's', 's'],
    ['', 'x', 's'],
  ] as const) {
    const world = new World();
    assert.equal(world.held(world.open('f', { oplock: first })), first);
    assert.equal(world.held(world.open('f', { oplock: asked, client: 2 })), second, `${first} then ${asked}`);
  }
  for (const oplock of ['s', 'x', 'b']) assert.equal(new World().held(new World().open('f')), '', oplock);
});

test('a second open breaks exclusive and batch to level II and waits', () => {
  for (const oplock of ['x', 'b']) {
    const world = new World();
    const first = world.open('f', { oplock });
    const ticket = world.openLater('f', { oplock, client: 2 });
    assert.deepEqual(world.news(), [`${first.id} to s ack`]);
    assert.equal(world.ackOplock(first, 's'), 's');
    assert.deepEqual(world.news(), [`retry ${ticket}`]);
    assert.equal(world.held(world.open('f', { oplock, client: 2 })), 's');
  }
});

test('a sharing violation is told at once beside an exclusive oplock and after a break beside a batch one', () => {
  const exclusive = new World();
  exclusive.open('f', { oplock: 'x', share: 0 });
  assert.equal(describe(exclusive.tryOpen('f', { client: 2 })), 'STATUS_SHARING_VIOLATION');
  assert.deepEqual(exclusive.news(), []);
  const batch = new World();
  const first = batch.open('f', { oplock: 'b', share: 0 });
  const ticket = batch.openLater('f', { client: 2 });
  assert.deepEqual(batch.news(), [`${first.id} to s ack`]);
  batch.ackOplock(first, 's');
  assert.deepEqual(batch.news(), [`retry ${ticket}`]);
  assert.equal(describe(batch.tryOpen('f', { client: 2 })), 'STATUS_SHARING_VIOLATION');
  batch.close(first);
  batch.open('f', { client: 2 });
});

test('an overwrite breaks to none and leaves level II for the newcomer', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b' });
  const words = { client: 2, oplock: 'b', access: attributes, replaces: 'overwrite' as const };
  world.openLater('f', words);
  assert.deepEqual(world.news(), [`${first.id} to  ack`]);
  assert.equal(world.ackOplock(first, ''), '');
  world.news();
  assert.equal(world.held(world.open('f', words)), 's');
});

test('attributes alone break nothing, except that they replace', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b' });
  assert.equal(world.held(world.open('f', { client: 2, access: attributes, oplock: 'b' })), '');
  assert.deepEqual(world.news(), []);
  world.openLater('f', { client: 2, access: AccessMask.READ_CONTROL });
  assert.deepEqual(world.news(), [`${first.id} to s ack`]);
});

test('an attributes-only open may hold a batch oplock, and a later one may be granted beside it', () => {
  const world = new World();
  const first = world.open('f', { access: attributes });
  assert.equal(world.held(world.open('f', { oplock: 'b' })), 'b');
  world.close(first);
  const other = new World();
  const holder = other.open('f', { access: attributes, oplock: 'b' });
  assert.equal(other.held(holder), 'b');
  other.openLater('f', { oplock: 'b', client: 2 });
  assert.deepEqual(other.news(), [`${holder.id} to s ack`]);
});

test('level II ends with any write, one’s own too, and is not acknowledged', () => {
  const world = new World();
  const first = world.open('f', { oplock: 's' });
  const second = world.open('f', { oplock: 's', client: 2 });
  assert.equal(describe(world.core.write(first, 0n, 1n, world.now)), 'done');
  assert.deepEqual(world.news(), [`${first.id} to `, `${second.id} to `]);
  assert.equal(world.ackOplock(first, ''), 'STATUS_INVALID_OPLOCK_PROTOCOL');
  assert.equal(world.held(second), '');
});

test('a lone batch holder writes, locks and truncates undisturbed', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b', access: readWrite });
  world.core.write(first, 0n, 1n, world.now);
  world.core.truncate(first, world.now);
  world.core.lock(first, [{ offset: 0n, length: 4n, flags: 0x12 }], world.now);
  const again = world.core.lock(first, [{ offset: 2n, length: 4n, flags: 0x12 }], world.now);
  assert.equal(describe(again), 'STATUS_LOCK_NOT_GRANTED');
  assert.deepEqual(world.news(), []);
});

test('one’s own lock ends level II', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b', access: readWrite });
  world.openLater('f', { access: readWrite, client: 2 });
  world.ackOplock(first, 's');
  world.news();
  world.open('f', { access: readWrite, client: 2 });
  world.core.lock(first, [{ offset: 0n, length: 4n, flags: 0x12 }], world.now);
  assert.deepEqual(world.news(), [`${first.id} to `]);
});

test('a set allocation size by another breaks twice: for the open and for the size', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b' });
  world.openLater('f', { client: 2, access: AccessMask.FILE_WRITE_DATA });
  world.ackOplock(first, 's');
  const second = world.open('f', { client: 2, access: AccessMask.FILE_WRITE_DATA });
  world.core.truncate(second, world.now);
  assert.deepEqual(
    world.news().filter((line) => line.startsWith(`${first.id} `)),
    [`${first.id} to s ack`, `${first.id} to `],
  );
});

test('an acknowledgement above what was asked for costs everything', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b' });
  const ticket = world.openLater('f', { client: 2 });
  world.news();
  assert.equal(world.ackOplock(first, 'b'), 'STATUS_INVALID_OPLOCK_PROTOCOL');
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  assert.equal(world.held(first), '');
  const lease = world.core.acknowledgeOplock(first, OplockLevel.LEASE, world.now);
  assert.equal(lease.kind, 'denied');
});

test('an acknowledgement may go down to none', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'x' });
  world.openLater('f', { client: 2 });
  assert.equal(world.ackOplock(first, ''), '');
  assert.equal(world.held(first), '');
});

test('an overwrite that meets a break under way has level II broken after it', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'x' });
  const second = world.openLater('f', { client: 2 });
  const third = world.openLater('f', { client: 3, replaces: 'overwrite' });
  assert.deepEqual(world.news(), [`${first.id} to s ack`]);
  world.ackOplock(first, 's');
  assert.deepEqual(world.news(), [`${first.id} to `, `retry ${second}`, `retry ${third}`]);
});

test('close acknowledges', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b' });
  const ticket = world.openLater('f', { client: 2 });
  world.news();
  world.close(first);
  assert.deepEqual(world.news(), [`retry ${ticket}`]);
  assert.equal(world.held(world.open('f', { client: 2, oplock: 'b' })), 'b');
});

test('streams and their file have oplocks of their own', () => {
  const world = new World();
  const base = world.open('f', { oplock: 'b', share: 3, access: readWrite });
  assert.equal(world.held(world.open('f', { stream: 'S', oplock: 'b', share: 3, access: readWrite })), 'b');
  assert.deepEqual(world.news(), []);
  assert.equal(world.held(base), 'b');
  world.openLater('f', { stream: 'S', oplock: 'x', share: 3, access: readWrite, client: 2 });
});

test('reading breaks nothing that is only read', () => {
  const world = new World();
  const first = world.open('f', { oplock: 's' });
  const second = world.open('f', { client: 2, access: all });
  assert.equal(describe(world.core.read(second, 0n, 9n, world.now)), 'done');
  assert.equal(describe(world.core.flush(second, world.now)), 'done');
  assert.deepEqual(world.news(), []);
  assert.equal(world.held(first), 's');
});

test('level II is not granted beside byte-range locks, a lone batch oplock is', () => {
  const world = new World();
  const first = world.open('f');
  world.core.lock(first, [{ offset: 0n, length: 1n, flags: 0x12 }], world.now);
  assert.equal(world.held(world.open('f', { oplock: 's', client: 2 })), '');
  assert.equal(world.held(world.open('f', { lease: 'RH', key: 1, client: 2 })), '');
});

test('a cancelled wait is not retried', () => {
  const world = new World();
  const first = world.open('f', { oplock: 'b' });
  const ticket = world.openLater('f', { client: 2 });
  assert.ok(world.core.cancelTicket(ticket, world.now));
  assert.ok(!world.core.cancelTicket(ticket, world.now));
  world.news();
  world.ackOplock(first, 's');
  assert.deepEqual(world.news(), []);
});
