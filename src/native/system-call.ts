/**
 * Calls of the system: the convention of errors, and the checks of what is handed to C.
 */
import { constants } from 'node:os';
import type { Ffi, NativeFunction } from './ffi.ts';

/** A system call failed; looks like the errors of node:fs. */
export class SystemCallError extends Error {
  override readonly name = 'SystemCallError';
  readonly code: string;
  /** Negative, as in node:fs. */
  readonly errno: number;
  readonly syscall: string;

  constructor(errno: number, syscall: string) {
    const code = codes.get(errno) ?? `E${errno}`;
    super(`${code}: ${syscall} failed`);
    this.code = code;
    this.errno = -errno;
    this.syscall = syscall;
  }
}

/** Where two names have one number, the one that node:fs uses comes last and counts. */
const codes = new Map<number, string>();
for (const [name, value] of Object.entries(constants.errno)) codes.set(value, name);
codes.set(constants.errno.EAGAIN, 'EAGAIN');
codes.set(constants.errno.ENOTSUP, 'ENOTSUP');

/** Numbers of errno on Linux. */
export const Errno = Object.freeze({
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  ENXIO: 6,
  EBADF: 9,
  EAGAIN: 11,
  EINVAL: 22,
  ERANGE: 34,
  ENOSYS: 38,
  ENODATA: 61,
  EOVERFLOW: 75,
  ENOTSUP: 95,
});

/** A path or name: text is UTF-8, bytes are themselves. */
export type DiskName = string | Buffer;

/** What a libc function answers: negative for a failure, and 64 bits where they are needed. */
export type Answer = number | bigint;

/** A libc function whose negative answers are errors. */
export class SystemCall<A extends readonly unknown[]> {
  readonly #ffi: Ffi;
  readonly #name: string;
  /** Answers as C does. */
  readonly raw: NativeFunction<A, Answer>;

  constructor(ffi: Ffi, name: string, raw: NativeFunction<A, Answer>) {
    this.#ffi = ffi;
    this.#name = name;
    this.raw = raw;
  }

  /** The answer of a call that just returned, as a number; throws the error that a negative one stands for. */
  checked(answer: Answer): number {
    if (answer < 0) throw this.failure();
    return this.#exact(answer);
  }

  /** errno of the call that just failed. */
  errno(): number {
    return this.#ffi.errno();
  }

  /** The error of the call that just failed. */
  failure(): SystemCallError {
    return new SystemCallError(this.#ffi.errno(), this.#name);
  }

  /** The error with this number. */
  error(errno: number): SystemCallError {
    return new SystemCallError(errno, this.#name);
  }

  /** Runs the call in the thread pool, again as long as a signal interrupts it; `convert` makes the value of its answer. */
  later<T>(args: A, convert: (answer: number) => T): Promise<T> {
    return new Promise((resolve, reject) => {
      const ended = (answer: Answer): void => {
        if (answer < 0 && this.#ffi.errno() === Errno.EINTR) {
          this.#ffi.later(this.raw, args, ended);
          return;
        }
        try {
          resolve(convert(Number(answer)));
        } catch (error) {
          reject(error);
        }
      };
      this.#ffi.later(this.raw, args, ended);
    });
  }

  #exact(answer: Answer): number {
    const value = Number(answer);
    if (!Number.isSafeInteger(value)) throw this.error(Errno.EOVERFLOW);
    return value;
  }
}

/** Binds a function of libc whose negative answers are errors. */
export function bindCall<A extends readonly unknown[]>(
  ffi: Ffi,
  name: string,
  signature: readonly [result: string, ...parameters: string[]],
): SystemCall<A> | undefined {
  const [result, ...parameters] = signature;
  const raw = ffi.bind<A, Answer>(name, result, parameters);
  return raw === undefined ? undefined : new SystemCall(ffi, name, raw);
}

/** `text` as C takes it: koffi ends strings itself. A zero inside would cut it short. EINVAL */
export function cString(text: DiskName, operation: string): DiskName {
  if (typeof text === 'string') {
    if (text.includes('\0')) throw new SystemCallError(Errno.EINVAL, operation);
    return text;
  }
  if (text.includes(0)) throw new SystemCallError(Errno.EINVAL, operation);
  return Buffer.concat([text, zero]);
}

const zero = Buffer.alloc(1);

/** `value`, if a double holds it exactly and it is not negative. EINVAL */
export function checkedSize(value: number, operation: string): number {
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new SystemCallError(Errno.EINVAL, operation);
}

/** `fd`, if it can be one. EBADF */
export function checkedFd(fd: number, operation: string): number {
  if (Number.isInteger(fd) && fd >= 0 && fd <= 0x7fff_ffff) return fd;
  throw new SystemCallError(Errno.EBADF, operation);
}
