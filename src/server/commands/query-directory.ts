/**
 * QUERY_DIRECTORY. [MS-SMB2] 3.3.5.18
 */
import { demand, NtStatus } from '../../base/status.ts';
import { type DirectoryClass, directoryClasses } from '../../vfs/directory-class-table.ts';
import { DirectoryListing } from '../../vfs/directory-listing.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { AccessMask } from '../../wire/flags.ts';
import { Command } from '../../wire/smb2/header.ts';
import {
  QueryDirectoryFlags as Flag,
  QueryDirectoryRequest,
  QueryDirectoryResponse,
} from '../../wire/smb2/query-directory.ts';
import { command, type OpenContext } from '../command.ts';
import { openFileOf } from './open-target.ts';

/** Where the entries begin in the response body. [MS-SMB2] 2.2.34 */
const bodyBytes = 8;

export const queryDirectory = command({
  name: 'QUERY_DIRECTORY',
  code: Command.QUERY_DIRECTORY,
  needs: 'open',
  request: QueryDirectoryRequest,
  response: QueryDirectoryResponse,
  fileId: (request) => request.fileId,
  payloadBytes: (request) => request.outputBufferLength,
  interimAfterMs: 500,
  spec: '[MS-SMB2] 2.2.33, 2.2.34, 3.3.5.18',
  async handle(context, request) {
    const file = openFileOf(context.open, NtStatus.INVALID_PARAMETER);
    demand(file.isDirectory, NtStatus.INVALID_PARAMETER, 'only directories are listed');
    file.demandAccess(AccessMask.FILE_LIST_DIRECTORY);
    const directoryClass = directoryClasses.get(request.fileInformationClass);
    demand(directoryClass !== undefined, NtStatus.INVALID_INFO_CLASS);
    const max = context.connection.negotiated?.maxTransactSize ?? 0;
    demand(request.outputBufferLength <= max, NtStatus.INVALID_PARAMETER, 'more than MaxTransactSize');
    demand(request.outputBufferLength >= directoryClass.fixedBytes, NtStatus.INFO_LENGTH_MISMATCH);
    return inTurn(file, () => list(context, file, { request, directoryClass }));
  },
});

/** Requests of one open are answered one after the other. */
async function inTurn<T>(file: OpenFile, work: () => Promise<T>): Promise<T> {
  const turn = (file.listingTurn ?? Promise.resolve()).then(work, work);
  file.listingTurn = turn;
  return turn;
}

async function list(
  context: OpenContext,
  file: OpenFile,
  { request, directoryClass }: { request: QueryDirectoryRequest; directoryClass: DirectoryClass },
): Promise<QueryDirectoryResponse> {
  const listing = await scanOf(file, request);
  const room = context.payload(bodyBytes, request.outputBufferLength);
  const writer = directoryClass.writer(room);
  const isSingle = (request.flags & Flag.RETURN_SINGLE_ENTRY) !== 0;
  const isFirst = !listing.hasReturned;
  let count = 0;
  for (;;) {
    const next = listing.peek();
    const entry = next instanceof Promise ? await next : next;
    if (entry === undefined || !writer.append(entry)) break;
    listing.advance();
    count++;
    if (isSingle) break;
  }
  if (count > 0) return { buffer: room.subarray(0, writer.end) };
  const isLeft = (await listing.peek()) !== undefined;
  // [MS-SMB2] 3.3.5.18: an entry that does not fit even alone.
  demand(!isLeft, NtStatus.INFO_LENGTH_MISMATCH);
  demand(!isFirst, NtStatus.NO_SUCH_FILE);
  demand(false, NtStatus.NO_MORE_FILES);
}

/** The scan that the request goes on with, or a new one. [MS-SMB2] 3.3.5.18 */
async function scanOf(file: OpenFile, { flags, fileName }: QueryDirectoryRequest): Promise<DirectoryListing> {
  const { listing } = file;
  const isReopened = (flags & Flag.REOPEN) !== 0;
  const isRestarted = (flags & Flag.RESTART_SCANS) !== 0;
  if (listing !== undefined && !isReopened && !isRestarted) return listing;
  await listing?.close();
  // The pattern of the first request stays, unless a restart brings another.
  const pattern = fileName === '' ? (isReopened ? undefined : listing?.pattern) : fileName;
  const fresh = new DirectoryListing(file, pattern ?? '*');
  file.listing = fresh;
  return fresh;
}
