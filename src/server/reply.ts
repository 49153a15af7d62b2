/**
 * One response message in the making: a single buffer with room in front for the frame header and a transform header,
 * so that nothing is copied when the message is framed or sealed.
 */
import { alignUp } from '../base/bytes.ts';
import type { Codec } from '../wire/codec.ts';
import { FRAME_HEADER_BYTES } from '../wire/frame.ts';
import { HEADER_BYTES, ResponseHeader } from '../wire/smb2/header.ts';
import { TRANSFORM_HEADER_BYTES } from '../wire/smb2/transform.ts';
import { PooledMemory } from './buffer-pool.ts';

/** Bytes kept free in front of the message. A multiple of 8. */
export const HEADROOM_BYTES = alignUp(FRAME_HEADER_BYTES + TRANSFORM_HEADER_BYTES, 8);

/** Memory of the pool: only what was written to it since may be sent. Given back when the message has left. */
export class ReplyBuffer extends PooledMemory {
  /** End of the message; it begins at {@link HEADROOM_BYTES}. */
  end: number;

  /** Room for `bodyBytes` of body and the padding of a compound. */
  constructor(bodyBytes: number) {
    super(HEADROOM_BYTES + HEADER_BYTES + alignUp(bodyBytes, 8));
    this.end = HEADROOM_BYTES + HEADER_BYTES;
  }

  /** Length of the message. */
  get sizeBytes(): number {
    return this.end - HEADROOM_BYTES;
  }

  /** The message: header and body. */
  get message(): Buffer {
    return this.bytes.subarray(HEADROOM_BYTES, this.end);
  }

  /** Room for a payload of `sizeBytes` that begins `fixedBytes` into the body. */
  payload(fixedBytes: number, sizeBytes: number): Buffer {
    const start = HEADROOM_BYTES + HEADER_BYTES + fixedBytes;
    return this.bytes.subarray(start, start + sizeBytes);
  }

  writeBody<T>(codec: Codec<T>, value: T): void {
    this.end = codec.encodeInto(value, this.bytes, HEADROOM_BYTES + HEADER_BYTES);
  }

  writeHeader(header: ResponseHeader): void {
    ResponseHeader.encodeInto(header, this.bytes, HEADROOM_BYTES);
  }

  /** Zeros up to the next multiple of 8, before the message is signed. [MS-SMB2] 3.3.4.1.3 */
  pad(): void {
    const end = HEADROOM_BYTES + alignUp(this.end - HEADROOM_BYTES, 8);
    this.bytes.fill(0, this.end, end);
    this.end = end;
  }
}
