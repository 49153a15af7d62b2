import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import {
  type ContractCase,
  contentOf,
  createFile,
  entriesOf,
  failsWith,
  listedNames,
  withHandle,
} from './case.ts';

const hasLinks = (backend: Backend): boolean => backend.link !== undefined;
const hasSymlinks = (backend: Backend): boolean => backend.symlinks !== undefined;

export const linkCases: readonly ContractCase[] = [
  {
    behaviour: 'two names of one file share everything',
    needs: hasLinks,
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await backend.makeDirectory('d');
      await backend.link?.('a', 'd/b');
      const [first, second] = [await backend.stat('a'), await backend.stat('d/b')];
      assert.equal(first.fileId, second.fileId);
      assert.equal(second.linkCount, 2);
      await withHandle(backend, 'd/b', { write: true }, (handle) => handle.write(Buffer.from('T'), 0));
      assert.equal(await contentOf(backend, 'a'), 'Text');
      await backend.removeFile('a');
      assert.equal(await contentOf(backend, 'd/b'), 'Text');
      assert.equal((await backend.stat('d/b')).linkCount, 1);
    },
  },
  {
    behaviour: 'a link is refused for a directory, a taken name and an absent file',
    needs: hasLinks,
    async run(backend) {
      await createFile(backend, 'a');
      await createFile(backend, 'b');
      await backend.makeDirectory('d');
      await failsWith('EPERM', () => backend.link?.('d', 'e'));
      await failsWith('EEXIST', () => backend.link?.('a', 'b'));
      await failsWith('ENOENT', () => backend.link?.('absent', 'e'));
      assert.deepEqual(await listedNames(backend, ''), ['a', 'b', 'd']);
    },
  },
  {
    behaviour: 'renaming one name of a file over another leaves the other',
    needs: hasLinks,
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await backend.link?.('a', 'b');
      await failsWith('EEXIST', () => backend.rename('a', 'b', false));
      await backend.rename('a', 'b', true);
      assert.deepEqual(await listedNames(backend, ''), ['b']);
      assert.equal(await contentOf(backend, 'b'), 'text');
      assert.equal((await backend.stat('b')).linkCount, 1);
    },
  },
  {
    behaviour: 'a symbolic link is kept as such and says what it said',
    needs: hasSymlinks,
    async run(backend) {
      await createFile(backend, 'a', 'text');
      for (const [name, target] of [
        ['relative', 'a'],
        ['absolute', '/etc/passwd'],
        ['dangling', 'absent/é'],
      ] as const) {
        await backend.symlinks?.makeLink(name, target);
        assert.equal(await backend.symlinks?.readLink(name), target);
        assert.equal((await backend.stat(name)).kind, 'symlink');
      }
      const kinds = (await entriesOf(backend, '')).map(({ name, stat }) => [name, stat.kind]);
      assert.equal(new Map(kinds.map(([name, kind]) => [name, kind])).get('absolute'), 'symlink');
      await failsWith('EEXIST', () => backend.symlinks?.makeLink('a', 'b'));
      await failsWith('EINVAL', () => backend.symlinks?.readLink('a'));
    },
  },
  {
    behaviour: 'a symbolic link is never followed',
    needs: hasSymlinks,
    async run(backend) {
      await backend.makeDirectory('d');
      await createFile(backend, 'd/a', 'text');
      await backend.symlinks?.makeLink('to-directory', 'd');
      await backend.symlinks?.makeLink('to-file', 'd/a');
      await failsWith('ELOOP', () => backend.open('to-file', {}));
      await failsWith('ELOOP', () => backend.open('to-directory', {}));
      await failsWith('ELOOP', () => backend.open('to-directory/a', {}));
      await failsWith('ELOOP', () => backend.stat('to-directory/a'));
      await failsWith('ELOOP', () => createFile(backend, 'to-directory/new'));
      await failsWith('ELOOP', () => backend.makeDirectory('to-directory/new'));
      await failsWith('ELOOP', () => backend.removeFile('to-directory/a'));
      await failsWith('ELOOP', () => backend.rename('to-directory/a', 'b', false));
      await failsWith('ELOOP', () => backend.rename('d/a', 'to-directory/b', false));
      await failsWith('ELOOP', () => entriesOf(backend, 'to-directory'));
      await failsWith('EEXIST', () => createFile(backend, 'to-file'));
      assert.deepEqual(await listedNames(backend, 'd'), ['a']);
    },
  },
  {
    behaviour: 'removing or renaming a symbolic link concerns the link',
    needs: hasSymlinks,
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await backend.symlinks?.makeLink('link', 'a');
      await backend.rename('link', 'moved', false);
      assert.equal(await backend.symlinks?.readLink('moved'), 'a');
      await failsWith('ENOTDIR', () => backend.removeDirectory('moved'));
      await backend.removeFile('moved');
      await backend.symlinks?.makeLink('link', 'a');
      await backend.rename('a', 'link', true);
      assert.equal((await backend.stat('link')).kind, 'file');
      assert.deepEqual(await listedNames(backend, ''), ['link']);
    },
  },
];
