/**
 * Accepted sockets that receive into buffers of our choosing: node:net offers `onread` for sockets that one makes, not for those
 * that a server accepts, so the handle of an accepted one is put into a socket of our own. Whether that works is tried out
 * before it is relied on; where it does not, bytes come as 'data' events, in memory that the runtime makes for each.
 */
import { connect, createServer, type Server, Socket } from 'node:net';

/** Where the bytes of a socket go. */
export interface ByteSink {
  /** Where the next bytes are to be received. */
  room(): Buffer;
  /** The first `count` bytes of `room` have come. */
  filled(room: Buffer, count: number): void;
  /** Bytes came elsewhere. */
  push(bytes: Buffer): void;
}

/** A way of turning an accepted socket, paused, into one whose bytes go to the sink once it is resumed. */
export type Receiving = (accepted: Socket, sink: ByteSink) => Socket;

/** Bytes come as 'data' events. */
export const receivingByEvents: Receiving = (socket, sink) => {
  socket.on('data', (chunk: Buffer) => sink.push(chunk));
  return socket;
};

/** Bytes are received into the sink's room. */
export const receivingInPlace: Receiving = (accepted, sink) => {
  const handle: unknown = Reflect.get(accepted, '_handle');
  Reflect.set(accepted, '_handle', null);
  const onread = {
    buffer: () => sink.room(),
    callback(count: number, room: Buffer) {
      sink.filled(room, count);
      return true;
    },
  };
  const options = { handle, onread, allowHalfOpen: false, readable: true, writable: true };
  const socket: unknown = Reflect.construct(Socket, [options]);
  if (!(socket instanceof Socket)) throw new TypeError('no socket was made');
  return socket;
};

const TRIAL_LIMIT_MS = 2000;
const trialBytes = Buffer.from('smbkit receives in place');

let tried: Promise<Receiving> | undefined;

/** The better way that works here; found out once. */
export function receiving(): Promise<Receiving> {
  tried ??= worksInPlace().then((works) => (works ? receivingInPlace : receivingByEvents));
  return tried;
}

/** Sends bytes through a loopback connection, in both directions, to their end. */
function worksInPlace(): Promise<boolean> {
  const server = createServer({ pauseOnConnect: true });
  return new Promise<boolean>((resolve) => {
    const timer = setTimeout(resolve, TRIAL_LIMIT_MS, false);
    const done = (works: boolean): void => {
      clearTimeout(timer);
      resolve(works);
    };
    server.once('error', () => done(false));
    server.once('connection', (accepted) => {
      try {
        tryOut(accepted, done);
      } catch {
        done(false);
      }
    });
    server.listen(0, '127.0.0.1', () => echo(server, done));
  }).finally(() => server.close());
}

/** The client's end of the trial: what it sends must come back. */
function echo(server: Server, done: (works: boolean) => void): void {
  const address = server.address();
  if (typeof address !== 'object' || address === null) {
    done(false);
    return;
  }
  const answers: Buffer[] = [];
  connect(address.port, address.address)
    .on('data', (chunk: Buffer) => answers.push(chunk))
    .once('error', () => done(false))
    .once('close', () => done(Buffer.concat(answers).equals(trialBytes)))
    .end(trialBytes);
}

function tryOut(accepted: Socket, done: (works: boolean) => void): void {
  const memory = Buffer.alloc(2 * trialBytes.length);
  let used = 0;
  const socket = receivingInPlace(accepted, {
    room: () => memory.subarray(used, used + 5),
    filled(room, count) {
      // A room that is not where the last one ended would be filled wrongly.
      if (room.byteOffset !== memory.byteOffset + used) done(false);
      used += count;
    },
    push: () => done(false),
  });
  socket.once('error', () => done(false));
  socket.once('end', () => socket.end(memory.subarray(0, used)));
  socket.resume();
}
