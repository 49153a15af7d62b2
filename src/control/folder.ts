/**
 * Whether a path can be served as a share.
 */
import { access, constants, stat } from 'node:fs/promises';
import { reasonOf } from './system-error.ts';

/** A folder cannot be served; the message says why and what to do. */
export class FolderError extends Error {
  override readonly name = 'FolderError';
}

/** What keeps `path` from being served, with the fix; undefined when nothing does. */
export async function folderProblem(path: string): Promise<string | undefined> {
  try {
    const found = await stat(path);
    if (!found.isDirectory())
      return `${path} is not a folder: a share serves a folder, so name the folder it is in`;
    await access(path, constants.R_OK | constants.X_OK);
    return undefined;
  } catch (error) {
    return `${path} cannot be served: ${reasonOf(error)}`;
  }
}
