import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import fc from 'fast-check';
import { upper } from '../../src/fs/names.ts';
import { FoldedNames } from '../../src/vfs/folded-names.ts';

/** Few names, so that they meet: in two spellings, some wider than Latin. */
const name = fc
  .tuple(fc.constantFrom('a', 'A', 'ß', 'Ж', 'ж'), fc.nat(60))
  .map(([letter, n]) => `${letter}${n}`);

describe('names found without regard to case', () => {
  it('are those that were added and not removed, however often they come and go', () => {
    const step = fc.record({ kind: fc.constantFrom('add', 'remove', 'again'), name, count: fc.nat(300) });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 150 }), fc.nat(), (steps, seed) => {
        const names = new FoldedNames(seed);
        const model = new Set<string>();
        for (const { kind, name: stored, count } of steps) {
          if (kind === 'remove') {
            names.remove(stored);
            model.delete(stored);
          } else {
            for (let turn = 0; kind === 'again' && turn < count; turn++) {
              names.remove(stored);
              names.add(stored);
            }
            names.add(stored);
            model.add(stored);
          }
          assert.equal(names.size, model.size);
        }
        assert.deepEqual([...names.stored()].sort(), [...model].sort());
        const folded = new Set([...model].map(upper));
        for (const each of model) {
          const found = names.find(upper(each));
          assert.ok(found !== undefined && model.has(found) && upper(found) === upper(each));
        }
        for (let n = 0; n <= 60; n++) assert.equal(names.find(`A${n}`) !== undefined, folded.has(`A${n}`));
      }),
    );
  });
});
