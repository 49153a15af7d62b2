/**
 * QUERY_INFO. [MS-SMB2] 3.3.5.20
 */
import type { BackendStat, MaybePromise } from '../../backend/contract.ts';
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { chain } from '../../vfs/maybe-promise.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { OpenPipe } from '../../vfs/pipe.ts';
import { queryEas } from '../../vfs/query-eas.ts';
import { type FileQueryRow, fileQueries } from '../../vfs/query-file-table.ts';
import { volumeQueries } from '../../vfs/query-volume-table.ts';
import { freeBytesFor, queryQuota } from '../../vfs/quota.ts';
import { querySecurity } from '../../vfs/security-information.ts';
import { FileInformationClass } from '../../wire/fscc/information-class-table.ts';
import { RequiredBufferSize } from '../../wire/smb2/error.ts';
import { Command } from '../../wire/smb2/header.ts';
import { InfoType, QueryInfoRequest, QueryInfoResponse } from '../../wire/smb2/query-info.ts';
import { command, type OpenContext, Reply } from '../command.ts';
import { openFileOf } from './open-target.ts';
import { queryPipe } from './query-pipe.ts';

type Answer = QueryInfoResponse | Reply<QueryInfoResponse>;

export const queryInfo = command({
  name: 'QUERY_INFO',
  code: Command.QUERY_INFO,
  needs: 'open',
  request: QueryInfoRequest,
  response: QueryInfoResponse,
  fileId: (request) => request.fileId,
  payloadBytes: (request) => Math.max(request.outputBufferLength, request.input.length),
  interimAfterMs: 500,
  spec: '[MS-SMB2] 2.2.37, 2.2.38, 3.3.5.20',
  handle(context, request) {
    const max = context.connection.negotiated?.maxTransactSize ?? 0;
    demand(request.outputBufferLength <= max, NtStatus.INVALID_PARAMETER, 'more than MaxTransactSize');
    const { target } = context.open;
    return target instanceof OpenPipe ? queryPipe(target, request) : query(context, request);
  },
});

function query(context: OpenContext, request: QueryInfoRequest): MaybePromise<Answer> {
  const file = openFileOf(context.open);
  switch (request.infoType) {
    case InfoType.FILE:
      return queryFile(file, request, context.session.dialect.revision);
    case InfoType.FILESYSTEM:
      return queryFileSystem(file, request);
    case InfoType.SECURITY:
      return querySecurityOf(file, request);
    case InfoType.QUOTA:
      return queryQuotaOf(file, request);
    default:
      throw new NtStatusError(NtStatus.INVALID_PARAMETER, 'unknown InfoType');
  }
}

/** [MS-SMB2] 3.3.5.20.1 */
function queryFile(file: OpenFile, request: QueryInfoRequest, revision: number): MaybePromise<Answer> {
  if (request.fileInfoClass === FileInformationClass.FileFullEaInformation) {
    return queryEas(file, request).then((buffer) => ({ buffer }));
  }
  const row = fileQueries.get(request.fileInfoClass);
  demand(row !== undefined, NtStatus.INVALID_INFO_CLASS);
  demand(revision >= (row.revisionMin ?? 0), NtStatus.NOT_SUPPORTED, 'class of a newer dialect');
  if (row.access !== 0) file.demandAccess(row.access);
  demand(request.outputBufferLength >= row.fixedBytes, NtStatus.INFO_LENGTH_MISMATCH);
  return chain(chain(file.stat(), answerOf, file, row), fitted, request);
}

function answerOf(stat: BackendStat, file: OpenFile, row: FileQueryRow): MaybePromise<Buffer> {
  return row.answer({ file, stat });
}

/** [MS-SMB2] 3.3.5.20.2 */
async function queryFileSystem(file: OpenFile, request: QueryInfoRequest): Promise<Answer> {
  const row = volumeQueries.get(request.fileInfoClass);
  demand(row !== undefined, NtStatus.INVALID_INFO_CLASS);
  if (row.access !== 0) file.demandAccess(row.access);
  demand(request.outputBufferLength >= row.fixedBytes, NtStatus.INFO_LENGTH_MISMATCH);
  const { volume, requester } = file;
  const stat = await volume.backend.volume();
  const callerFreeBytes = await freeBytesFor(volume, requester, stat.freeBytes);
  return fitted(await row.answer({ volume, stat, callerFreeBytes }), request);
}

/** [MS-SMB2] 3.3.5.20.3: a descriptor is never cut; the client is told how much it takes. */
async function querySecurityOf(file: OpenFile, request: QueryInfoRequest): Promise<Answer> {
  const buffer = await querySecurity(file, request.additionalInformation);
  if (buffer.length <= request.outputBufferLength) return { buffer };
  const errorData = RequiredBufferSize.encode({ requiredBytes: buffer.length });
  throw new NtStatusError(NtStatus.BUFFER_TOO_SMALL, 'security descriptor', errorData);
}

/** [MS-SMB2] 3.3.5.20.4 */
async function queryQuotaOf(file: OpenFile, request: QueryInfoRequest): Promise<Answer> {
  return { buffer: await queryQuota(file, request.input, request.outputBufferLength) };
}

/** Answers that do not fit are cut, and the status says so. [MS-SMB2] 3.3.5.20.1 */
export function fitted(buffer: Buffer, { outputBufferLength }: QueryInfoRequest): Answer {
  if (buffer.length <= outputBufferLength) return { buffer: buffer.length === 0 ? EMPTY : buffer };
  return new Reply(NtStatus.BUFFER_OVERFLOW, { buffer: buffer.subarray(0, outputBufferLength) });
}
