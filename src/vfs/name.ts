/**
 * Names as clients write them: a path within the share, its components and the stream at its end. [MS-FSA] 2.1.5.1
 */
import type { Limits } from '../base/limits.ts';
import { demand, NtStatus } from '../base/status.ts';
import { isValidName, splitStream } from '../fs/names.ts';

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

/** Takes a share-relative path apart; throws OBJECT_NAME_INVALID when no volume could hold it. */
export function parsePath(path: string, limits: Limits): PathName {
  demand(path.length <= limits.pathChars, NtStatus.OBJECT_NAME_INVALID, 'path too long');
  // Other servers take `/` for a separator too, and some clients count on it.
  const { names, stream } = separateStream(path.replaceAll('/', '\\'));
  const endsInSeparator = names.endsWith('\\');
  const trimmed = endsInSeparator ? names.slice(0, -1) : names;
  const components = trimmed === '' ? [] : trimmed.split('\\');
  demand(!leavesShare(components), NtStatus.OBJECT_PATH_SYNTAX_BAD, 'leads out of the share');
  demand(components.every(isValidName), NtStatus.OBJECT_NAME_INVALID, 'no valid component');
  demand(!endsInSeparator || components.length > 0, NtStatus.OBJECT_NAME_INVALID, 'nothing but a separator');
  return { components, stream, endsInSeparator };
}

/** `stream` or `stream:$TYPE`, without the colon before it. [MS-FSCC] 2.1.5.3 */
export function parseStream(text: string): StreamName {
  const parts = splitStream(`:${text}`);
  demand(parts, NtStatus.OBJECT_NAME_INVALID, 'no valid stream name');
  return { name: parts.isIndex ? '' : parts.stream, type: parts.isIndex ? '$INDEX_ALLOCATION' : '$DATA' };
}

/** Dots are never followed; those that would lead above the root are told apart. [MS-FSA] 2.1.5.1 */
function leavesShare(components: readonly string[]): boolean {
  let depth = 0;
  for (const component of components) {
    depth += component === '..' ? -1 : 1;
    if (depth < 0) return true;
  }
  return false;
}

function separateStream(path: string): { names: string; stream: StreamName | undefined } {
  const colon = path.indexOf(':', path.lastIndexOf('\\') + 1);
  if (colon < 0) return { names: path, stream: undefined };
  return { names: path.slice(0, colon), stream: parseStream(path.slice(colon + 1)) };
}
