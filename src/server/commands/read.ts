/**
 * READ. [MS-SMB2] 3.3.5.12
 */
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { OpenPipe } from '../../vfs/pipe.ts';
import { beginRead, bytesFrom, readInto } from '../../vfs/read-write.ts';
import { Command } from '../../wire/smb2/header.ts';
import { Channel } from '../../wire/smb2/rdma.ts';
import { READ_RESPONSE_DATA_START, ReadRequest, ReadResponse } from '../../wire/smb2/read.ts';
import { command, type OpenContext, type Reply } from '../command.ts';
import { openFileOf } from './open-target.ts';
import { readPipe } from './pipe-io.ts';

/** Up to here a buffer is taken without asking how much the file holds. */
const unaskedBytes = 65_536;

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
  handle(context, request): Promise<ReadResponse | Reply<ReadResponse>> {
    const maxReadSize = context.connection.negotiated?.maxReadSize ?? 0;
    demand(request.length <= maxReadSize, NtStatus.INVALID_PARAMETER, 'more than MaxReadSize');
    demand(request.channel === Channel.NONE, NtStatus.INVALID_PARAMETER, 'no RDMA here');
    const { target } = context.open;
    return target instanceof OpenPipe ? readPipe(context, target, request) : readFile(context, request);
  },
});

async function readFile(context: OpenContext, request: ReadRequest): Promise<ReadResponse> {
  const file = openFileOf(context.open);
  await untilReadable(context, file, request);
  const data = await dataOf(context, file, request);
  const isAtEnd = data.length === 0 && request.length > 0;
  demand(!isAtEnd && data.length >= request.minimumCount, NtStatus.END_OF_FILE);
  return { dataRemaining: 0, flags: 0, data };
}

async function untilReadable(context: OpenContext, file: OpenFile, request: ReadRequest): Promise<void> {
  for (;;) {
    const waiter = beginRead(file, BigInt.asIntN(64, request.offset), request.length);
    if (waiter === undefined) return;
    await context.wait(waiter);
  }
}

async function dataOf(context: OpenContext, file: OpenFile, request: ReadRequest): Promise<Buffer> {
  let { length } = request;
  if (length > unaskedBytes) {
    const left = await bytesFrom(file, request.offset);
    if (left < BigInt(length)) length = Number(left);
  }
  if (length === 0) return EMPTY;
  const room = context.payload(READ_RESPONSE_DATA_START, length);
  const count = await readInto(file, room, request.offset);
  return room.subarray(0, count);
}
