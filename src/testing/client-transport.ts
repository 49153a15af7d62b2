/**
 * How a test client reaches a server: over TCP, or without a socket.
 */
import { connect } from 'node:net';
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

/** Connects over TCP. Rejects with the system's error. */
export function connectTcp(port: number, host = '127.0.0.1'): Promise<ClientTransport> {
  return new Promise((resolve, reject) => {
    const socket = connect({ port, host, noDelay: true });
    const transport: ClientTransport = {
      send(message) {
        const frame = Buffer.alloc(FRAME_HEADER_BYTES + message.length);
        message.copy(frame, writeFrameHeader(frame, 0, message.length));
        socket.write(frame);
      },
      write: (bytes) => void socket.write(bytes),
      onMessage: () => {},
      onClose: () => {},
      close: () => socket.destroy(),
      get isClosed() {
        return socket.destroyed;
      },
    };
    const cutter = new FrameCutter({
      messageBytesMax: FRAME_MESSAGE_BYTES_MAX,
      message: (bytes) => transport.onMessage(bytes),
      violation: () => socket.destroy(),
    });
    socket.on('data', (chunk) => cutter.push(Buffer.from(chunk)));
    socket.once('connect', () => resolve(transport));
    socket.on('error', reject);
    socket.once('close', () => transport.onClose());
  });
}
