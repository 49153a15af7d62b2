/**
 * IOCTL: file system control codes. [MS-SMB2] 3.3.5.15
 */
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { AccessMask } from '../../wire/flags.ts';
import { Fsctl } from '../../wire/fscc/fsctl-table.ts';
import { ALL_ONES_FILE_ID, type FileId } from '../../wire/smb2/file-id.ts';
import { Command } from '../../wire/smb2/header.ts';
import { IoctlFlags, IoctlRequest, IoctlResponse } from '../../wire/smb2/ioctl.ts';
import { command, Reply } from '../command.ts';
import { type ControlRow, controlCodes, unknownControlCode } from './ioctl-table.ts';

const writing = AccessMask.FILE_WRITE_DATA | AccessMask.FILE_APPEND_DATA | AccessMask.FILE_WRITE_ATTRIBUTES;

/** Codes that are about no file and must say so. [MS-SMB2] 3.3.5.15 */
const fileless: ReadonlySet<number> = new Set([
  Fsctl.DFS_GET_REFERRALS,
  Fsctl.DFS_GET_REFERRALS_EX,
  Fsctl.QUERY_NETWORK_INTERFACE_INFO,
  Fsctl.VALIDATE_NEGOTIATE_INFO,
  Fsctl.PIPE_WAIT,
]);

function isNoFile({ persistent, volatile }: FileId): boolean {
  return persistent === ALL_ONES_FILE_ID.persistent && volatile === ALL_ONES_FILE_ID.volatile;
}

export const ioctl = command({
  name: 'IOCTL',
  code: Command.IOCTL,
  needs: 'open',
  request: IoctlRequest,
  response: IoctlResponse,
  fileId: (request) => (rowOf(request).needsOpen ? request.fileId : undefined),
  payloadBytes: (request) =>
    Math.max(
      request.input.length + request.output.length,
      request.maxInputResponse + request.maxOutputResponse,
    ),
  interimAfterMs: 500,
  // [MS-SMB2] 3.3.5.2.10: whatever the code does.
  modifies: () => true,
  spec: '[MS-SMB2] 2.2.31, 2.2.32, 3.3.5.15',
  async handle(context, request): Promise<Reply<IoctlResponse>> {
    demand(request.flags === IoctlFlags.IS_FSCTL, NtStatus.NOT_SUPPORTED, 'not a file system control code');
    const max = context.connection.negotiated?.maxTransactSize ?? 0;
    const isSmall =
      request.input.length <= max && request.maxOutputResponse <= max && request.maxInputResponse <= max;
    demand(isSmall, NtStatus.INVALID_PARAMETER, 'more than MaxTransactSize');
    demand(!fileless.has(request.ctlCode) || isNoFile(request.fileId), NtStatus.INVALID_PARAMETER, 'FileId');
    const row = rowOf(request);
    const isAllowed = row.modifies !== true || (context.tree.maximalAccess & writing) !== 0;
    demand(isAllowed, NtStatus.ACCESS_DENIED, 'read-only share');
    const { input, maxOutputResponse: bytesMax, ctlCode, fileId } = request;
    const answer = await row.run(context, { input, bytesMax });
    const { status, output } = Buffer.isBuffer(answer)
      ? { status: NtStatus.SUCCESS, output: answer }
      : answer;
    return new Reply(status, { ctlCode, fileId, input: EMPTY, output });
  },
});

function rowOf({ ctlCode }: IoctlRequest): ControlRow {
  return controlCodes.get(ctlCode) ?? unknownControlCode;
}
