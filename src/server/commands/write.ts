/**
 * WRITE. [MS-SMB2] 3.3.5.13
 */
import type { MaybePromise } from '../../backend/contract.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { chain } from '../../vfs/maybe-promise.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { OpenPipe } from '../../vfs/pipe.ts';
import { beginWrite, flush, writeFrom } from '../../vfs/read-write.ts';
import type { Waiter } from '../../vfs/waiter.ts';
import { Command } from '../../wire/smb2/header.ts';
import { Channel } from '../../wire/smb2/rdma.ts';
import { WriteFlags, WriteRequest, WriteResponse } from '../../wire/smb2/write.ts';
import { command, type OpenContext } from '../command.ts';
import { openFileOf } from './open-target.ts';
import { writePipe } from './pipe-io.ts';

export const write = command({
  name: 'WRITE',
  code: Command.WRITE,
  needs: 'open',
  request: WriteRequest,
  response: WriteResponse,
  fileId: (request) => request.fileId,
  payloadBytes: (request) => request.data.length,
  interimAfterMs: 500,
  modifies: () => true,
  keepsNothing: true,
  spec: '[MS-SMB2] 2.2.21, 2.2.22, 3.3.5.13',
  handle(context, request): MaybePromise<WriteResponse> {
    const maxWriteSize = context.connection.negotiated?.maxWriteSize ?? 0;
    demand(request.data.length <= maxWriteSize, NtStatus.INVALID_PARAMETER, 'more than MaxWriteSize');
    demand(request.channel === Channel.NONE, NtStatus.INVALID_PARAMETER, 'no RDMA here');
    const { target } = context.open;
    return target instanceof OpenPipe ? writePipe(target, request) : writeFile(context, request);
  },
});

function writeFile(context: OpenContext, request: WriteRequest): MaybePromise<WriteResponse> {
  const file = openFileOf(context.open);
  const offset = BigInt.asIntN(64, request.offset);
  const waiter = beginWrite(file, offset, request.data.length);
  if (waiter !== undefined) return writeAfter(waiter, context, request);
  const isThrough = file.isWriteThrough || (request.flags & WriteFlags.WRITE_THROUGH) !== 0;
  const written = writeFrom(file, request.data, offset);
  return isThrough ? writeThrough(written, file, request) : chain(written, responseTo, request);
}

async function writeAfter(
  waiter: Waiter,
  context: OpenContext,
  request: WriteRequest,
): Promise<WriteResponse> {
  await context.wait(waiter);
  return writeFile(context, request);
}

async function writeThrough(
  written: MaybePromise<void>,
  file: OpenFile,
  request: WriteRequest,
): Promise<WriteResponse> {
  await written;
  await flush(file);
  return responseTo(undefined, request);
}

function responseTo(_written: void, { data }: WriteRequest): WriteResponse {
  return { count: data.length, remaining: 0 };
}
