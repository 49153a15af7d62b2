import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/wire/codec.ts';
import {
  Command,
  HEADER_BYTES,
  HeaderFlags,
  NO_SIGNATURE,
  RequestHeader,
  ResponseHeader,
  UNSOLICITED_MESSAGE_ID,
} from '../../../src/wire/smb2/header.ts';

const common = {
  creditCharge: 1,
  credits: 2,
  nextCommand: 0,
  messageId: 3,
  sessionId: 4,
  signature: NO_SIGNATURE,
};

test('a synchronous request carries a channel sequence and a tree id', () => {
  const header = { ...common, command: Command.READ, flags: 0, channelSequence: 7, treeId: 5 };
  const wire = hex(`fe534d42 4000 0100 0700 0000 0800 0200 00000000 00000000 0300000000000000
    00000000 05000000 0400000000000000 00000000000000000000000000000000`);
  assert.equal(wire.length, HEADER_BYTES);
  assert.deepEqual(RequestHeader.encode(header), wire);
  assert.deepEqual(RequestHeader.decode(wire), header);
});

test('an asynchronous response carries a status and an async id in place of the tree id', () => {
  const flags = HeaderFlags.SERVER_TO_REDIR | HeaderFlags.ASYNC_COMMAND;
  const header = {
    ...common,
    command: Command.LOCK,
    flags,
    status: 0x103,
    treeId: 0,
    asyncId: 0x1_0000_0009,
  };
  const wire = hex(`fe534d42 4000 0100 03010000 0a00 0200 03000000 00000000 0300000000000000
    09000000 01000000 0400000000000000 00000000000000000000000000000000`);
  assert.deepEqual(ResponseHeader.encode(header), wire);
  assert.deepEqual(ResponseHeader.decode(wire), header);
});

test('an unsolicited message has a message id of all ones', () => {
  const flags = HeaderFlags.SERVER_TO_REDIR;
  const header = {
    ...common,
    command: Command.OPLOCK_BREAK,
    flags,
    status: 0,
    treeId: 0,
    messageId: UNSOLICITED_MESSAGE_ID,
  };
  assert.deepEqual(ResponseHeader.encode(header).subarray(24, 32), hex('ffffffffffffffff'));
});

test('another protocol or another size is no header', () => {
  const wire = RequestHeader.encode({
    ...common,
    command: Command.ECHO,
    flags: 0,
    channelSequence: 0,
    treeId: 0,
  });
  for (const at of [0, 1, 2, 3, 4, 5]) {
    const broken = Buffer.from(wire);
    broken[at] = 0x80;
    assert.throws(() => RequestHeader.decode(broken), WireError, `byte ${at}`);
  }
});
