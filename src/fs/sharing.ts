/**
 * Share modes. [MS-FSA] 2.1.5.1.2.2
 */
import { AccessMask, ShareAccess } from '../wire/flags.ts';

/** What one open does and lets others do. */
export interface Sharer {
  /** `''` for the data of the file or the directory itself. */
  readonly stream: string;
  readonly grantedAccess: number;
  readonly shareAccess: number;
}

const reading = AccessMask.FILE_READ_DATA | AccessMask.FILE_EXECUTE;
const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA;
const deleting = AccessMask.DELETE;

/** Rights that take part in sharing. An open with none of them conflicts with nobody. */
const sharedRights = reading | writing | deleting;

/** True when both opens may not stand together. */
export function violatesSharing(left: Sharer, right: Sharer): boolean {
  if (!(left.grantedAccess & sharedRights) || !(right.grantedAccess & sharedRights)) return false;
  if (left.stream === right.stream) return isForbidden(left, right) || isForbidden(right, left);
  // Deleting the file deletes its streams: an open of one that does not share deletion stands in the way.
  return isDeletionForbidden(left, right) || isDeletionForbidden(right, left);
}

/** True when `guard` does not let `other` do what it does. */
function isForbidden(guard: Sharer, other: Sharer): boolean {
  const { shareAccess } = guard;
  return (
    (!(shareAccess & ShareAccess.READ) && (other.grantedAccess & reading) !== 0) ||
    (!(shareAccess & ShareAccess.WRITE) && (other.grantedAccess & writing) !== 0) ||
    (!(shareAccess & ShareAccess.DELETE) && (other.grantedAccess & deleting) !== 0)
  );
}

function isDeletionForbidden(stream: Sharer, file: Sharer): boolean {
  const isOfFile = file.stream === '' && stream.stream !== '';
  return isOfFile && !(stream.shareAccess & ShareAccess.DELETE) && (file.grantedAccess & deleting) !== 0;
}
