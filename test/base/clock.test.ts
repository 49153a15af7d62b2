import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fileTimeOfUnix, fileTimeOfUnixNs, UNIX_EPOCH, unixNsOfUnix } from '../../src/base/clock.ts';

test('seconds and nanoseconds become the time that whole numbers of nanoseconds become', () => {
  const seconds = [
    0,
    1,
    -1,
    65_535,
    65_536,
    1_795_398_950,
    2 ** 31 - 1,
    2 ** 31,
    2 ** 32 + 1,
    2 ** 33 - 1,
    2 ** 33,
  ];
  const early = [-11_644_473_600, -11_644_473_601, -77_777];
  for (const second of [...seconds, ...early]) {
    for (const ns of [0, 1, 99, 100, 123_456_789, 999_999_999]) {
      const all = BigInt(second) * 1_000_000_000n + BigInt(ns);
      assert.equal(unixNsOfUnix(second, ns), all, `${second} ${ns}`);
      assert.equal(fileTimeOfUnix(second, ns), fileTimeOfUnixNs(all), `${second} ${ns}`);
    }
  }
  assert.equal(fileTimeOfUnix(0, 0), UNIX_EPOCH);
});
