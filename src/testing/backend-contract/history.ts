import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import {
  type ContractCase,
  type ContractTraits,
  contentOf,
  createFile,
  failsWith,
  listedNames,
  withHandle,
} from './case.ts';

const OWNER = 'S-1-5-21-1000000-2000000-3000000-1001';

const hasQuota = (backend: Backend): boolean => backend.quota !== undefined;

/** Snapshots are made by something else: the suite must be told how. */
const makesSnapshots = (backend: Backend, traits: ContractTraits): boolean =>
  backend.snapshots !== undefined && traits.takeSnapshot !== undefined;

async function snapshotOf(backend: Backend, traits: ContractTraits): Promise<[bigint, Backend]> {
  const time = await traits.takeSnapshot?.(backend);
  assert.ok(time !== undefined && backend.snapshots !== undefined);
  return [time, await backend.snapshots.at(time)];
}

export const historyCases: readonly ContractCase[] = [
  {
    behaviour: 'a snapshot holds what there was, whatever is done to the store afterwards',
    needs: makesSnapshots,
    async run(backend, traits) {
      await backend.makeDirectory('d');
      await createFile(backend, 'd/file', 'before');
      await createFile(backend, 'gone', 'gone');
      const [, view] = await snapshotOf(backend, traits);
      const { lastWriteTime } = await view.stat('d/file');
      await withHandle(backend, 'd/file', { write: true }, (handle) =>
        handle.write(Buffer.from('AFTER!'), 0),
      );
      await backend.removeFile('gone');
      await backend.rename('d', 'e', false);
      assert.deepEqual(await listedNames(view, ''), ['d', 'gone']);
      assert.equal(await contentOf(view, 'd/file'), 'before');
      assert.equal(await contentOf(view, 'gone'), 'gone');
      assert.equal((await view.stat('d/file')).lastWriteTime, lastWriteTime);
      assert.equal(await contentOf(backend, 'e/file'), 'AFTER!');
    },
  },
  {
    behaviour: 'a snapshot is not changed through itself',
    needs: makesSnapshots,
    async run(backend, traits) {
      await createFile(backend, 'file', 'before');
      const [, view] = await snapshotOf(backend, traits);
      await failsWith('EROFS', () => view.open('file', { write: true }));
      await failsWith('EROFS', () => view.open('new', { write: true, create: true }));
      await failsWith('EROFS', () => view.makeDirectory('new'));
      await failsWith('EROFS', () => view.removeFile('file'));
      await failsWith('EROFS', () => view.rename('file', 'new', false));
    },
  },
  {
    behaviour: 'snapshots are listed by times of whole seconds, and there is none of another time',
    needs: makesSnapshots,
    async run(backend, traits) {
      await createFile(backend, 'file', 'before');
      const [time] = await snapshotOf(backend, traits);
      const times = (await backend.snapshots?.list('file')) ?? [];
      assert.ok(times.includes(time));
      for (const listed of times) assert.equal(listed % 10_000_000n, 0n);
      assert.deepEqual(
        [...times].sort((a, b) => (a > b ? -1 : 1)),
        times,
      );
      await failsWith('ENOENT', async () => backend.snapshots?.at(time - 10_000_000n));
    },
  },
  {
    behaviour: 'limits of an owner are kept until they are removed',
    needs: hasQuota,
    async run(backend) {
      const limits = { owner: OWNER, usedBytes: 0n, thresholdBytes: 1_000n, limitBytes: 2_000n };
      const kept = async () => (await backend.quota?.read())?.find(({ owner }) => owner === OWNER);
      await backend.quota?.write([{ ...limits, usedBytes: 99n }]);
      assert.deepEqual(await kept(), limits);
      assert.notEqual(backend.quota?.needsOwners?.(), false);
      await backend.quota?.write([{ ...limits, limitBytes: -1n }]);
      assert.deepEqual(await kept(), { ...limits, limitBytes: -1n });
      await backend.quota?.remove(OWNER);
      const left = await kept();
      assert.ok(left === undefined || left.limitBytes === -1n);
      await backend.quota?.remove(OWNER);
    },
  },
];
