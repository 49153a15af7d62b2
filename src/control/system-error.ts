/**
 * What the operating system said, in words.
 */

const reasons = new Map([
  ['ENOENT', 'there is no such file or folder'],
  ['EACCES', 'permission denied'],
  ['EPERM', 'permission denied'],
  ['EISDIR', 'it is a folder'],
  ['ENOTDIR', 'a part of the path is a file'],
  ['ELOOP', 'its symbolic links go in a circle'],
  ['ENAMETOOLONG', 'the path is too long'],
  ['ENOSPC', 'the disk is full'],
  ['EROFS', 'the disk is read-only'],
  ['ENOTSUP', 'its file system lacks what the settings ask for'],
]);

/** Why the operating system refused. */
export function reasonOf(error: unknown): string {
  return reasons.get(codeOf(error) ?? '') ?? (error instanceof Error ? error.message : String(error));
}

/** The `code` of a Node error. */
export function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error) || !('code' in error)) return undefined;
  return typeof error.code === 'string' ? error.code : undefined;
}
