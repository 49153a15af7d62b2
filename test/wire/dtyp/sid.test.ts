import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { hex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/wire/codec.ts';
import { parseSid, SidCodec, sidOf, splitSid, WellKnownSid } from '../../../src/wire/dtyp/sid.ts';
import { anySid } from './arbitraries.ts';
import { obeysTheLaws } from './laws.ts';

obeysTheLaws(SidCodec, [
  { name: 'Everyone', hex: '01 01 000000000001 00000000', value: WellKnownSid.EVERYONE },
  {
    name: 'Administrators',
    hex: '01 02 000000000005 20000000 20020000',
    value: WellKnownSid.BUILTIN_ADMINISTRATORS,
  },
  {
    name: 'an account with full-width sub-authorities',
    hex: '01 05 000000000005 15000000 ffffffff 01000000 00000080 f4010000',
    value: 'S-1-5-21-4294967295-1-2147483648-500',
  },
  { name: 'an authority above 32 bits', hex: '01 01 0123456789ab 07000000', value: 'S-1-0x0123456789ab-7' },
]);

test('any SID survives', () => {
  fc.assert(fc.property(anySid, (sid) => assert.equal(SidCodec.decode(SidCodec.encode(sid)), sid)));
});

test('a SID of another revision, or with 0 or more than 15 sub-authorities, is refused', () => {
  for (const head of ['0201', '0001', '0100', '0110', '01ff']) {
    const bytes = Buffer.concat([hex(`${head} 000000000005`), Buffer.alloc(4 * 255)]);
    assert.throws(() => SidCodec.decode(bytes), WireError, head);
  }
  assert.equal(
    SidCodec.decode(Buffer.concat([hex('010f 000000000005'), Buffer.alloc(60)])).split('-').length,
    18,
  );
});

test('parsing yields the canonical spelling and refuses what does not fit', () => {
  assert.equal(parseSid(' s-1-5-032-0544 '), 'S-1-5-32-544');
  assert.equal(parseSid('S-1-0x5-18'), 'S-1-5-18');
  assert.equal(parseSid('S-1-0x123456789AB-7'), 'S-1-0x0123456789ab-7');
  const tooMany = `S-1-5${'-1'.repeat(16)}`;
  for (const bad of [
    '',
    'S-1',
    'S-1-5',
    'S-2-5-18',
    'S-1-5-4294967296',
    'S-1-5--1',
    'S-1-0x1000000000000-1',
    tooMany,
  ]) {
    assert.throws(() => parseSid(bad), WireError, bad);
    assert.throws(() => SidCodec.encode(bad), WireError, bad);
  }
  assert.throws(() => SidCodec.encode('S-1-5-018'), WireError);
});

test('an account is split into its domain and relative id', () => {
  const domain = 'S-1-5-21-1-2-3';
  assert.deepEqual(splitSid(sidOf(domain, 1000)), { domain, rid: 1000 });
  assert.equal(splitSid(WellKnownSid.EVERYONE), undefined);
});
