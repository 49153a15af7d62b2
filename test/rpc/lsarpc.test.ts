import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../src/base/bytes.ts';
import { FaultStatus, RpcFault } from '../../src/rpc/endpoint.ts';
import { localSecurityAuthority } from '../../src/rpc/lsarpc.ts';
import { WireError } from '../../src/wire/codec.ts';
import { accounts, ann, anonymous } from './fixtures.ts';
import { sambaStub } from './samba-stubs-table.ts';

const lsarpc = localSecurityAuthority(accounts);
const sambaHandle = '00000000785634123412cdab0102030405060708';
const handle = lsarpc.call(44, hex(sambaStub.openPolicy2Request), ann).subarray(0, 20).toString('hex');

/** A stub of Samba's with our handle in place of its own. */
function withHandle(stub: string): Buffer {
  const bytes = hex(stub).toString('hex');
  assert.ok(bytes.startsWith(sambaHandle));
  return hex(handle + bytes.slice(sambaHandle.length));
}

test('names and SIDs are translated as Samba packs it', () => {
  const cases: [number, string, string][] = [
    [14, sambaStub.lookupNamesRequest, sambaStub.lookupNamesResponse],
    [15, sambaStub.lookupSidsRequest, sambaStub.lookupSidsResponse],
    [46, sambaStub.queryInfo5Request, sambaStub.queryInfo5Response],
    [57, sambaStub.lookupSids2Request, sambaStub.lookupSids2Response],
    [58, sambaStub.lookupNames2Request, sambaStub.lookupNames2Response],
    [68, sambaStub.lookupNames3Request, sambaStub.lookupNames3Response],
    [0, sambaStub.closeRequest, sambaStub.closeResponse],
  ];
  for (const [opnum, request, response] of cases) {
    const stub = lsarpc.call(opnum, withHandle(request), ann);
    assert.equal(stub.toString('hex'), hex(response).toString('hex'), `operation ${opnum}`);
  }
});

test('the caller is told its own name', () => {
  const stub = lsarpc.call(45, hex(sambaStub.getUserNameRequest), ann);
  assert.equal(stub.toString('hex'), hex(sambaStub.getUserNameResponse).toString('hex'));
});

test('all three ways of opening give the same handle, and version 3 tells its revision', () => {
  for (const opnum of [6, 44]) {
    const stub = lsarpc.call(opnum, Buffer.alloc(0), ann);
    assert.equal(stub.toString('hex'), `${handle}00000000`);
  }
  const stub = lsarpc.call(130, Buffer.alloc(0), ann);
  assert.equal(stub.toString('hex'), `01000000010000000100000000000000${handle}00000000`);
});

test('the anonymous user gets no handle, and nothing with one', () => {
  const stub = lsarpc.call(44, hex(sambaStub.openPolicy2Request), anonymous);
  assert.equal(stub.toString('hex'), `${'00'.repeat(20)}220000c0`);
  assert.throws(
    () => lsarpc.call(15, withHandle(sambaStub.lookupSidsRequest), anonymous),
    (error) => error instanceof RpcFault && error.status === FaultStatus.ACCESS_DENIED,
  );
});

test('a handle that was not given out is a fault', () => {
  assert.throws(
    () => lsarpc.call(15, hex(sambaStub.lookupSidsRequest), ann),
    (error) => error instanceof RpcFault && error.status === FaultStatus.CONTEXT_MISMATCH,
  );
});

test('a list of SIDs cut anywhere before its end is refused', () => {
  const stub = withHandle(sambaStub.lookupSidsRequest);
  // The empty list of names, the level and the count behind the SIDs are not looked at.
  for (let end = 0; end < stub.length - 16; end++) {
    assert.throws(() => lsarpc.call(15, stub.subarray(0, end), ann), WireError, `cut to ${end}`);
  }
});

test('counts beyond the protocol and beyond the stub are refused', () => {
  const sids = withHandle(sambaStub.lookupSidsRequest);
  sids.writeUInt32LE(20_481, 28);
  assert.throws(() => lsarpc.call(15, sids, ann), WireError);
  const names = withHandle(sambaStub.lookupNamesRequest);
  names.writeUInt32LE(0xffff_ffff, 24);
  assert.throws(() => lsarpc.call(14, names, ann), WireError);
});
