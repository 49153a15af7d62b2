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
