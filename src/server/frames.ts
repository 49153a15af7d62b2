/**
 * Cuts a stream of bytes into the messages of direct TCP. Memory is taken for bytes that came, never for a length that was
 * claimed. [MS-SMB2] 2.1
 */
import { EMPTY } from '../base/bytes.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';

export interface FrameSink {
  readonly messageBytesMax: number;
  message(bytes: Buffer): void;
  violation(reason: string): void;
}

export class FrameCutter {
  readonly #sink: FrameSink;
  #chunks: Buffer[] = [];
  #chunkBytes = 0;
  /** Bytes that complete what is being collected: a frame header, or header and message. */
  #wanted = FRAME_HEADER_BYTES;
  #isStopped = false;

  constructor(sink: FrameSink) {
    this.#sink = sink;
  }

  /** Messages cut so far. */
  messageCount = 0;

  /** A frame has begun and is not complete. */
  get isPartial(): boolean {
    return this.#chunkBytes > 0;
  }

  /** Nothing more is cut, whatever comes. */
  stop(): void {
    this.#isStopped = true;
    this.#chunks = [];
    this.#chunkBytes = 0;
  }

  push(chunk: Buffer): void {
    let rest = chunk;
    if (this.#chunkBytes > 0) {
      this.#chunks.push(chunk);
      this.#chunkBytes += chunk.length;
      if (this.#chunkBytes < this.#wanted || this.#isStopped) return;
      rest = Buffer.concat(this.#chunks, this.#chunkBytes);
      this.#chunks = [];
      this.#chunkBytes = 0;
    }
    this.#cut(rest);
  }

  #cut(bytes: Buffer): void {
    let start = 0;
    while (!this.#isStopped) {
      const left = bytes.length - start;
      this.#wanted = FRAME_HEADER_BYTES;
      if (left >= FRAME_HEADER_BYTES) {
        const length = this.#messageLength(bytes, start);
        if (length === undefined) return;
        this.#wanted = FRAME_HEADER_BYTES + length;
      }
      if (left < this.#wanted) {
        const tail = left === 0 ? EMPTY : bytes.subarray(start);
        if (left > 0) this.#chunks.push(tail);
        this.#chunkBytes = left;
        return;
      }
      const end = start + this.#wanted;
      this.messageCount++;
      this.#sink.message(bytes.subarray(start + FRAME_HEADER_BYTES, end));
      start = end;
    }
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
