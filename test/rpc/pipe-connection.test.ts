import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { EMPTY, hex } from '../../src/base/bytes.ts';
import { NtStatus, NtStatusError } from '../../src/base/status.ts';
import { FaultStatus, type RpcEndpoint, RpcFault } from '../../src/rpc/endpoint.ts';
import {
  BindAckBody,
  BindBody,
  BindNakBody,
  ContextResult,
  FaultBody,
  PduFlag,
  PduHeader,
  PduType,
  pdu,
  RejectionReason,
  RequestBody,
  ResponseBody,
  TransferSyntax,
} from '../../src/rpc/pdu.ts';
import { PipeConnection } from '../../src/rpc/pipe-connection.ts';
import { WireError } from '../../src/wire/codec.ts';
import { ann } from './fixtures.ts';

/** Operation 0 echoes, 1 returns as many bytes as it is told, 2 faults, 3 finds its stub invalid, 4 fails. */
const echo: RpcEndpoint = {
  name: 'echo',
  uuid: '11111111-2222-3333-4444-555555555555',
  versionMajor: 1,
  versionMinor: 2,
  call(opnum, stub) {
    if (opnum === 0) return stub;
    if (opnum === 1) return Buffer.alloc(stub.readUInt32LE(0), 0xab);
    if (opnum === 3) throw new WireError('bad');
    if (opnum === 4) throw new TypeError('broken');
    throw new RpcFault(FaultStatus.OPERATION_RANGE);
  },
};
const both = PduFlag.FIRST_FRAG | PduFlag.LAST_FRAG;

function open(pipeBytes = 65_536): PipeConnection {
  return new PipeConnection({ name: 'echo', endpoints: [echo], caller: ann, limits: { pipeBytes } });
}

const echoContext = {
  contextId: 0,
  abstractSyntax: { uuid: echo.uuid, versionMajor: 1, versionMinor: 0 },
  transferSyntaxes: [TransferSyntax.NDR20],
};

function bindPdu(contexts: BindBody['contexts'] = [echoContext], packetType: number = PduType.BIND): Buffer {
  const body = BindBody.encode({ maxXmitFrag: 4280, maxRecvFrag: 4280, assocGroupId: 0, contexts });
  return pdu({ packetType, flags: both, callId: 1 }, body);
}

interface Request {
  opnum: number;
  stub?: Buffer;
  flags?: number;
  callId?: number;
  contextId?: number;
}

function requestPdu({ opnum, stub = EMPTY, flags = both, callId = 2, contextId = 0 }: Request): Buffer {
  const body = RequestBody.encode({ allocHint: stub.length, contextId, opnum, stub });
  return pdu({ packetType: PduType.REQUEST, flags, callId }, body);
}

function bound(pipeBytes?: number): PipeConnection {
  const pipe = open(pipeBytes);
  pipe.transact(bindPdu(), 4280);
  return pipe;
}

function message(pipe: PipeConnection): { header: PduHeader; body: Buffer } {
  const read = pipe.read(65_536);
  assert.ok(read && !read.isPartial, 'a whole message');
  const header = PduHeader.decode(read.data);
  assert.equal(header.fragLength, read.data.length);
  return { header, body: read.data.subarray(16) };
}

function fails(status: NtStatus): (error: unknown) => boolean {
  return (error) => error instanceof NtStatusError && error.status === status;
}

test('a bind is acknowledged byte for byte', () => {
  const pipe = open();
  pipe.write(bindPdu());
  assert.equal(
    pipe.read(4280)?.data.toString('hex'),
    hex(`05000c03 10000000 44000000 01000000 b810b810 42530000 0b00 5c504950455c6563686f00 000000
      01000000 0000 0000 045d888aeb1cc9119fe808002b104860 02000000`).toString('hex'),
  );
});

test('each context is judged by itself', () => {
  const { NDR20, NDR64 } = TransferSyntax;
  const feature = { uuid: '6cb71c2c-9812-4540-0300-000000000000', versionMajor: 1, versionMinor: 0 };
  const syntax = echoContext.abstractSyntax;
  const pipe = open();
  pipe.write(
    bindPdu([
      echoContext,
      { ...echoContext, contextId: 1, transferSyntaxes: [NDR64] },
      { ...echoContext, contextId: 2, transferSyntaxes: [feature] },
      { ...echoContext, contextId: 3, abstractSyntax: { ...syntax, uuid: NDR20.uuid } },
      { ...echoContext, contextId: 4, abstractSyntax: { ...syntax, versionMajor: 2 } },
      { ...echoContext, contextId: 5, abstractSyntax: { ...syntax, versionMinor: 3 } },
      { ...echoContext, contextId: 6, transferSyntaxes: [NDR64, NDR20] },
    ]),
  );
  const { header, body } = message(pipe);
  assert.equal(header.packetType, PduType.BIND_ACK);
  const { results } = BindAckBody.decode(body).resultList;
  const { ACCEPTANCE, PROVIDER_REJECTION, NEGOTIATE_ACK } = ContextResult;
  const reasons = RejectionReason;
  assert.deepEqual(
    results.map(({ result, reason }) => [result, reason]),
    [
      [ACCEPTANCE, 0],
      [PROVIDER_REJECTION, reasons.PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED],
      [NEGOTIATE_ACK, 0],
      [PROVIDER_REJECTION, reasons.ABSTRACT_SYNTAX_NOT_SUPPORTED],
      [PROVIDER_REJECTION, reasons.ABSTRACT_SYNTAX_NOT_SUPPORTED],
      [PROVIDER_REJECTION, reasons.ABSTRACT_SYNTAX_NOT_SUPPORTED],
      [ACCEPTANCE, 0],
    ],
  );
});

test('a context added by alter_context can be called', () => {
  const pipe = bound();
  pipe.write(bindPdu([{ ...echoContext, contextId: 9 }], PduType.ALTER_CONTEXT));
  assert.equal(message(pipe).header.packetType, PduType.ALTER_CONTEXT_RESPONSE);
  pipe.write(requestPdu({ opnum: 0, stub: Buffer.from('hi'), contextId: 9 }));
  const { stub, contextId } = ResponseBody.decode(message(pipe).body);
  assert.deepEqual([stub.toString(), contextId], ['hi', 9]);
});

test('no more contexts than the limit are kept', () => {
  const pipe = bound();
  const contexts = Array.from({ length: 100 }, (_, index) => ({ ...echoContext, contextId: index }));
  pipe.write(bindPdu(contexts, PduType.ALTER_CONTEXT));
  const { results } = BindAckBody.decode(message(pipe).body).resultList;
  assert.equal(results.filter(({ result }) => result === ContextResult.ACCEPTANCE).length, 64);
  assert.equal(results[99]?.reason, RejectionReason.LOCAL_LIMIT_EXCEEDED);
});

test('a bind with authentication is refused, and one without may follow', () => {
  const pipe = open();
  const bytes = Buffer.concat([bindPdu(), Buffer.alloc(24)]);
  bytes.writeUInt16LE(bytes.length, 8);
  bytes.writeUInt16LE(16, 10);
  pipe.write(bytes);
  const { header, body } = message(pipe);
  assert.equal(header.packetType, PduType.BIND_NAK);
  assert.deepEqual(BindNakBody.decode(body), { rejectReason: 8, versions: [{ major: 5, minor: 0 }] });
  pipe.write(bindPdu());
  assert.equal(message(pipe).header.packetType, PduType.BIND_ACK);
});

test('a call is answered with its call id', () => {
  const answer = bound().transact(requestPdu({ opnum: 0, stub: Buffer.from('hello'), callId: 77 }), 4280);
  assert.ok(answer && !answer.isPartial);
  assert.equal(
    answer.data.toString('hex'),
    hex(
      `05000203 10000000 1d000000 4d000000 05000000 0000 00 00 ${Buffer.from('hello').toString('hex')}`,
    ).toString('hex'),
  );
});

test('an object UUID in front of the stub is skipped', () => {
  const stub = Buffer.concat([Buffer.alloc(16, 0xee), Buffer.from('x')]);
  const pipe = bound();
  pipe.write(requestPdu({ opnum: 0, stub, flags: both | PduFlag.OBJECT_UUID }));
  assert.equal(ResponseBody.decode(message(pipe).body).stub.toString(), 'x');
});

test('a request in fragments, written in pieces of any size, is answered once', () => {
  const parts = ['one', 'two', 'three'].map((text) => Buffer.from(text));
  const bytes = Buffer.concat(
    parts.map((stub, index) =>
      requestPdu({
        opnum: 0,
        stub,
        flags: (index === 0 ? PduFlag.FIRST_FRAG : 0) | (index === parts.length - 1 ? PduFlag.LAST_FRAG : 0),
      }),
    ),
  );
  fc.assert(
    fc.property(fc.array(fc.nat({ max: bytes.length }), { maxLength: 8 }), (cuts) => {
      const pipe = bound();
      let at = 0;
      for (const cut of [...cuts, bytes.length].sort((a, b) => a - b)) {
        pipe.write(Buffer.from(bytes.subarray(at, cut)));
        at = cut;
      }
      assert.equal(ResponseBody.decode(message(pipe).body).stub.toString(), 'onetwothree');
      assert.equal(pipe.read(1), undefined);
    }),
  );
});

test('an answer larger than a fragment comes in fragments, read in pieces of any size', () => {
  const want = Buffer.alloc(4);
  want.writeUInt32LE(20_000);
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 6000 }), (maxBytes) => {
      const pipe = bound();
      pipe.write(requestPdu({ opnum: 1, stub: want }));
      const messages: Buffer[] = [EMPTY];
      for (let data = pipe.read(maxBytes); data !== undefined; data = pipe.read(maxBytes)) {
        assert.ok(data.data.length <= maxBytes);
        messages.push(Buffer.concat([messages.pop() ?? EMPTY, data.data]));
        if (!data.isPartial) messages.push(EMPTY);
      }
      messages.pop();
      assert.equal(messages.length, 5);
      const flags = messages.map((bytes) => PduHeader.decode(bytes).flags);
      assert.deepEqual(flags, [PduFlag.FIRST_FRAG, 0, 0, 0, PduFlag.LAST_FRAG]);
      const stub = Buffer.concat(messages.map((bytes) => ResponseBody.decode(bytes, 16).stub));
      assert.ok(stub.equals(Buffer.alloc(20_000, 0xab)));
      assert.ok(messages.every((bytes) => bytes.length <= 4280));
    }),
    { numRuns: 30 },
  );
});

test('a transaction is refused while an answer waits, and tells of what does not fit', () => {
  const pipe = bound();
  const request = requestPdu({ opnum: 0, stub: Buffer.from('hello') });
  assert.deepEqual(pipe.backlog(), { bytes: 0, messageCount: 0, firstMessageBytes: 0 });
  const first = pipe.transact(request, 16);
  assert.deepEqual([first?.data.length, first?.isPartial], [16, true]);
  assert.deepEqual(pipe.backlog(), { bytes: 13, messageCount: 1, firstMessageBytes: 13 });
  assert.throws(() => pipe.transact(request, 16), fails(NtStatus.PIPE_BUSY));
  assert.equal(pipe.peek(4).length, 4);
  assert.equal(pipe.read(100)?.data.length, 13);
});

test('faults are answered with their status, and the pipe goes on', () => {
  const pipe = bound();
  const cases: [Request, number][] = [
    [{ opnum: 2 }, FaultStatus.OPERATION_RANGE],
    [{ opnum: 3 }, FaultStatus.BAD_STUB_DATA],
    [{ opnum: 0, contextId: 5 }, FaultStatus.UNKNOWN_INTERFACE],
  ];
  for (const [request, status] of cases) {
    pipe.write(requestPdu(request));
    const { header, body } = message(pipe);
    assert.equal(header.packetType, PduType.FAULT);
    assert.equal(FaultBody.decode(body).status, status);
  }
  pipe.write(requestPdu({ opnum: 0 }));
  assert.equal(message(pipe).header.packetType, PduType.RESPONSE);
});

test('an unexpected error of an interface is not hidden, and the pipe goes on', () => {
  const pipe = bound();
  assert.throws(() => pipe.write(requestPdu({ opnum: 4 })), TypeError);
  pipe.write(requestPdu({ opnum: 0 }));
  assert.equal(message(pipe).header.packetType, PduType.RESPONSE);
});

test('whoever breaks the protocol is disconnected', () => {
  const edited = (bytes: Buffer, at: number, value: number): Buffer => {
    bytes.writeUInt8(value, at);
    return bytes;
  };
  const first = requestPdu({ opnum: 0, flags: PduFlag.FIRST_FRAG });
  const breaches: Record<string, Buffer> = {
    'another protocol version': edited(requestPdu({ opnum: 0 }), 0, 4),
    'another minor version': edited(requestPdu({ opnum: 0 }), 1, 2),
    'big-endian data': edited(requestPdu({ opnum: 0 }), 4, 0),
    'a PDU shorter than its header': edited(requestPdu({ opnum: 0 }), 8, 15),
    'a request shorter than its header': edited(requestPdu({ opnum: 0 }), 8, 23),
    'a PDU only servers send': edited(requestPdu({ opnum: 0 }), 2, PduType.RESPONSE),
    'a second bind': bindPdu(),
    'a bind without its contexts': edited(bindPdu([echoContext], PduType.ALTER_CONTEXT), 24, 2),
    'a last fragment without a first': requestPdu({ opnum: 0, flags: PduFlag.LAST_FRAG }),
    'two first fragments': Buffer.concat([first, first]),
    'fragments of two calls': Buffer.concat([first, requestPdu({ opnum: 0, flags: 0, callId: 3 })]),
    'an object UUID that is not there': requestPdu({ opnum: 0, flags: both | PduFlag.OBJECT_UUID }),
    'a request with authentication': edited(requestPdu({ opnum: 0 }), 10, 1),
  };
  for (const [name, bytes] of Object.entries(breaches)) {
    const pipe = bound();
    assert.throws(() => pipe.write(bytes), fails(NtStatus.PIPE_DISCONNECTED), name);
    assert.throws(() => pipe.read(100), fails(NtStatus.PIPE_DISCONNECTED), name);
    assert.throws(() => pipe.write(requestPdu({ opnum: 0 })), fails(NtStatus.PIPE_DISCONNECTED), name);
  }
  assert.throws(() => open().write(requestPdu({ opnum: 0 })), fails(NtStatus.PIPE_DISCONNECTED), 'no bind');
});

test('a request of more bytes than the limit ends the connection, however small its fragments', () => {
  for (const stub of [EMPTY, Buffer.alloc(1000)]) {
    const pipe = bound(10_000);
    pipe.write(requestPdu({ opnum: 0, stub, flags: PduFlag.FIRST_FRAG }));
    const more = requestPdu({ opnum: 0, stub, flags: 0 });
    assert.throws(() => {
      for (let count = 0; count < 1000; count++) pipe.write(more);
    }, fails(NtStatus.PIPE_DISCONNECTED));
  }
});

test('a client that reads no answers is stopped', () => {
  const pipe = bound(10_000);
  const request = requestPdu({ opnum: 0, stub: Buffer.alloc(1000) });
  assert.throws(() => {
    for (let count = 0; count < 100; count++) pipe.write(request);
  }, fails(NtStatus.INSUFFICIENT_RESOURCES));
  assert.ok(pipe.backlog().bytes < 12_000);
  while (pipe.read(65_536));
  pipe.write(request);
  assert.equal(pipe.backlog().messageCount, 1);
});

test('an incomplete call can be given up', () => {
  const pipe = bound();
  pipe.write(requestPdu({ opnum: 0, flags: PduFlag.FIRST_FRAG, callId: 5 }));
  pipe.write(pdu({ packetType: PduType.ORPHANED, flags: both, callId: 5 }, EMPTY));
  pipe.write(requestPdu({ opnum: 0, callId: 6 }));
  assert.equal(message(pipe).header.callId, 6);
});

test('random bytes end in an answer or a disconnect, never in another error', () => {
  const start = Buffer.concat([bindPdu(), requestPdu({ opnum: 0, stub: Buffer.alloc(32) })]);
  const mutation = fc.tuple(fc.nat({ max: start.length - 1 }), fc.nat({ max: 255 }));
  fc.assert(
    fc.property(fc.array(mutation, { minLength: 1, maxLength: 4 }), (mutations) => {
      const bytes = Buffer.from(start);
      for (const [at, value] of mutations) {
        // Operations 1 and 4 fail on purpose.
        if (at !== bytes.length - 34 && at !== bytes.length - 33) bytes[at] = value;
      }
      try {
        open().write(bytes);
      } catch (error) {
        assert.ok(fails(NtStatus.PIPE_DISCONNECTED)(error), String(error));
      }
    }),
    { numRuns: 1000 },
  );
});
