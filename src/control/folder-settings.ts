/**
 * The settings of a share that say how a folder is used: where metadata goes, whose the new files are.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';
import type { LocalOptions } from '../backend/local.ts';
import type { Sid } from '../wire/dtyp/sid.ts';
import { idsIn } from './unix-accounts.ts';

/** Permissions as people write them: octal digits. */
const mode = z
  .string()
  .regex(/^0?[0-7]{3}$/, 'must be three octal digits, like 640')
  .optional();
const account = z.union([z.int().min(0).max(0xffff_fffe), z.string().min(1)]).optional();

/** Settings of a share, for folders only. */
export const folderSettings = {
  metadata: z
    .enum(['auto', 'xattr', 'side-store'])
    .default('auto')
    .describe(
      'Where attributes, streams and descriptors of files in a folder are kept. `xattr`: with the files, as Samba does; what they cannot carry goes to `server.stateDir`. `side-store`: all of it goes there. `auto`: `xattr` where the file system can.',
    ),
  owner: account.describe(
    'Owner of new files in a folder, a name in /etc/passwd or a number. Without it: the account of the server.',
  ),
  group: account.describe('Their group, a name in /etc/group or a number.'),
  owners: z
    .record(z.string(), z.union([z.int().min(0).max(0xffff_fffe), z.string().min(1)]))
    .default({})
    .describe(
      'Accounts of users, by user: files of these accounts of the system are shown as theirs, as long as no descriptor says otherwise.',
    ),
  fileMode: mode.describe(
    'Permissions of new files in a folder: `640`. Without it: 666 without the bits of the umask.',
  ),
  directoryMode: mode.describe(
    'Permissions of new directories: `750`. Without it: 777 without the bits of the umask.',
  ),
  inheritOwner: z
    .boolean()
    .default(false)
    .describe('New files and directories belong to the owner and group of the directory that they are in.'),
  inheritMode: z
    .boolean()
    .default(false)
    .describe('They have the permissions of the directory that they are in.'),
  mapReadOnly: z
    .boolean()
    .default(true)
    .describe(
      'The attribute read-only also takes the permission to write from the owner of the file, and is shown where there is none.',
    ),
};

type FolderSettings = z.infer<z.ZodObject<typeof folderSettings>>;

/** What is wrong with the settings: an account that the system does not have. */
export class UnknownAccountError extends Error {
  override readonly name = 'UnknownAccountError';
}

/** The settings as the store takes them; `sidOf` tells the SIDs of users. Throws UnknownAccountError. */
export function localOptionsOf(
  settings: FolderSettings,
  sidOf: (user: string) => Sid | undefined,
): LocalOptions {
  const { metadata, owner, group, fileMode, directoryMode, inheritOwner, inheritMode } = settings;
  const owners = new Map(
    Object.entries(settings.owners).map(([user, id]) => [idOf(id, '/etc/passwd'), sidOf(user)]),
  );
  return {
    metadata,
    ...(owners.size > 0 && { ownerOf: (uid: number) => owners.get(uid) }),
    inheritOwner,
    inheritMode,
    mapsReadOnly: settings.mapReadOnly,
    ...(owner !== undefined && { owner: idOf(owner, '/etc/passwd') }),
    ...(group !== undefined && { group: idOf(group, '/etc/group') }),
    ...(fileMode !== undefined && { fileMode: Number.parseInt(fileMode, 8) }),
    ...(directoryMode !== undefined && { directoryMode: Number.parseInt(directoryMode, 8) }),
  };
}

/** The number of an account in a file of lines `name:password:number:…`. */
function idOf(account: number | string, file: string): number {
  if (typeof account === 'number') return account;
  const id = idsIn(readFileSync(file, 'utf8')).get(account);
  if (id === undefined) throw new UnknownAccountError(`"${account}" is not in ${file}: give its number`);
  return id;
}
