import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import fc from 'fast-check';
import { Table } from '../../src/base/table.ts';

const step = fc.oneof(
  fc.record({ kind: fc.constant('set' as const), key: fc.nat(40), value: fc.nat() }),
  fc.record({ kind: fc.constant('delete' as const), key: fc.nat(40) }),
  fc.record({ kind: fc.constant('come and go' as const), from: fc.nat(10_000), count: fc.nat(200) }),
);

describe('a table', () => {
  it('holds what a Map holds', () => {
    fc.assert(
      fc.property(fc.array(step, { maxLength: 200 }), (steps) => {
        const table = new Table<number, number>();
        const map = new Map<number, number>();
        for (const each of steps) {
          if (each.kind === 'set') {
            table.set(each.key, each.value);
            map.set(each.key, each.value);
          } else if (each.kind === 'delete') {
            assert.equal(table.delete(each.key), map.delete(each.key));
          } else {
            for (let key = 100 + each.from; key < 100 + each.from + each.count; key++) table.set(key, 1);
            for (let key = 100 + each.from; key < 100 + each.from + each.count; key++) table.delete(key);
          }
          assert.equal(table.size, map.size);
          for (let key = 0; key <= 40; key++) {
            assert.equal(table.get(key), map.get(key));
            assert.equal(table.has(key), map.has(key));
          }
        }
        const byKey = (one: readonly number[], other: readonly number[]) => (one[0] ?? 0) - (other[0] ?? 0);
        assert.deepEqual([...table].sort(byKey), [...map].sort(byKey));
        assert.deepEqual([...table.values()].sort(), [...map.values()].sort());
        table.clear();
        assert.deepEqual([table.size, [...table], table.get(1)], [0, [], undefined]);
      }),
    );
  });

  it('lets what is gone through be deleted and set meanwhile', () => {
    const table = new Table<number, string>();
    for (let key = 0; key < 500; key++) table.set(key, 'old');
    let count = 0;
    for (const [key] of table) {
      table.delete(key);
      count++;
    }
    assert.deepEqual([count, table.size], [500, 0]);
  });

  it('forgets keys that do not come back', async () => {
    setFlagsFromString('--expose-gc');
    const collect: () => void = runInNewContext('gc');
    const table = new Table<object, number>();
    const passed: WeakRef<object>[] = [];
    for (let count = 0; count < 1000; count++) {
      const key = {};
      passed.push(new WeakRef(key));
      table.set(key, count);
      table.delete(key);
    }
    // A WeakRef keeps its object until the turn is over.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    const left = passed.filter((key) => key.deref() !== undefined).length;
    assert.ok(left <= 65, `${left} keys are kept`);
    assert.equal(table.size, 0);
  });
});
