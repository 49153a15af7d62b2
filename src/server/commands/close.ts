/**
 * CLOSE. [MS-SMB2] 3.3.5.10
 */
import type { BackendStat, MaybePromise } from '../../backend/contract.ts';
import { NtStatus, NtStatusError } from '../../base/status.ts';
import type { Open } from '../../session/open.ts';
import type { Session } from '../../session/session.ts';
import { allocationOf } from '../../vfs/attributes.ts';
import { chain, rescue } from '../../vfs/maybe-promise.ts';
import { OpenFile } from '../../vfs/open-file.ts';
import { CloseFlags, CloseRequest, CloseResponse } from '../../wire/smb2/close.ts';
import { Command } from '../../wire/smb2/header.ts';
import { command } from '../command.ts';

export const close = command({
  name: 'CLOSE',
  code: Command.CLOSE,
  needs: 'open',
  request: CloseRequest,
  response: CloseResponse,
  fileId: (request) => request.fileId,
  interimAfterMs: 500,
  validWhenExpired: true,
  spec: '[MS-SMB2] 2.2.15, 2.2.16, 3.3.5.10',
  handle({ open, session }, request): MaybePromise<CloseResponse> {
    const { target } = open;
    const wantsAttributes = (request.flags & CloseFlags.POSTQUERY_ATTRIB) !== 0;
    if (!(target instanceof OpenFile) || !wantsAttributes)
      return chain(session.closeOpen(open, 'close'), withoutAttributes);
    return closeLooking(session, open, target);
  },
});

function withoutAttributes(): CloseResponse {
  return emptyResponse;
}

/** The metadata is what it is after the last write and before the file may go. Whatever becomes of it, the open goes. */
function closeLooking(session: Session, open: Open, file: OpenFile): MaybePromise<CloseResponse> {
  return chain(looked(file), (found) => {
    if (file.isClosed) throw new NtStatusError(NtStatus.FILE_CLOSED);
    return chain(session.closeOpen(open, 'close'), () => {
      if (found.stat === undefined) throw found.error;
      return attributesResponse(file, found.stat);
    });
  });
}

/** The last metadata of a file, or why there is none. */
interface Looked {
  readonly stat?: BackendStat;
  readonly error?: unknown;
}

function looked(file: OpenFile): MaybePromise<Looked> {
  return rescue<Looked>(
    () => chain(file.finalStat(), (stat) => ({ stat })),
    (error) => ({ error }),
  );
}

const emptyResponse: CloseResponse = Object.freeze({
  flags: 0,
  creationTime: 0n,
  lastAccessTime: 0n,
  lastWriteTime: 0n,
  changeTime: 0n,
  allocationSize: 0n,
  endOfFile: 0n,
  fileAttributes: 0,
});

function attributesResponse(file: OpenFile, stat: BackendStat): CloseResponse {
  const { creationTime, lastAccessTime, lastWriteTime, changeTime } = stat;
  return {
    flags: CloseFlags.POSTQUERY_ATTRIB,
    creationTime,
    lastAccessTime,
    lastWriteTime,
    changeTime,
    allocationSize: file.isDirectory ? 0n : allocationOf(stat),
    endOfFile: file.isDirectory ? 0n : BigInt(stat.sizeBytes),
    fileAttributes: file.attributesOf(stat),
  };
}
