import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { bytesOf, type ContractCase, withHandle } from './case.ts';

const writing = { write: true, create: true };
const MIB = 2 ** 20;
const hasSparse = (backend: Backend): boolean => backend.sparse !== undefined;

export const sparseCases: readonly ContractCase[] = [
  {
    behaviour: 'a punched range reads as zeros, is free, and leaves the size',
    needs: hasSparse,
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.alloc(4 * MIB, 'x'), 0);
        const before = (await handle.stat()).allocatedBytes;
        await backend.sparse?.punch(handle, { offset: MIB, length: 2 * MIB });
        const stat = await handle.stat();
        assert.equal(stat.sizeBytes, 4 * MIB);
        assert.ok(stat.allocatedBytes <= before - 2 * MIB);
        assert.ok((await bytesOf(handle, MIB, 2 * MIB)).equals(Buffer.alloc(2 * MIB)));
        assert.equal((await bytesOf(handle, MIB - 1, 1)).toString(), 'x');
        assert.equal((await bytesOf(handle, 3 * MIB, 1)).toString(), 'x');
      });
    },
  },
  {
    behaviour: 'a range punched at odd offsets keeps its neighbours',
    needs: hasSparse,
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        const expected = Buffer.alloc(300_000, 'x');
        await handle.write(expected, 0);
        await backend.sparse?.punch(handle, { offset: 70_001, length: 100_003 });
        await backend.sparse?.punch(handle, { offset: 299_990, length: 5000 });
        expected.fill(0, 70_001, 170_004).fill(0, 299_990);
        assert.ok((await bytesOf(handle, 0, 400_000)).equals(expected));
      });
    },
  },
  {
    behaviour: 'allocated ranges cover all data and spare large holes',
    needs: hasSparse,
    async run(backend) {
      await withHandle(backend, 'a', writing, async (handle) => {
        await handle.write(Buffer.alloc(10, 'x'), 0);
        await handle.write(Buffer.alloc(MIB, 'x'), 8 * MIB);
        await handle.truncate(16 * MIB);
        const ranges = (await backend.sparse?.allocatedRanges(handle, { offset: 0, length: 32 * MIB })) ?? [];
        assert.equal(ranges.length, 2);
        assert.equal(ranges[0]?.offset, 0);
        assert.equal(ranges[1]?.offset, 8 * MIB);
        assert.equal(ranges[1]?.length, MIB);
        const inside = await backend.sparse?.allocatedRanges(handle, { offset: 8 * MIB + 100, length: 50 });
        assert.deepEqual(inside, [{ offset: 8 * MIB + 100, length: 50 }]);
        assert.deepEqual(
          await backend.sparse?.allocatedRanges(handle, { offset: 12 * MIB, length: MIB }),
          [],
        );
      });
    },
  },
];
