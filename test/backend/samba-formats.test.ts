import assert from 'node:assert/strict';
import { test } from 'node:test';
import { decodeDosAttrib, encodeDosAttrib } from '../../src/backend/samba-dosattrib.ts';
import { descriptorOf, encodeNtAcl, permissionsHashOf } from '../../src/backend/samba-ntacl.ts';
import { permissionsHash } from '../../src/backend/samba-posix-acl.ts';

const bytes = (hex: string): Buffer => Buffer.from(hex.replaceAll(/\s/g, ''), 'hex');

const T = 133_000_000_000_000_001n;

/** Made by Samba 4.17's own encoders, version 5 by its smbd. */
const dosAttribs: readonly (readonly [string, string, { attributes: number; creationTime?: bigint }])[] = [
  ['the text alone', '3078323200', { attributes: 0x22 }],
  ['the text without its end', '30783232', { attributes: 0x22 }],
  [
    'version 1',
    '3078323200000100010000002200000004000000050000000000000000100000000000000180209bcb82d8010280209bcb82d801',
    { attributes: 0x22, creationTime: T },
  ],
  [
    'version 2',
    '307832320000020002000000000000002200000004000000050000000000000000100000000000000180209bcb82d801' +
      '0280209bcb82d8010380209bcb82d8017800',
    { attributes: 0x22, creationTime: T },
  ],
  [
    'version 3',
    '307832320000030003000000110000002200000000000000000000000000000000000000000000000180209bcb82d801' +
      '0280209bcb82d801',
    { attributes: 0x22, creationTime: T },
  ],
  [
    'version 4',
    '000004000400000051000000220000000680209bcb82d8010180209bcb82d801',
    { attributes: 0x22, creationTime: T },
  ],
  ['version 5', '000005000500000011000000220000000180209bcb82d801', { attributes: 0x22, creationTime: T }],
  ['version 5 without a time', '000005000500000001000000270000000180209bcb82d801', { attributes: 0x27 }],
];

for (const [name, hex, expected] of dosAttribs) {
  test(`user.DOSATTRIB is read: ${name}`, () => {
    assert.deepEqual(decodeDosAttrib(bytes(hex)), { creationTime: undefined, ...expected });
  });
}

test('user.DOSATTRIB is written as smbd 4.17 does', () => {
  const value = bytes('00000500050000001100000020000000fd24cab2ce7add01');
  const decoded = decodeDosAttrib(value);
  assert.ok(decoded);
  assert.deepEqual(encodeDosAttrib(decoded), value);
  assert.deepEqual(decodeDosAttrib(encodeDosAttrib({ attributes: 3 })), {
    attributes: 3,
    creationTime: undefined,
  });
});

test('a user.DOSATTRIB cut short or of an unknown version is none', () => {
  for (const [, hex] of dosAttribs.slice(2)) {
    const value = bytes(hex);
    const needed = value.indexOf(bytes('0180209bcb82d801')) + 8;
    // A text alone is complete before the version begins.
    const from = value[0] === 0 ? 0 : value.indexOf(0) + 6;
    for (let length = from; length < needed; length++) {
      assert.equal(decodeDosAttrib(value.subarray(0, length)), undefined, `${length} of ${hex}`);
    }
  }
  assert.equal(decodeDosAttrib(bytes('0000060006000000')), undefined);
  assert.equal(decodeDosAttrib(Buffer.from('0xzz\0')), undefined);
});

const sid = '010500000000000515000000010000000200000003000000';
const descriptor = bytes(`010004801400000030000000000000004c000000 ${sid}e8030000 ${sid}01020000
  0400400002000000 00002400ff010000${sid}e8030000 00001400890012000101000000000001 00000000`);
const counting = Array.from({ length: 64 }, (_, i) => i.toString(16).padStart(2, '0')).join('');
/** The descriptor's parts behind its header. */
const tail = descriptor.subarray(20).toString('hex');

/** Made by Samba 4.17's own encoder. */
const ntAcls: readonly (readonly [number, string])[] = [
  [1, `01000100000002000100 04801c0000003800000000000000 54000000${tail}`],
  [
    2,
    `0200020000000200040002000001 02030405060708090a0b0c0d0e0f0100 0480300000004c0000000000000068000000${tail}`,
  ],
  [3, `0300030000000200040002000100${counting}0000 010004806400000080000000000000009c000000${tail}`],
  [
    4,
    `0400040000000200040002000100${counting}77696e646f77730000000180209bcb82d801${counting}
     01000480b4000000d000000000000000ec000000${tail}`,
  ],
];

for (const [version, hex] of ntAcls) {
  test(`security.NTACL is read: version ${version}`, () => {
    assert.deepEqual(descriptorOf(bytes(hex)), descriptor);
  });

  test(`a security.NTACL of version ${version} that is cut short within its head is none`, () => {
    const value = bytes(hex);
    for (let length = 0; length < value.length - descriptor.length + 20; length++) {
      assert.equal(descriptorOf(value.subarray(0, length)), undefined, String(length));
    }
  });
}

test('a security.NTACL of an unknown version, or whose offsets lead before the descriptor, is none', () => {
  assert.equal(descriptorOf(bytes(`05000500${'00'.repeat(80)}`)), undefined);
  const value = bytes(ntAcls[0]?.[1] ?? '');
  value.writeUInt32LE(9, 12);
  assert.equal(descriptorOf(value), undefined);
});

/** As smbd 4.17 wrote it for a new file, whose permissions were as below. */
const written =
  bytes(`04000400000002000400020001001e09081daca200a2c138a0d940f1f6f39a7010bdd9473869db423717e3d3ad45
  0000000000000000000000000000000000000000000000000000000000000000706f7369785f61636c000a50cab2ce7add01
  94a2d611489b4f33158591069ad7b90646adfb60e49d8b15e24be2786942704b
  000000000000000000000000000000000000000000000000000000000000000001000480b4000000d000000000000000ec000000
  010500000000000515000000dbe2e9b56404b83e44360737e8030000010500000000000515000000dbe2e9b56404b83e44360737
  01020000020064000300000000002400ff011f00010500000000000515000000dbe2e9b56404b83e44360737e803000000002400
  a9001200010500000000000515000000dbe2e9b56404b83e443607370102000000001400a9001200010100000000000100000000`);
const acl = bytes(`02000000 01000700ffffffff 0200070005000000 04000500ffffffff 080005003c000000
  10000700ffffffff 20000500ffffffff`);

test('the hash of POSIX permissions is that of smbd 4.17, for files and directories', () => {
  const games = { owner: 5, group: 60 };
  const ofFile = permissionsHash({ ...games, mode: 0o100775, accessAcl: acl });
  assert.deepEqual(ofFile, permissionsHashOf(written));
  const ofDirectory = permissionsHash({ ...games, mode: 0o40775, accessAcl: acl, defaultAcl: acl });
  assert.equal(
    ofDirectory?.toString('hex'),
    '167e6d9d6b20e73f07a1612681530c352c201fa64ec269df12f1d62705887ebb',
  );
  assert.notDeepEqual(permissionsHash({ ...games, mode: 0o100774, accessAcl: acl }), ofFile);
});

test('access control lists that are none have no hash', () => {
  const of = (accessAcl: Buffer): Buffer | undefined =>
    permissionsHash({ owner: 0, group: 0, mode: 0o100644, accessAcl });
  assert.equal(of(acl.subarray(0, acl.length - 1)), undefined);
  assert.equal(of(Buffer.concat([bytes('03000000'), acl.subarray(4)])), undefined);
  assert.equal(of(bytes('0200000003000700ffffffff')), undefined);
  assert.equal(of(Buffer.alloc(0)), undefined);
});

test('security.NTACL is written as smbd 4.17 does, but for the hash of what it would show instead', () => {
  const hash = permissionsHashOf(written);
  const kept = descriptorOf(written);
  assert.ok(hash && kept);
  const value = encodeNtAcl({ descriptor: kept, permissionsHash: hash, time: 134_398_592_070_668_298n });
  assert.ok(value);
  const expected = Buffer.from(written);
  expected.fill(0, 14, 14 + 64);
  value.copy(expected, 88, 88, 96);
  assert.deepEqual(value, expected);
});
