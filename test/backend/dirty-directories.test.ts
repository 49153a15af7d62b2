import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DirtyDirectories } from '../../src/backend/dirty-directories.ts';

/** Syncs that wait until told how they end. */
function controlledSyncs() {
  const begun: { path: string; end: (error?: Error) => void }[] = [];
  const sync = (path: string): Promise<void> =>
    new Promise((resolve, reject) => {
      begun.push({ path, end: (error) => (error ? reject(error) : resolve()) });
    });
  return { begun, sync };
}

const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));

test('a flush waits for the changed directories above it and no others', async () => {
  const { begun, sync } = controlledSyncs();
  const dirty = new DirtyDirectories(sync);
  for (const path of ['', 'a/b', 'x']) dirty.add(path);
  let isDone = false;
  const flush = dirty.syncPath('a/b').then(() => {
    isDone = true;
  });
  await turn();
  assert.deepEqual(begun.map(({ path }) => path).sort(), ['', 'a/b']);
  begun[0]?.end();
  await turn();
  assert.equal(isDone, false);
  begun[1]?.end();
  await flush;
  await dirty.syncPath('a/b');
  assert.equal(begun.length, 2);
});

test('a second flush waits for the one under way, and for a new one after a new change', async () => {
  const { begun, sync } = controlledSyncs();
  const dirty = new DirtyDirectories(sync);
  dirty.add('a');
  const first = dirty.syncPath('a');
  const second = dirty.syncPath('a');
  await turn();
  assert.equal(begun.length, 1);
  dirty.add('a');
  let isThirdDone = false;
  const third = dirty.syncPath('a').then(() => {
    isThirdDone = true;
  });
  begun[0]?.end();
  await Promise.all([first, second]);
  await turn();
  assert.equal(begun.length, 2);
  assert.equal(isThirdDone, false);
  begun[1]?.end();
  await third;
});

test('a failed sync fails every flush that waited for it, and is tried again', async () => {
  const { begun, sync } = controlledSyncs();
  const dirty = new DirtyDirectories(sync);
  dirty.add('a');
  const flushes = [dirty.syncPath('a'), dirty.syncPath('a/b')];
  await turn();
  begun[0]?.end(new Error('lost'));
  for (const flush of flushes) await assert.rejects(flush, { message: 'lost' });
  const again = dirty.syncPath('a');
  await turn();
  begun[1]?.end();
  await again;
});

test('a renamed directory stays dirty under its new path, a removed one does not', async () => {
  const { begun, sync } = controlledSyncs();
  const dirty = new DirtyDirectories(sync);
  dirty.add('a/b');
  dirty.add('gone');
  dirty.move('a', 'c');
  dirty.remove('gone');
  await dirty.syncPath('a/b');
  await dirty.syncPath('gone');
  assert.equal(begun.length, 0);
  const flush = dirty.syncPath('c/b');
  await turn();
  assert.deepEqual(
    begun.map(({ path }) => path),
    ['c/b'],
  );
  begun[0]?.end();
  await flush;
});
