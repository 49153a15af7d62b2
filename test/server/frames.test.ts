import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FrameCutter } from '../../src/server/frames.ts';

function collect(messageBytesMax = 1000) {
  const messages: string[] = [];
  const violations: string[] = [];
  const cutter = new FrameCutter({
    messageBytesMax,
    message: (bytes) => messages.push(bytes.toString('latin1')),
    violation: (reason) => violations.push(reason),
  });
  return { cutter, messages, violations };
}

function frame(text: string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(text.length, 0);
  return Buffer.concat([header, Buffer.from(text, 'latin1')]);
}

test('messages come out whole however the stream is cut', () => {
  const stream = Buffer.concat(['a', 'bc'.repeat(100), 'd'].map(frame));
  for (let size = 1; size <= stream.length; size++) {
    const { cutter, messages } = collect();
    for (let at = 0; at < stream.length; at += size) cutter.push(stream.subarray(at, at + size));
    assert.deepEqual(messages, ['a', 'bc'.repeat(100), 'd']);
    assert.equal(cutter.isPartial, false);
  }
});

test('a frame of another type, an empty one and one too large are violations, and nothing follows them', () => {
  for (const bad of ['81000000', '85000000', '00000000', '00ffffff', 'ff000001']) {
    const { cutter, messages, violations } = collect();
    cutter.push(Buffer.concat([frame('ok'), Buffer.from(bad, 'hex'), frame('after')]));
    cutter.push(frame('later'));
    assert.deepEqual(messages, ['ok'], bad);
    assert.equal(violations.length, 1, bad);
  }
});

test('a claimed length takes no memory', () => {
  const { cutter, violations } = collect(16 * 1024 * 1024);
  cutter.push(Buffer.from('00ffffff', 'hex'));
  assert.equal(cutter.isPartial, true);
  assert.deepEqual(violations, []);
});

test('while paused, what comes is kept; resumed, it comes out in order', () => {
  const { cutter, messages } = collect();
  cutter.push(frame('a'));
  cutter.pause();
  cutter.push(Buffer.concat([frame('b'), frame('c').subarray(0, 2)]));
  cutter.push(frame('c').subarray(2));
  assert.deepEqual(messages, ['a']);
  cutter.resume();
  assert.deepEqual(messages, ['a', 'b', 'c']);
  assert.equal(cutter.isPartial, false);
});

test('a pause in the middle of a chunk holds the rest of it', () => {
  const messages: string[] = [];
  const cutter: FrameCutter = new FrameCutter({
    messageBytesMax: 100,
    message: (bytes) => {
      messages.push(bytes.toString());
      cutter.pause();
    },
    violation: () => assert.fail('nothing is wrong'),
  });
  cutter.push(Buffer.concat(['a', 'b', 'c'].map(frame)));
  for (const expected of [['a'], ['a', 'b'], ['a', 'b', 'c']]) {
    assert.deepEqual(messages, expected);
    cutter.resume();
  }
});

test('a frame is owed since its first byte, and by nobody while the server does not read', () => {
  let now = 5;
  const cutter = new FrameCutter({ messageBytesMax: 100, message: () => {}, violation: () => {} }, () => now);
  assert.equal(cutter.frameSinceMs, undefined);
  for (const byte of frame('abc').subarray(0, 6)) {
    cutter.push(Buffer.from([byte]));
    assert.equal(cutter.frameSinceMs, 5);
    now++;
  }
  cutter.pause();
  assert.equal(cutter.frameSinceMs, undefined);
  now = 100;
  cutter.resume();
  assert.equal(cutter.frameSinceMs, 100);
  cutter.push(Buffer.concat([frame('abc').subarray(6), frame('d').subarray(0, 1)]));
  assert.equal(cutter.frameSinceMs, 100);
  cutter.push(frame('d').subarray(1));
  assert.equal(cutter.frameSinceMs, undefined);
});
