import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hex } from '../../src/base/bytes.ts';
import { WireError } from '../../src/wire/codec.ts';
import { FRAME_MESSAGE_BYTES_MAX, readFrameHeader, writeFrameHeader } from '../../src/wire/frame.ts';

test('a frame header is a zero byte and three bytes of length, big-endian', () => {
  const target = Buffer.alloc(6, 0xff);
  assert.equal(writeFrameHeader(target, 1, 0x012345), 5);
  assert.deepEqual(target, hex('ff 00 012345 ff'));
  assert.equal(readFrameHeader(target, 1, 0x012345), 0x012345);
});

test('a length above the bound is refused, one at the bound is not', () => {
  assert.equal(readFrameHeader(hex('00000100'), 0, 256), 256);
  assert.throws(() => readFrameHeader(hex('00000101'), 0, 256), WireError);
});

test('a first byte other than zero is no frame of this transport', () => {
  assert.throws(() => readFrameHeader(hex('81000004'), 0, FRAME_MESSAGE_BYTES_MAX), WireError);
  assert.throws(() => readFrameHeader(Buffer.from('GET '), 0, FRAME_MESSAGE_BYTES_MAX), WireError);
});

test('a message that no frame can hold is a RangeError', () => {
  const target = Buffer.alloc(4);
  assert.throws(() => writeFrameHeader(target, 0, FRAME_MESSAGE_BYTES_MAX + 1), RangeError);
});
