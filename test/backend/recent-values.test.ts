import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import { RecentValues } from '../../src/backend/recent-values.ts';
import { type Clock, systemClock, unixNsOfFileTime } from '../../src/base/clock.ts';

const SECOND_NS = 1_000_000_000n;

function world() {
  let ms = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => ms };
  const values = new RecentValues<string>(clock);
  const stat = fs.statSync('.', { bigint: true });
  const now = unixNsOfFileTime(clock.now());
  const changed = (secondsAgo: bigint) => Object.assign(stat, { ctimeNs: now - secondsAgo * SECOND_NS });
  const pass = (by: number): void => {
    ms += by;
  };
  return { clock, values, changed, pass };
}

const file = (fileId: number, generation = 1n) => ({ fileId: BigInt(fileId), generation });

test('what was read of a file counts as long as it has not changed since', () => {
  const { values, changed } = world();
  values.remember(file(1), changed(100n), 'read');
  assert.equal(values.find(file(1), changed(100n))?.value, 'read');
  assert.equal(values.find(file(1), changed(99n)), undefined);
  assert.equal(values.find(file(1, 2n), changed(100n)), undefined);
});

test('what was read of a file that changed just now proves nothing', () => {
  const { values, changed } = world();
  values.remember(file(1), changed(1n), 'read');
  assert.equal(values.find(file(1), changed(1n)), undefined);
});

test('a disk that tells every change is believed at once, and no other', () => {
  const { clock, changed } = world();
  const stat = changed(0n);
  const values = new RecentValues<string>(clock, stat.dev);
  values.remember(file(1), stat, 'read');
  assert.equal(values.find(file(1), stat)?.value, 'read');
  const elsewhere = new RecentValues<string>(clock, stat.dev + 1n);
  elsewhere.remember(file(1), stat, 'read');
  assert.equal(elsewhere.find(file(1), stat), undefined);
});

test('who looks at very many files once does not push out what others look at', () => {
  const { values, changed, pass } = world();
  const stat = changed(100n);
  for (let number = 0; number < 100_000; number++) values.remember(file(number), stat, 'read');
  assert.equal(values.find(file(99_999), stat), undefined);
  pass(10_000);
  values.remember(file(99_999), stat, 'read');
  assert.equal(values.find(file(99_999), stat)?.value, 'read');
});
