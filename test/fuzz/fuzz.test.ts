/**
 * Every kept input once more, and some thousand new ones for each target. `npm run fuzz` goes on for as long as it is let.
 */
import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { ReadRequest } from '../../src/wire/smb2/read.ts';
import { bodyOf } from '../abuse/messages.ts';
import { fieldMapOf } from './field-map.ts';
import { FuzzFailure, fuzz, replay } from './fuzz.ts';
import { rawSeed, type Target } from './target.ts';
import { targets } from './targets.ts';

const plainInputs = 12_000;
const serverInputs = 300;

describe('what is sent without regard to the rules', () => {
  for (const target of targets) {
    it(`leads to nothing but refusals: ${target.name}`, async (t) => {
      const inputsMax = target.isPlain ? plainInputs : serverInputs;
      const { inputs, outcomes } = await fuzz(target, { seed: 20_261_122, inputsMax });
      assert.ok(inputs >= inputsMax);
      assert.ok(outcomes.size > 0 || target.name === 'command-cancel', 'something came of them');
      t.diagnostic(`${inputs} inputs, ${outcomes.size} outcomes`);
    });
  }
});

describe('the fuzzer', () => {
  const planted: Target = {
    name: 'planted',
    isPlain: true,
    seeds: () => [{ ...rawSeed(bodyOf(8)), fields: fieldMapOf(ReadRequest, bodyOf(8)) }],
    start: () => ({
      feed(input) {
        if (input.length >= 49 && input.readUInt32LE(4) === 0xffff_fffe) throw new RangeError('planted');
      },
    }),
  };

  it('finds a fault behind one value of one field, and gives the input that shows it', async () => {
    const error = await fuzz(planted, { seed: 3, inputsMax: 500_000 }).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    assert.ok(error instanceof FuzzFailure);
    const [input] = error.inputs;
    assert.ok(input !== undefined);
    await assert.rejects(replay(planted, [input]), /planted/);
  });

  it('does the same again from the same seed', async () => {
    const target = targets.find(({ name }) => name === 'structures');
    assert.ok(target !== undefined);
    const [first, second] = [
      await fuzz(target, { seed: 5, inputsMax: 5000 }),
      await fuzz(target, { seed: 5, inputsMax: 5000 }),
    ];
    assert.deepEqual(first.outcomes, second.outcomes);
  });

  it('maps fields of what is nested too', () => {
    const names = fieldMapOf(EchoRequest, bodyOf(13)).map(({ name }) => name);
    assert.deepEqual(names, ['structureSize', 'reserved']);
    const create = targets.find(({ name }) => name === 'command-create');
    const mapped = create?.seeds().flatMap(({ fields }) => fields.map(({ name }) => name)) ?? [];
    assert.ok(mapped.includes('dataOffset'), 'of the contexts of CREATE');
  });
});
