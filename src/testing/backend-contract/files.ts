import assert from 'node:assert/strict';
import {
  bytesOf,
  type ContractCase,
  contentOf,
  createFile,
  failsWith,
  listedNames,
  withHandle,
} from './case.ts';

const writing = { write: true, create: true };

export const fileCases: readonly ContractCase[] = [
  {
    behaviour: 'a created file exists, is empty and is a file',
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        const stat = await handle.stat();
        assert.equal(stat.kind, 'file');
        assert.equal(stat.sizeBytes, 0);
        assert.equal(stat.linkCount, 1);
        assert.notEqual(stat.fileId, 0n);
        assert.equal((await backend.stat('a')).fileId, stat.fileId);
      });
      assert.deepEqual(await listedNames(backend, ''), ['a']);
    },
  },
  {
    behaviour: 'creating over a file, a directory or the root fails and changes nothing',
    async run(backend) {
      await createFile(backend, 'file', 'kept');
      await backend.makeDirectory('directory');
      await failsWith('EEXIST', () => backend.open('file', writing));
      await failsWith('EEXIST', () => backend.open('directory', writing));
      await failsWith('EEXIST', () => backend.open('', writing));
      assert.equal(await contentOf(backend, 'file'), 'kept');
    },
  },
  {
    behaviour: 'opening what is absent fails and creates nothing',
    async run(backend) {
      await createFile(backend, 'file');
      await failsWith('ENOENT', () => backend.open('absent', { write: true }));
      await failsWith('ENOENT', () => backend.open('absent/below', writing));
      await failsWith('ENOTDIR', () => backend.open('file/below', {}));
      await failsWith('ENOTDIR', () => backend.open('file/below', writing));
      assert.deepEqual(await listedNames(backend, ''), ['file']);
    },
  },
  {
    behaviour: 'what was written is read, by this handle and by others',
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.from('hello world'), 0);
        await handle.write(Buffer.from('W'), 6);
        assert.equal((await bytesOf(handle, 0, 11)).toString(), 'hello World');
        assert.equal(await contentOf(backend, 'a'), 'hello World');
        assert.equal((await handle.stat()).sizeBytes, 11);
      });
      assert.equal(await contentOf(backend, 'a'), 'hello World');
      assert.equal((await backend.stat('a')).sizeBytes, 11);
    },
  },
  {
    behaviour: 'a read at the end of the file is short, beyond it empty',
    async run(backend) {
      await createFile(backend, 'a', '0123456789');
      await withHandle(backend, 'a', {}, async (handle) => {
        assert.equal((await bytesOf(handle, 7, 100)).toString(), '789');
        assert.equal((await bytesOf(handle, 10, 5)).length, 0);
        assert.equal((await bytesOf(handle, 5_000_000_000, 5)).length, 0);
        assert.equal((await bytesOf(handle, 0, 0)).length, 0);
      });
    },
  },
  {
    behaviour: 'a read fills only its target',
    async run(backend) {
      await createFile(backend, 'a', 'abcdef');
      await withHandle(backend, 'a', {}, async (handle) => {
        const around = Buffer.alloc(6, '.');
        assert.equal(await handle.read(around.subarray(2, 4), 1), 2);
        assert.equal(around.toString(), '..bc..');
      });
    },
  },
  {
    behaviour: 'a gap left by a write or by growing reads as zeros',
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.from('x'), 200_000);
        assert.ok((await bytesOf(handle, 0, 200_000)).equals(Buffer.alloc(200_000)));
        await handle.truncate(300_000);
        assert.ok((await bytesOf(handle, 200_001, 200_000)).equals(Buffer.alloc(99_999)));
        assert.equal((await handle.stat()).sizeBytes, 300_000);
      });
    },
  },
  {
    behaviour: 'data beyond a shorter end is gone for good',
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.alloc(150_000, 'x'), 0);
        await handle.truncate(10);
        assert.equal((await bytesOf(handle, 0, 150_000)).toString(), 'xxxxxxxxxx');
        await handle.truncate(150_000);
        assert.ok((await bytesOf(handle, 10, 150_000)).equals(Buffer.alloc(149_990)));
      });
    },
  },
  {
    behaviour: 'offsets beyond 4 GiB are exact',
    needs: (_, traits) => traits.fileBytesMax > 5 * 2 ** 30,
    async run(backend) {
      const far = 2 ** 32 + 12_345;
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.from('far'), far);
        await handle.write(Buffer.from('near'), 12_345);
        assert.equal((await handle.stat()).sizeBytes, far + 3);
        assert.equal((await bytesOf(handle, far, 10)).toString(), 'far');
        assert.equal((await bytesOf(handle, 12_345, 4)).toString(), 'near');
        await handle.truncate(far + 1);
        assert.equal((await bytesOf(handle, far, 10)).toString(), 'f');
      });
    },
  },
  {
    behaviour: 'a large write and read are complete',
    async run(backend) {
      const bytes = Buffer.alloc(3_000_001);
      for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 31 + (at >> 9)) & 0xff;
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(bytes, 4095);
        assert.ok((await bytesOf(handle, 4095, bytes.length)).equals(bytes));
      });
    },
  },
  {
    behaviour: 'a handle opened without write does not write, but sets times',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await withHandle(backend, 'a', {}, async (handle) => {
        await failsWith('EBADF', () => handle.write(Buffer.from('x'), 0));
        await failsWith('EBADF', () => handle.truncate(0));
        await handle.setStat({ lastWriteTime: 132_000_000_000_000_000n });
      });
      assert.equal(await contentOf(backend, 'a'), 'text');
    },
  },
  {
    behaviour: 'an open file outlives its name',
    async run(backend, traits) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.from('still here'), 0);
        const { fileId } = await handle.stat();
        await backend.removeFile('a');
        await failsWith('ENOENT', () => backend.stat('a'));
        await handle.write(Buffer.from('STILL'), 0);
        assert.equal((await bytesOf(handle, 0, 100)).toString(), 'STILL here');
        await createFile(backend, 'a', 'another');
        const stat = await handle.stat();
        assert.equal(stat.fileId, fileId);
        assert.equal(stat.linkCount, traits.keepsRemovedFiles ? 1 : 0);
        assert.notEqual((await backend.stat('a')).fileId, fileId);
      });
      assert.equal(await contentOf(backend, 'a'), 'another');
    },
  },
  {
    behaviour: 'sync returns, for a file and for a directory',
    async run(backend) {
      await backend.makeDirectory('d');
      await withHandle(backend, 'd/a', writing, async (handle) => {
        await handle.write(Buffer.from('x'), 0);
        await handle.sync();
        await backend.rename('d/a', 'd/b', false);
        await handle.sync();
        await backend.removeFile('d/b');
        await handle.sync();
      });
      await withHandle(backend, 'd', {}, (handle) => handle.sync());
      await withHandle(backend, '', {}, (handle) => handle.sync());
    },
  },
  {
    behaviour: 'a closed handle does nothing more',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      const handle = await backend.open('a', { write: true });
      await handle.close();
      await failsWith('EBADF', () => handle.read(Buffer.alloc(1), 0));
      await failsWith('EBADF', () => handle.write(Buffer.alloc(1), 0));
      await failsWith('EBADF', () => handle.truncate(0));
      await failsWith('EBADF', () => handle.stat());
      await failsWith('EBADF', () => handle.sync());
    },
  },
  {
    behaviour: 'offsets that are none are refused',
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await failsWith('EINVAL', () => handle.read(Buffer.alloc(1), -1));
        await failsWith('EINVAL', () => handle.write(Buffer.alloc(1), -1));
        await failsWith('EINVAL', () => handle.truncate(-1));
        await failsWith('EINVAL', () => handle.truncate(1.5));
        await failsWith('EFBIG', () => handle.truncate(2 ** 60));
        await failsWith('EFBIG', () => handle.write(Buffer.alloc(1), 2 ** 60));
        assert.equal((await handle.stat()).sizeBytes, 0);
      });
    },
  },
  {
    behaviour: 'operations under way at the same time do not disturb each other',
    async run(backend) {
      const numbers = Array.from({ length: 40 }, (_, number) => number);
      await withHandle(backend, 'shared', writing, async (shared) => {
        const work = numbers.map(async (number) => {
          await shared.write(Buffer.alloc(1000, 65 + (number % 26)), number * 1000);
          await createFile(backend, `own-${number}`, `content ${number}`);
          await backend.rename(`own-${number}`, `moved-${number}`, false);
        });
        await Promise.all(work);
        const checks = numbers.map(async (number) => {
          assert.equal(await contentOf(backend, `moved-${number}`), `content ${number}`);
          const block = await bytesOf(shared, number * 1000, 1000);
          assert.ok(block.equals(Buffer.alloc(1000, 65 + (number % 26))));
        });
        await Promise.all(checks);
      });
      assert.equal((await listedNames(backend, '')).length, 41);
    },
  },
  {
    behaviour: 'of several creations of one name at the same time exactly one succeeds',
    async run(backend) {
      const attempts = Array.from({ length: 8 }, async () => backend.open('a', writing));
      const outcomes = await Promise.allSettled(attempts);
      const opened = outcomes.filter((outcome) => outcome.status === 'fulfilled');
      for (const { value } of opened) await value.close();
      assert.equal(opened.length, 1);
    },
  },
  {
    behaviour: 'an operation given up by its caller is not begun',
    async run(backend) {
      await failsWith('ECANCELED', () => backend.open('a', { ...writing, signal: AbortSignal.abort() }));
      assert.deepEqual(await listedNames(backend, ''), []);
    },
  },
  {
    behaviour: 'the volume has a size, free space and units',
    async run(backend) {
      const volume = await backend.volume();
      assert.ok(volume.totalBytes > 0);
      assert.ok(volume.freeBytes >= 0 && volume.freeBytes <= volume.totalBytes);
      assert.ok(volume.sectorBytes >= 512 && volume.clusterBytes % volume.sectorBytes === 0);
      assert.equal(volume.serialNumber, (await backend.volume()).serialNumber);
    },
  },
];
