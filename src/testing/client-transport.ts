/**
 * How a test client reaches a server: over a stream such as a TCP socket, or without one.
 */
import type { Duplex } from 'node:stream';
import { FrameCutter } from '../server/frames.ts';
import { FRAME_HEADER_BYTES, FRAME_MESSAGE_BYTES_MAX, writeFrameHeader } from '../wire/frame.ts';

/** The client's end of a connection; what `Server.connect` returns is one. */
export interface ClientTransport {
  /** Sends one message, framed. */
  send(message: Buffer): void;
  /** Sends bytes of the stream as they are. */
  write(bytes: Buffer): void;
  /** Called with each message of the server, without its frame header. */
  onMessage: (message: Buffer) => void;
  /** Called when the connection is gone, whoever closed it. */
  onClose: () => void;
  close(): void;
  readonly isClosed: boolean;
}

/** A transport over a byte stream: a connected TCP socket, or one end of anything that behaves like one. */
export function streamTransport(stream: Duplex): ClientTransport {
  const transport: ClientTransport = {
    send(message) {
      const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
      message.copy(frame, writeFrameHeader(frame, 0, message.length));
      stream.write(frame);
    },
    write: (bytes) => void stream.write(bytes),
    onMessage: () => {},
    onClose: () => {},
    close: () => void stream.destroy(),
    get isClosed() {
      return stream.destroyed;
    },
  };
  const cutter = new FrameCutter({
    messageBytesMax: FRAME_MESSAGE_BYTES_MAX,
    message: (bytes) => transport.onMessage(bytes),
    violation: () => void stream.destroy(),
  });
  stream.on('data', (chunk) => cutter.push(Buffer.from(chunk)));
  // An error is followed by 'close', and that is what a client waits for.
  stream.on('error', () => {});
  stream.once('close', () => transport.onClose());
  return transport;
}
