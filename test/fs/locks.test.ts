import assert from 'node:assert/strict';
import test from 'node:test';
import fc from 'fast-check';
import { statusName } from '../../src/base/status.ts';
import { ByteRangeLocks, type RangeLock } from '../../src/fs/byte-range-locks.ts';
import type { CoreOpen, LockElement } from '../../src/fs/types.ts';
import { AccessMask } from '../../src/wire/flags.ts';
import { describe, readWrite, ticketOf, World } from './world.ts';

const shared = 1;
const exclusive = 2;
const unlock = 4;
const now = 0x10;

function element(offset: number | bigint, length: number | bigint, flags: number): LockElement {
  return { offset: BigInt(offset), length: BigInt(length), flags };
}

function lock(world: World, open: CoreOpen, ...elements: LockElement[]): string {
  return describe(world.core.lock(open, elements, world.now));
}

test('bad requests are refused', () => {
  const world = new World();
  const open = world.open('f');
  const bad = 'STATUS_INVALID_PARAMETER';
  assert.equal(lock(world, open), bad);
  for (const flags of [0, 3, 6, 7, 0x14, 0x13, 0x20, 0x10])
    assert.equal(lock(world, open, element(0, 1, flags)), bad);
  assert.equal(lock(world, open, element(0, 1, shared | now), element(2, 1, shared)), bad);
  assert.equal(lock(world, open, element(0, 1, 0), element(0, 1, unlock)), bad);
  assert.equal(lock(world, open, element(9, 1, unlock), element(9, 1, 0)), 'STATUS_RANGE_NOT_LOCKED');
  assert.equal(lock(world, world.open('d', { isDirectory: true }), element(0, 1, shared)), bad);
  const blind = world.open('f', { access: AccessMask.DELETE });
  assert.equal(lock(world, blind, element(0, 1, shared)), 'STATUS_ACCESS_DENIED');
});

test('ranges end with the 64th bit', () => {
  const max = (1n << 64n) - 1n;
  const outcomes: [bigint, bigint, string][] = [
    [max, 0n, 'done'],
    [max, 1n, 'done'],
    [max, 2n, 'STATUS_INVALID_LOCK_RANGE'],
    [max, max, 'STATUS_INVALID_LOCK_RANGE'],
    [1n, max, 'done'],
    [2n, max, 'STATUS_INVALID_LOCK_RANGE'],
  ];
  for (const [offset, length, expected] of outcomes) {
    const world = new World();
    assert.equal(lock(world, world.open('f'), element(offset, length, exclusive | now)), expected);
  }
});

/** Two locks of different opens; true when the second is granted. */
const zeroByte: [number, number, number, number, boolean][] = [
  [10, 0, 10, 0, true],
  [10, 0, 9, 1, true],
  [10, 0, 10, 1, true],
  [10, 0, 11, 1, true],
  [10, 0, 9, 2, false],
  [10, 0, 10, 2, true],
  [10, 0, 9, 3, false],
];

test('a lock of no bytes meets only what reaches over it', () => {
  for (const [offset1, length1, offset2, length2, isGranted] of zeroByte) {
    for (const isSwapped of [false, true]) {
      const world = new World();
      const elements = [
        element(offset1, length1, exclusive | now),
        element(offset2, length2, exclusive | now),
      ];
      if (isSwapped) elements.reverse();
      const [first, second] = elements;
      assert.ok(first && second);
      assert.equal(lock(world, world.open('f'), first), 'done');
      const expected = isGranted ? 'done' : 'STATUS_LOCK_NOT_GRANTED';
      assert.equal(lock(world, world.open('f', { client: 2 }), second), expected);
    }
  }
});

/** First and second lock; what the same open gets, and another. */
const overlays: [number, number, boolean, boolean][] = [
  [shared, shared, true, true],
  [shared, exclusive, false, false],
  [exclusive, shared, true, false],
  [exclusive, exclusive, false, false],
];

test('an open lays shared over its own locks, others only over shared ones', () => {
  for (const [first, second, isOwn, isOther] of overlays) {
    const world = new World();
    const open = world.open('f');
    lock(world, open, element(5, 5, first | now));
    const verdict = (granted: boolean) => (granted ? 'done' : 'STATUS_LOCK_NOT_GRANTED');
    const other = world.open('f', { client: 2 });
    assert.equal(
      lock(world, other, element(9, 5, second | now)),
      verdict(isOther),
      `${first} ${second} other`,
    );
    world.close(other);
    assert.equal(lock(world, open, element(9, 5, second | now)), verdict(isOwn), `${first} ${second} own`);
  }
});

test('exclusive locks keep others from reading and writing, shared ones everyone from writing', () => {
  const world = new World();
  const one = world.open('f');
  const two = world.open('f', { client: 2 });
  const conflict = 'STATUS_FILE_LOCK_CONFLICT';
  const answers = (open: CoreOpen) => [
    describe(world.core.read(open, 5n, 1n, world.now)),
    describe(world.core.write(open, 5n, 1n, world.now)),
  ];
  lock(world, one, element(0, 10, exclusive | now));
  assert.deepEqual([...answers(one), ...answers(two)], ['done', 'done', conflict, conflict]);
  assert.equal(describe(world.core.read(two, 5n, 0n, world.now)), 'done');
  assert.equal(describe(world.core.read(two, 10n, 5n, world.now)), 'done');
  lock(world, one, element(0, 10, unlock));
  lock(world, one, element(0, 10, shared | now));
  assert.deepEqual([...answers(one), ...answers(two)], ['done', conflict, 'done', conflict]);
});

test('unlocking names the exact range, and takes an exclusive lock before a shared one', () => {
  const world = new World();
  const open = world.open('f');
  const other = world.open('f', { client: 2 });
  lock(world, open, element(0, 4, exclusive | now));
  lock(world, open, element(0, 4, shared));
  lock(world, open, element(0, 4, shared));
  for (const [offset, length] of [
    [0, 3],
    [1, 3],
    [0, 5],
  ] as const) {
    assert.equal(lock(world, open, element(offset, length, unlock)), 'STATUS_RANGE_NOT_LOCKED');
  }
  assert.equal(lock(world, other, element(0, 4, unlock)), 'STATUS_RANGE_NOT_LOCKED');
  assert.equal(lock(world, open, element(0, 4, unlock)), 'done');
  assert.equal(lock(world, other, element(0, 4, shared | now)), 'done');
  assert.equal(lock(world, open, element(0, 4, unlock), element(0, 4, unlock)), 'done');
  assert.equal(lock(world, open, element(0, 4, unlock)), 'STATUS_RANGE_NOT_LOCKED');
});

test('an array locks whole or not at all', () => {
  const world = new World();
  const one = world.open('f');
  const two = world.open('f', { client: 2 });
  lock(world, one, element(20, 1, exclusive | now));
  const flags = exclusive | now;
  const refused = lock(world, two, element(0, 1, flags), element(10, 1, flags), element(20, 1, flags));
  assert.equal(refused, 'STATUS_LOCK_NOT_GRANTED');
  assert.equal(lock(world, one, element(0, 1, flags), element(10, 1, flags)), 'done');
});

test('blocking locks are granted in the order they came, when what they wait for goes', () => {
  const world = new World();
  const opens = [1, 2, 3].map((client) => world.open('f', { client }));
  const [one, two, three] = opens;
  assert.ok(one && two && three);
  lock(world, one, element(0, 10, exclusive));
  const second = ticketOf(world.core.lock(two, [element(0, 5, exclusive)], world.now));
  const third = ticketOf(world.core.lock(three, [element(4, 5, exclusive)], world.now));
  lock(world, one, element(0, 10, unlock));
  assert.deepEqual(world.news(), [`lock ${second} STATUS_SUCCESS`]);
  world.close(two);
  assert.deepEqual(world.news(), [`lock ${third} STATUS_SUCCESS`]);
});

test('a waiting lock can be cancelled, and ends with its open', () => {
  const world = new World();
  const one = world.open('f');
  const two = world.open('f', { client: 2 });
  lock(world, one, element(0, 10, exclusive));
  const first = ticketOf(world.core.lock(two, [element(0, 5, exclusive)], world.now));
  assert.ok(world.core.cancelTicket(first, world.now));
  const second = ticketOf(world.core.lock(two, [element(0, 5, exclusive)], world.now));
  world.close(two);
  assert.deepEqual(world.news(), [`lock ${second} STATUS_RANGE_NOT_LOCKED`]);
  lock(world, one, element(0, 10, unlock));
  assert.deepEqual(world.news(), []);
});

test('a replayed sequence number is answered without locking again', () => {
  const world = new World();
  const open = world.open('f', { access: readWrite });
  const request = (number: number, flags: number, index = 1) =>
    describe(world.core.lock(open, [element(0, 1, flags)], world.now, { index, number }));
  assert.equal(request(0, exclusive | now), 'done');
  assert.equal(request(0, exclusive | now), 'done');
  assert.equal(request(1, exclusive | now), 'STATUS_LOCK_NOT_GRANTED');
  assert.equal(request(0, exclusive | now), 'STATUS_LOCK_NOT_GRANTED');
  assert.equal(request(2, unlock), 'done');
  assert.equal(request(2, unlock), 'done');
  assert.equal(request(2, unlock, 2), 'STATUS_RANGE_NOT_LOCKED');
  assert.equal(request(0, exclusive | now, 0), 'done');
  assert.equal(request(0, exclusive | now, 0), 'STATUS_LOCK_NOT_GRANTED');
});

test('a lock that waits twice under one sequence number is granted once, for both', () => {
  const world = new World();
  const one = world.open('f');
  const two = world.open('f', { client: 2 });
  lock(world, one, element(0, 10, exclusive));
  const request = (number: number) =>
    ticketOf(world.core.lock(two, [element(0, 5, exclusive)], world.now, { index: 1, number }));
  const [first, again, other] = [request(0), request(0), request(1)];
  lock(world, one, element(0, 10, unlock));
  assert.deepEqual(world.news(), [`lock ${again} STATUS_SUCCESS`, `lock ${first} STATUS_SUCCESS`]);
  lock(world, two, element(0, 5, unlock));
  assert.deepEqual(world.news(), [`lock ${other} STATUS_SUCCESS`]);
});

test('an open holds a limited number of locks', () => {
  const world = new World({ lockCountPerOpen: 2 });
  const open = world.open('f');
  const flags = exclusive | now;
  assert.equal(lock(world, open, element(0, 1, flags), element(1, 1, flags)), 'done');
  assert.equal(lock(world, open, element(2, 1, flags)), statusName(0xc000_009a));
  lock(world, open, element(0, 1, unlock));
  assert.equal(lock(world, open, element(2, 1, flags)), 'done');
});

/** The plain meaning of overlap, to hold the tree against. */
function overlaps(a: RangeLock, b: RangeLock): boolean {
  return a.offset < b.offset + b.length && b.offset < a.offset + a.length;
}

test('the interval tree finds exactly what a linear search finds', () => {
  const anyLock = fc.record({
    open: fc.integer({ min: 1, max: 3 }),
    offset: fc.bigInt({ min: 0n, max: 40n }),
    length: fc.bigInt({ min: 0n, max: 12n }),
    isExclusive: fc.boolean(),
    isRemoval: fc.boolean(),
  });
  const property = fc.property(fc.array(anyLock, { maxLength: 80 }), (steps) => {
    const tree = new ByteRangeLocks();
    const held: RangeLock[] = [];
    for (const { isRemoval, ...fields } of steps) {
      const wanted: RangeLock = { ...fields, group: `g${fields.open}` };
      const met = held.filter((other) => overlaps(other, wanted));
      const isRefused = met.some(
        (other) => wanted.isExclusive || (other.isExclusive && other.open !== wanted.open),
      );
      assert.equal(tree.conflicts(wanted), isRefused);
      const canRead =
        wanted.length === 0n || !met.some((other) => other.isExclusive && other.open !== wanted.open);
      assert.equal(!tree.blocksRead(wanted.open, wanted), canRead);
      const isKept = met.some((other) => !other.isExclusive || other.open !== wanted.open);
      assert.equal(tree.blocksWrite(wanted.open, wanted), wanted.length > 0n && isKept);
      const victim = held[Number(wanted.offset) % Math.max(held.length, 1)];
      if (isRemoval && victim !== undefined) {
        tree.release(victim);
        held.splice(held.indexOf(victim), 1);
      } else if (!isRefused) {
        tree.add(wanted);
        held.push(wanted);
      }
    }
    for (const open of [1, 2, 3]) tree.releaseAll(open);
    assert.ok(tree.isEmpty);
  });
  fc.assert(property, { numRuns: 300 });
});
