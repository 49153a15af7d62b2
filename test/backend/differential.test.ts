import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Backend } from '../../src/backend/contract.ts';
import { memoryBackend } from '../../src/backend/memory.ts';
import { delegateTo } from '../../src/backend/wrap.ts';
import { compare, DifferenceError, type Pair } from './differential/compare.ts';
import { pairs } from './differential/pairs.ts';

const SEEDS = [1, 2, 3, 4];
const STEPS_PER_SEED = 5000;

for (const pair of pairs) {
  for (const seed of SEEDS) {
    test(`memory and ${pair.name} give the same answers, seed ${seed}`, async () => {
      const tally = await compare(pair, seed, STEPS_PER_SEED);
      const kinds = new Set([...tally.keys()].map((key) => key.split(' ')[0]));
      for (const kind of kinds) assert.ok((tally.get(`${kind} done`) ?? 0) > 50, [...tally].join(' '));
    });
  }
}

test('a difference is told with the shortest trace', async () => {
  const forgetful = (store: Backend): Backend => ({
    ...delegateTo(store),
    // What a store might well get wrong: a directory is replaced by a file.
    rename: (from, to, replace) => {
      const stat = memoryOf(store, to);
      if (replace && stat === 'directory') return;
      return store.rename(from, to, replace);
    },
  });
  const pair: Pair = {
    name: 'wrong',
    common: { names: ['a', 'b'], hasMetadata: false, hasStreams: false, hasTimes: false },
    open: () => ({ oracle: memoryBackend(), judged: forgetful(memoryBackend()), dispose: () => {} }),
  };
  await assert.rejects(compare(pair, 1, 5000), (error) => {
    assert.ok(error instanceof DifferenceError);
    const lines = error.message.split('\n');
    assert.match(error.message, /rename, true/);
    assert.ok(lines.length <= 7, error.message);
    return true;
  });
});

function memoryOf(store: Backend, path: string): string | undefined {
  try {
    const stat = store.stat(path);
    return stat instanceof Promise ? undefined : stat.kind;
  } catch {
    return undefined;
  }
}
