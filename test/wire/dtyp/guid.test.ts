import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { WireError } from '../../../src/wire/codec.ts';
import { GuidCodec, nilGuid, parseGuid } from '../../../src/wire/dtyp/guid.ts';
import { obeysTheLaws } from './laws.ts';

obeysTheLaws(GuidCodec, [
  { name: 'the nil GUID', hex: '00'.repeat(16), value: nilGuid },
  {
    name: 'mixed-endian groups',
    hex: '78563412 3412 cdab 0102 030405060708',
    value: '12345678-1234-abcd-0102-030405060708',
  },
]);

test('any sixteen bytes survive as a GUID', () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
      assert.deepEqual(GuidCodec.encode(GuidCodec.decode(Buffer.from(bytes))), Buffer.from(bytes));
    }),
  );
});

test('parsing accepts braces and upper case and refuses anything else', () => {
  const guid = '12345678-1234-abcd-0102-030405060708';
  assert.equal(parseGuid('{12345678-1234-ABCD-0102-030405060708}'), guid);
  assert.equal(parseGuid(guid), guid);
  for (const bad of ['', '12345678', `${guid}0`, `{${guid}`, guid.replace('a', 'g')]) {
    assert.throws(() => parseGuid(bad), WireError, bad);
  }
  assert.throws(() => GuidCodec.encode(guid.toUpperCase()), WireError);
});
