/**
 * CLOSE. [MS-SMB2] 3.3.5.10
 */
import type { BackendStat, MaybePromise } from '../../backend/contract.ts';
import { NtStatus, NtStatusError } from '../../base/status.ts';
import { allocationOf } from '../../vfs/attributes.ts';
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
  async handle({ open, session }, request) {
    const { target } = open;
    const wantsAttributes = (request.flags & CloseFlags.POSTQUERY_ATTRIB) !== 0;
    // The metadata is what it is after the last write and before the file may go. Whatever becomes of it, the open goes.
    // Where the store answers at once the open goes at once: before a CREATE that comes right behind.
    const looking = wantsAttributes && target instanceof OpenFile ? looked(target) : undefined;
    const found = looking instanceof Promise ? await looking : looking;
    if (target instanceof OpenFile && target.isClosed) throw new NtStatusError(NtStatus.FILE_CLOSED);
    await session.closeOpen(open, 'close');
    if (found === undefined || !(target instanceof OpenFile)) return emptyResponse;
    if (found.stat === undefined) throw found.error;
    return attributesResponse(target, found.stat);
  },
});

/** The last metadata of a file, or why there is none. */
interface Looked {
  readonly stat?: BackendStat;
  readonly error?: unknown;
}

function looked(file: OpenFile): MaybePromise<Looked> {
  const failed = (error: unknown): Looked => ({ error });
  try {
    const stat = file.finalStat();
    return stat instanceof Promise ? stat.then((found): Looked => ({ stat: found }), failed) : { stat };
  } catch (error) {
    return failed(error);
  }
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
