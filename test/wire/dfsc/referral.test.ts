import assert from 'node:assert/strict';
import { test } from 'node:test';
import { WireError } from '../../../src/wire/codec.ts';
import { DfsReferralRequestCodec, DfsReferralResponseCodec } from '../../../src/wire/dfsc/referral.ts';
import { nilGuid } from '../../../src/wire/dtyp/guid.ts';
import { obeysTheLaws } from '../dtyp/laws.ts';

obeysTheLaws(DfsReferralRequestCodec, [
  { name: 'a path', hex: '0400 5c006100 0000', value: { maxReferralLevel: 4, requestFileName: '\\a' } },
]);

const referral = {
  serverType: 0,
  referralEntryFlags: 0,
  timeToLiveSeconds: 300,
  dfsPath: 'a',
  dfsAlternatePath: 'b',
  networkAddress: 'c',
  serviceSiteGuid: nilGuid,
};

obeysTheLaws(DfsReferralResponseCodec, [
  {
    name: 'a referral of version 3',
    hex: `0200 0100 02000000
      0300 2200 0000 0000 2c010000 2200 2600 2a00 ${'00'.repeat(16)}
      61000000 62000000 63000000`,
    value: { pathConsumed: 2, referralHeaderFlags: 2, referrals: [{ ...referral, versionNumber: 3 }] },
  },
  {
    name: 'two referrals of version 4',
    hex: `0200 0200 02000000
      0400 2200 0000 0000 2c010000 4400 4800 4c00 ${'00'.repeat(16)}
      0400 2200 0000 0000 2c010000 2e00 3200 3600 ${'00'.repeat(16)}
      61000000 62000000 63000000 61000000 62000000 63000000`,
    value: {
      pathConsumed: 2,
      referralHeaderFlags: 2,
      referrals: [
        { ...referral, versionNumber: 4 },
        { ...referral, versionNumber: 4 },
      ],
    },
  },
]);

test('a NUL inside a name cannot be encoded', () => {
  assert.throws(
    () => DfsReferralRequestCodec.encode({ maxReferralLevel: 4, requestFileName: 'a\0b' }),
    WireError,
  );
});
