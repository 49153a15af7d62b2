import assert from 'node:assert/strict';
import type { BackendChange } from '../../backend/contract.ts';
import { type ContractCase, type ContractTraits, createFile, withHandle } from './case.ts';

const SETTLE_COUNT = 300;

/** Waits until `isDone`; a store may learn of changes late. */
async function until(isDone: () => boolean, traits: ContractTraits): Promise<boolean> {
  for (let turn = 0; turn < SETTLE_COUNT && !isDone(); turn++) await traits.settle();
  return isDone();
}

export const watchCases: readonly ContractCase[] = [
  {
    behaviour: 'changes made by others below the watched path are reported until the signal fires',
    needs: (backend, traits) => backend.watch !== undefined && traits.another(backend) !== undefined,
    async run(backend, traits) {
      const other = traits.another(backend);
      assert.ok(other !== undefined);
      await backend.makeDirectory('watched');
      await backend.makeDirectory('elsewhere');
      const seen: BackendChange[] = [];
      const stop = new AbortController();
      backend.watch?.watch('watched', (change) => seen.push(change), stop.signal);
      const has = (kind: string, path: string): boolean =>
        seen.some((change) => change.kind === kind && change.path === path);

      await createFile(other, 'elsewhere/file', 'x');
      await createFile(other, 'watched/file', 'x');
      assert.ok(await until(() => has('created', 'watched/file'), traits));
      await withHandle(other, 'watched/file', { write: true }, (handle) => handle.write(Buffer.from('y'), 0));
      assert.ok(await until(() => has('modified', 'watched/file'), traits));
      await other.removeFile('watched/file');
      assert.ok(await until(() => has('removed', 'watched/file'), traits));
      assert.ok(seen.every(({ path }) => path.startsWith('watched')));

      stop.abort();
      const count = seen.length;
      await createFile(other, 'watched/late');
      await traits.settle();
      assert.equal(seen.length, count);
      await other.close();
    },
  },
];
