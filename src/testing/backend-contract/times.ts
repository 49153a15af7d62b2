import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { type ContractCase, createFile, withHandle } from './case.ts';

/** 2021-03-04T05:06:07.1234567Z: every digit of the 100 ns counts. */
const MOMENT = 132_593_079_671_234_567n;
const LATER = 133_100_000_009_999_999n;
/** 1601, 1969 and far in the future, which disks hold less well than this contract. */
const EXTREMES = [1n, 116_444_735_999_999_999n, 650_000_000_000_000_001n];

const READONLY = 0x1;
const HIDDEN = 0x2;
const SYSTEM = 0x4;
const ARCHIVE = 0x20;

const isNear = (told: bigint, wanted: bigint, step: bigint): boolean =>
  told <= wanted && wanted - told < step;

export const timeCases: readonly ContractCase[] = [
  {
    behaviour: 'last write and last access are kept to the promised precision',
    async run(backend, { timeStep }) {
      await createFile(backend, 'a', 'text');
      await withHandle(backend, 'a', { write: true }, async (handle) => {
        await handle.setStat({ lastWriteTime: MOMENT, lastAccessTime: LATER });
        const stat = await handle.stat();
        assert.ok(isNear(stat.lastWriteTime, MOMENT, timeStep), String(stat.lastWriteTime));
        assert.ok(isNear(stat.lastAccessTime, LATER, timeStep), String(stat.lastAccessTime));
        await handle.setStat({ lastWriteTime: LATER });
        assert.equal((await handle.stat()).lastAccessTime, stat.lastAccessTime);
      });
      assert.ok(isNear((await backend.stat('a')).lastWriteTime, LATER, timeStep));
    },
  },
  {
    behaviour: 'times of a directory are kept as well',
    async run(backend, { timeStep }) {
      await backend.makeDirectory('d');
      await withHandle(backend, 'd', {}, (handle) => handle.setStat({ lastWriteTime: MOMENT }));
      assert.ok(isNear((await backend.stat('d')).lastWriteTime, MOMENT, timeStep));
    },
  },
  {
    behaviour: 'extreme times are kept by a store that promises every 100 ns',
    needs: (_, traits) => traits.timeStep === 1n,
    async run(backend) {
      await createFile(backend, 'a', 'text');
      for (const time of EXTREMES) {
        await withHandle(backend, 'a', {}, (handle) =>
          handle.setStat({ lastWriteTime: time, lastAccessTime: time, creationTime: time }),
        );
        const stat = await backend.stat('a');
        assert.equal(stat.lastWriteTime, time);
        assert.equal(stat.lastAccessTime, time);
      }
    },
  },
  {
    behaviour: 'creation time is kept exactly, or stays what it was',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      const before = (await backend.stat('a')).creationTime;
      await withHandle(backend, 'a', {}, (handle) => handle.setStat({ creationTime: MOMENT }));
      const after = (await backend.stat('a')).creationTime;
      assert.ok(after === MOMENT || after === before, String(after));
      await backend.rename('a', 'b', false);
      await withHandle(backend, 'b', { write: true }, (handle) => handle.write(Buffer.from('more'), 4));
      assert.equal((await backend.stat('b')).creationTime, after);
    },
  },
  {
    behaviour: 'a change time is kept exactly, or is that of the change',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await withHandle(backend, 'a', { write: true }, async (handle) => {
        const before = await handle.stat();
        await handle.setStat({ lastWriteTime: LATER, changeTime: MOMENT });
        const { changeTime } = await handle.stat();
        assert.ok(changeTime === MOMENT || changeTime >= before.changeTime, String(changeTime));
      });
    },
  },
  {
    behaviour: 'writing moves the last write time on, reading does not',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await withHandle(backend, 'a', { write: true }, async (handle) => {
        await handle.setStat({ lastWriteTime: MOMENT });
        const set = (await handle.stat()).lastWriteTime;
        await handle.read(Buffer.alloc(4), 0);
        assert.equal((await handle.stat()).lastWriteTime, set);
        await handle.write(Buffer.from('x'), 0);
        assert.ok((await handle.stat()).lastWriteTime > set);
        await handle.setStat({ lastWriteTime: MOMENT });
        await handle.truncate(1);
        assert.ok((await handle.stat()).lastWriteTime > set);
      });
    },
  },
  {
    behaviour: 'a rename keeps the times of the file',
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await withHandle(backend, 'a', {}, (handle) => handle.setStat({ lastWriteTime: MOMENT }));
      const before = await backend.stat('a');
      await backend.rename('a', 'b', false);
      const after = await backend.stat('b');
      assert.equal(after.lastWriteTime, before.lastWriteTime);
      assert.equal(after.creationTime, before.creationTime);
    },
  },
  {
    behaviour: 'DOS attributes are kept, for files and directories',
    needs: keepsAttributes,
    async run(backend) {
      await createFile(backend, 'file');
      await backend.makeDirectory('directory');
      for (const path of ['file', 'directory']) {
        for (const attributes of [HIDDEN, HIDDEN | SYSTEM | ARCHIVE, READONLY | ARCHIVE, READONLY, 0]) {
          await withHandle(backend, path, {}, (handle) => handle.setStat({ attributes }));
          assert.equal((await backend.stat(path)).attributes, attributes);
        }
      }
      await withHandle(backend, 'file', {}, (handle) => handle.setStat({ attributes: HIDDEN | READONLY }));
      await backend.rename('file', 'moved', false);
      assert.equal((await backend.stat('moved')).attributes, HIDDEN | READONLY);
    },
  },
  {
    behaviour: 'a new file does not inherit what a removed one of the same name had',
    needs: keepsAttributes,
    async run(backend) {
      for (let turn = 0; turn < 20; turn++) {
        await createFile(backend, 'a');
        const stat = await backend.stat('a');
        assert.equal(stat.attributes, 0);
        assert.notEqual(stat.creationTime, MOMENT);
        await withHandle(backend, 'a', {}, (handle) =>
          handle.setStat({ attributes: HIDDEN, creationTime: MOMENT }),
        );
        await backend.removeFile('a');
      }
    },
  },
];

async function keepsAttributes(backend: Backend): Promise<boolean> {
  return (await backend.stat('')).attributes !== undefined;
}
