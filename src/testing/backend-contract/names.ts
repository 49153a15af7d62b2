import assert from 'node:assert/strict';
import type { Backend } from '../../backend/contract.ts';
import { codeOf } from '../../backend/error.ts';
import {
  type ContractCase,
  type ContractTraits,
  contentOf,
  createFile,
  failsWith,
  listedNames,
} from './case.ts';

const unusual = new Map([
  ['letters of many scripts', ['Grüße', 'Привет', '漢字かな', 'שלום', 'नमस्ते', '한국어']],
  ['characters outside the basic plane', ['😀', '𝒜𝒷', '\u{10ffff}']],
  ['composed and decomposed twins, which differ', ['caf\u00e9', 'cafe\u0301', '\u212b', '\u00c5', 'A\u030a']],
  ['lone surrogates', ['\ud800', 'a\udfffb', '\udc00\ud800', 'x\ud83d']],
  ['names that differ in case only', ['readme', 'README', 'ReadMe', 'straße', 'STRASSE']],
  [
    'punctuation and spaces',
    [' leading', 'trailing ', 'dots...', '...', '.hidden', 'a:b', 'a\\b', 'a*?"<>|b', '%2e', '~1'],
  ],
  ['control characters', ['\u0001', 'line\nbreak', 'tab\there', '\u007f', '\u0085']],
  [
    'names from JavaScript itself',
    ['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'undefined'],
  ],
  ['names of devices elsewhere', ['con', 'NUL', 'aux.txt', 'lpt1']],
]);

/** Creates `name`; a store without exact names may refuse it. */
async function createdNames(
  backend: Backend,
  names: readonly string[],
  traits: ContractTraits,
): Promise<string[]> {
  const made: string[] = [];
  for (const name of names) {
    try {
      await createFile(backend, name, name);
      made.push(name);
    } catch (error) {
      if (traits.hasExactNames || !['EINVAL', 'EEXIST', 'EILSEQ'].includes(codeOf(error) ?? '')) throw error;
    }
  }
  return made;
}

const unusualCases: readonly ContractCase[] = [...unusual].map(([what, names]) => ({
  behaviour: `names are kept as they are: ${what}`,
  async run(backend, traits) {
    const made = await createdNames(backend, names, traits);
    assert.deepEqual(await listedNames(backend, ''), [...made].sort());
    for (const name of made) {
      assert.equal(await contentOf(backend, name), Buffer.from(name).toString());
      await backend.rename(name, `${name}.moved`, false);
      await failsWith('ENOENT', () => backend.stat(name));
      await backend.removeFile(`${name}.moved`);
    }
    assert.deepEqual(await listedNames(backend, ''), []);
  },
}));

export const nameCases: readonly ContractCase[] = [
  ...unusualCases,
  {
    behaviour: 'unusual names work for directories on the way, too',
    async run(backend, traits) {
      const [first, second] = await createdDirectories(backend, traits);
      await createFile(backend, `${first}/${second}/a`, 'deep');
      assert.equal(await contentOf(backend, `${first}/${second}/a`), 'deep');
      assert.deepEqual(await listedNames(backend, first), [second]);
    },
  },
  {
    behaviour: 'a name of 255 characters is kept, a longer one refused',
    async run(backend) {
      const longest = 'n'.repeat(255);
      await createFile(backend, longest, 'long');
      assert.deepEqual(await listedNames(backend, ''), [longest]);
      assert.equal(await contentOf(backend, longest), 'long');
      await failsWith('ENAMETOOLONG', () => createFile(backend, `${longest}n`));
      await failsWith('ENAMETOOLONG', () => backend.makeDirectory(`${longest}n`));
      await failsWith('ENAMETOOLONG', () => backend.rename(longest, `${longest}n`, false));
    },
  },
  {
    behaviour: 'a path may be much longer than a name',
    needs: (_, traits) => traits.pathCharsMax >= 10_000,
    async run(backend) {
      const names = Array.from({ length: 40 }, (_, depth) => `${depth}-${'d'.repeat(200)}`);
      for (let depth = 1; depth <= names.length; depth++) {
        await backend.makeDirectory(names.slice(0, depth).join('/'));
      }
      const deepest = names.join('/');
      await createFile(backend, `${deepest}/file`, 'far down');
      assert.equal(await contentOf(backend, `${deepest}/file`), 'far down');
      assert.deepEqual(await listedNames(backend, deepest), ['file']);
      await backend.rename(`${deepest}/file`, 'near', false);
      assert.equal(await contentOf(backend, 'near'), 'far down');
    },
  },
  {
    behaviour: 'what is no path is refused everywhere',
    async run(backend) {
      await createFile(backend, 'a');
      await backend.makeDirectory('d');
      for (const path of [
        '/a',
        'a/',
        'd//x',
        '.',
        '..',
        'd/..',
        'd/../a',
        './a',
        'd/.',
        'a\0',
        '../../etc/passwd',
      ]) {
        await failsWith('EINVAL', () => backend.stat(path));
        await failsWith('EINVAL', () => backend.open(path, {}));
        await failsWith('EINVAL', () => backend.open(path, { write: true, create: true }));
        await failsWith('EINVAL', () => backend.makeDirectory(path));
        await failsWith('EINVAL', () => backend.removeFile(path));
        await failsWith('EINVAL', () => backend.removeDirectory(path));
        await failsWith('EINVAL', () => backend.rename(path, 'b', true));
        await failsWith('EINVAL', () => backend.rename('a', path, true));
        await failsWith('EINVAL', () => listedNames(backend, path));
      }
      assert.deepEqual(await listedNames(backend, ''), ['a', 'd']);
    },
  },
];

async function createdDirectories(backend: Backend, traits: ContractTraits): Promise<[string, string]> {
  const names: [string, string] = traits.hasExactNames ? ['\ud800 é', 'e\u0301\n'] : ['é', 'ü'];
  await backend.makeDirectory(names[0]);
  await backend.makeDirectory(names.join('/'));
  return names;
}
