import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { codeOf } from '../../backend/error.ts';
import {
  bytesOf,
  type ContractCase,
  contentOf,
  createFile,
  failsWith,
  listedNames,
  withHandle,
} from './case.ts';

type What = 'absent' | 'file' | 'directory' | 'full directory';
const kinds: readonly What[] = ['absent', 'file', 'directory', 'full directory'];

/** What renaming `from` to `to` answers without and with replace; [MS-FSA] 2.1.5.15.11 leaves no other way. */
function expectedCode(from: What, to: What, replace: boolean): string | undefined {
  if (from === 'absent') return 'ENOENT';
  if (to === 'absent') return undefined;
  if (!replace) return 'EEXIST';
  if (from === 'file') return to === 'file' ? undefined : 'EISDIR';
  return to === 'file' ? 'ENOTDIR' : 'EEXIST';
}

async function make(backend: Backend, path: string, what: What): Promise<void> {
  if (what === 'file') await createFile(backend, path, path);
  if (what === 'directory' || what === 'full directory') await backend.makeDirectory(path);
  if (what === 'full directory') await createFile(backend, `${path}/inside`, path);
}

const matrix: readonly ContractCase[] = kinds.flatMap((from) =>
  kinds.flatMap((to) =>
    [false, true].map((replace) => ({
      behaviour: `renaming ${from} to ${to}, ${replace ? 'replacing' : 'not replacing'}, answers ${expectedCode(from, to, replace) ?? 'well'}`,
      run: (backend: Backend) => runRename(backend, { from, to, replace }),
    })),
  ),
);

async function runRename(
  backend: Backend,
  { from, to, replace }: { from: What; to: What; replace: boolean },
) {
  await backend.makeDirectory('one');
  await backend.makeDirectory('two');
  await make(backend, 'one/from', from);
  await make(backend, 'two/to', to);
  const code = expectedCode(from, to, replace);
  if (code !== undefined) {
    await failsWith(code, () => backend.rename('one/from', 'two/to', replace));
    assert.deepEqual(await listedNames(backend, 'one'), from === 'absent' ? [] : ['from']);
    assert.deepEqual(await listedNames(backend, 'two'), to === 'absent' ? [] : ['to']);
    if (to === 'full directory') assert.equal(await contentOf(backend, 'two/to/inside'), 'two/to');
    if (to === 'file') assert.equal(await contentOf(backend, 'two/to'), 'two/to');
    return;
  }
  const { fileId } = await backend.stat('one/from');
  await backend.rename('one/from', 'two/to', replace);
  assert.deepEqual(await listedNames(backend, 'one'), []);
  assert.deepEqual(await listedNames(backend, 'two'), ['to']);
  assert.equal((await backend.stat('two/to')).fileId, fileId);
  if (from === 'file') assert.equal(await contentOf(backend, 'two/to'), 'one/from');
  if (from === 'full directory') assert.equal(await contentOf(backend, 'two/to/inside'), 'one/from');
}

export const renameCases: readonly ContractCase[] = [
  ...matrix,
  {
    behaviour: 'an open file follows its rename, and a replaced one stays usable',
    async run(backend) {
      await createFile(backend, 'a', 'first');
      await createFile(backend, 'b', 'second');
      await withHandle(backend, 'a', { write: true }, async (moved) => {
        await withHandle(backend, 'b', { write: true }, async (replaced) => {
          await backend.rename('a', 'b', true);
          await moved.write(Buffer.from('FIRST'), 0);
          assert.equal((await bytesOf(replaced, 0, 10)).toString(), 'second');
          assert.equal((await replaced.stat()).linkCount, 0);
        });
      });
      assert.equal(await contentOf(backend, 'b'), 'FIRST');
    },
  },
  {
    behaviour: 'a file in a renamed directory is found by its new path only, open or not',
    async run(backend) {
      await backend.makeDirectory('a');
      await backend.makeDirectory('a/sub');
      await createFile(backend, 'a/sub/file', 'x');
      const { fileId } = await backend.stat('a/sub/file');
      await withHandle(backend, 'a/sub/file', { write: true }, async (handle) => {
        await backend.rename('a', 'b', false);
        await handle.write(Buffer.from('y'), 0);
        await handle.sync();
      });
      assert.equal(await contentOf(backend, 'b/sub/file'), 'y');
      assert.equal((await backend.stat('b/sub/file')).fileId, fileId);
      await failsWith('ENOENT', () => backend.stat('a/sub/file'));
      await backend.makeDirectory('a');
      assert.deepEqual(await listedNames(backend, 'a'), []);
      await failsWith('ENOENT', () => backend.stat('a/sub'));
    },
  },
  {
    behaviour: 'a directory made anew under a used path is the new one',
    async run(backend) {
      await backend.makeDirectory('a');
      await createFile(backend, 'a/old', 'old');
      await backend.removeFile('a/old');
      await backend.removeDirectory('a');
      await failsWith('ENOENT', () => createFile(backend, 'a/lost'));
      await backend.makeDirectory('a');
      await createFile(backend, 'a/new', 'new');
      assert.deepEqual(await listedNames(backend, 'a'), ['new']);
    },
  },
  {
    behaviour: 'a directory does not move below itself',
    async run(backend) {
      await backend.makeDirectory('a');
      await backend.makeDirectory('a/b');
      await failsWith('EINVAL', () => backend.rename('a', 'a/c', false));
      await failsWith('EINVAL', () => backend.rename('a', 'a/b/c', true));
      assert.deepEqual(await listedNames(backend, 'a'), ['b']);
    },
  },
  {
    behaviour: 'of several files renamed to one name at the same time exactly one gets it',
    async run(backend) {
      const sources = Array.from({ length: 8 }, (_, number) => `from-${number}`);
      for (const source of sources) await createFile(backend, source, source);
      const attempts = sources.map(async (source) => backend.rename(source, 'to', false));
      const outcomes = await Promise.allSettled(attempts);
      for (const outcome of outcomes) {
        if (outcome.status === 'rejected') assert.equal(codeOf(outcome.reason), 'EEXIST');
      }
      assert.equal(outcomes.filter(({ status }) => status === 'fulfilled').length, 1);
      const winner = await contentOf(backend, 'to');
      assert.deepEqual(
        await listedNames(backend, ''),
        [...sources.filter((name) => name !== winner), 'to'].sort(),
      );
    },
  },
  {
    behaviour: 'renaming a name to itself changes nothing',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await backend.rename('a', 'a', false);
      await backend.rename('a', 'a', true);
      assert.equal(await contentOf(backend, 'a'), 'text');
      await failsWith('ENOENT', () => backend.rename('b', 'b', false));
    },
  },
  {
    behaviour: 'a name can change in case only',
    async run(backend) {
      await createFile(backend, 'Name', 'text');
      await backend.rename('Name', 'name', false);
      assert.deepEqual(await listedNames(backend, ''), ['name']);
      assert.equal(await contentOf(backend, 'name'), 'text');
    },
  },
  {
    behaviour: 'renaming into what is missing or no directory fails',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await createFile(backend, 'file');
      await failsWith('ENOENT', () => backend.rename('a', 'missing/b', false));
      await failsWith('ENOTDIR', () => backend.rename('a', 'file/b', false));
      assert.equal(await contentOf(backend, 'a'), 'text');
    },
  },
];
