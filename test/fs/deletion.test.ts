import assert from 'node:assert/strict';
import test from 'node:test';
import { AccessMask } from '../../src/wire/flags.ts';
import { all, describe, guid, keyOf, placeOf, World } from './world.ts';

const posix = { isDelete: true, isPosix: true };

test('delete on close deletes with the last close and refuses newcomers from its own close on', () => {
  const world = new World();
  const keeper = world.open('f', { access: AccessMask.FILE_READ_DATA });
  const deleter = world.open('f', { deleteOnClose: true });
  world.close(world.open('f'));
  assert.ok(!world.core.isDeletePending(keyOf('f'), ''));
  world.close(deleter);
  assert.ok(world.core.isDeletePending(keyOf('f'), ''));
  assert.equal(describe(world.tryOpen('f')), 'STATUS_DELETE_PENDING');
  assert.equal(describe(world.tryOpen('f', { stream: 'S' })), 'STATUS_DELETE_PENDING');
  assert.deepEqual(world.news(), []);
  world.close(keeper);
  assert.deepEqual(world.news(), [`delete ${keyOf('f')}`]);
  world.open('f');
});

test('a disposition refuses newcomers at once, breaks nothing of its own, and can be taken back', () => {
  const world = new World();
  const holder = world.open('f', { oplock: 'b' });
  assert.equal(describe(world.core.setDisposition(holder, { isDelete: true }, world.now)), 'done');
  assert.equal(describe(world.tryOpen('f', { client: 2 })), 'STATUS_DELETE_PENDING');
  assert.deepEqual(world.news(), []);
  world.core.setDisposition(holder, { isDelete: false }, world.now);
  assert.equal(world.tryOpen('f', { client: 2 }).kind, 'wait');
  world.close(holder);
  assert.ok(!world.news().some((line) => line.startsWith('delete')));
});

test('taking the disposition back does not take back delete on close, but the extended one can', () => {
  const world = new World();
  const first = world.open('f', { deleteOnClose: true });
  world.core.setDisposition(first, { isDelete: false }, world.now);
  world.close(first);
  assert.deepEqual(world.news(), [`delete ${keyOf('f')}`]);
  const second = world.open('f', { deleteOnClose: true });
  world.core.setDisposition(second, { isDelete: false, isOnClose: true }, world.now);
  world.close(second);
  assert.deepEqual(world.news(), []);
});

test('by POSIX rules the name goes with the close, whoever else has the file open', () => {
  const world = new World();
  const other = world.open('f');
  const deleter = world.open('f');
  world.core.setDisposition(deleter, posix, world.now);
  world.close(deleter);
  assert.deepEqual(world.news(), [`delete ${keyOf('f')}`]);
  world.close(other);
  assert.deepEqual(world.news(), []);
});

test('a stream goes alone, and a file with its streams when the last of them closes', () => {
  const world = new World();
  const stream = world.open('f', { stream: 'S' });
  world.core.setDisposition(stream, { isDelete: true }, world.now);
  assert.equal(describe(world.tryOpen('f', { stream: 'S' })), 'STATUS_DELETE_PENDING');
  const base = world.open('f');
  world.close(stream);
  assert.deepEqual(world.news(), [`delete ${keyOf('f')}:S`]);
  const second = world.open('f', { stream: 'T' });
  world.core.setDisposition(base, { isDelete: true }, world.now);
  world.close(base);
  assert.deepEqual(world.news(), []);
  assert.equal(describe(world.tryOpen('f', { stream: 'T' })), 'STATUS_DELETE_PENDING');
  world.close(second);
  assert.deepEqual(world.news(), [`delete ${keyOf('f')}`]);
});

test('one name of a file with two is deleted without the other', () => {
  const world = new World();
  const two = world.open('f', { place: placeOf('g') });
  const one = world.open('f', { deleteOnClose: true });
  world.close(one);
  assert.deepEqual(world.news(), [`delete ${keyOf('f')}`]);
  world.close(world.open('f', { place: placeOf('g') }));
  world.close(two);
  assert.deepEqual(world.news(), []);
});

test('abandoning an open deletes nothing', () => {
  const world = new World();
  world.core.abandon(world.open('f', { deleteOnClose: true }), world.now);
  assert.deepEqual(world.news(), []);
  assert.equal(world.core.openCount, 0);
});

test('deletion spares the parent lease that asker and last closer share', () => {
  const lease = { lease: 'R', version: 2 as const };
  for (const [setter, closer, spared] of [
    [2, 2, guid(2)],
    [1, 2, undefined],
  ] as const) {
    const world = new World();
    const opens = [
      world.open('d/f', { ...lease, key: 11, parentKey: 1 }),
      world.open('d/f', { ...lease, key: 12, parentKey: 2 }),
    ];
    const [one, two] = opens;
    assert.ok(one && two);
    world.core.setDisposition(setter === 1 ? one : two, { isDelete: true }, world.now);
    world.close(closer === 2 ? one : two, closer === 2 ? two : one);
    world.news();
    const effect = world.lastEffects.find((each) => each.kind === 'delete');
    assert.ok(effect?.kind === 'delete');
    assert.equal(effect.removal.parentKey, spared);
  }
});

test('what is renamed while it is to be deleted stays', () => {
  const world = new World();
  const open = world.open('f');
  world.core.setDisposition(open, { isDelete: true }, world.now);
  const outcome = world.core.rename(open, { to: placeOf('g'), replaceIfExists: false }, world.now);
  assert.equal(describe(outcome), 'STATUS_ACCESS_DENIED');
});

test('share modes are asked before anything breaks, and deletion pending before share modes', () => {
  const world = new World();
  world.open('f', { access: all, share: 0 });
  assert.equal(describe(world.tryOpen('f', { client: 2 })), 'STATUS_SHARING_VIOLATION');
  assert.equal(world.core.opensOf(keyOf('f')).length, 1);
});
