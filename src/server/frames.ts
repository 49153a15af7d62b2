/**
 * Cuts a stream of bytes into the messages of direct TCP. Memory is taken for bytes that came, never for a length that was
 * claimed nor for the number of pieces in which they came. [MS-SMB2] 2.1
 */
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { ByteCollector } from './byte-collector.ts';

export interface FrameSink {
  readonly messageBytesMax: number;
  message(bytes: Buffer): void;
  violation(reason: string): void;
}

export class FrameCutter {
  readonly #sink: FrameSink;
  readonly #nowMs: () => number;
  /** Bytes that came and are not cut yet. */
  readonly #held = new ByteCollector();
  /** Bytes that complete what is being collected: a frame header, or header and message. */
  #wanted = FRAME_HEADER_BYTES;
  #state: 'cutting' | 'paused' | 'stopped' = 'cutting';
  #frameSinceMs: number | undefined;

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
    return this.#held.sizeBytes > 0;
  }

  /** Nothing more is cut, whatever comes. */
  stop(): void {
    this.#state = 'stopped';
    this.#held.take();
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
    this.#cut(this.#held.take());
  }

  push(chunk: Buffer): void {
    if (this.#state === 'stopped') return;
    const { sizeBytes } = this.#held;
    if (sizeBytes === 0 && this.#state === 'cutting') {
      this.#cut(chunk);
      return;
    }
    this.#held.add(chunk);
    if (this.#state === 'cutting' && sizeBytes + chunk.length >= this.#wanted) this.#cut(this.#held.take());
  }

  #cut(bytes: Buffer): void {
    let start = 0;
    while (this.#state === 'cutting') {
      const left = bytes.length - start;
      this.#wanted = FRAME_HEADER_BYTES;
      if (left >= FRAME_HEADER_BYTES) {
        const length = this.#messageLength(bytes, start);
        if (length === undefined) return;
        this.#wanted = FRAME_HEADER_BYTES + length;
      }
      if (left < this.#wanted) break;
      const end = start + this.#wanted;
      this.#frameSinceMs = undefined;
      this.#sink.message(bytes.subarray(start + FRAME_HEADER_BYTES, end));
      start = end;
    }
    if (this.#state === 'stopped' || start === bytes.length) return;
    this.#held.add(bytes.subarray(start));
    if (this.#state === 'cutting') this.#frameSinceMs ??= this.#nowMs();
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
