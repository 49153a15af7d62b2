import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { bytesOf, type ContractCase, contentOf, createFile, failsWith, withHandle } from './case.ts';

const hasStreams = (backend: Backend): boolean => backend.streams !== undefined;

async function createStream(backend: Backend, path: string, stream: string, text: string): Promise<void> {
  await withHandle(backend, path, { write: true, create: true, stream }, (handle) =>
    handle.write(Buffer.from(text), 0),
  );
}

/** Name and size of each stream, sorted. */
async function streamsOf(backend: Backend, path: string): Promise<string[]> {
  const streams = (await backend.streams?.list(path)) ?? [];
  return streams.map(({ name, sizeBytes }) => `${name} ${sizeBytes}`).sort();
}

export const streamCases: readonly ContractCase[] = [
  {
    behaviour: 'streams hold bytes of their own beside the data',
    needs: hasStreams,
    async run(backend) {
      await createFile(backend, 'a', 'data');
      await createStream(backend, 'a', 'one', 'first');
      await createStream(backend, 'a', 'Zwei ü\ud800', 'second stream');
      assert.equal(await contentOf(backend, 'a'), 'data');
      assert.equal(await contentOf(backend, 'a', 'one'), 'first');
      assert.equal(await contentOf(backend, 'a', 'Zwei ü\ud800'), 'second stream');
      assert.deepEqual(await streamsOf(backend, 'a'), ['Zwei ü\ud800 13', 'one 5']);
      assert.equal((await backend.stat('a')).sizeBytes, 4);
    },
  },
  {
    behaviour: 'an open stream tells its own size and the identity of its file',
    needs: hasStreams,
    async run(backend) {
      await createFile(backend, 'a', 'data');
      await createStream(backend, 'a', 's', 'stream');
      await withHandle(backend, 'a', { stream: 's', write: true }, async (handle) => {
        const stat = await handle.stat();
        assert.equal(stat.sizeBytes, 6);
        assert.equal(stat.kind, 'file');
        assert.equal(stat.fileId, (await backend.stat('a')).fileId);
        await handle.truncate(3);
        await handle.write(Buffer.from('!'), 5);
        assert.equal((await bytesOf(handle, 0, 100)).toString(), 'str\0\0!');
        await handle.sync();
      });
    },
  },
  {
    behaviour: 'directories have streams as well',
    needs: hasStreams,
    async run(backend) {
      await backend.makeDirectory('d');
      await createStream(backend, 'd', 's', 'of a directory');
      assert.equal(await contentOf(backend, 'd', 's'), 'of a directory');
      assert.equal((await backend.stat('d')).kind, 'directory');
      await backend.removeDirectory('d');
    },
  },
  {
    behaviour: 'a stream is created once and opened only where it exists',
    needs: hasStreams,
    async run(backend) {
      await createFile(backend, 'a');
      await failsWith('ENOENT', () => backend.open('a', { stream: 's' }));
      await failsWith('ENOENT', () => backend.open('absent', { stream: 's', create: true, write: true }));
      await createStream(backend, 'a', 's', 'x');
      await failsWith('EEXIST', () => backend.open('a', { stream: 's', create: true, write: true }));
      await withHandle(backend, 'a', { stream: 's' }, (handle) =>
        failsWith('EBADF', () => handle.truncate(0)),
      );
      assert.deepEqual(await streamsOf(backend, 'a'), ['s 1']);
    },
  },
  {
    behaviour: 'streams are removed and renamed, also while open',
    needs: hasStreams,
    async run(backend) {
      await createFile(backend, 'a');
      await createStream(backend, 'a', 's', 'one');
      await createStream(backend, 'a', 't', 'two');
      await failsWith('EEXIST', () => backend.streams?.rename('a', 's', 't', false));
      await failsWith('ENOENT', () => backend.streams?.rename('a', 'x', 'y', false));
      await failsWith('ENOENT', () => backend.streams?.remove('a', 'x'));
      await withHandle(backend, 'a', { stream: 't' }, async (replaced) => {
        await backend.streams?.rename('a', 's', 't', true);
        assert.equal((await bytesOf(replaced, 0, 9)).toString(), 'two');
      });
      assert.equal(await contentOf(backend, 'a', 't'), 'one');
      await withHandle(backend, 'a', { stream: 't' }, async (removed) => {
        await backend.streams?.remove('a', 't');
        assert.equal((await bytesOf(removed, 0, 9)).toString(), 'one');
      });
      assert.deepEqual(await streamsOf(backend, 'a'), []);
    },
  },
  {
    behaviour: 'streams move with their file and vanish with it',
    needs: hasStreams,
    async run(backend) {
      await createFile(backend, 'a');
      await createStream(backend, 'a', 's', 'kept');
      await backend.rename('a', 'b', false);
      assert.equal(await contentOf(backend, 'b', 's'), 'kept');
      await backend.removeFile('b');
      for (let turn = 0; turn < 10; turn++) {
        await createFile(backend, 'b');
        assert.deepEqual(await streamsOf(backend, 'b'), []);
        await createStream(backend, 'b', 's', 'x');
        await backend.removeFile('b');
      }
    },
  },
];
