/**
 * Locks on whole files between processes. flock(2)
 */
import type { Ffi } from './ffi.ts';
import { bindCall, checkedFd, Errno, type SystemCall } from './system-call.ts';

const LOCK_SH = 1;
const LOCK_EX = 2;
const LOCK_NB = 4;
const LOCK_UN = 8;

export type FlockMode = 'shared' | 'exclusive' | 'none';

/** Takes, changes or (`none`) gives back the lock without waiting; false while another has one that conflicts. */
export type Flock = (fd: number, mode: FlockMode) => boolean;

const operations = { shared: LOCK_SH | LOCK_NB, exclusive: LOCK_EX | LOCK_NB, none: LOCK_UN };

/** `undefined` where libc has no flock. */
export function bindFlock(ffi: Ffi): Flock | undefined {
  const bound: SystemCall<[fd: number, operation: number]> | undefined = bindCall(ffi, 'flock', [
    'int',
    'int',
    'int',
  ]);
  if (bound === undefined) return undefined;
  const call = bound;
  return (fd, mode) => {
    const answer = call.raw(checkedFd(fd, 'flock'), operations[mode]);
    if (answer < 0 && call.errno() === Errno.EAGAIN) return false;
    call.checked(answer);
    return true;
  };
}
