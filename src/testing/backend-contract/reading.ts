/**
 * What can be asked of a store that does not change: all that it holds is looked at, whatever it is.
 */
import assert from 'node:assert/strict';
import type { Backend, BackendPath, BackendStat } from '../../backend/contract.ts';
import { codeOf } from '../../backend/error.ts';
import { walk } from '../../backend/walk.ts';
import { bytesOf, type ContractCase, entriesOf, failsWith, withHandle } from './case.ts';

/** Enough to see every kind of thing, and an end with a store that makes names for ever. */
const LOOK_COUNT_MAX = 1000;
const READ_BYTES_MAX = 4 * 2 ** 20;

interface Found {
  readonly path: BackendPath;
  readonly stat: BackendStat;
}

async function everything(backend: Backend): Promise<Found[]> {
  const found: Found[] = [];
  for await (const entry of walk(backend, '')) {
    found.push(entry);
    if (found.length === LOOK_COUNT_MAX) break;
  }
  return found;
}

async function ofKind(backend: Backend, kind: BackendStat['kind']): Promise<Found[]> {
  return (await everything(backend)).filter(({ stat }) => stat.kind === kind);
}

/** Asserts that a change is refused, as one of a store that does not change. */
async function isRefused(change: () => unknown, what: string): Promise<void> {
  const refused = ['EROFS', 'EACCES', 'EPERM'];
  await assert.rejects(
    async () => change(),
    (error) => refused.includes(codeOf(error) ?? ''),
    `${what} must be refused with EROFS, EACCES or EPERM`,
  );
}

export const readingCases: readonly ContractCase[] = [
  {
    behaviour: 'the root is a directory and can be listed',
    async run(backend) {
      assert.equal((await backend.stat('')).kind, 'directory');
      await entriesOf(backend, '');
    },
  },
  {
    behaviour: 'what is listed is found by its name, as the same file of the same kind',
    async run(backend) {
      for (const { path, stat } of await everything(backend)) {
        const told = await backend.stat(path);
        assert.deepEqual([told.kind, told.fileId], [stat.kind, stat.fileId], path);
      }
    },
  },
  {
    behaviour: 'no two files share a file id, and none is 0',
    async run(backend) {
      const paths = new Map<bigint, BackendPath>([[(await backend.stat('')).fileId, 'the root']]);
      for (const { path, stat } of await everything(backend)) {
        assert.notEqual(stat.fileId, 0n, path);
        if (stat.linkCount <= 1)
          assert.equal(paths.get(stat.fileId), undefined, `${path} has the id of another`);
        paths.set(stat.fileId, path);
      }
    },
  },
  {
    behaviour: 'an open file has a size, and exactly so many bytes',
    async run(backend) {
      for (const { path } of await ofKind(backend, 'file')) {
        await withHandle(backend, path, {}, async (handle) => {
          const { sizeBytes } = await handle.stat();
          const length = Math.min(sizeBytes, READ_BYTES_MAX);
          assert.equal((await bytesOf(handle, 0, length)).length, length, path);
          assert.equal((await bytesOf(handle, sizeBytes, 10)).length, 0, `${path}: read at its end`);
          assert.equal((await bytesOf(handle, sizeBytes + 5000, 10)).length, 0, `${path}: read beyond it`);
        });
      }
    },
  },
  {
    behaviour: 'a piece of a file is the same as that piece of the whole, and fills only its target',
    async run(backend) {
      for (const { path } of (await ofKind(backend, 'file')).slice(0, 100)) {
        await withHandle(backend, path, {}, async (handle) => {
          const { sizeBytes } = await handle.stat();
          const whole = await bytesOf(handle, 0, Math.min(sizeBytes, READ_BYTES_MAX));
          const [from, to] = [Math.floor(whole.length / 3), Math.ceil(whole.length / 2)];
          const around = Buffer.alloc(to - from + 2, '.');
          await handle.read(around.subarray(1, -1), from);
          assert.deepEqual(around.subarray(1, -1), whole.subarray(from, to), path);
          assert.equal(`${around.at(0)} ${around.at(-1)}`, '46 46', path);
        });
      }
    },
  },
  {
    behaviour: 'a file is opened again and again, and several times at once',
    async run(backend) {
      for (const { path } of (await ofKind(backend, 'file')).slice(0, 10)) {
        const handles = await Promise.all([1, 2, 3].map(async () => backend.open(path, {})));
        for (const handle of handles) assert.equal((await handle.stat()).kind, 'file');
        for (const handle of handles) await handle.close();
        await failsWith('EBADF', () => handles[0]?.read(Buffer.alloc(1), 0));
      }
    },
  },
  {
    behaviour: 'what is absent is not found, and nothing is below a file',
    async run(backend) {
      await failsWith('ENOENT', () => backend.stat('no such name, surely'));
      await failsWith('ENOENT', () => backend.open('no such name, surely', {}));
      await failsWith('ENOENT', () => backend.stat('no such name, surely/below'));
      await failsWith('ENOENT', () => entriesOf(backend, 'no such name, surely'));
      for (const { path } of (await ofKind(backend, 'file')).slice(0, 3)) {
        await failsWith('ENOTDIR', () => backend.stat(`${path}/below`));
        await failsWith('ENOTDIR', () => entriesOf(backend, path));
      }
    },
  },
  {
    behaviour: 'what is no path is refused',
    async run(backend) {
      for (const path of ['/a', 'a/', 'a//b', '.', '..', '../a', 'a/../b', 'a\0']) {
        await failsWith('EINVAL', () => backend.stat(path));
        await failsWith('EINVAL', () => backend.open(path, {}));
        await failsWith('EINVAL', () => entriesOf(backend, path));
      }
    },
  },
  {
    behaviour: 'a directory is opened, and holds no bytes',
    async run(backend) {
      const directories = (await ofKind(backend, 'directory')).slice(0, 3).map(({ path }) => path);
      for (const path of ['', ...directories]) {
        await withHandle(backend, path, {}, async (handle) => {
          assert.equal((await handle.stat()).kind, 'directory');
          await failsWith('EISDIR', () => handle.read(Buffer.alloc(1), 0));
          await handle.sync();
        });
      }
    },
  },
  {
    behaviour: 'an open that its caller gave up is not begun',
    async run(backend) {
      await failsWith('ECANCELED', () => backend.open('', { signal: AbortSignal.abort() }));
    },
  },
  {
    behaviour: 'a store that does not change refuses to',
    async run(backend) {
      await isRefused(() => backend.makeDirectory('a new name, surely'), 'makeDirectory');
      const create = { create: true, write: true };
      await isRefused(() => backend.open('a new name, surely', create), 'creating a file');
      for (const { path, stat } of (await everything(backend)).slice(0, 10)) {
        const remove = stat.kind === 'directory' ? 'removeDirectory' : 'removeFile';
        await isRefused(() => backend[remove](path), remove);
        await isRefused(() => backend.rename(path, 'a new name, surely', false), 'rename');
      }
    },
  },
  {
    behaviour: 'the volume has a size, free space and units',
    async run(backend) {
      const { totalBytes, freeBytes, sectorBytes, clusterBytes } = await backend.volume();
      assert.ok(totalBytes > 0 && freeBytes >= 0 && freeBytes <= totalBytes, `${freeBytes} of ${totalBytes}`);
      assert.ok(sectorBytes >= 512 && clusterBytes % sectorBytes === 0);
    },
  },
];
