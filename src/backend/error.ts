/**
 * The errors a store raises itself; they look like those of node:fs, which it passes on unchanged.
 */

const texts = new Map([
  ['EACCES', 'permission denied'],
  ['EBADF', 'bad file descriptor'],
  ['EBUSY', 'resource busy'],
  ['ECANCELED', 'operation canceled'],
  ['EEXIST', 'file already exists'],
  ['EFBIG', 'file too large'],
  ['EINVAL', 'invalid argument'],
  ['EIO', 'i/o error'],
  ['EISDIR', 'illegal operation on a directory'],
  ['ELOOP', 'symbolic link encountered'],
  ['EMFILE', 'too many open files'],
  ['ENAMETOOLONG', 'name too long'],
  ['ENOMEM', 'not enough memory'],
  ['ENOENT', 'no such file or directory'],
  ['ENOSPC', 'no space left on device'],
  ['ENOSYS', 'function not implemented'],
  ['ENOTDIR', 'not a directory'],
  ['ENOTEMPTY', 'directory not empty'],
  ['EPERM', 'operation not permitted'],
  ['EROFS', 'read-only file system'],
  ['EDQUOT', 'quota exceeded'],
  ['ENOTSUP', 'operation not supported'],
  ['ESTALE', 'the file is gone'],
  ['EXDEV', 'crosses devices'],
]);

/** An error with a Node error code. */
export class BackendError extends Error {
  override readonly name = 'BackendError';
  readonly code: string;
  readonly path: string | undefined;

  constructor(code: string, operation: string, path?: string) {
    const where = path === undefined ? '' : ` '${path}'`;
    // Errors of a store are answers, and a name that is not there is asked for all the time: where one comes from is not
    // written down, which takes longer than to look for the name.
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(`${code}: ${texts.get(code) ?? 'failed'}, ${operation}${where}`);
    Error.stackTraceLimit = stackTraceLimit;
    this.code = code;
    this.path = path;
  }
}

/** The Node error code of `error`, `undefined` when it has none. */
export function codeOf(error: unknown): string | undefined {
  if (typeof error !== 'object' || error === null || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/** Throws ECANCELED when the caller has given up. */
export function throwIfAborted(signal: AbortSignal | undefined, operation: string, path?: string): void {
  if (signal?.aborted) throw new BackendError('ECANCELED', operation, path);
}
