import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/wire/codec.ts';
import * as smb2 from '../../../src/wire/smb2/index.ts';

const { CreateContextName: Name } = smb2;

test('contexts are aligned to 8, their data too; one without data has no offset', () => {
  const contexts = [
    { name: Name.QUERY_MAXIMAL_ACCESS_REQUEST, data: hex('') },
    { name: Name.QUERY_ON_DISK_ID, data: hex('0102030405060708') },
  ];
  const wire = hex(`18000000 1000 0400 0000 0000 00000000 4d784163 00000000
    00000000 1000 0400 0000 1800 08000000 51466964 00000000 0102030405060708`);
  assert.deepEqual(smb2.CreateContexts.encode(contexts), wire);
  assert.deepEqual(smb2.CreateContexts.decode(wire), contexts);
});

test('names of 16 bytes survive', () => {
  const contexts = [{ name: Name.APP_INSTANCE_ID, data: hex('00') }];
  const wire = smb2.CreateContexts.encode(contexts);
  assert.deepEqual(wire.subarray(16, 32), hex('45bca66aefa7f74a9008fa462e144d74'));
  assert.deepEqual(smb2.CreateContexts.decode(wire), contexts);
});

test('the offset of absent contexts is zero, that of present ones is aligned behind the name', () => {
  const request = {
    requestedOplockLevel: 0,
    impersonationLevel: 2,
    desiredAccess: 1,
    fileAttributes: 0,
    shareAccess: 7,
    createDisposition: 1,
    createOptions: 0,
    name: 'abc',
    createContexts: [],
  } as const;
  const plain = smb2.CreateRequest.encode(request);
  assert.equal(plain.readUInt32LE(48), 0);
  assert.equal(plain.readUInt32LE(52), 0);
  const withContext = smb2.CreateRequest.encode({
    ...request,
    createContexts: [{ name: 'MxAc', data: hex('') }],
  });
  assert.equal(withContext.readUInt32LE(48), 64 + 64);
  assert.equal(withContext.readUInt32LE(52), 20);
});

test('a context list that does not fill its length is refused', () => {
  const wire = smb2.CreateContexts.encode([{ name: 'RqLs', data: Buffer.alloc(32) }]);
  for (let end = 1; end < wire.length; end++) {
    assert.throws(() => smb2.CreateContexts.decode(wire, 0, end), WireError, `${end} bytes`);
  }
});

test('leases of version 1 and 2 differ in size', () => {
  const lease = { leaseKey: '0123abcd-4567-89ef-0123-456789abcdef', leaseState: 7, leaseFlags: 0 };
  assert.equal(smb2.RequestLease.encode(lease).length, 32);
  const v2 = { ...lease, parentLeaseKey: lease.leaseKey, epoch: 0x1234 };
  assert.equal(smb2.RequestLeaseV2.encode(v2).length, 52);
  assert.equal(smb2.RequestLeaseV2.encode(v2).readUInt16LE(48), 0x1234);
});

test('the answer to Apple holds what its bitmap says', () => {
  const all = { replyBitmap: 7n, serverCapabilities: 5n, volumeCapabilities: 2n, model: { model: 'Mac' } };
  const wire = hex(`01000000 00000000 0700000000000000 0500000000000000 0200000000000000
    00000000 06000000 4d0061006300`);
  assert.deepEqual(smb2.AaplServerQueryResponse.encode(all), wire);
  assert.deepEqual(smb2.AaplServerQueryResponse.decode(wire), all);
  const volume = smb2.AaplServerQueryResponse.decode(
    hex('01000000 00000000 0200000000000000 0300000000000000'),
  );
  assert.deepEqual(volume, {
    replyBitmap: 2n,
    serverCapabilities: undefined,
    volumeCapabilities: 3n,
    model: undefined,
  });
});

test('the POSIX answer holds two SIDs one behind the other', () => {
  const value = { linkCount: 1, reparseTag: 0, mode: 0o644, owner: 'S-1-22-1-1000', group: 'S-1-22-2-100' };
  const wire = hex(`01000000 00000000 a4010000
    01 02 000000000016 01000000 e8030000  01 02 000000000016 02000000 64000000`);
  assert.deepEqual(smb2.PosixCreateResponse.encode(value), wire);
  assert.deepEqual(smb2.PosixCreateResponse.decode(wire), value);
});
