/**
 * Each load once, small: that it runs and finds what it is to find. The figures are those of `npm run load`.
 */
import { describe, it } from 'node:test';
import { scenarios } from './scenarios.ts';

describe('a load', () => {
  for (const { name, what, run } of scenarios) {
    it(`is carried: ${what}`, async (t) => {
      const scale = name === 'handles' || name === 'overload' ? 0.02 : 0.004;
      for (const line of await run({ scale, minutes: 0.04 })) t.diagnostic(line);
    });
  }
});
