/**
 * QUERY_INFO of named pipes: the few classes that a pipe has. [MS-SMB2] 3.3.5.20.1, [MS-FSCC] 2.4.37, 2.4.38
 */
import { demand, NtStatus } from '../../base/status.ts';
import type { OpenPipe } from '../../vfs/pipe.ts';
import { FileStandardInformation } from '../../wire/fscc/file.ts';
import { FileInformationClass as Class } from '../../wire/fscc/information-class-table.ts';
import { FileNameInformation } from '../../wire/fscc/names.ts';
import {
  FilePipeInformation,
  FilePipeLocalInformation,
  PipeCompletion,
  PipeConfiguration,
  PipeEnd,
  PipeMode,
  PipeState,
} from '../../wire/fscc/pipe.ts';
import { InfoType, type QueryInfoRequest, type QueryInfoResponse } from '../../wire/smb2/query-info.ts';

const quotaBytes = 4096;

const answers: ReadonlyMap<number, (pipe: OpenPipe) => Buffer> = new Map<number, (pipe: OpenPipe) => Buffer>([
  [
    Class.FileStandardInformation,
    () =>
      FileStandardInformation.encode({
        allocationSize: BigInt(quotaBytes),
        endOfFile: 0n,
        numberOfLinks: 1,
        deletePending: true,
        directory: false,
      }),
  ],
  [Class.FileNameInformation, ({ name }) => FileNameInformation.encode({ fileName: `\\${name}` })],
  [
    Class.FilePipeInformation,
    () => FilePipeInformation.encode({ readMode: PipeMode.MESSAGE, completionMode: PipeCompletion.QUEUE }),
  ],
  [
    Class.FilePipeLocalInformation,
    (pipe) =>
      FilePipeLocalInformation.encode({
        namedPipeType: PipeMode.MESSAGE,
        namedPipeConfiguration: PipeConfiguration.FULL_DUPLEX,
        maximumInstances: 0xffff_ffff,
        currentInstances: 1,
        inboundQuota: quotaBytes,
        readDataAvailable: pipe.backlog().bytes,
        outboundQuota: quotaBytes,
        writeQuotaAvailable: quotaBytes,
        namedPipeState: PipeState.CONNECTED,
        namedPipeEnd: PipeEnd.CLIENT,
      }),
  ],
]);

export function queryPipe(pipe: OpenPipe, request: QueryInfoRequest): QueryInfoResponse {
  const answer = request.infoType === InfoType.FILE ? answers.get(request.fileInfoClass) : undefined;
  // The classes of files make no sense on a pipe. [MS-SMB2] 3.3.5.20.1
  demand(answer !== undefined, NtStatus.NOT_SUPPORTED, 'no such information about pipes');
  const buffer = answer(pipe);
  demand(buffer.length <= request.outputBufferLength, NtStatus.INFO_LENGTH_MISMATCH);
  return { buffer };
}
