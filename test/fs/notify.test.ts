import assert from 'node:assert/strict';
import test from 'node:test';
import type { CoreOpen, WatchOutcome, WatchRequest } from '../../src/fs/types.ts';
import { AccessMask, CompletionFilter, FileAction } from '../../src/wire/flags.ts';
import { describe, placeOf, ticketOf, World } from './world.ts';

const { FILE_NAME, ATTRIBUTES, DIR_NAME } = CompletionFilter;
const names = FILE_NAME | DIR_NAME;

function watch(world: World, open: CoreOpen, words: Partial<WatchRequest> = {}): WatchOutcome {
  return world.core.watch(open, { filter: names, isRecursive: false, bytesMax: 1000, ...words }, world.now);
}

function directory(world: World, path = 'd', client = 1): CoreOpen {
  return world.open(path, { isDirectory: true, client });
}

function tell(
  world: World,
  path: string,
  action: 1 | 2 | 3 = FileAction.ADDED,
  filter: number = FILE_NAME,
): void {
  world.core.changed({ place: placeOf(path), action, filter }, world.now);
}

function entriesOf(outcome: WatchOutcome): string[] {
  assert.ok(outcome.kind === 'notified', outcome.kind);
  return outcome.entries.map((entry) => `${entry.action}:${entry.name}`);
}

test('a change answers the waiting request; what follows is kept for the next', () => {
  const world = new World();
  const dir = directory(world);
  const ticket = ticketOf(watch(world, dir));
  tell(world, 'd/a');
  assert.deepEqual(world.news(), [`notify ${ticket} STATUS_SUCCESS 1:a`]);
  tell(world, 'd/b');
  tell(world, 'd/a', FileAction.REMOVED);
  assert.deepEqual(entriesOf(watch(world, dir)), ['1:b', '2:a']);
  ticketOf(watch(world, dir));
});

test('only the filter of the first request counts', () => {
  const world = new World();
  const dir = directory(world);
  const ticket = ticketOf(watch(world, dir, { filter: ATTRIBUTES }));
  assert.ok(world.core.cancelTicket(ticket, world.now));
  ticketOf(watch(world, dir, { filter: FILE_NAME }));
  tell(world, 'd/a');
  assert.deepEqual(world.news(), []);
  tell(world, 'd/a', FileAction.MODIFIED, ATTRIBUTES);
  assert.equal(world.news().length, 1);
});

test('nothing is kept for an open that never asked', () => {
  const world = new World();
  const dir = directory(world);
  tell(world, 'd/a');
  ticketOf(watch(world, dir));
  assert.ok(world.core.hasWatches);
});

test('a whole tree is watched only when asked for, with paths', () => {
  const world = new World();
  const deep = directory(world, 'd');
  const flat = directory(world, 'd', 2);
  const ticket = ticketOf(watch(world, deep, { isRecursive: true }));
  ticketOf(watch(world, flat));
  tell(world, 'd/x/y/f');
  assert.deepEqual(world.news(), [`notify ${ticket} STATUS_SUCCESS 1:x\\y\\f`]);
});

test('what does not fit is lost, and the next answer says so', () => {
  const world = new World();
  const dir = directory(world);
  const first = ticketOf(watch(world, dir, { bytesMax: 40 }));
  world.core.cancelTicket(first, world.now);
  for (const name of ['aaaa', 'bbbb', 'cccc']) tell(world, `d/${name}`);
  const lost = watch(world, dir);
  assert.ok(lost.kind === 'notified' && lost.status === 0x10c && lost.entries.length === 0);
  ticketOf(watch(world, dir));
});

test('a request without room is told to enumerate', () => {
  const world = new World();
  const dir = directory(world);
  const ticket = ticketOf(watch(world, dir, { bytesMax: 0 }));
  tell(world, 'd/a');
  assert.deepEqual(world.news(), [`notify ${ticket} STATUS_NOTIFY_ENUM_DIR`]);
});

test('a rename within a directory is one pair, between directories a going and a coming', () => {
  const world = new World();
  const dir = directory(world);
  const top = directory(world, 'e', 2);
  const one = ticketOf(watch(world, dir));
  const two = ticketOf(watch(world, top));
  const action = FileAction.RENAMED_OLD_NAME;
  const rename = { place: placeOf('d/a'), action, filter: FILE_NAME };
  world.core.changed({ ...rename, newPlace: placeOf('d/b') }, world.now);
  assert.deepEqual(world.news(), [`notify ${one} STATUS_SUCCESS 4:a,5:b`]);
  ticketOf(watch(world, dir));
  world.core.changed({ ...rename, newPlace: placeOf('e/b') }, world.now);
  assert.deepEqual(world.news(), [
    `notify ${one + 2} STATUS_SUCCESS 2:a`,
    `notify ${two} STATUS_SUCCESS 1:b`,
  ]);
});

test('a pair below a watched tree keeps its path', () => {
  const world = new World();
  const dir = directory(world);
  const ticket = ticketOf(watch(world, dir, { isRecursive: true }));
  const place = placeOf('d/x/a');
  const change = {
    place,
    action: FileAction.RENAMED_OLD_NAME,
    filter: FILE_NAME,
    newPlace: placeOf('d/x/b'),
  };
  world.core.changed(change, world.now);
  assert.deepEqual(world.news(), [`notify ${ticket} STATUS_SUCCESS 4:x\\a,5:x\\b`]);
});

test('closing the directory cleans up, deleting it says so', () => {
  const world = new World();
  const dir = directory(world);
  const ticket = ticketOf(watch(world, dir));
  world.close(dir);
  assert.deepEqual(world.news(), [`notify ${ticket} STATUS_NOTIFY_CLEANUP`]);
  assert.ok(!world.core.hasWatches);
  const watched = directory(world);
  const second = ticketOf(watch(world, watched));
  const deleter = directory(world, 'd', 2);
  world.core.setDisposition(deleter, { isDelete: true }, world.now);
  assert.deepEqual(world.news(), [`notify ${second} STATUS_DELETE_PENDING`]);
  assert.equal(describe(watch(world, watched)), 'STATUS_DELETE_PENDING');
});

test('several requests of one open are answered one change each, in order', () => {
  const world = new World();
  const dir = directory(world);
  const tickets = [ticketOf(watch(world, dir)), ticketOf(watch(world, dir))];
  tell(world, 'd/a');
  tell(world, 'd/b');
  assert.deepEqual(world.news(), [
    `notify ${tickets[0]} STATUS_SUCCESS 1:a`,
    `notify ${tickets[1]} STATUS_SUCCESS 1:b`,
  ]);
});

test('only a directory can be watched, and only by who may list it', () => {
  const world = new World();
  assert.equal(describe(watch(world, world.open('f'))), 'STATUS_INVALID_PARAMETER');
  const blind = world.open('d', { isDirectory: true, access: AccessMask.FILE_READ_ATTRIBUTES });
  assert.equal(describe(watch(world, blind)), 'STATUS_ACCESS_DENIED');
});

test('the same file modified over and over is kept once', () => {
  const world = new World();
  const dir = directory(world);
  world.core.cancelTicket(ticketOf(watch(world, dir, { filter: ATTRIBUTES })), world.now);
  for (let n = 0; n < 5; n++) tell(world, 'd/a', FileAction.MODIFIED, ATTRIBUTES);
  assert.deepEqual(entriesOf(watch(world, dir)), ['3:a']);
});
