import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { bytesOf, type ContractCase, contentOf, createFile, failsWith, withHandle } from './case.ts';

const hasCopy = (backend: Backend): boolean => backend.copyRange !== undefined;

export const copyCases: readonly ContractCase[] = [
  {
    behaviour: 'a range is copied from file to file, up to the end of the source',
    needs: hasCopy,
    async run(backend) {
      await createFile(backend, 'from', '0123456789');
      await createFile(backend, 'to', '..........');
      await withHandle(backend, 'from', {}, (from) =>
        withHandle(backend, 'to', { write: true }, async (to) => {
          assert.equal(await backend.copyRange?.copy(from, { offset: 2, length: 3 }, to, 1), 3);
          assert.equal(await backend.copyRange?.copy(from, { offset: 8, length: 100 }, to, 9), 2);
          assert.equal(await backend.copyRange?.copy(from, { offset: 10, length: 5 }, to, 0), 0);
        }),
      );
      assert.equal(await contentOf(backend, 'to'), '.234.....89');
    },
  },
  {
    behaviour: 'ranges that overlap in one file are copied as if there were no overlap',
    needs: hasCopy,
    async run(backend) {
      const bytes = Buffer.alloc(3_000_000);
      for (let at = 0; at < bytes.length; at++) bytes[at] = (at * 7 + (at >> 11)) & 0xff;
      for (const [offset, position] of [
        [0, 500_000],
        [500_000, 0],
      ] as const) {
        const name = `overlap-${offset}`;
        await withHandle(backend, name, { write: true, create: true }, async (handle) => {
          await handle.write(bytes, 0);
          await backend.copyRange?.copy(handle, { offset, length: 2_500_000 }, handle, position);
          const copied = await bytesOf(handle, position, 2_500_000);
          assert.ok(copied.equals(bytes.subarray(offset, offset + 2_500_000)));
        });
      }
    },
  },
  {
    behaviour: 'a copy needs a target that may be written',
    needs: hasCopy,
    async run(backend) {
      await createFile(backend, 'a', 'text');
      await withHandle(backend, 'a', {}, (handle) =>
        failsWith('EBADF', () => backend.copyRange?.copy(handle, { offset: 0, length: 1 }, handle, 2)),
      );
    },
  },
];
