/**
 * READ, WRITE and the control codes of named pipes. [MS-SMB2] 3.3.5.12, 3.3.5.13, 3.3.5.15
 */
import { demand, NtStatus } from '../../base/status.ts';
import type { PipeData } from '../../rpc/pipe-connection.ts';
import type { OpenPipe } from '../../vfs/pipe.ts';
import { Waiter } from '../../vfs/waiter.ts';
import { FsctlPipePeekReply, PipeState } from '../../wire/fscc/pipe.ts';
import type { ReadRequest, ReadResponse } from '../../wire/smb2/read.ts';
import type { WriteRequest, WriteResponse } from '../../wire/smb2/write.ts';
import { type OpenContext, Reply } from '../command.ts';

/** A part of a longer message is answered with BUFFER_OVERFLOW; the rest is read next. [MS-SMB2] 3.3.5.12 */
export async function readPipe(
  context: OpenContext,
  pipe: OpenPipe,
  request: ReadRequest,
): Promise<Reply<ReadResponse>> {
  const { data, isPartial } = await nextData(context, () => pipe.read(request.length));
  const status = isPartial ? NtStatus.BUFFER_OVERFLOW : NtStatus.SUCCESS;
  return new Reply(status, { dataRemaining: 0, flags: 0, data });
}

export async function writePipe(pipe: OpenPipe, request: WriteRequest): Promise<WriteResponse> {
  // The pipe keeps it; the memory of the message is used again.
  pipe.write(Buffer.from(request.data));
  return { count: request.data.length, remaining: 0 };
}

/** FSCTL_PIPE_TRANSCEIVE. [MS-SMB2] 3.3.5.15.5 */
export async function transceive(
  context: OpenContext,
  pipe: OpenPipe,
  { input, maxBytes }: { input: Buffer; maxBytes: number },
): Promise<{ status: NtStatus; output: Buffer }> {
  demand(input.length > 0, NtStatus.INVALID_PARAMETER);
  const first = pipe.transact(input, maxBytes);
  const { data, isPartial } =
    first instanceof Waiter ? await nextData(context, () => pipe.read(maxBytes)) : first;
  return { status: isPartial ? NtStatus.BUFFER_OVERFLOW : NtStatus.SUCCESS, output: data };
}

/** FSCTL_PIPE_PEEK. [MS-FSCC] 2.3.46 */
export function peek(pipe: OpenPipe, maxBytes: number): { status: NtStatus; output: Buffer } {
  const { bytes, messageCount, firstMessageBytes } = pipe.backlog();
  const data = pipe.peek(Math.max(0, maxBytes - FsctlPipePeekReply.minimumBytes));
  const output = FsctlPipePeekReply.encode({
    namedPipeState: PipeState.CONNECTED,
    readDataAvailable: bytes,
    numberOfMessages: messageCount,
    messageLength: firstMessageBytes,
    data,
  });
  const isCut = data.length < firstMessageBytes;
  return { status: isCut ? NtStatus.BUFFER_OVERFLOW : NtStatus.SUCCESS, output };
}

async function nextData(context: OpenContext, attempt: () => PipeData | Waiter): Promise<PipeData> {
  for (;;) {
    const outcome = attempt();
    if (!(outcome instanceof Waiter)) return outcome;
    await context.wait(outcome);
  }
}
