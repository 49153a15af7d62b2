import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../src/base/bytes.ts';
import { chain } from '../../src/wire/chain.ts';
import { WireError } from '../../src/wire/codec.ts';
import { latin1, lengthOf, next, struct, u8 } from '../../src/wire/struct.ts';

const Entry = struct('test.ChainEntry', { next: next(), length: lengthOf(u8, 'name'), name: latin1() });
const Entries = chain(Entry, { align: 8 });

const wire = hex('08000000 02 6162 00  10000000 04 63646566 00000000000000  00000000 00');
const value = [{ name: 'ab' }, { name: 'cdef' }, { name: '' }];

test('entries are linked, aligned and padded with zeros, the last is not padded', () => {
  assert.deepEqual(Entries.encode(value), wire);
  assert.deepEqual(Entries.decode(wire), value);
});

test('no bytes are no entries', () => {
  assert.deepEqual(Entries.decode(Buffer.alloc(0)), []);
  assert.deepEqual(Entries.encode([]), Buffer.alloc(0));
});

test('an entry cannot read into the next', () => {
  const broken = Buffer.from(wire);
  broken[4] = 4;
  assert.throws(() => Entries.decode(broken), WireError);
});

test('links that stand still, are unaligned or lead outside are refused', () => {
  for (const link of [1, 4, 7, 12, 0x20, 0x1000, 0x8000_0000, 0xffff_ffff]) {
    const broken = Buffer.from(wire);
    broken.writeUInt32LE(link, 0);
    assert.throws(() => Entries.decode(broken), WireError, `NextEntryOffset ${link}`);
  }
});

test('a chain that ends in the middle of an entry is refused', () => {
  for (let end = 1; end < wire.length; end++) {
    assert.throws(() => Entries.decode(wire, 0, end), WireError, `${end} bytes`);
  }
});

test('a writer appends until the next entry does not fit, and then has written nothing of it', () => {
  const target = Buffer.alloc(40, 0xee);
  const writer = Entries.writer(target, 2, 2 + wire.length - 1);
  assert.deepEqual(
    value.map((entry) => writer.append(entry)),
    [true, true, false],
  );
  assert.equal(writer.count, 2);
  assert.equal(writer.end, 2 + 17);
  const written = Buffer.from(wire.subarray(0, 17));
  written.writeUInt32LE(0, 8);
  assert.deepEqual(target.subarray(2, 19), written);
  assert.deepEqual(target.subarray(19), Buffer.alloc(21, 0xee));
});

test('a writer that was refused takes a smaller entry', () => {
  const writer = Entries.writer(Buffer.alloc(16));
  assert.equal(writer.append({ name: 'a name that is too long' }), false);
  assert.equal(writer.count, 0);
  assert.equal(writer.end, 0);
  assert.equal(writer.append({ name: 'short' }), true);
});
