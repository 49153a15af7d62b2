import assert from 'node:assert/strict';
import test from 'node:test';
import { AccessMask } from '../../src/wire/flags.ts';
import { describe, keyOf, placeOf, readWrite, World } from './world.ts';

const to = { to: placeOf('d/new'), replaceIfExists: false };
const directory = { isDirectory: true };

test('a rename leaves its own caches alone and takes handle caching from others', () => {
  const world = new World();
  const own = world.open('d/f', { lease: 'RH', key: 1 });
  world.open('d/f', { lease: 'RH', key: 2 });
  const other = world.open('d/f', { lease: 'RH', key: 3, client: 2 });
  const outcome = world.core.rename(own, to, world.now);
  assert.equal(outcome.kind, 'wait');
  assert.deepEqual(world.news(), ['2 RH>R ack', '3 RH>R ack']);
  world.ack(2, 'R');
  assert.deepEqual(world.news(), []);
  world.ack(3, 'R', 2);
  assert.equal(world.news().length, 1);
  assert.equal(describe(world.core.rename(own, to, world.now)), 'done');
  world.core.renamed(own, to.to, world.now);
  assert.equal(own.place.name, 'new');
  assert.equal(other.place.name, 'new');
  assert.equal(world.held(own), 'RH');
});

test('a lone holder renames under its own batch oplock or lease', () => {
  const world = new World();
  const own = world.open('d/f', { oplock: 'b' });
  assert.equal(describe(world.core.rename(own, to, world.now)), 'done');
  assert.deepEqual(world.news(), []);
});

/** How the target's directory is open, and what becomes of a rename into it. */
const parents = [
  [{ access: AccessMask.DELETE, share: 7 }, 'STATUS_SHARING_VIOLATION'],
  [{ access: readWrite | AccessMask.DELETE, share: 0 }, 'STATUS_SHARING_VIOLATION'],
  [{ access: readWrite, share: 7 }, 'done'],
  [{ access: readWrite, share: 5 }, 'STATUS_SHARING_VIOLATION'],
  [{ access: AccessMask.FILE_READ_DATA, share: 3 }, 'done'],
  [{ access: AccessMask.FILE_READ_ATTRIBUTES | AccessMask.SYNCHRONIZE, share: 0 }, 'done'],
] as const;

test('the target’s directory is opened for the rename, by share modes', () => {
  for (const [words, expected] of parents) {
    const world = new World();
    const file = world.open('d/f');
    world.open('d', { ...directory, ...words });
    assert.equal(describe(world.core.rename(file, to, world.now)), expected, JSON.stringify(words));
    assert.equal(describe(world.core.link(file, to, world.now)), expected, JSON.stringify(words));
  }
});

test('a directory is renamed whatever shares its parent', () => {
  const world = new World();
  const folder = world.open('d/f', directory);
  world.open('d', { ...directory, access: readWrite | AccessMask.DELETE, share: 7 });
  assert.equal(describe(world.core.rename(folder, to, world.now)), 'done');
});

test('a leased directory that stands in the way is asked to close first', () => {
  const world = new World();
  const file = world.open('d/f');
  const parent = world.open('d', { ...directory, access: AccessMask.DELETE, lease: 'RH', version: 2 });
  assert.equal(world.core.rename(file, to, world.now).kind, 'wait');
  assert.deepEqual(world.news(), ['1 RH>R ack epoch 2']);
  world.close(parent);
  assert.match(world.news().join(), /^retry \d+$/);
  assert.equal(describe(world.core.rename(file, to, world.now)), 'done');
});

test('a directory with open files below stays, unless their holders close them when asked', () => {
  const world = new World();
  const dir = world.open('d', directory);
  const move = { to: placeOf('e'), replaceIfExists: false };
  const deep = world.open('d/x/f', { lease: 'RWH' });
  assert.equal(world.core.rename(dir, move, world.now).kind, 'wait');
  assert.deepEqual(world.news(), ['1 RWH>RW ack']);
  world.close(deep);
  world.news();
  assert.equal(describe(world.core.rename(dir, move, world.now)), 'done');
  world.open('d/f');
  assert.equal(describe(world.core.rename(dir, move, world.now)), 'STATUS_ACCESS_DENIED');
});

test('opens below a renamed directory follow it', () => {
  const world = new World();
  const dir = world.open('a/d', directory);
  const file = world.open('a/d/x/f');
  world.core.renamed(dir, placeOf('b/e'), world.now);
  assert.deepEqual(
    file.place.ancestors.map((step) => step.name),
    ['', 'b', 'e', 'x'],
  );
  assert.equal(dir.place.name, 'e');
});

test('a file with open streams is not renamed', () => {
  const world = new World();
  world.open('d/f', { stream: 'S' });
  const base = world.open('d/f', { client: 2 });
  assert.equal(describe(world.core.rename(base, to, world.now)), 'STATUS_ACCESS_DENIED');
});

test('a target that exists is replaced only when asked for and not open', () => {
  const world = new World();
  const file = world.open('d/f');
  const target = { file: keyOf('d/new'), isDirectory: false };
  const replacing = { ...to, replaceIfExists: true, target };
  assert.equal(
    describe(world.core.rename(file, { ...to, target }, world.now)),
    'STATUS_OBJECT_NAME_COLLISION',
  );
  assert.equal(describe(world.core.rename(file, replacing, world.now)), 'done');
  const victim = world.open('d/new', { lease: 'RH', client: 2 });
  assert.equal(world.core.rename(file, replacing, world.now).kind, 'wait');
  world.ack(1, 'R', 2);
  assert.equal(describe(world.core.rename(file, replacing, world.now)), 'STATUS_ACCESS_DENIED');
  assert.equal(describe(world.core.rename(file, { ...replacing, isPosix: true }, world.now)), 'done');
  world.close(victim);
  const onto = { ...replacing, target: { ...target, isDirectory: true } };
  assert.equal(describe(world.core.rename(file, onto, world.now)), 'STATUS_ACCESS_DENIED');
});

test('a stream takes another name unless that stream is open', () => {
  const world = new World();
  const one = world.open('d/f', { stream: 'ONE' });
  assert.equal(describe(world.core.renameStream(one, 'ONE', true, world.now)), 'done');
  const two = world.open('d/f', { stream: 'TWO' });
  assert.equal(describe(world.core.renameStream(one, 'TWO', true, world.now)), 'STATUS_ACCESS_DENIED');
  world.close(two);
  assert.equal(describe(world.core.renameStream(one, 'TWO', true, world.now)), 'done');
  world.core.streamRenamed(one, 'TWO');
  assert.equal(one.stream, 'TWO');
  assert.equal(describe(world.tryOpen('d/f', { stream: 'TWO', share: 0 })), 'STATUS_SHARING_VIOLATION');
  world.open('d/f', { stream: 'ONE', share: 0 });
});
