/**
 * Symbolic links of the store: followed here while they stay inside the share, otherwise told to the client, who may go on by
 * itself. What lies outside is never looked at. [MS-SMB2] 2.2.2.2.1
 */
import type { Backend, BackendPath } from '../backend/contract.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { SymbolicLinkErrorResponse, SymlinkFlags } from '../wire/smb2/error.ts';
import { shownName } from './name-mapping.ts';

/**
 * What a share does with symbolic links: `follow` those that stay inside and tell the client of others, tell the client of all
 * (`reparse`), or `hide` them all.
 */
export type SymlinkPolicy = 'follow' | 'reparse' | 'hide';

/** Links followed for one name, as in Linux. */
export const hopsMax = 40;

/** What the symbolic link at `path` says. */
export async function readTarget(backend: Backend, path: BackendPath): Promise<string> {
  demand(backend.symlinks, NtStatus.ACCESS_DENIED, 'symbolic links are not served');
  return backend.symlinks.readLink(path);
}

/** The names of a relative target, `..` among them; undefined for an absolute one. */
export function relativeNames(target: string): readonly string[] | undefined {
  if (target.startsWith('/')) return undefined;
  return target.split('/').filter((name) => name !== '' && name !== '.');
}

/** STOPPED_ON_SYMLINK with what the client needs to go on: the target, and how much of its path was not looked at. */
export function stoppedOnSymlink(target: string, unparsed: readonly string[]): NtStatusError {
  const isRelative = !target.startsWith('/');
  const printName = target.split('/').map(shownName).join('\\');
  const rest = unparsed.map((name) => `\\${name}`).join('');
  const errorData = SymbolicLinkErrorResponse.encode({
    unparsedPathLength: rest.length * 2,
    flags: isRelative ? SymlinkFlags.RELATIVE : SymlinkFlags.ABSOLUTE,
    substituteName: isRelative ? printName : `\\??\\${printName}`,
    printName,
  });
  return new NtStatusError(
    NtStatus.STOPPED_ON_SYMLINK,
    'a symbolic link to be followed by the client',
    errorData,
  );
}
