import assert from 'node:assert/strict';
import test from 'node:test';
import { Random } from './simulation/random.ts';
import { simulate } from './simulation/run.ts';

test('clients that cache, acknowledge badly and vanish never see old data, and leave nothing behind', () => {
  for (let seed = 1; seed <= 120; seed++) simulate(seed, 400);
});

test('a seed is a run: the same every time', () => {
  const draw = () =>
    Array.from(
      { length: 5 },
      (
        (random) => () =>
          random.next()
      )(new Random(7)),
    );
  assert.deepEqual(draw(), draw());
});
