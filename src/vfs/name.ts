/**
 * Names as clients write them: a path within the share, its components and the stream at its end. [MS-FSA] 2.1.5.1
 */
import type { Limits } from '../base/limits.ts';
import { printable } from '../base/log.ts';
import { demand, NtStatus, NtStatusError } from '../base/status.ts';
import { isValidName, splitStream, upper } from '../fs/names.ts';

/** What a path says of a stream. [MS-FSCC] 2.1.5 */
export interface StreamName {
  /** `''`: the unnamed stream, i.e. the data of the file or the index of the directory; the client's spelling. */
  readonly name: string;
  readonly type: '$DATA' | '$INDEX_ALLOCATION';
}

export interface PathName {
  /** Empty for the root of the share. */
  readonly components: readonly string[];
  /** Absent when the path does not speak of a stream. */
  readonly stream: StreamName | undefined;
  /** The path ended in a backslash: it can only mean a directory. */
  readonly endsInSeparator: boolean;
}

/** Clients open NTFS' index of quotas to ask for quotas; any directory will do for that. */
const quotaIndex = '$EXTEND\\$QUOTA:$Q:$INDEX_ALLOCATION';
const rootDirectory: PathName = Object.freeze({ components: [], stream: undefined, endsInSeparator: false });

/** True for the name under which clients ask for quotas. */
export function isQuotaIndex(path: string): boolean {
  return path.length === quotaIndex.length && upper(path) === quotaIndex;
}

/** Takes a share-relative path apart; throws OBJECT_NAME_INVALID when no volume could hold it. */
export function parsePath(path: string, limits: Limits): PathName {
  demand(path.length <= limits.pathChars, NtStatus.OBJECT_NAME_INVALID, 'path too long');
  if (isQuotaIndex(path)) return rootDirectory;
  // Other servers take `/` for a separator too, and some clients count on it.
  const { names, stream } = separateStream(path.includes('/') ? path.replaceAll('/', '\\') : path);
  const endsInSeparator = names.endsWith('\\');
  const trimmed = endsInSeparator ? names.slice(0, -1) : names;
  const components = trimmed === '' ? [] : withoutDots(trimmed.split('\\'));
  if (!components.every(isValidName)) {
    throw new NtStatusError(NtStatus.OBJECT_NAME_INVALID, `no valid component in ${printable(path)}`);
  }
  demand(!endsInSeparator || components.length > 0, NtStatus.OBJECT_NAME_INVALID, 'nothing but a separator');
  return { components, stream, endsInSeparator };
}

/** `stream` or `stream:$TYPE`, without the colon before it. [MS-FSCC] 2.1.5.3 */
export function parseStream(text: string): StreamName {
  const parts = splitStream(`:${text}`);
  demand(parts, NtStatus.OBJECT_NAME_INVALID, 'no valid stream name');
  return { name: parts.isIndex ? '' : parts.stream, type: parts.isIndex ? '$INDEX_ALLOCATION' : '$DATA' };
}

/** `.` and `..` are taken away by what they say, before anything is looked up; none leads out of the share. */
function withoutDots(names: readonly string[]): readonly string[] {
  if (!names.includes('.') && !names.includes('..')) return names;
  const components: string[] = [];
  for (const name of names) {
    if (name === '..')
      demand(components.pop() !== undefined, NtStatus.OBJECT_PATH_SYNTAX_BAD, 'out of the share');
    else if (name !== '.') components.push(name);
  }
  return components;
}

function separateStream(path: string): { names: string; stream: StreamName | undefined } {
  const colon = path.indexOf(':', path.lastIndexOf('\\') + 1);
  if (colon < 0) return { names: path, stream: undefined };
  return { names: path.slice(0, colon), stream: parseStream(path.slice(colon + 1)) };
}
