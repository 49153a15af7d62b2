/**
 * Sending through a socket without the stream around it.
 */
import fs from 'node:fs';
import { constants } from 'node:os';
import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, Errno, type SystemCall, SystemCallError } from './system-call.ts';

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const AF_UNIX = 1;
const SOCK_STREAM = 1;
const SOCK_CLOEXEC = 0x8_0000;

export interface Sockets {
  /**
   * Sends what the socket takes at once of the first `length` bytes of `bytes`, and tells how many: 0 when it takes none. EPIPE, rather
   * than a signal, when nobody listens. send(2)
   */
  sendNow(fd: number, bytes: Buffer, length: number): number;
  /** Two sockets connected to each other. socketpair(2) */
  pair(): readonly [number, number];
}

type Send = SystemCall<[fd: number, bytes: Buffer, length: number, flags: number]>;
type Pair = SystemCall<[domain: number, type: number, protocol: number, fds: Buffer]>;

/** `undefined` where libc has no send. */
export function bindSockets(ffi: Ffi): Sockets | undefined {
  const boundSend: Send | undefined = bindCall(ffi, 'send', ['int64', 'int', 'void *', 'size_t', 'int']);
  const boundPair: Pair | undefined = bindCall(ffi, 'socketpair', ['int', 'int', 'int', 'int', 'void *']);
  if (boundSend === undefined || boundPair === undefined) return undefined;
  const send = boundSend;
  const pair = boundPair;
  return {
    sendNow(fd, bytes, length) {
      if (!(length >= 0 && length <= bytes.length)) throw send.error(Errno.EINVAL);
      const sent = send.raw(checkedFd(fd, 'send'), bytes, length, MSG_DONTWAIT | MSG_NOSIGNAL);
      if (sent >= 0) return Number(sent);
      const errno = send.errno();
      if (errno === Errno.EAGAIN || errno === Errno.EINTR || errno === constants.errno.ENOBUFS) return 0;
      throw send.failure();
    },
    pair() {
      const fds = Buffer.alloc(8);
      pair.checked(pair.raw(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
      return [fds.readInt32LE(0), fds.readInt32LE(4)];
    },
  };
}

/** Whether bytes arrive, and whether a socket that nobody listens to any more is told by an error rather than a signal. */
export function sends(sockets: Sockets): boolean {
  const [near, far] = sockets.pair();
  try {
    const received = Buffer.alloc(8);
    if (sockets.sendNow(near, Buffer.from('abcd').subarray(1), 2) !== 2) return false;
    const count = fs.readSync(far, received);
    if (received.toString('latin1', 0, count) !== 'bc') return false;
  } finally {
    fs.closeSync(far);
  }
  try {
    sockets.sendNow(near, Buffer.alloc(1), 1);
    return false;
  } catch (error) {
    return error instanceof SystemCallError && error.code === 'EPIPE';
  } finally {
    fs.closeSync(near);
  }
}
