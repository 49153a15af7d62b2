/**
 * READ. [MS-SMB2] 3.3.5.12
 */
import type { MaybePromise } from '../../backend/contract.ts';
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { chain } from '../../vfs/maybe-promise.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { OpenPipe } from '../../vfs/pipe.ts';
import { beginRead, bytesFrom, readInto } from '../../vfs/read-write.ts';
import type { Waiter } from '../../vfs/waiter.ts';
import { Command } from '../../wire/smb2/header.ts';
import { Channel } from '../../wire/smb2/rdma.ts';
import { READ_RESPONSE_DATA_START, ReadRequest, ReadResponse } from '../../wire/smb2/read.ts';
import { command, type OpenContext, type Reply } from '../command.ts';
import { openFileOf } from './open-target.ts';
import { readPipe } from './pipe-io.ts';

/** Up to here a buffer is taken without asking how much the file holds. */
const UNASKED_BYTES = 1024 * 1024;

export const read = command({
  name: 'READ',
  code: Command.READ,
  needs: 'open',
  request: ReadRequest,
  response: ReadResponse,
  fileId: (request) => request.fileId,
  payloadBytes: (request) => request.length,
  interimAfterMs: 500,
  spec: '[MS-SMB2] 2.2.19, 2.2.20, 3.3.5.12',
  handle(context, request): MaybePromise<ReadResponse | Reply<ReadResponse>> {
    const maxReadSize = context.connection.negotiated?.maxReadSize ?? 0;
    demand(request.length <= maxReadSize, NtStatus.INVALID_PARAMETER, 'more than MaxReadSize');
    demand(request.channel === Channel.NONE, NtStatus.INVALID_PARAMETER, 'no RDMA here');
    const { target } = context.open;
    return target instanceof OpenPipe ? readPipe(context, target, request) : readFile(context, request);
  },
});

function readFile(context: OpenContext, request: ReadRequest): MaybePromise<ReadResponse> {
  const file = openFileOf(context.open);
  const waiter = beginRead(file, BigInt.asIntN(64, request.offset), request.length);
  if (waiter !== undefined) return readAfter(waiter, context, request);
  if (request.length <= UNASKED_BYTES) return readUpTo(context, file, request, request.length);
  return readLarge(context, file, request);
}

async function readAfter(waiter: Waiter, context: OpenContext, request: ReadRequest): Promise<ReadResponse> {
  await context.wait(waiter);
  return readFile(context, request);
}

function readLarge(context: OpenContext, file: OpenFile, request: ReadRequest): MaybePromise<ReadResponse> {
  return chain(bytesFrom(file, request.offset), (left) =>
    readUpTo(context, file, request, left < BigInt(request.length) ? Number(left) : request.length),
  );
}

/** `length`: bytes to read, at most what the request asks for. */
function readUpTo(
  context: OpenContext,
  file: OpenFile,
  request: ReadRequest,
  length: number,
): MaybePromise<ReadResponse> {
  if (length === 0) return responseWith(0, request, EMPTY);
  const room = context.payload(READ_RESPONSE_DATA_START, length);
  return chain(readInto(file, room, request.offset), responseWith, request, room);
}

function responseWith(count: number, request: ReadRequest, room: Buffer): ReadResponse {
  const isAtEnd = count === 0 && request.length > 0;
  demand(!isAtEnd && count >= request.minimumCount, NtStatus.END_OF_FILE);
  return { dataRemaining: 0, flags: 0, data: count === room.length ? room : room.subarray(0, count) };
}
