import assert from 'node:assert/strict';
import {
  type ContractCase,
  contentOf,
  createFile,
  entriesOf,
  failsWith,
  listedNames,
  withHandle,
} from './case.ts';

const writing = { write: true, create: true };
const ENTRY_COUNT = 5000;

export const directoryCases: readonly ContractCase[] = [
  {
    behaviour: 'a new store has an empty root, which is a directory',
    async run(backend) {
      const stat = await backend.stat('');
      assert.equal(stat.kind, 'directory');
      assert.notEqual(stat.fileId, 0n);
      assert.deepEqual(await listedNames(backend, ''), []);
    },
  },
  {
    behaviour: 'directories nest, and names in one do not show in another',
    async run(backend) {
      await backend.makeDirectory('a');
      await backend.makeDirectory('a/b');
      await createFile(backend, 'a/b/c', 'deep');
      await createFile(backend, 'a/c', 'shallow');
      assert.deepEqual(await listedNames(backend, 'a'), ['b', 'c']);
      assert.equal(await contentOf(backend, 'a/b/c'), 'deep');
      assert.equal(await contentOf(backend, 'a/c'), 'shallow');
      assert.equal((await backend.stat('a/b')).kind, 'directory');
    },
  },
  {
    behaviour: 'making a directory fails where the name is taken or the parent is missing',
    async run(backend) {
      await backend.makeDirectory('a');
      await createFile(backend, 'file');
      await failsWith('EEXIST', () => backend.makeDirectory('a'));
      await failsWith('EEXIST', () => backend.makeDirectory('file'));
      await failsWith('EEXIST', () => backend.makeDirectory(''));
      await failsWith('ENOENT', () => backend.makeDirectory('x/y'));
      await failsWith('ENOTDIR', () => backend.makeDirectory('file/y'));
    },
  },
  {
    behaviour: 'only an empty directory is removed, and only as a directory',
    async run(backend) {
      await backend.makeDirectory('a');
      await createFile(backend, 'a/file');
      await failsWith('ENOTEMPTY', () => backend.removeDirectory('a'));
      await failsWith('ENOTDIR', () => backend.removeDirectory('a/file'));
      await failsWith('EISDIR', () => backend.removeFile('a'));
      await backend.removeFile('a/file');
      await backend.removeDirectory('a');
      await failsWith('ENOENT', () => backend.stat('a'));
      await failsWith('ENOENT', () => backend.removeDirectory('a'));
      await failsWith('ENOENT', () => backend.removeFile('a'));
    },
  },
  {
    behaviour: 'the root is neither removed nor renamed',
    async run(backend) {
      await backend.makeDirectory('a');
      await failsWith('EBUSY', () => backend.removeDirectory(''));
      await failsWith('EISDIR', () => backend.removeFile(''));
      await failsWith('EBUSY', () => backend.rename('', 'b', true));
      await failsWith('EBUSY', () => backend.rename('a', '', true));
      assert.deepEqual(await listedNames(backend, ''), ['a']);
    },
  },
  {
    behaviour: 'an open directory has metadata but no data',
    async run(backend) {
      await backend.makeDirectory('a');
      await withHandle(backend, 'a', { write: true }, async (handle) => {
        const stat = await handle.stat();
        assert.equal(stat.kind, 'directory');
        assert.equal(stat.sizeBytes, 0);
        assert.equal(stat.fileId, (await backend.stat('a')).fileId);
        await failsWith('EISDIR', () => handle.read(Buffer.alloc(1), 0));
        await failsWith('EISDIR', () => handle.write(Buffer.alloc(1), 0));
        await failsWith('EISDIR', () => handle.truncate(0));
      });
    },
  },
  {
    behaviour: 'an open directory outlives its name',
    async run(backend) {
      await backend.makeDirectory('a');
      await withHandle(backend, 'a', {}, async (handle) => {
        const { fileId } = await handle.stat();
        await backend.rename('a', 'b', false);
        assert.equal((await handle.stat()).fileId, fileId);
        await backend.removeDirectory('b');
        await backend.makeDirectory('b');
        assert.equal((await handle.stat()).fileId, fileId);
        assert.notEqual((await backend.stat('b')).fileId, fileId);
      });
    },
  },
  {
    behaviour: 'a listing carries the metadata of each entry',
    async run(backend) {
      await backend.makeDirectory('directory');
      await createFile(backend, 'file', '12345');
      const entries = new Map((await entriesOf(backend, '')).map(({ name, stat }) => [name, stat]));
      assert.equal(entries.get('directory')?.kind, 'directory');
      assert.equal(entries.get('file')?.kind, 'file');
      assert.equal(entries.get('file')?.sizeBytes, 5);
      assert.deepEqual(entries.get('file'), await backend.stat('file'));
      assert.deepEqual(entries.get('directory'), await backend.stat('directory'));
    },
  },
  {
    behaviour: 'a large directory is listed once and completely, in batches',
    async run(backend) {
      await backend.makeDirectory('large');
      const made: string[] = [];
      for (let number = 0; number < ENTRY_COUNT; number++) {
        const handle = await backend.open(`large/entry-${number}`, writing);
        await handle.close();
        made.push(`entry-${number}`);
      }
      let batches = 0;
      const names: string[] = [];
      for await (const batch of backend.list('large')) {
        batches += 1;
        names.push(...batch.map(({ name }) => name));
      }
      assert.deepEqual(names.sort(), made.sort());
      assert.ok(batches > 1, 'everything came in one batch');
    },
  },
  {
    behaviour: 'a listing that is left early or given up ends',
    async run(backend) {
      for (let number = 0; number < 1000; number++) await createFile(backend, `f${number}`);
      let seen = 0;
      for await (const batch of backend.list('')) {
        seen += batch.length;
        break;
      }
      assert.ok(seen > 0);
      await failsWith('ECANCELED', async () => {
        for await (const _ of backend.list('', AbortSignal.abort())) assert.fail('listed after the signal');
      });
    },
  },
  {
    behaviour: 'renaming every entry while it is listed comes to an end',
    async run(backend) {
      for (let number = 0; number < 700; number++) await createFile(backend, `f${number}`);
      let steps = 0;
      for await (const batch of backend.list('')) {
        for (const { name } of batch) {
          steps += 1;
          assert.ok(steps <= 1400, 'renamed entries are listed again and again');
          await backend.rename(name, `${name}x`, false);
        }
      }
      assert.equal((await listedNames(backend, '')).length, 700);
    },
  },
  {
    behaviour: 'a name that goes and comes back while it is listed hides no other',
    async run(backend) {
      for (let number = 0; number < 700; number++) await createFile(backend, `f${number}`);
      const names = new Set<string>();
      let isFirst = true;
      for await (const batch of backend.list('')) {
        for (const { name } of batch) names.add(name);
        if (!isFirst) continue;
        isFirst = false;
        for (const number of [0, 350, 699]) {
          await backend.removeFile(`f${number}`);
          await createFile(backend, `f${number}`);
        }
      }
      for (const number of [0, 350, 699]) names.add(`f${number}`);
      assert.equal(names.size, 700);
    },
  },
  {
    behaviour: 'listing what is no directory fails',
    async run(backend) {
      await createFile(backend, 'file');
      await failsWith('ENOTDIR', () => entriesOf(backend, 'file'));
      await failsWith('ENOENT', () => entriesOf(backend, 'absent'));
      await failsWith('ENOTDIR', () => entriesOf(backend, 'file/below'));
    },
  },
];
