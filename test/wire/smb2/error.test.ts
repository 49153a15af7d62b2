import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../../src/base/bytes.ts';
import {
  ErrorContexts,
  ErrorId,
  ErrorResponse,
  SymbolicLinkErrorResponse,
  SymlinkFlags,
} from '../../../src/wire/smb2/error.ts';

test('an error without data has one byte of it', () => {
  const wire = ErrorResponse.encode({ errorContextCount: 0, errorData: hex('') });
  assert.deepEqual(wire, hex('0900 00 00 00000000 00'));
  assert.deepEqual(ErrorResponse.decode(hex('0900 00 00 00000000 21')).errorData, hex(''));
  assert.deepEqual(ErrorResponse.decode(hex('0900 00 00 00000000')).errorData, hex(''));
});

test('error contexts of 3.1.1 are aligned to 8', () => {
  const contexts = [
    { errorId: ErrorId.DEFAULT, errorContextData: hex('01') },
    { errorId: ErrorId.SHARE_REDIRECT, errorContextData: hex('0203') },
  ];
  const wire = hex('01000000 00000000 01 00000000000000 02000000 53526472 0203');
  assert.deepEqual(ErrorContexts.encode({ contexts }), wire);
  assert.deepEqual(ErrorContexts.decode(wire), { contexts });
});

test('a symbolic link error counts its lengths and offsets as the document says', () => {
  const value = { unparsedPathLength: 4, flags: SymlinkFlags.RELATIVE, substituteName: 'ab', printName: 'c' };
  const wire = hex(`1e000000 53594d4c 0c0000a0 1200 0400 0000 0400 0400 0200 01000000 61006200 6300`);
  assert.deepEqual(SymbolicLinkErrorResponse.encode(value), wire);
  assert.deepEqual(SymbolicLinkErrorResponse.decode(wire), value);
});
