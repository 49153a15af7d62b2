import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../../src/base/bytes.ts';
import { WireError } from '../../../src/wire/codec.ts';
import { Smb1Dialect, Smb1NegotiateRequest } from '../../../src/wire/smb1/negotiate.ts';

// As smbclient 4.17 sends it where SMB1 is allowed.
const strings = ['NT LANMAN 1.0', 'NT LM 0.12', 'SMB 2.002', 'SMB 2.???'];
const message = hex(`ff534d42 72 00000000 18 43c8 0000 0000000000000000 0000 0000 feff 0000 0000 00 3100
  024e54204c414e4d414e20312e3000 024e54204c4d20302e313200 02534d4220322e30303200 02534d4220322e3f3f3f00`);

test('the dialects that ask for SMB2 are found among the others', () => {
  const { dialects } = Smb1NegotiateRequest.decode(message);
  assert.deepEqual(dialects, strings);
  assert(dialects.includes(Smb1Dialect.SMB_2_002) && dialects.includes(Smb1Dialect.SMB_2_WILDCARD));
});

test('every truncation is refused', () => {
  for (let end = 0; end < message.length; end++) {
    assert.throws(() => Smb1NegotiateRequest.decode(message, 0, end), WireError, `${end} bytes`);
  }
});

test('another command, other parameters, other formats and unended strings are refused', () => {
  for (const [at, byte] of [
    [4, 0x73],
    [32, 17],
    [35, 4],
    [message.length - 1, 0x20],
  ] as const) {
    const broken = Buffer.from(message);
    broken[at] = byte;
    assert.throws(() => Smb1NegotiateRequest.decode(broken), WireError);
  }
});

test('a list of very many dialects is refused', () => {
  const dialects = Array<string>(100).fill('X');
  assert.throws(() => Smb1NegotiateRequest.decode(Smb1NegotiateRequest.encode({ dialects })), WireError);
});
