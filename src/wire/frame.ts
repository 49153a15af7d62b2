/**
 * The frame of the direct TCP transport: a zero byte and three bytes of length, big-endian. [MS-SMB2] 2.1
 */
import { WireError } from './codec.ts';

/** Bytes in front of every message. */
export const FRAME_HEADER_BYTES = 4;

/** Largest message that a frame can hold. */
export const FRAME_MESSAGE_BYTES_MAX = 0xff_ffff;

/** Writes the header of a message of `messageBytes` at `start`; returns the position of the message. */
export function writeFrameHeader(target: Buffer, start: number, messageBytes: number): number {
  if (messageBytes > FRAME_MESSAGE_BYTES_MAX)
    throw new RangeError(`a frame cannot hold ${messageBytes} bytes`);
  target.writeUInt32BE(messageBytes, start);
  return start + FRAME_HEADER_BYTES;
}

/**
 * Bytes of the message whose frame header begins at `start`, of which all four bytes must have arrived. Throws WireError
 * when it is no frame or the message is larger than `messageBytesMax`.
 */
export function readFrameHeader(bytes: Buffer, start: number, messageBytesMax: number): number {
  const messageBytes = bytes.readUInt32BE(start);
  if (messageBytes > FRAME_MESSAGE_BYTES_MAX) throw new WireError('not a frame of the direct TCP transport');
  if (messageBytes > messageBytesMax)
    throw new WireError(`a frame of ${messageBytes} bytes where ${messageBytesMax} may be`);
  return messageBytes;
}
