import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { type ContractCase, createFile, failsWith } from './case.ts';

const hasAttributes = (backend: Backend): boolean => backend.extendedAttributes !== undefined;
const hasSecurity = (backend: Backend): boolean => backend.security !== undefined;

export const attributeCases: readonly ContractCase[] = [
  {
    behaviour: 'extended attributes are replaced as a whole and kept as bytes',
    needs: hasAttributes,
    async run(backend) {
      await createFile(backend, 'a');
      await backend.makeDirectory('d');
      for (const path of ['a', 'd']) {
        assert.equal((await backend.extendedAttributes?.read(path))?.size, 0);
        const written = new Map([
          ['ONE', Buffer.from([0, 1, 2, 255])],
          ['EMPTY', Buffer.alloc(0)],
          ['LARGE', Buffer.alloc(60_000, 7)],
        ]);
        await backend.extendedAttributes?.write(path, written);
        assert.deepEqual(await backend.extendedAttributes?.read(path), written);
        await backend.extendedAttributes?.write(path, new Map([['TWO', Buffer.from('2')]]));
        assert.deepEqual(await backend.extendedAttributes?.read(path), new Map([['TWO', Buffer.from('2')]]));
      }
    },
  },
  {
    behaviour: 'extended attributes are copies of what was handed in',
    needs: hasAttributes,
    async run(backend) {
      await createFile(backend, 'a');
      const value = Buffer.from('before');
      await backend.extendedAttributes?.write('a', new Map([['X', value]]));
      value.fill('z');
      assert.equal((await backend.extendedAttributes?.read('a'))?.get('X')?.toString(), 'before');
    },
  },
  {
    behaviour: 'a security descriptor is kept as bytes and follows its file',
    needs: hasSecurity,
    async run(backend) {
      await createFile(backend, 'a');
      assert.equal(await backend.security?.read('a'), undefined);
      const descriptor = Buffer.from('0100048014000000300000000000000000000000', 'hex');
      await backend.security?.write('a', descriptor);
      await backend.rename('a', 'b', false);
      assert.deepEqual(await backend.security?.read('b'), descriptor);
      await backend.removeFile('b');
      await createFile(backend, 'b');
      assert.equal(await backend.security?.read('b'), undefined);
    },
  },
  {
    behaviour: 'metadata of what is absent is refused',
    needs: (backend) => hasAttributes(backend) && hasSecurity(backend),
    async run(backend) {
      await failsWith('ENOENT', () => backend.extendedAttributes?.read('absent'));
      await failsWith('ENOENT', () => backend.extendedAttributes?.write('absent', new Map()));
      await failsWith('ENOENT', () => backend.security?.read('absent'));
      await failsWith('ENOENT', () => backend.security?.write('absent', Buffer.alloc(20)));
    },
  },
];
