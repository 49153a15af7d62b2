import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../src/base/bytes.ts';
import { FaultStatus, type RpcEndpoint, RpcFault } from '../../src/rpc/endpoint.ts';
import { NdrReader, NdrWriter } from '../../src/rpc/ndr.ts';
import { serverService } from '../../src/rpc/srvsvc.ts';
import { civilDate } from '../../src/rpc/time-of-day.ts';
import { workstationService } from '../../src/rpc/wkssvc.ts';
import { WireError } from '../../src/wire/codec.ts';
import { administrator, ann, catalogOf, dataShare, ipcShare } from './fixtures.ts';
import { sambaStub } from './samba-stubs-table.ts';

const catalog = catalogOf([dataShare, ipcShare]);
const srvsvc = serverService(catalog);
const wkssvc = workstationService(catalog);

type Exchange = readonly [opnum: number, request: string, response: string];

function answers(endpoint: RpcEndpoint, [opnum, request, response]: Exchange, caller = ann): void {
  const stub = endpoint.call(opnum, hex(request), caller);
  assert.equal(stub.toString('hex'), hex(response).toString('hex'));
}

test('NetrShareEnum at level 1 answers as Samba packs it', () => {
  answers(srvsvc, [15, sambaStub.shareEnum1Request, sambaStub.shareEnum1Response]);
});

test('NetrShareEnum at level 502 answers an administrator as Samba packs it', () => {
  const one = serverService(catalogOf([dataShare]));
  const request = sambaStub.shareEnum1Request
    .replace(/\s+/g, '')
    .replace('0100000001000000', 'f6010000f6010000');
  answers(one, [15, request, sambaStub.shareEnum502Response], administrator);
});

test('NetrShareGetInfo answers at level 1, and refuses level 2 to an ordinary user without a fault', () => {
  answers(srvsvc, [16, sambaStub.shareGetInfo1Request, sambaStub.shareGetInfo1Response]);
  const request = hex(sambaStub.shareGetInfo1Request);
  for (const level of [2, 502, 503]) {
    request.writeUInt32LE(level, request.length - 4);
    const stub = srvsvc.call(16, request, ann);
    assert.equal(stub.readUInt32LE(0), level);
    assert.equal(stub.subarray(4).toString('hex'), '0000000005000000');
  }
  request.writeUInt32LE(2, request.length - 4);
  assert.equal(srvsvc.call(16, request, administrator).readUInt32LE(4), 0x0002_0000);
});

test('NetrShareGetInfo of an absent share and at an unknown level returns an error', () => {
  const request = hex(sambaStub.shareGetInfo1Request);
  request.writeUInt32LE(77, request.length - 4);
  assert.equal(srvsvc.call(16, request, ann).toString('hex'), '4d0000007c000000');
  const absent = serverService(catalogOf([])).call(16, hex(sambaStub.shareGetInfo1Request), ann);
  assert.equal(absent.toString('hex'), '010000000000000006090000');
});

test('an enumeration at an unknown level returns an error and no container', () => {
  const request = hex('00000000 63000000 63000000 00000000 ffffffff 00000000');
  assert.equal(
    srvsvc.call(15, request, ann).toString('hex'),
    hex('63000000 63000000 00000000 00000000 7c000000').toString('hex'),
  );
});

test('NetrShareGetInfo at level 1005 tells the flags', () => {
  const request = hex(sambaStub.shareGetInfo1Request);
  request.writeUInt32LE(1005, request.length - 4);
  const flagged = serverService(catalogOf([{ ...dataShare, name: 'DATA', flags: 0x800 }]));
  assert.equal(flagged.call(16, request, ann).toString('hex'), 'ed030000000002000008000000000000');
});

test('NetrServerGetInfo, NetrRemoteTOD and NetrWkstaGetInfo answer as Samba packs it', () => {
  answers(srvsvc, [21, sambaStub.serverGetInfo101Request, sambaStub.serverGetInfo101Response]);
  answers(srvsvc, [28, sambaStub.remoteTodRequest, sambaStub.remoteTodResponse]);
  answers(wkssvc, [0, sambaStub.wksta100Request, sambaStub.wksta100Response]);
});

test('NetrSessionEnum tells an administrator and nobody else', () => {
  answers(srvsvc, [12, sambaStub.sessEnum10Request, sambaStub.sessEnum10Response], administrator);
  const refused = srvsvc.call(12, hex(sambaStub.sessEnum10Request), ann);
  assert.equal(refused.readUInt32LE(refused.length - 4), 5);
  assert.ok(!refused.includes('ann', 0, 'utf16le'));
});

test('NetrFileEnum lists open files below a path', () => {
  const ask = (path: string): Buffer => {
    const writer = new NdrWriter();
    writer.textPointer(undefined);
    writer.textPointer(path);
    writer.textPointer(undefined);
    for (const word of [3, 3, 0, 0xffff_ffff, 0]) writer.u32(word);
    return srvsvc.call(9, writer.stub(), administrator);
  };
  assert.ok(ask('c:\\DATA').includes(Buffer.from('C:\\data\\a', 'utf16le')));
  assert.ok(!ask('c:\\other').includes(Buffer.from('C:\\data\\a', 'utf16le')));
});

test('an enumeration that is cut short goes on where its resume handle says', () => {
  const names = Array.from({ length: 10 }, (_, index) => `share${index}`);
  const many = serverService(catalogOf(names.map((name) => ({ ...dataShare, name }))));
  const seen: string[] = [];
  let resume = 0;
  for (let call = 0; call < 20; call++) {
    const writer = new NdrWriter();
    writer.textPointer(undefined);
    for (const word of [0, 0, 0, 100]) writer.u32(word);
    writer.pointer(() => writer.u32(resume));
    const reader = new NdrReader(many.call(15, writer.stub(), ann));
    reader.bytes(12);
    const count = reader.u32();
    assert.ok(count > 0);
    reader.bytes(8 + 4 * count);
    for (let index = 0; index < count; index++) {
      seen.push(reader.text());
      reader.align(4);
    }
    assert.equal(reader.u32(), 10 - resume, 'TotalEntries');
    reader.u32();
    resume = reader.u32();
    const status = reader.u32();
    assert.equal(reader.remaining, 0);
    if (status === 0) break;
    assert.equal(status, 234);
  }
  assert.deepEqual(seen, names);
});

test('a share with a security descriptor carries it at level 502', () => {
  const securityDescriptor = hex('01000480 00000000 00000000 00000000 00000000');
  const guarded = serverService(catalogOf([{ ...dataShare, securityDescriptor }]));
  const request = hex(sambaStub.shareGetInfo1Request);
  request.writeUInt32LE(502, request.length - 4);
  const stub = guarded.call(16, request, administrator);
  assert.equal(stub.readUInt32LE(8 + 8 * 4), securityDescriptor.length);
  assert.ok(stub.includes(Buffer.concat([hex('14000000'), securityDescriptor])));
});

test('names are judged by NetprNameValidate', () => {
  const judge = (name: string, type: number): number => {
    const writer = new NdrWriter();
    writer.textPointer(undefined);
    writer.text(name);
    writer.u32(type);
    writer.u32(0);
    return srvsvc.call(33, writer.stub(), ann).readUInt32LE(0);
  };
  assert.equal(judge('data', 9), 0);
  assert.equal(judge('a/b', 9), 123);
  assert.equal(judge('', 9), 123);
  assert.equal(judge('x'.repeat(81), 9), 123);
  assert.equal(judge('x', 99), 87);
});

test('administration is refused with a return value', () => {
  for (const opnum of [11, 13, 18, 19])
    assert.equal(srvsvc.call(opnum, Buffer.alloc(0), ann).toString('hex'), '05000000');
  for (const opnum of [14, 17, 22]) {
    assert.equal(srvsvc.call(opnum, Buffer.alloc(0), ann).toString('hex'), '0000000005000000');
  }
});

test('an operation that the interface does not have is a fault', () => {
  for (const endpoint of [srvsvc, wkssvc]) {
    for (const opnum of [99, 0xffff]) {
      assert.throws(
        () => endpoint.call(opnum, Buffer.alloc(0), ann),
        (error) => error instanceof RpcFault && error.status === FaultStatus.OPERATION_RANGE,
      );
    }
  }
});

test('a request cut anywhere is refused as no valid stub', () => {
  const cases: [RpcEndpoint, number, string][] = [
    [srvsvc, 15, sambaStub.shareEnum1Request],
    [srvsvc, 16, sambaStub.shareGetInfo1Request],
    [srvsvc, 21, sambaStub.serverGetInfo101Request],
    [srvsvc, 12, sambaStub.sessEnum10Request],
    [wkssvc, 0, sambaStub.wksta100Request],
  ];
  for (const [endpoint, opnum, request] of cases) {
    const stub = hex(request);
    for (let end = 0; end < stub.length; end++) {
      assert.throws(
        () => endpoint.call(opnum, stub.subarray(0, end), ann),
        WireError,
        `${opnum} cut to ${end}`,
      );
    }
  }
});

test('a string that claims more than the stub holds is refused', () => {
  const stub = hex(sambaStub.serverGetInfo101Request);
  for (const at of [4, 8, 12]) {
    const bad = Buffer.from(stub);
    bad.writeUInt32LE(0xffff_ffff, at);
    if (at !== 4) assert.throws(() => srvsvc.call(21, bad, ann), WireError);
    else bad.writeUInt32LE(5, at);
    assert.throws(() => srvsvc.call(21, bad, ann), WireError, `count at ${at}`);
  }
});

test('civil dates agree with the calendar', () => {
  const day = (text: string): number => Date.parse(text) / 86_400_000;
  for (const text of [
    '1970-01-01',
    '1969-12-31',
    '2000-02-29',
    '2100-02-28',
    '2100-03-01',
    '1601-01-01',
    '2024-12-31',
  ]) {
    const { year, month, day: dayOfMonth } = civilDate(day(text));
    assert.equal(`${year}-${String(month).padStart(2, '0')}-${String(dayOfMonth).padStart(2, '0')}`, text);
  }
});
