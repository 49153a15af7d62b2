import assert from 'node:assert/strict';
import fs from 'node:fs';
import { type TestContext, test } from 'node:test';
import type { BackendHandle } from '../../src/backend/contract.ts';
import { localBackend } from '../../src/backend/local.ts';
import { withFolder } from './folder.ts';

type Done = (error: NodeJS.ErrnoException | null) => void;

/** Records what is synced, by inode; `failing` makes it fail. */
function watchedSyncs(t: TestContext, failing: (inode: number) => boolean = () => false) {
  const synced: number[] = [];
  const fsync = fs.fsync;
  t.mock.method(fs, 'fsync', (fd: number, done: Done) => {
    const { ino } = fs.fstatSync(fd);
    synced.push(ino);
    if (failing(ino)) setImmediate(() => done(Object.assign(new Error('lost'), { code: 'EIO' })));
    else fsync(fd, done);
  });
  return {
    /** The inodes synced by a flush of `handle`. */
    async by(handle: BackendHandle): Promise<number[]> {
      synced.length = 0;
      await handle.sync();
      return [...synced].sort();
    },
  };
}

const inodes = (...paths: string[]): number[] => paths.map((path) => fs.statSync(path).ino).sort();

test('a flush covers the file and every directory that its name is new in', (t) =>
  withFolder(async ({ root }) => {
    const syncs = watchedSyncs(t);
    const backend = localBackend(root);
    await backend.makeDirectory('d');
    await backend.makeDirectory('d/e');
    const handle = await backend.open('d/e/a', { write: true, create: true });
    assert.deepEqual(await syncs.by(handle), inodes(root, `${root}/d`, `${root}/d/e`, `${root}/d/e/a`));
    assert.deepEqual(await syncs.by(handle), inodes(`${root}/d/e/a`));

    await backend.rename('d/e/a', 'd/b', false);
    assert.deepEqual(await syncs.by(handle), inodes(`${root}/d`, `${root}/d/b`));
    await backend.rename('d', 'f', false);
    assert.deepEqual(await syncs.by(handle), inodes(root, `${root}/f/b`));

    const directory = await backend.open('f', {});
    await backend.makeDirectory('f/new');
    assert.ok((await syncs.by(directory)).includes(inodes(`${root}/f`)[0] ?? 0));
    await directory.close();
    await handle.close();
    await backend.close();
  }));

test('a sync that failed fails for every handle of the file until all are closed', (t) =>
  withFolder(async ({ root }) => {
    let bad = 0;
    watchedSyncs(t, (inode) => inode === bad);
    const backend = localBackend(root);
    const first = await backend.open('a', { write: true, create: true });
    const second = await backend.open('a', {});
    bad = inodes(`${root}/a`)[0] ?? 0;
    await assert.rejects(async () => first.sync(), { code: 'EIO' });
    bad = 0;
    await assert.rejects(async () => first.sync(), { code: 'EIO' });
    await assert.rejects(async () => second.sync(), { code: 'EIO' });
    await first.close();
    await second.close();
    const again = await backend.open('a', {});
    await again.sync();
    await again.close();
    await backend.close();
  }));

test('a directory that could not be synced fails the flush, and is synced by the next', (t) =>
  withFolder(async ({ root }) => {
    let bad = inodes(root)[0];
    const syncs = watchedSyncs(t, (inode) => inode === bad);
    const backend = localBackend(root);
    const handle = await backend.open('a', { write: true, create: true });
    await assert.rejects(async () => handle.sync(), { code: 'EIO' });
    bad = undefined;
    assert.deepEqual(await syncs.by(handle), inodes(root, `${root}/a`));
    await handle.close();
    await backend.close();
  }));
