import assert from 'node:assert/strict';
import fs from 'node:fs';
import path from 'node:path';
import { test } from 'node:test';
import { createFsFromVolume, Volume } from 'memfs';
import { Union } from 'unionfs';
import type { Backend } from '../../src/backend/contract.ts';
import { fromNodeFs } from '../../src/backend/node-fs.ts';
import { isNodeFs, type NodeFsPromises, nodeFsPromises } from '../../src/backend/node-fs-source.ts';
import { contentOf, failsWith, listedNames } from '../../src/testing/backend-contract/case.ts';
import { backendContract } from '../../src/testing/backend-contract.ts';
import { type Folder, makeFolder, removeFolder } from './folder.ts';

const folders = new Map<Backend, Folder>();

/** Milliseconds: doubles of seconds and memfs hold no more for sure. */
const timeStep = 20_000n;

function inFolder(): Backend {
  const folder = makeFolder();
  const backend = fromNodeFs(fs.promises, { root: folder.root });
  folders.set(backend, folder);
  return backend;
}

function inMemfs(options: { identity?: 'inode' | 'name' } = {}): Backend {
  const volume = new Volume();
  volume.mkdirSync('/share');
  return fromNodeFs(createFsFromVolume(volume), { root: '/share', ...options });
}

const traits = { hasExactNames: false, timeStep };

backendContract('fs.promises', inFolder, {
  ...traits,
  test,
  pathCharsMax: 4000,
  dispose: (backend) => {
    const folder = folders.get(backend);
    if (folder !== undefined) removeFolder(folder);
  },
});
backendContract('memfs', () => inMemfs(), { ...traits, test, fileBytesMax: 2 ** 30 });
backendContract('memfs without inodes', () => inMemfs({ identity: 'name' }), {
  ...traits,
  test,
  fileBytesMax: 2 ** 30,
});

test('an object that lacks methods is refused with their names', () => {
  const { open, lstat, readdir } = fs.promises;
  const unchecked: (source: unknown) => unknown = (source) => nodeFsPromises(source);
  assert.throws(() => unchecked({ open, lstat, readdir }), {
    name: 'TypeError',
    message: 'fromNodeFs: the object lacks mkdir, rmdir, unlink, rename',
  });
  assert.throws(() => unchecked({ promises: { open } }), /property "promises" lacks lstat, readdir/);
  for (const nothing of [undefined, null, 'text', {}, { readFile() {} }])
    assert.throws(() => unchecked(nothing), /what node:fs\/promises is like/);
  for (const [source, is] of [
    [fs, true],
    [fs.promises, true],
    [createFsFromVolume(new Volume()), true],
    [{ open, lstat }, false],
    [{ promises: {} }, false],
    ['/path', false],
  ] as const)
    assert.equal(isNodeFs(source), is);
});

test('abilities follow the methods that are there', () => {
  const { open, lstat, readdir, mkdir, rmdir, unlink, rename } = fs.promises;
  const least: NodeFsPromises = { open, lstat, readdir, mkdir, rmdir, unlink, rename };
  const plain = fromNodeFs(least, { root: '/tmp' });
  assert.deepEqual([plain.link, plain.symlinks], [undefined, undefined]);
  const full = fromNodeFs(fs, { root: '/tmp' });
  assert.ok(full.link !== undefined && full.symlinks !== undefined);
  assert.equal(fromNodeFs(fs, { identity: 'name' }).link, undefined);
});

test('a union of file systems is served through what it has as promises', async () => {
  const [lower, upper] = [new Volume(), new Volume()];
  lower.fromJSON({ '/a.txt': 'lower', '/both.txt': 'lower' });
  upper.fromJSON({ '/b.txt': 'upper', '/both.txt': 'upper' });
  const joined = new Union();
  // Called without its type, which memfs as it is today does not quite fit.
  for (const volume of [lower, upper]) Reflect.apply(joined.use, joined, [createFsFromVolume(volume)]);
  const union: unknown = joined;
  assert.ok(isNodeFs(union));
  const backend = fromNodeFs(union, { identity: 'name' });
  assert.deepEqual(await listedNames(backend, ''), ['a.txt', 'b.txt', 'both.txt']);
  assert.equal(await contentOf(backend, 'a.txt'), 'lower');
  assert.equal(await contentOf(backend, 'both.txt'), 'upper');
  // Both volumes number their files alike.
  const ids = await Promise.all(['a.txt', 'b.txt'].map(async (name) => (await backend.stat(name)).fileId));
  assert.notEqual(ids[0], ids[1]);
});

test('nothing outside the root is reached, by links or otherwise', async () => {
  const folder = makeFolder();
  fs.writeFileSync(path.join(folder.outside, 'secret'), 'secret');
  fs.symlinkSync(folder.outside, path.join(folder.root, 'link'));
  fs.symlinkSync(path.join(folder.outside, 'secret'), path.join(folder.root, 'file'));
  const backend = fromNodeFs(fs.promises, { root: folder.root });
  for (const [name, code] of [
    ['link/secret', 'ELOOP'],
    ['file', 'ELOOP'],
    ['../share2/secret', 'EINVAL'],
    ['link/../../share2', 'EINVAL'],
  ] as const)
    await failsWith(code, () => backend.open(name, {}));
  await failsWith('ELOOP', () => backend.open('link/new', { write: true, create: true }));
  await failsWith('ELOOP', () => backend.rename('file', 'link/file', false));
  await failsWith('ELOOP', () => listedNames(backend, 'link'));
  assert.deepEqual(fs.readdirSync(folder.outside), ['secret']);
  removeFolder(folder);
});

test('a sync that failed stays failed while the file is open, and covers the names', async () => {
  const synced: string[] = [];
  let failures = 1;
  const watched: NodeFsPromises = {
    ...fs.promises,
    async open(name, flags) {
      const file = await fs.promises.open(name, flags);
      const sync = async () => {
        synced.push(path.basename(name));
        if (path.basename(name) === 'bad' && failures-- > 0)
          throw Object.assign(new Error('EIO'), { code: 'EIO' });
      };
      return Object.assign(file, { sync });
    },
  };
  const folder = makeFolder();
  const backend = fromNodeFs(watched, { root: folder.root });
  await backend.makeDirectory('d');
  const good = await backend.open('d/good', { write: true, create: true });
  await good.sync();
  assert.deepEqual(synced.sort(), ['d', 'good', 'share']);
  await good.sync();
  assert.deepEqual(synced.slice(3), ['good']);
  await good.close();
  const bad = await backend.open('bad', { write: true, create: true });
  const other = await backend.open('bad', { write: true });
  await failsWith('EIO', () => bad.sync());
  await failsWith('EIO', () => bad.sync());
  await failsWith('EIO', () => other.sync());
  await bad.close();
  await other.close();
  removeFolder(folder);
});

test('a share of memfs survives names from JavaScript and many directories', async () => {
  const backend = inMemfs();
  for (let count = 0; count < 200; count++) await backend.makeDirectory(`d${count}`);
  assert.equal((await listedNames(backend, '')).length, 200);
});
