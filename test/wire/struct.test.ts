import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { test } from 'node:test';
import { AssertionError } from '../../src/base/assert.ts';
import { hex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/wire/codec.ts';
import {
  as,
  blob,
  bool,
  bytes,
  constant,
  countOf,
  i32,
  i64,
  id64,
  latin1,
  lengthOf,
  list,
  nested,
  offsetOf,
  optional,
  reserved,
  rest,
  size,
  struct,
  totalSize,
  u8,
  u16,
  u32,
  u64,
  utf16,
  utf16Slot,
  when,
} from '../../src/wire/struct.ts';

const Numbers = struct('test.Numbers', {
  a: u8,
  b: u16,
  c: u32,
  d: i32,
  e: u64,
  f: i64,
  g: bool,
  h: as<1 | 2>(u8),
});

test('numbers are little-endian, packed, and exact at their limits', () => {
  const value = {
    a: 0xff,
    b: 0xfffe,
    c: 0xfffffffd,
    d: -2,
    e: 2n ** 64n - 3n,
    f: -4n,
    g: true,
    h: 2,
  } as const;
  const wire = hex('ff feff fdffffff feffffff fdffffffffffffff fcffffffffffffff 01 02');
  assert.deepEqual(Numbers.encode(value), wire);
  assert.deepEqual(Numbers.decode(wire), value);
  assert.equal(Numbers.fixedBytes, wire.length);
});

test('values that an enumeration does not know pass as they are', () => {
  const wire = Numbers.encode({ a: 0, b: 0, c: 0, d: 0, e: 0n, f: 0n, g: false, h: 1 });
  wire[wire.length - 1] = 77;
  assert.equal(Numbers.decode(wire).h, 77);
});

const Id = struct('test.Id', { id: id64 });

test('ids are exact below 2^53, all ones is -1', () => {
  for (const id of [0, 1, 0xffff_ffff, 0x1_0000_0000, Number.MAX_SAFE_INTEGER, -1]) {
    assert.equal(Id.decode(Id.encode({ id })).id, id);
  }
  assert.deepEqual(Id.encode({ id: -1 }), hex('ffffffffffffffff'));
  assert.deepEqual(Id.encode({ id: 0x12_3456_789a }), hex('9a78563412000000'));
});

test('ids from 2^53 on equal none below and are echoed to within their low 11 bits', () => {
  const { id } = Id.decode(hex('ffffffff ffffff7f'));
  assert(id >= 2 ** 53);
  assert.deepEqual(Id.encode({ id }), hex('00f8ffff ffffff7f'));
  assert.notEqual(Id.decode(hex('feffffff ffffffff')).id, -1);
});

test('constants and structure sizes are verified, reserved bytes are not', () => {
  const Sized = struct('test.Sized', {
    structureSize: size(9),
    reserved: reserved(3),
    tag: constant(u32, 0xfeed_beef),
  });
  assert.deepEqual(Sized.encode({}), hex('0900 000000 efbeedfe'));
  assert.deepEqual(Sized.decode(hex('0900 010203 efbeedfe')), {});
  assert.throws(() => Sized.decode(hex('0800 000000 efbeedfe')), WireError);
  assert.throws(() => Sized.decode(hex('0900 000000 efbeedff')), WireError);
});

const Message = struct(
  'test.Message',
  {
    nameOffset: offsetOf(u16, 'name'),
    nameLength: lengthOf(u16, 'name'),
    dataOffset: offsetOf(u32, 'data'),
    dataLength: lengthOf(u32, 'data'),
    name: utf16(),
    data: optional(blob({ align: 8 })),
  },
  { base: 64 },
);

test('offsets count from the base, parts are aligned from the structure and padded with zeros', () => {
  const value = { name: 'ab', data: hex('ccdd') };
  const wire = hex('4c00 0400 50000000 02000000 61006200 ccdd');
  assert.deepEqual(Message.encode(value), wire);
  assert.deepEqual(Message.decode(wire), value);
  const shorter = hex('4c00 0200 50000000 02000000 6100 0000 ccdd');
  assert.deepEqual(Message.encode({ name: 'a', data: hex('ccdd') }), shorter);
});

test('parts may lie anywhere behind the fixed fields, in any order', () => {
  const swapped = hex('5000 0200 4c000000 03000000 ccddee 00 6100');
  assert.deepEqual(Message.decode(swapped), { name: 'a', data: hex('ccddee') });
});

test('an empty part ignores its offset; an optional one is absent and its offset zero', () => {
  const wire = hex('ffff 0000 ffffffff 00000000');
  assert.deepEqual(Message.decode(wire), { name: '', data: undefined });
  assert.deepEqual(Message.encode({ name: '' }), hex('4c00 0000 00000000 00000000'));
});

test('a part that begins before the variable area or ends behind the structure is refused', () => {
  for (const place of ['4b00 0200', '0000 0200', '4e00 0400', '5000 0200', 'ffff 0200', '4c00 ffff']) {
    assert.throws(() => Message.decode(hex(`${place} 00000000 00000000 61006200`)), WireError, place);
  }
  assert.throws(() => Message.decode(hex('4c00 0000 4c000000 ffffffff 6100')), WireError);
  assert.throws(() => Message.decode(hex('4c00 0000 ffffffff ffffffff 6100')), WireError);
});

test('text of odd length is refused, lone surrogates survive', () => {
  assert.throws(() => Message.decode(hex('4c00 0300 00000000 00000000 610062')), WireError);
  const name = '\ud800a\udc00';
  assert.equal(Message.decode(Message.encode({ name })).name, name);
  const long = `${'x'.repeat(100)}\udfff`;
  assert.equal(Message.decode(Message.encode({ name: long })).name, long);
});

test('a length that its field cannot hold is a RangeError of the encoder', () => {
  assert.throws(() => Message.encode({ name: 'x'.repeat(0x8000) }), RangeError);
});

test('blobs are views of the message', () => {
  const wire = Message.encode({ name: '', data: hex('0102') });
  const { data } = Message.decode(wire);
  wire[wire.length - 1] = 9;
  assert.deepEqual(data, hex('0109'));
});

test('a blob that lies where it belongs is not moved', () => {
  const target = Buffer.alloc(16, 0x77);
  const Tail = struct('test.Tail', { length: lengthOf(u32, 'data'), data: blob() });
  assert.equal(Tail.encodeInto({ data: target.subarray(4, 8) }, target, 0), 8);
  assert.deepEqual(target, hex('04000000 77777777 7777777777777777'));
});

const Inner = struct('test.Inner', { length: lengthOf(u8, 'text'), text: latin1() });

test('a nested structure cannot read beyond its part', () => {
  const Outer = struct('test.Outer', { length: lengthOf(u8, 'inner'), inner: nested(Inner), after: u8 });
  assert.deepEqual(Outer.decode(hex('03 02 6162 ff')), { inner: { text: 'ab' }, after: 255 });
  assert.throws(() => Outer.decode(hex('03 03 6162 63')), WireError);
});

test('self-delimiting structures follow each other without lengths', () => {
  const Pair = struct('test.Pair', { first: nested(Inner), second: nested(Inner) });
  const value = { first: { text: 'a' }, second: { text: 'bc' } };
  assert.deepEqual(Pair.encode(value), hex('01 61 02 6263'));
  assert.deepEqual(Pair.decode(hex('01 61 02 6263')), value);
  assert.throws(() => Pair.decode(hex('01 61 02 62')), WireError);
});

test('lists hold structures and integers, counted or up to the end, aligned from their start', () => {
  const Lists = struct('test.Lists', {
    count: countOf(u8, 'items'),
    items: list(Inner, { elementAlign: 4 }),
    numbers: list(u16),
  });
  const value = { items: [{ text: 'a' }, { text: 'bcd' }], numbers: [1, 0xffff] };
  assert.deepEqual(Lists.encode(value), hex('02 01610000 03626364 0100 ffff'));
  assert.deepEqual(Lists.decode(Lists.encode(value)), value);
});

test('a count that the bytes cannot satisfy is refused before anything is allocated', () => {
  const Counted = struct('test.Counted', { count: countOf(u32, 'items'), items: list(u64) });
  assert.throws(() => Counted.decode(hex('ffffffff 0000000000000000')), WireError);
});

test('a part exists only where its condition holds', () => {
  const Conditional = struct('test.Conditional', {
    kind: u8,
    extra: when(nested(u32), ({ kind }) => kind === 1),
  });
  assert.deepEqual(Conditional.decode(hex('01 05000000')), { kind: 1, extra: 5 });
  assert.deepEqual(Conditional.decode(hex('02 05000000')), { kind: 2, extra: undefined });
  assert.deepEqual(Conditional.encode({ kind: 2, extra: 5 }), hex('02'));
  assert.throws(() => Conditional.decode(hex('01 050000')), WireError);
});

test('a structure that tells its own size ends there', () => {
  const Entry = struct('test.Entry', { type: u8, size: totalSize(u8), data: rest() });
  const Entries = struct('test.Entries', { entries: list(Entry) });
  const value = {
    entries: [
      { type: 1, data: hex('aa') },
      { type: 2, data: hex('bbcc') },
    ],
  };
  assert.deepEqual(Entries.encode(value), hex('01 03 aa 02 04 bbcc'));
  assert.deepEqual(Entries.decode(hex('01 03 aa 02 04 bbcc')), value);
  assert.throws(() => Entries.decode(hex('01 01 aa')), WireError);
  assert.throws(() => Entries.decode(hex('01 04 aa')), WireError);
});

test('a text slot is padded with zeros and read up to its length or its first NUL', () => {
  const Slots = struct('test.Slots', {
    length: lengthOf(u8, 'short'),
    short: utf16Slot(6),
    free: utf16Slot(4),
  });
  assert.deepEqual(Slots.encode({ short: 'ab', free: 'c' }), hex('04 610062000000 63000000'));
  assert.deepEqual(Slots.decode(hex('02 610062000000 63000000')), { short: 'a', free: 'c' });
  assert.throws(() => Slots.decode(hex('08 610062000000 63000000')), WireError);
  assert.throws(() => Slots.encode({ short: 'abcd', free: '' }), RangeError);
});

test('fixed bytes must be exactly as many', () => {
  const Fixed = struct('test.Fixed', { key: bytes(2) });
  assert.throws(() => Fixed.encode({ key: hex('01') }), RangeError);
});

test('encodings are filled up to the minimum that the document asks for', () => {
  const Padded = struct('test.Padded', { length: lengthOf(u8, 'data'), data: blob() }, { minimum: 3 });
  assert.deepEqual(Padded.encode({ data: hex('') }), hex('00 0000'));
  assert.deepEqual(Padded.encode({ data: hex('aabbcc') }), hex('03 aabbcc'));
  assert.deepEqual(Padded.decode(hex('00')), { data: hex('') });
});

test('declarations that make no sense are refused at load', () => {
  assert.throws(() => struct('test.Bad1', { length: lengthOf(u8, 'nothing') }), AssertionError);
  assert.throws(() => struct('test.Bad2', { open: rest(), behind: u8 }), AssertionError);
  assert.throws(() => struct('test.Bad3', { inner: Inner }), AssertionError);
  assert.throws(() => struct('test.Bad4', { data: rest(), more: rest() }), AssertionError);
  assert.throws(() => struct('test.Inner', { twice: u8 }), AssertionError);
});

test('positions outside the buffer are a RangeError of the caller', () => {
  assert.throws(() => Id.decode(Buffer.alloc(8), 0, 9), RangeError);
  assert.throws(() => Id.decode(Buffer.alloc(8), -1), RangeError);
});

test('a value and its bytes print themselves', () => {
  const value = { name: 'ab', data: hex('ccdd') };
  assert.equal(Message.print(value), 'test.Message\n  name: "ab"\n  data: 2 bytes ccdd');
  const dump = Message.dump(Message.encode(value));
  assert.match(dump, /^ {4}4 \+4 {5}dataOffset <offset> 4 bytes 50000000$/m);
  assert.match(dump, /^ {3}16 \+2 {5}data <blob> 2 bytes ccdd$/m);
});

test('the interpreter stands in where code generation is forbidden', () => {
  const root = new URL('../../', import.meta.url);
  const script = `import { EchoRequest } from '${new URL('src/wire/smb2/echo.ts', root).href}';
    console.log(EchoRequest.encode({}).toString('hex'), EchoRequest.decode(Buffer.from('04000000', 'hex')));`;
  const flags = [
    '--disallow-code-generation-from-strings',
    '--input-type=module',
    '--no-warnings',
    '-e',
    script,
  ];
  assert.equal(execFileSync(process.execPath, flags, { encoding: 'utf8' }).trim(), '04000000 {}');
});
