/**
 * Cuts a stream of bytes into the messages of direct TCP. Bytes of a message that is known to be long are received where the
 * message will lie; shorter ones are copied out of what was received. Memory is taken for bytes that came, and ahead of them
 * only within a bound, never for the number of pieces in which they came. [MS-SMB2] 2.1
 */
import type { MessageMemory } from '../session/transport.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { PooledMemory } from './buffer-pool.ts';
import { ByteCollector } from './byte-collector.ts';

export interface FrameSink {
  readonly messageBytesMax: number;
  message(bytes: Buffer, memory?: MessageMemory): void;
  violation(reason: string): void;
}

/** Where bytes go whose message is not known yet. All connections share it: nothing stays in it when a read has been cut. */
const ARENA_BYTES = 64 * 1024;
const arena = Buffer.allocUnsafeSlow(ARENA_BYTES);
/** After a long message another one is expected: only its beginning is to land in the arena, from where it must be copied. */
const arenaHead = arena.subarray(0, 256);
const LONG_BYTES = 32 * 1024;

/** Messages up to this size have memory of their own that the runtime collects; for larger ones the pool is cheaper. */
const COLLECTED_BYTES_MAX = 1024;

/** Frames up to this size get all of their memory when they have begun. */
const WHOLE_BYTES = 16 * 1024;
/** A frame of which fewer bytes have come has only said how long it will be, for which nobody is given that much. */
const BEGUN_BYTES = 64;
/** What such a frame gets. */
const BEGINNING_BYTES = 512;
/** Bytes of larger frames that may be taken ahead of their coming, by all connections together. */
const AHEAD_BYTES_MAX = 128 * 1024 * 1024;
let aheadBytes = 0;

export class FrameCutter {
  readonly #sink: FrameSink;
  readonly #nowMs: () => number;
  /** The frame that has begun and is not complete. */
  #partial: PartialFrame | undefined;
  /** Bytes that came while paused: at least one, or absent. */
  #held: ByteCollector | undefined;
  #state: 'cutting' | 'paused' | 'stopped' = 'cutting';
  #frameSinceMs: number | undefined;
  #expectsLong = false;
  /** The frame whose room was given out last. */
  #roomOf: PartialFrame | undefined;

  /** `nowMs` is the monotonic time, by which {@link frameSinceMs} is told. */
  constructor(sink: FrameSink, nowMs: () => number = () => 0) {
    this.#sink = sink;
    this.#nowMs = nowMs;
  }

  /** Since when a frame has been incomplete that the peer is to complete. */
  get frameSinceMs(): number | undefined {
    return this.#frameSinceMs;
  }

  get isPaused(): boolean {
    return this.#state === 'paused';
  }

  /** A frame has begun and is not complete. */
  get isPartial(): boolean {
    return this.#partial !== undefined || this.#held !== undefined;
  }

  /** Nothing more is cut, whatever comes. */
  stop(): void {
    this.#state = 'stopped';
    this.#held = undefined;
    this.#partial?.abandon();
    this.#partial = undefined;
    this.#frameSinceMs = undefined;
  }

  /** What comes is kept until {@link resume}. */
  pause(): void {
    if (this.#state === 'cutting') this.#state = 'paused';
    this.#frameSinceMs = undefined;
  }

  resume(): void {
    if (this.#state !== 'paused') return;
    this.#state = 'cutting';
    if (this.#partial !== undefined) this.#frameSinceMs = this.#nowMs();
    const held = this.#held?.take();
    this.#held = undefined;
    if (held !== undefined) this.push(held);
  }

  /** Where the next bytes are to be received; to be asked for again after each {@link filled}. */
  room(): Buffer {
    this.#roomOf = this.#state === 'cutting' ? this.#partial : undefined;
    return this.#roomOf?.room() ?? (this.#expectsLong ? arenaHead : arena);
  }

  /** The first `count` bytes of `room` have come. */
  filled(room: Buffer, count: number): void {
    const partial = this.#partial;
    const isInPlace = partial !== undefined && partial === this.#roomOf && this.#state === 'cutting';
    if (!isInPlace) this.push(room.subarray(0, count));
    else if (partial.fill(count)) this.#advance();
  }

  /** Takes bytes of the stream; they are the caller's again afterwards. */
  push(chunk: Buffer): void {
    this.#roomOf = undefined;
    let rest = chunk;
    while (this.#state === 'cutting' && this.#partial !== undefined && rest.length > 0) {
      const count = rest.copy(this.#partial.room());
      rest = rest.subarray(count);
      if (this.#partial.fill(count)) this.#advance();
    }
    if (rest.length === 0) return;
    if (this.#state === 'cutting') this.#cut(rest);
    else if (this.#state === 'paused') this.#hold(rest);
  }

  /** What was known to be wanted of the partial frame is there: its length, or all of it. */
  #advance(): void {
    const partial = this.#partial;
    if (partial === undefined) return;
    if (!partial.isSized) {
      const length = this.#messageLength(partial.memory.bytes, 0);
      if (length === undefined) return;
      partial.expect(FRAME_HEADER_BYTES + length);
    }
    if (!partial.isWhole) {
      partial.grow();
      return;
    }
    this.#partial = undefined;
    this.#frameSinceMs = undefined;
    this.#expectsLong = partial.sizeBytes > LONG_BYTES;
    partial.arrived();
    this.#sink.message(partial.memory.bytes.subarray(FRAME_HEADER_BYTES, partial.sizeBytes), partial.memory);
  }

  #cut(bytes: Buffer): void {
    let start = 0;
    let length: number | undefined;
    while (this.#state === 'cutting') {
      length = undefined;
      if (bytes.length - start < FRAME_HEADER_BYTES) break;
      length = this.#messageLength(bytes, start);
      if (length === undefined) return;
      const end = start + FRAME_HEADER_BYTES + length;
      if (end > bytes.length) break;
      this.#frameSinceMs = undefined;
      this.#expectsLong = length > LONG_BYTES;
      this.#deliverCopy(bytes, start + FRAME_HEADER_BYTES, end);
      start = end;
    }
    if (this.#state === 'stopped' || start === bytes.length) return;
    const rest = bytes.subarray(start);
    if (this.#state === 'paused') {
      this.#hold(rest);
      return;
    }
    this.#frameSinceMs ??= this.#nowMs();
    this.#partial = new PartialFrame(rest, length === undefined ? undefined : FRAME_HEADER_BYTES + length);
  }

  #hold(bytes: Buffer): void {
    this.#held ??= new ByteCollector();
    this.#held.add(Buffer.from(bytes));
  }

  #deliverCopy(bytes: Buffer, start: number, end: number): void {
    const length = end - start;
    if (length <= COLLECTED_BYTES_MAX) {
      const message = Buffer.allocUnsafe(length);
      bytes.copy(message, 0, start, end);
      this.#sink.message(message);
      return;
    }
    const memory = new PooledMemory(length);
    bytes.copy(memory.bytes, 0, start, end);
    this.#sink.message(memory.bytes.subarray(0, length), memory);
  }

  #messageLength(bytes: Buffer, start: number): number | undefined {
    const word = bytes.readUInt32BE(start);
    if (word >>> 24 !== 0) return this.#refuse('not a frame of direct TCP');
    if (word === 0) return this.#refuse('an empty frame');
    if (word > this.#sink.messageBytesMax) return this.#refuse(`a frame of ${word} bytes is too large`);
    return word;
  }

  #refuse(reason: string): undefined {
    this.stop();
    this.#sink.violation(reason);
    return undefined;
  }
}

/** A frame of which the beginning has come, its four bytes of header included. */
class PartialFrame {
  memory: PooledMemory;
  /** Bytes of the whole frame, once its header is there. */
  sizeBytes = 0;
  #haveBytes: number;
  /** The part of the bound on memory ahead that is this frame's. */
  #aheadBytes = 0;

  constructor(beginning: Buffer, sizeBytes: number | undefined) {
    this.#haveBytes = beginning.length;
    if (sizeBytes !== undefined) this.sizeBytes = sizeBytes;
    this.memory = new PooledMemory(this.#wantedBytes());
    beginning.copy(this.memory.bytes);
  }

  get isSized(): boolean {
    return this.sizeBytes > 0;
  }

  get isWhole(): boolean {
    return this.isSized && this.#haveBytes === this.sizeBytes;
  }

  /** Where the next bytes go: never beyond the end of the frame. */
  room(): Buffer {
    const end = this.isSized ? this.sizeBytes : FRAME_HEADER_BYTES;
    return this.memory.bytes.subarray(this.#haveBytes, Math.min(end, this.memory.bytes.length));
  }

  /** True when the room is full. */
  fill(count: number): boolean {
    this.#haveBytes += count;
    const end = this.isSized ? this.sizeBytes : FRAME_HEADER_BYTES;
    return this.#haveBytes === Math.min(end, this.memory.bytes.length);
  }

  expect(sizeBytes: number): void {
    this.sizeBytes = sizeBytes;
  }

  /** Takes more memory when what there is does not hold the frame. */
  grow(): void {
    if (this.memory.bytes.length >= this.sizeBytes) return;
    const before = this.memory;
    const wanted = this.#wantedBytes();
    if (wanted <= before.bytes.length) return;
    this.memory = new PooledMemory(wanted);
    before.bytes.copy(this.memory.bytes, 0, 0, this.#haveBytes);
    before.release();
  }

  /** The frame is complete, and its memory no longer ahead of anything. */
  arrived(): void {
    aheadBytes -= this.#aheadBytes;
    this.#aheadBytes = 0;
  }

  /** It will never be complete. A read may still be under way into its memory, which is left to the runtime. */
  abandon(): void {
    this.arrived();
  }

  /** Little before a frame has begun; then all of a small one, all of a large one within the bound, else twice what is there. */
  #wantedBytes(): number {
    if (!this.isSized) return FRAME_HEADER_BYTES;
    if (this.#haveBytes < BEGUN_BYTES) return Math.min(this.sizeBytes, BEGINNING_BYTES);
    if (this.sizeBytes <= WHOLE_BYTES) return this.sizeBytes;
    if (this.#aheadBytes > 0) return this.sizeBytes;
    if (aheadBytes + this.sizeBytes <= AHEAD_BYTES_MAX) {
      this.#aheadBytes = this.sizeBytes;
      aheadBytes += this.sizeBytes;
      return this.sizeBytes;
    }
    return Math.min(this.sizeBytes, Math.max(WHOLE_BYTES, 2 * this.#haveBytes));
  }
}
