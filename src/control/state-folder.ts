/**
 * What must survive a restart: the server's identity, and the password of the account that was made for the user, so that
 * a drive that was connected once connects again. A folder for its owner only.
 */
import { chmod, mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { z } from 'zod';
import { codeOf, reasonOf } from './system-error.ts';

const stateSchema = z.strictObject({
  serverGuid: z.guid().optional(),
  user: z.string().min(1).optional(),
  password: z.string().min(1).optional(),
});

/** What is kept. */
export type State = z.infer<typeof stateSchema>;

/** The folder cannot be used; the message says why and what to do. */
export class StateFolderError extends Error {
  override readonly name = 'StateFolderError';
}

const fileName = 'state.json';

/** What `folder` holds; nothing when it is new. */
export async function readState(folder: string): Promise<State> {
  const file = join(folder, fileName);
  try {
    return stateSchema.parse(JSON.parse(await readFile(file, 'utf8')));
  } catch (error) {
    if (codeOf(error) === 'ENOENT') return {};
    const reason = codeOf(error) === undefined ? 'it is not what smbkit wrote' : reasonOf(error);
    throw new StateFolderError(`the state file ${file} cannot be used: ${reason}; remove it to begin anew`);
  }
}

/** Keeps `state` in `folder`, in one step. */
export async function writeState(folder: string, state: State): Promise<void> {
  const file = join(folder, fileName);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    const fresh = `${file}.new`;
    await writeFile(fresh, `${JSON.stringify(state, null, 2)}\n`, { mode: 0o600 });
    await chmod(fresh, 0o600);
    await rename(fresh, file);
  } catch (error) {
    throw new StateFolderError(`the state folder ${folder} cannot be written: ${reasonOf(error)}`);
  }
}
