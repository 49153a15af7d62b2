import assert from 'node:assert/strict';
import { test } from 'node:test';
import { type MemoryBackend, memoryBackend } from '../../src/backend/memory.ts';
import { upper } from '../../src/fs/names.ts';
import { FoldedNames } from '../../src/vfs/folded-names.ts';
import { NameIndex, type NameIndexOptions } from '../../src/vfs/name-index.ts';

/** An index over a store in memory, and how often directories were read for it. */
function indexOver(options: Partial<NameIndexOptions> & { isUnwatched?: boolean } = {}) {
  const memory = memoryBackend();
  const reads: string[] = [];
  const failing = new Set<string>();
  const backend = new Proxy(memory, {
    get(target, property) {
      if (property === 'list') {
        return (path: string) => {
          reads.push(path);
          return target.list(path);
        };
      }
      if (property === 'watch' && options.isUnwatched) return undefined;
      if (property === 'stat' && failing.size > 0) {
        return async (path: string) => {
          if (failing.has(path)) throw new Error('EIO');
          return target.stat(path);
        };
      }
      const value: unknown = Reflect.get(target, property, target);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
  const index = new NameIndex({ backend, seed: 7, ...options });
  const find = async (directory: string, name: string): Promise<string | undefined> =>
    index.find({ path: directory, stat: memory.stat(directory) }, name);
  return { memory, index, find, reads, failing };
}

function others(memory: MemoryBackend): MemoryBackend {
  return memory.another();
}

test('packed names are found by their folded form, whatever characters they hold', () => {
  const names = new FoldedNames(1);
  const kept = ['Straße', 'ÄÖÜ', 'éa', 'Ελλάδα', '\ud800', '\udce9x', '😀', 'a:b', 'dot.', 'x'.repeat(255)];
  for (const name of kept) names.add(name);
  assert.equal(names.find(upper('STRAßE')), 'Straße');
  assert.equal(names.find(upper('äöü')), 'ÄÖÜ');
  assert.equal(names.find(upper('ελλάδα')), 'Ελλάδα');
  assert.equal(names.find(upper('a\uf022B')), 'a:b');
  assert.deepEqual([...names.stored()].sort(), [...kept].sort());
});

test('packed names behave as a map of strings through 20,000 random additions and removals', () => {
  const names = new FoldedNames(2);
  const model = new Map<string, Set<string>>();
  let state = 1;
  const random = (below: number): number => {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    return (state >>> 8) % below;
  };
  for (let step = 0; step < 20_000; step++) {
    const stored = `${'nN'[random(2)]}ame-${random(900)}${random(5) === 0 ? 'ő' : ''}`;
    const folded = upper(stored);
    const known = model.get(folded) ?? new Set();
    model.set(folded, known);
    if (random(2) === 0) {
      names.add(stored);
      known.add(stored);
    } else {
      names.remove(stored);
      known.delete(stored);
    }
    const found = names.find(folded);
    assert.ok(found === undefined ? known.size === 0 : known.has(found), stored);
  }
  const count = [...model.values()].reduce((sum, { size }) => sum + size, 0);
  assert.equal(names.size, count);
  assert.equal([...names.stored()].length, count);
});

test('a directory is read once, however often it changes', async () => {
  const { memory, index, find, reads } = indexOver();
  memory.seed({ d: { One: '', Two: '' } });
  assert.equal(await find('d', 'ONE'), 'One');
  await index.added('d', 'Three');
  others(memory).seed({ d: { Four: '' } });
  others(memory).removeFile('d/Two');
  others(memory).rename('d/One', 'd/Five', false);
  assert.equal(await find('d', 'three'), 'Three');
  assert.equal(await find('d', 'FOUR'), 'Four');
  assert.equal(await find('d', 'two'), undefined);
  assert.equal(await find('d', 'one'), undefined);
  assert.equal(await find('d', 'five'), 'Five');
  assert.deepEqual(reads, ['d']);
});

test('two names that differ in case only are both found again when one goes', async () => {
  const { memory, index, find } = indexOver();
  memory.seed({ a: '', A: '' });
  assert.ok(['a', 'A'].includes((await find('', 'a')) ?? ''));
  await index.removed('', 'A');
  assert.equal(await find('', 'A'), 'a');
});

test('without a watch a directory is read again when its times say that others changed it', async () => {
  const { memory, find, reads } = indexOver({ isUnwatched: true });
  memory.seed({ One: '' });
  assert.equal(await find('', 'one'), 'One');
  assert.equal(await find('', 'ONE'), 'One');
  memory.seed({ Two: '' });
  memory.open('', {}).setStat({ lastWriteTime: 1n });
  assert.equal(await find('', 'two'), 'Two');
  assert.deepEqual(reads, ['', '']);
});

test('another directory under the same path is read anew', async () => {
  const { memory, find, reads } = indexOver();
  memory.seed({ a: { x: '' }, b: { Y: '' } });
  assert.equal(await find('a', 'X'), 'x');
  others(memory).rename('a', 'c', false);
  others(memory).rename('b', 'a', false);
  assert.equal(await find('a', 'x'), undefined);
  assert.equal(await find('a', 'y'), 'Y');
  assert.equal(reads.filter((path) => path === 'a').length, 2);
});

test('indexes hold no more names than they may, and no more directories', async () => {
  const { memory, index, find, reads } = indexOver({ namesMax: 10, directoriesMax: 3 });
  for (const directory of ['a', 'b', 'c', 'd']) memory.seed({ [directory]: { One: '', Two: '', Three: '' } });
  for (const directory of ['a', 'b', 'c', 'd', 'd', 'c']) await find(directory, 'one');
  assert.deepEqual(reads, ['a', 'b', 'c', 'd']);
  assert.equal(index.size, 9);
  memory.seed({ large: Object.fromEntries(Array.from({ length: 11 }, (_, at) => [`Name${at}`, ''])) });
  assert.equal(await find('large', 'NAME10'), 'Name10');
  assert.ok(index.size <= 10);
});

test('what is made while a directory is read for the first time is known afterwards', async () => {
  const { memory, index, find, reads } = indexOver();
  memory.seed(Object.fromEntries(Array.from({ length: 2000 }, (_, at) => [`n${at}`, ''])));
  const looking = find('', 'MADE');
  memory.seed({ Made: '' });
  await index.added('', 'Made');
  others(memory).seed({ Theirs: '' });
  assert.ok([undefined, 'Made'].includes(await looking));
  assert.equal(await find('', 'made'), 'Made');
  assert.equal(await find('', 'theirs'), 'Theirs');
  assert.deepEqual(reads, ['']);
});

test('a change is made, and its directory read anew, when the store cannot be asked about it', async () => {
  const { memory, index, find, reads, failing } = indexOver({ isUnwatched: true });
  await memory.makeDirectory('d');
  await memory.makeDirectory('d/Name');
  assert.equal(await find('d', 'NAME'), 'Name');
  await memory.removeDirectory('d/Name');
  failing.add('d');
  await index.removed('d', 'Name');
  failing.clear();
  assert.equal(await find('d', 'NAME'), undefined);
  assert.deepEqual(reads, ['d', 'd']);
});
