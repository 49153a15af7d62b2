/**
 * The one translation from errors of a backend, of the wire and of the program to NTSTATUS.
 */
import { NtStatus, NtStatusError } from '../base/status.ts';
import { WireError } from '../wire/codec.ts';

const statusOfCode: ReadonlyMap<string, NtStatus> = new Map<string, NtStatus>([
  ['ENOENT', NtStatus.OBJECT_NAME_NOT_FOUND],
  ['ENOTDIR', NtStatus.OBJECT_PATH_NOT_FOUND],
  ['EISDIR', NtStatus.FILE_IS_A_DIRECTORY],
  ['EEXIST', NtStatus.OBJECT_NAME_COLLISION],
  ['ENOTEMPTY', NtStatus.DIRECTORY_NOT_EMPTY],
  ['EACCES', NtStatus.ACCESS_DENIED],
  ['EPERM', NtStatus.ACCESS_DENIED],
  ['EROFS', NtStatus.MEDIA_WRITE_PROTECTED],
  ['ENOSPC', NtStatus.DISK_FULL],
  ['EDQUOT', NtStatus.QUOTA_EXCEEDED],
  ['EFBIG', NtStatus.DISK_FULL],
  ['EMFILE', NtStatus.TOO_MANY_OPENED_FILES],
  ['ENFILE', NtStatus.TOO_MANY_OPENED_FILES],
  ['ENOMEM', NtStatus.INSUFFICIENT_RESOURCES],
  ['EBUSY', NtStatus.SHARING_VIOLATION],
  ['ETXTBSY', NtStatus.SHARING_VIOLATION],
  ['EXDEV', NtStatus.NOT_SAME_DEVICE],
  ['EMLINK', NtStatus.TOO_MANY_LINKS],
  ['ENAMETOOLONG', NtStatus.OBJECT_NAME_INVALID],
  ['EILSEQ', NtStatus.OBJECT_NAME_INVALID],
  ['EINVAL', NtStatus.INVALID_PARAMETER],
  ['ELOOP', NtStatus.REPARSE_POINT_NOT_RESOLVED],
  ['ESTALE', NtStatus.FILE_INVALID],
  ['EBADF', NtStatus.FILE_CLOSED],
  ['EIO', NtStatus.UNEXPECTED_IO_ERROR],
  ['ENXIO', NtStatus.ACCESS_DENIED],
  ['ENODEV', NtStatus.ACCESS_DENIED],
  ['ENOTSUP', NtStatus.NOT_SUPPORTED],
  ['EOPNOTSUPP', NtStatus.NOT_SUPPORTED],
  ['ENOSYS', NtStatus.NOT_SUPPORTED],
  ['ETIMEDOUT', NtStatus.IO_TIMEOUT],
  ['ECANCELED', NtStatus.CANCELLED],
  ['ABORT_ERR', NtStatus.CANCELLED],
]);

/** The `code` of a Node error, when `error` has one. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}

/**
 * The status that answers `error`; undefined for errors nobody foresaw, which are logged with their stack and answered
 * INTERNAL_ERROR.
 */
export function statusOf(error: unknown): NtStatus | undefined {
  if (error instanceof NtStatusError) return error.status;
  if (error instanceof WireError) return NtStatus.INVALID_PARAMETER;
  if (error instanceof Error && error.name === 'AbortError') return NtStatus.CANCELLED;
  const code = codeOf(error);
  return code === undefined ? undefined : statusOfCode.get(code);
}

/** True when a look-up failed because nothing has that name. */
export function isAbsent(error: unknown): boolean {
  const code = codeOf(error);
  return code === 'ENOENT' || code === 'ENOTDIR';
}
