import assert from 'node:assert/strict';
import { describe, it, test } from 'node:test';
import { buffers } from '../../src/server/buffer-pool.ts';
import { FrameCutter } from '../../src/server/frames.ts';
import { SeededEntropy } from '../../src/testing/seeded-entropy.ts';

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

function header(length: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(length, 0);
  return bytes;
}

function frame(text: string): Buffer {
  return Buffer.concat([header(text.length), Buffer.from(text, 'latin1')]);
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

test('a claimed length takes no memory, and the frame comes out whole all the same', () => {
  const text = 'x'.repeat(16_000);
  const bytes = frame(text);
  for (const first of [4, 5, 67, 68, 2000]) {
    const { cutter, messages } = collect(16 * 1024);
    const before = process.memoryUsage().arrayBuffers;
    const cutters = Array.from({ length: 100 }, () => collect(16 * 1024).cutter);
    for (const one of cutters) one.push(bytes.subarray(0, first));
    const each = (process.memoryUsage().arrayBuffers - before) / cutters.length;
    assert.ok(first > 60 || each < 4000, `${each} bytes for ${first} that came`);
    cutter.push(bytes.subarray(0, first));
    assert.equal(cutter.isPartial, true);
    cutter.push(bytes.subarray(first));
    assert.deepEqual(messages, [text]);
  }
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

/** Feeds `stream` as a socket does that receives into the cutter's room, in reads of at most `readBytes`. */
function receive(cutter: FrameCutter, stream: Buffer, readBytes: () => number): void {
  let at = 0;
  while (at < stream.length) {
    const room = cutter.room();
    const count = Math.min(room.length, readBytes(), stream.length - at);
    stream.copy(room, 0, at, at + count);
    at += count;
    cutter.filled(room, count);
  }
}

/** A frame whose every byte tells its place. */
function longFrame(length: number): Buffer {
  const bytes = Buffer.alloc(length);
  for (let at = 0; at < length; at++) bytes[at] = (at * 31 + (at >> 8) + length) & 0xff;
  return bytes;
}

describe('receiving into the frame', () => {
  const lengths = [1, 3, 1000, 1024, 1025, 16_380, 40_000, 70_000, 5, 200_000, 300_000, 64, 16_384, 33_000];

  for (const releases of [true, false]) {
    it(`brings every message whole, however the reads fall${releases ? ', with its memory used again at once' : ''}`, () => {
      const random = new SeededEntropy(7);
      buffers.onGive = (buffer) => buffer.fill(0xca);
      for (let round = 0; round < 60; round++) {
        const expected = lengths.map(longFrame);
        const received: Buffer[] = [];
        const cutter = new FrameCutter({
          messageBytesMax: 1_000_000,
          message(bytes, memory) {
            received.push(releases ? Buffer.from(bytes) : bytes);
            if (releases) memory?.release();
          },
          violation: (reason) => assert.fail(reason),
        });
        const stream = Buffer.concat(expected.flatMap((bytes) => [header(bytes.length), bytes]));
        const most = [1 + random.below(7), 100 + random.below(3000), 1_000_000][round % 3] ?? 1;
        if (round % 3 !== 0 || round < 3) receive(cutter, stream, () => 1 + random.below(most));
        else receive(cutter, stream, () => 1460);
        assert.deepEqual(received, expected);
        assert.equal(cutter.isPartial, false);
      }
      buffers.onGive = undefined;
    });
  }

  it('keeps two connections apart that share the memory of their first bytes', () => {
    const seen: string[] = [];
    const cutters = ['a', 'b'].map((name) => ({
      name,
      cutter: new FrameCutter({
        messageBytesMax: 100_000,
        message: (bytes) =>
          seen.push(name.repeat(bytes.length) === bytes.toString() ? name : `wrong ${name}`),
        violation: (reason) => assert.fail(reason),
      }),
    }));
    const streams = cutters.map(({ name }) =>
      Buffer.concat([10, 3000, 50_000, 1].map((length) => frame(name.repeat(length)))),
    );
    const rooms = cutters.map(({ cutter }) => cutter.room());
    for (let at = 0; at < (streams[0]?.length ?? 0); at += 37) {
      for (const [index, { cutter }] of cutters.entries()) {
        let rest = streams[index]?.subarray(at, at + 37) ?? Buffer.alloc(0);
        while (rest.length > 0) {
          const room = rooms[index] ?? Buffer.alloc(0);
          const count = rest.copy(room);
          cutter.filled(room, count);
          rooms[index] = cutter.room();
          rest = rest.subarray(count);
        }
      }
    }
    assert.deepEqual(seen.toSorted(), ['a', 'a', 'a', 'a', 'b', 'b', 'b', 'b']);
  });

  it('never receives into memory that was given back, when a pause comes in between', () => {
    buffers.onGive = (buffer) => buffer.fill(0xca);
    const received: Buffer[] = [];
    const cutter: FrameCutter = new FrameCutter({
      messageBytesMax: 1_000_000,
      message(bytes, memory) {
        received.push(Buffer.from(bytes));
        memory?.release();
        cutter.pause();
      },
      violation: (reason) => assert.fail(reason),
    });
    const expected = [300, 2000, 40_000, 20_000, 9].map(longFrame);
    const stream = Buffer.concat(expected.flatMap((bytes) => [header(bytes.length), bytes]));
    const random = new SeededEntropy(3);
    let at = 0;
    let room = cutter.room();
    while (at < stream.length) {
      const count = Math.min(room.length, 1 + random.below(3000), stream.length - at);
      stream.copy(room, 0, at, at + count);
      at += count;
      cutter.filled(room, count);
      room = cutter.room();
      // The socket keeps the room that it was told last while it is paused.
      while (cutter.isPaused) cutter.resume();
    }
    assert.deepEqual(received, expected);
    buffers.onGive = undefined;
  });

  it('takes memory for long frames that only begin within a bound', () => {
    const before = process.memoryUsage().arrayBuffers;
    const cutters = Array.from({ length: 200 }, () => {
      const cutter = new FrameCutter({ messageBytesMax: 8_000_000, message: () => {}, violation: () => {} });
      receive(cutter, Buffer.concat([header(8_000_000), Buffer.alloc(100)]), () => 1000);
      return cutter;
    });
    const takenBytes = process.memoryUsage().arrayBuffers - before;
    assert.ok(takenBytes < 300 * 1024 * 1024, `${takenBytes} for ${cutters.length} frames of 8 MB`);
    for (const cutter of cutters) cutter.stop();
    // What was given up counts no more.
    const messages: number[] = [];
    const sink = { messageBytesMax: 8_000_000, message: (bytes: Buffer) => messages.push(bytes.length) };
    const cutter = new FrameCutter({ ...sink, violation: (reason) => assert.fail(reason) });
    receive(cutter, Buffer.concat([header(100_000), Buffer.alloc(100)]), () => 1000);
    assert.equal(cutter.room().length, 100_000 - 100);
  });

  it('completes a long frame beyond the bound as well', () => {
    const sink = { messageBytesMax: 16_000_000, violation: (reason: string) => assert.fail(reason) };
    const held = Array.from({ length: 9 }, () => {
      const cutter = new FrameCutter({ ...sink, message: () => {} });
      receive(cutter, Buffer.concat([header(15_000_000), Buffer.alloc(100)]), () => 1000);
      return cutter;
    });
    const received: Buffer[] = [];
    const cutter = new FrameCutter({ ...sink, message: (bytes) => received.push(bytes) });
    const expected = longFrame(700_000);
    receive(cutter, Buffer.concat([header(expected.length), expected]), () => 5000);
    assert.deepEqual(received, [expected]);
    for (const other of held) other.stop();
  });
});
