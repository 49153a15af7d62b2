import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../src/base/bytes.ts';
import { NdrReader, NdrWriter } from '../../src/rpc/ndr.ts';
import { WireError } from '../../src/wire/codec.ts';

test('numbers are aligned to their size and the gaps are zero', () => {
  const writer = new NdrWriter();
  writer.u8(1);
  writer.u16(2);
  writer.u8(3);
  writer.u32(0xffff_fffe);
  assert.equal(writer.stub().toString('hex'), '010002000300 0000 feffffff'.replace(/ /g, ''));
  const reader = new NdrReader(writer.stub());
  assert.deepEqual([reader.u8(), reader.u16(), reader.u8(), reader.u32()], [1, 2, 3, 0xffff_fffe]);
});

test('what embedded pointers point to follows its structure, depth first', () => {
  const writer = new NdrWriter();
  writer.constructed(() => {
    writer.pointer(() => {
      writer.u32(0xaa);
      writer.pointer(() => writer.u32(0xbb));
    });
    writer.pointer(undefined);
    writer.pointer(() => writer.u32(0xcc));
  });
  assert.equal(
    writer.stub().toString('hex'),
    hex('00000200 00000000 04000200 aa000000 08000200 bb000000 cc000000').toString('hex'),
  );
});

test('a string of any length survives, also across the growth of the buffer', () => {
  for (const text of ['', 'a', 'ä\ud800', 'x'.repeat(1000)]) {
    const writer = new NdrWriter();
    for (let index = 0; index < 5; index++) writer.textPointer(text);
    const reader = new NdrReader(writer.stub());
    for (let index = 0; index < 5; index++) {
      assert.equal(
        reader.unique(() => reader.text()),
        text,
      );
    }
    assert.equal(reader.remaining, 0);
  }
});

test('an array may not claim more elements than there are bytes for', () => {
  assert.equal(new NdrReader(hex('01000000 00000000')).arrayCount(4), 1);
  assert.throws(() => new NdrReader(hex('02000000 00000000')).arrayCount(4), WireError);
  assert.throws(() => new NdrReader(hex('01000000 00000000')).arrayCount(4, 0), WireError);
});
