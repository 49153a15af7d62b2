import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Backend, BackendChange } from '../../src/backend/contract.ts';
import { type LocalOptions, localBackend } from '../../src/backend/local.ts';
import { loadLibc } from '../../src/native/libc.ts';
import { type Folder, withFolder } from './folder.ts';

const hasInotify = loadLibc()?.inotify !== undefined;
const ways: readonly (readonly [string, LocalOptions])[] = [
  ['without native calls', { libc: 'none' }],
  ...(hasInotify ? ([['with inotify', {}]] as const) : []),
];

function testWithInotify(name: string, body: () => Promise<void>): void {
  if (hasInotify) test(name, body);
}

interface Watching {
  readonly folder: Folder;
  readonly backend: Backend;
  readonly stop: AbortController;
  /** What was reported since the last call, as `kind path`, without repetitions. */
  readonly told: () => Promise<string[]>;
}

async function watching(
  options: LocalOptions,
  prepare: (root: string) => void,
  use: (world: Watching) => Promise<void>,
  at = '',
): Promise<void> {
  await withFolder(async (folder) => {
    prepare(folder.root);
    const backend = localBackend(folder.root, options);
    const stop = new AbortController();
    let seen: BackendChange[] = [];
    backend.watch?.watch(at, (change) => seen.push(change), stop.signal);
    const told = async (): Promise<string[]> => {
      await backend.watch?.settled?.();
      const lines = seen.map(
        ({ kind, path, from }) => `${kind} ${from === undefined ? '' : `${from} > `}${path}`,
      );
      seen = [];
      return [...new Set(lines)];
    };
    await use({ folder, backend, stop, told });
    stop.abort();
    await backend.close();
  });
}

for (const [way, options] of ways) {
  test(`changes deep in a tree are told, in directories that others make too, ${way}`, () =>
    watching(
      options,
      (root) => fs.mkdirSync(`${root}/a/b`, { recursive: true }),
      async ({ folder: { root }, told }) => {
        fs.writeFileSync(`${root}/a/b/file`, 'x');
        assert.ok((await told()).includes('created a/b/file'));
        fs.appendFileSync(`${root}/a/b/file`, 'y');
        assert.deepEqual(await told(), ['modified a/b/file']);
        fs.mkdirSync(`${root}/new/deep`, { recursive: true });
        fs.writeFileSync(`${root}/new/deep/early`, '');
        const made = await told();
        assert.ok(made.includes('created new'), String(made));
        assert.ok(made.includes('created new/deep'), String(made));
        assert.ok(made.includes('created new/deep/early'), String(made));
        fs.writeFileSync(`${root}/new/deep/late`, '');
        assert.ok((await told()).includes('created new/deep/late'));
        fs.rmSync(`${root}/new`, { recursive: true });
        const gone = await told();
        for (const path of ['new', 'new/deep', 'new/deep/late'])
          assert.ok(gone.includes(`removed ${path}`), path);
      },
    ));

  test(`what the store does itself is not told, ${way}`, () =>
    watching(
      options,
      (root) => fs.mkdirSync(`${root}/d`),
      async ({ folder: { root }, backend, told }) => {
        await backend.makeDirectory('d/own');
        const handle = await backend.open('d/own/file', { write: true, create: true });
        await handle.write(Buffer.alloc(2 ** 21), 0);
        await handle.write(Buffer.from('x'), 5);
        await handle.truncate(7);
        await handle.setStat({ lastWriteTime: 132_593_079_671_234_567n, attributes: 2 });
        await backend.security?.write('d/own/file', Buffer.from('descriptor'));
        const stream = await backend.open('d/own/file', { write: true, create: true, stream: 's' });
        await stream.write(Buffer.from('stream'), 0);
        await stream.close();
        await backend.link?.('d/own/file', 'd/linked');
        await backend.symlinks?.makeLink('d/link', 'target');
        await backend.rename('d/own/file', 'd/moved', false);
        await backend.rename('d/linked', 'd/moved2', true);
        await backend.rename('d/own', 'd/own2', false);
        await backend.removeFile('d/moved');
        await backend.removeFile('d/link');
        await handle.close();
        assert.deepEqual(await told(), []);
        await backend.removeDirectory('d/own2');
        await backend.removeFile('d/moved2');
        assert.deepEqual(await told(), []);
        fs.writeFileSync(`${root}/d/moved`, '');
        assert.ok((await told()).includes('created d/moved'));
      },
    ));

  test(`a file that is watched by itself tells of writes by others only, ${way}`, () =>
    watching(
      options,
      (root) => fs.writeFileSync(`${root}/file`, ''),
      async ({ folder: { root }, backend, told }) => {
        const handle = await backend.open('file', { write: true });
        await handle.write(Buffer.from('own'), 0);
        assert.deepEqual(await told(), []);
        fs.writeFileSync(`${root}/other`, '');
        fs.appendFileSync(`${root}/file`, 'theirs');
        assert.deepEqual(await told(), ['modified file']);
        await handle.close();
      },
      'file',
    ));

  test(`a file that is watched by way of its directory tells of its own changes only, ${way}`, () =>
    withFolder(async ({ root }) => {
      fs.mkdirSync(`${root}/d`);
      for (const name of ['file', 'other']) fs.writeFileSync(`${root}/d/${name}`, '');
      const backend = localBackend(root, options);
      const seen: string[] = [];
      for (let turn = 0; turn < 3; turn++) {
        const stop = new AbortController();
        const report = ({ kind, path }: BackendChange) => seen.push(`${kind} ${path}`);
        backend.watch?.watch('d/file', report, stop.signal, { isFile: true });
        const handle = await backend.open('d/file', { write: true });
        await handle.write(Buffer.from('own'), 0);
        fs.appendFileSync(`${root}/d/other`, 'x');
        await backend.watch?.settled?.();
        assert.deepEqual(seen, []);
        fs.appendFileSync(`${root}/d/file`, 'x');
        await backend.watch?.settled?.();
        assert.deepEqual([...new Set(seen)], ['modified d/file']);
        await handle.close();
        stop.abort(null);
        seen.length = 0;
        fs.appendFileSync(`${root}/d/file`, 'x');
        await backend.watch?.settled?.();
        assert.deepEqual(seen, []);
      }
      await backend.close();
    }));

  test(`a link in place of a directory leads no watch outside, ${way}`, () =>
    watching(
      options,
      (root) => fs.mkdirSync(`${root}/d`),
      async ({ folder: { root, outside }, told }) => {
        fs.rmdirSync(`${root}/d`);
        fs.symlinkSync(outside, `${root}/d`);
        fs.symlinkSync(outside, `${root}/new`);
        await told();
        fs.writeFileSync(`${outside}/secret`, '');
        fs.appendFileSync(`${outside}/secret`, 'x');
        await sleep(20);
        assert.deepEqual(await told(), []);
      },
    ));

  test(`nothing is told after the end, and a watch that is not recursive tells of its directory only, ${way}`, () =>
    withFolder(async ({ root }) => {
      fs.mkdirSync(`${root}/d/e`, { recursive: true });
      const backend = localBackend(root, options);
      const stop = new AbortController();
      const seen: string[] = [];
      backend.watch?.watch('d', ({ path }) => seen.push(path), stop.signal, { isRecursive: false });
      fs.writeFileSync(`${root}/d/e/below`, '');
      fs.writeFileSync(`${root}/above`, '');
      fs.writeFileSync(`${root}/d/here`, '');
      await backend.watch?.settled?.();
      assert.deepEqual([...new Set(seen)], ['d/here']);
      stop.abort();
      seen.length = 0;
      fs.writeFileSync(`${root}/d/late`, '');
      await backend.watch?.settled?.();
      assert.deepEqual(seen, []);
      assert.throws(() => backend.watch?.watch('none', () => undefined, new AbortController().signal), {
        code: 'ENOENT',
      });
      await backend.close();
    }));
}

testWithInotify('a move by others is told as one, into, out of and within the tree', () => {
  return watching(
    {},
    (root) => fs.mkdirSync(`${root}/a/b`, { recursive: true }),
    async ({ folder: { root, outside }, told }) => {
      fs.writeFileSync(`${root}/a/file`, '');
      await told();
      fs.renameSync(`${root}/a/file`, `${root}/a/b/file`);
      assert.deepEqual(await told(), ['renamed a/file > a/b/file']);
      fs.renameSync(`${root}/a`, `${root}/c`);
      assert.deepEqual(await told(), ['renamed a > c']);
      fs.writeFileSync(`${root}/c/b/new`, '');
      assert.ok((await told()).includes('created c/b/new'));
      fs.renameSync(`${root}/c/b`, `${outside}/b`);
      assert.deepEqual(await told(), ['removed c/b']);
      fs.writeFileSync(`${outside}/b/unseen`, '');
      assert.deepEqual(await told(), []);
      fs.renameSync(`${outside}/b`, `${root}/back`);
      assert.deepEqual(await told(), ['created back']);
      fs.writeFileSync(`${root}/back/seen`, '');
      assert.ok((await told()).includes('created back/seen'));
    },
  );
});

testWithInotify('an operation that failed hides nothing that others did', () => {
  return watching(
    {},
    () => undefined,
    async ({ folder: { root }, backend, told }) => {
      fs.mkdirSync(`${root}/theirs`);
      await assert.rejects(async () => backend.makeDirectory('theirs'), { code: 'EEXIST' });
      assert.deepEqual(await told(), ['created theirs']);
    },
  );
});

testWithInotify('when more happens than the kernel keeps, that is told', () => {
  const queued = Number(fs.readFileSync('/proc/sys/fs/inotify/max_queued_events', 'latin1'));
  return watching(
    {},
    () => undefined,
    async ({ folder: { root }, told }) => {
      for (let number = 0; number < queued; number += 2) {
        fs.mkdirSync(`${root}/d`);
        fs.rmdirSync(`${root}/d`);
      }
      fs.mkdirSync(`${root}/last`);
      assert.ok((await told()).includes('lost '));
    },
  );
});
