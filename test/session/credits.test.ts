import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { CommandSequenceWindow } from '../../src/session/credits.ts';

test('a new window takes MessageId 0 once', () => {
  const window = new CommandSequenceWindow(8);
  assert.equal(window.available, 1);
  assert.equal(window.consume(0, 1), true);
  assert.equal(window.consume(0, 1), false);
  assert.equal(window.available, 0);
});

test('ids beyond the granted ones, below the window and of no server are refused', () => {
  const window = new CommandSequenceWindow(8);
  assert.equal(window.consume(1, 1), false);
  assert.equal(window.consume(-1, 1), false);
  assert.equal(window.consume(Number.NaN, 1), false);
  assert.equal(window.grant(3), 3);
  assert.equal(window.consume(3, 2), false);
  assert.equal(window.consume(2, 2), true);
  assert.equal(window.consume(3, 1), false);
});

test('ids may come in any order', () => {
  const window = new CommandSequenceWindow(8);
  window.grant(7);
  for (const id of [7, 0, 3, 1, 2, 6, 4, 5]) assert.equal(window.consume(id, 1), true, `id ${id}`);
  assert.equal(window.available, 0);
  assert.equal(window.grant(100), 8);
});

test('a hole at the bottom of the window bounds what is granted', () => {
  const window = new CommandSequenceWindow(8);
  window.grant(7);
  for (let id = 1; id < 8; id++) assert.equal(window.consume(id, 1), true);
  assert.equal(window.grant(8), 0);
  assert.equal(window.consume(0, 1), true);
  assert.equal(window.grant(8), 8);
});

test('over any sequence, no id is taken twice and the credits are the ids not taken', () => {
  const action = fc.oneof(
    fc.record({ consume: fc.nat(60), charge: fc.integer({ min: 1, max: 4 }) }),
    fc.record({ grant: fc.nat(20) }),
  );
  fc.assert(
    fc.property(fc.array(action, { maxLength: 200 }), (actions) => {
      const window = new CommandSequenceWindow(16);
      const taken = new Set<number>();
      let high = 1;
      for (const step of actions) {
        if ('grant' in step) {
          high += window.grant(step.grant);
          continue;
        }
        const ids = Array.from({ length: step.charge }, (_, index) => step.consume + index);
        const isFree = ids.every((id) => id < high && !taken.has(id));
        assert.equal(window.consume(step.consume, step.charge), isFree);
        if (isFree) for (const id of ids) taken.add(id);
      }
      assert.equal(window.available, high - taken.size);
    }),
  );
});
