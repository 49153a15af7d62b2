import assert from 'node:assert/strict';
import fs from 'node:fs';
import os from 'node:os';
import path from 'node:path';
import { test } from 'node:test';
import { type Carried, RecentAttributes } from '../../src/backend/recent-attributes.ts';
import { type Clock, systemClock, unixNsOfFileTime } from '../../src/base/clock.ts';
import { loadLibc } from '../../src/native/libc.ts';
import { StatxRecord } from '../../src/native/stat.ts';

const SECOND_NS = 1_000_000_000n;
const read = { attributes: 0x22, creationTime: 116_444_736_000_000_001n, hasEas: false };

/** What was found, but for the side store's part. */
function carried(found: Carried | undefined): Carried | undefined {
  return found && { attributes: found.attributes, creationTime: found.creationTime, hasEas: found.hasEas };
}

function world(exactDevice?: bigint) {
  let ms = 0;
  const clock: Clock = { ...systemClock, monotonicMs: () => ms };
  const values = new RecentAttributes(clock, exactDevice);
  const now = unixNsOfFileTime(clock.now());
  const stat = (ino: number, secondsAgo = 100n) =>
    Object.assign(fs.statSync('.', { bigint: true }), {
      dev: 5n,
      ino: BigInt(ino),
      ctimeNs: now - secondsAgo * SECOND_NS,
      birthtimeNs: 7n,
    });
  const pass = (by: number): void => {
    ms += by;
  };
  return { clock, values, stat, pass };
}

test('what was read of a file counts as long as it has not changed since', () => {
  const { values, stat } = world();
  values.remember(stat(1), read);
  assert.deepEqual(carried(values.find(stat(1))), read);
  assert.equal(values.find(stat(1, 99n)), undefined);
  assert.equal(values.find(stat(2)), undefined);
  assert.equal(values.find(Object.assign(stat(1), { birthtimeNs: 8n })), undefined);
  assert.equal(values.find(Object.assign(stat(1), { dev: 6n })), undefined);
});

test('what a file does not carry and what nobody looked for are told apart', () => {
  const { values, stat } = world();
  const found = [
    { attributes: undefined, creationTime: undefined, hasEas: undefined },
    { attributes: 0, creationTime: undefined, hasEas: true },
    { attributes: 0xffff_ffff, creationTime: 2n ** 64n - 1n, hasEas: false },
  ];
  for (const [at, each] of found.entries()) values.remember(stat(at + 1), each);
  for (const [at, each] of found.entries()) assert.deepEqual(carried(values.find(stat(at + 1))), each);
});

test('a file has one place, whatever it was like', () => {
  const { values, stat } = world();
  values.remember(stat(1), read);
  values.remember(stat(1, 50n), { ...read, attributes: 1 });
  assert.equal(values.find(stat(1)), undefined);
  assert.equal(values.find(stat(1, 50n))?.attributes, 1);
});

test('what was read of a file that changed just now proves nothing', () => {
  const { values, stat } = world();
  values.remember(stat(1, 1n), read);
  assert.equal(values.find(stat(1, 1n)), undefined);
});

test('a disk that tells every change is believed at once, and no other', () => {
  const { values, stat } = world(5n);
  values.remember(stat(1, 0n), read);
  assert.deepEqual(carried(values.find(stat(1, 0n))), read);
  const elsewhere = world(6n);
  elsewhere.values.remember(elsewhere.stat(1, 0n), read);
  assert.equal(elsewhere.values.find(elsewhere.stat(1, 0n)), undefined);
});

test('a whole directory is remembered, and files whose numbers lead to one place push each other out', () => {
  const { values, stat } = world();
  const inos = Array.from({ length: 20_000 }, (_, at) => 3_000_000 + at);
  for (const ino of inos) values.remember(stat(ino), { ...read, attributes: ino });
  for (const ino of inos) assert.equal(values.find(stat(ino))?.attributes, ino);
  // Multiples of 2^32 apart: the upper half counts as well, yet four of them fill a place.
  const alike = [1, 2, 3, 4, 5].map((number) => number * 2 ** 48 + 9);
  for (const ino of alike) values.remember(stat(ino), { ...read, attributes: ino / 2 ** 48 });
  const left = alike.filter((ino) => values.find(stat(ino)) !== undefined);
  assert.ok(left.length > 0 && left.length <= 4, String(left.length));
  for (const ino of left) assert.equal(values.find(stat(ino))?.attributes, Math.floor(ino / 2 ** 48));
});

test('who looks at very many files once does not push out what others look at', () => {
  const { values, stat, pass } = world();
  for (let ino = 0; ino < 200_000; ino++) values.remember(stat(ino), read);
  assert.equal(values.find(stat(199_999)), undefined);
  pass(10_000);
  values.remember(stat(199_999), read);
  assert.deepEqual(carried(values.find(stat(199_999))), read);
});

test('the record of a look and the stat of Node are one state of one file', () => {
  const libc = loadLibc();
  if (libc?.statx === undefined) return;
  const folder = fs.mkdtempSync(path.join(os.tmpdir(), 'smbkit-recent-'));
  try {
    fs.writeFileSync(path.join(folder, 'a'), '');
    const record = new StatxRecord();
    const fd = fs.openSync(folder, 'r');
    libc.statx(fd, 'a', record);
    fs.closeSync(fd);
    const stat = fs.statSync(path.join(folder, 'a'), { bigint: true });
    const values = new RecentAttributes(systemClock, stat.dev);
    if (!record.knowsBirthTime) return;
    values.remember(stat, read);
    const known = { ...read, isWhole: false, changeTime: undefined };
    assert.deepEqual(values.findRecord(record), known);
    values.completeRecord(record, 99n);
    assert.deepEqual(values.findRecord(record), { ...known, isWhole: true, changeTime: 99n });
    values.sideChanged(stat.ino);
    assert.equal(values.findRecord(record)?.isWhole, false);
    values.completeRecord(record, undefined);
    assert.deepEqual(values.findRecord(record), { ...known, isWhole: true });
    values.remember(stat, read);
    assert.deepEqual(values.findRecord(record), known);
  } finally {
    fs.rmSync(folder, { recursive: true });
  }
});
