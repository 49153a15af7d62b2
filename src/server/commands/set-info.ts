/**
 * SET_INFO. [MS-SMB2] 3.3.5.21
 */
import type { MaybePromise } from '../../backend/contract.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { chain } from '../../vfs/maybe-promise.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { OpenPipe } from '../../vfs/pipe.ts';
import { setQuota } from '../../vfs/quota.ts';
import { setSecurity } from '../../vfs/security-information.ts';
import { fileSettings } from '../../vfs/set-file-table.ts';
import { FileInformationClass, FileSystemInformationClass } from '../../wire/fscc/information-class-table.ts';
import { Command } from '../../wire/smb2/header.ts';
import { InfoType } from '../../wire/smb2/query-info.ts';
import { SetInfoRequest, SetInfoResponse } from '../../wire/smb2/set-info.ts';
import { command, type OpenContext } from '../command.ts';
import { openFileOf } from './open-target.ts';

export const setInfo = command({
  name: 'SET_INFO',
  code: Command.SET_INFO,
  needs: 'open',
  request: SetInfoRequest,
  response: SetInfoResponse,
  fileId: (request) => request.fileId,
  payloadBytes: (request) => request.buffer.length,
  interimAfterMs: 500,
  modifies: () => true,
  spec: '[MS-SMB2] 2.2.39, 2.2.40, 3.3.5.21',
  handle(context, request): MaybePromise<SetInfoResponse> {
    const max = context.connection.negotiated?.maxTransactSize ?? 0;
    demand(request.buffer.length <= max, NtStatus.INVALID_PARAMETER, 'more than MaxTransactSize');
    if (context.open.target instanceof OpenPipe) return setPipe(request);
    const file = openFileOf(context.open);
    switch (request.infoType) {
      case InfoType.FILE:
        return setFile(context, file, request);
      case InfoType.FILESYSTEM:
        throw new NtStatusError(fileSystemRefusal(request.fileInfoClass), 'the volume is set elsewhere');
      case InfoType.SECURITY:
        return setSecurity(file, request.additionalInformation, request.buffer).then(() => {
          auditChange(context, file, request.additionalInformation);
          return {};
        });
      case InfoType.QUOTA:
        return setQuota(file, request.buffer).then(() => ({}));
      default:
        throw new NtStatusError(NtStatus.INVALID_PARAMETER, 'unknown InfoType');
    }
  },
});

/** Whose rights are changed, and by whom. */
function auditChange({ session, tree, server }: OpenContext, file: OpenFile, parts: number): void {
  const user = session.authenticated?.identity.name;
  server.audit('security-changed', { user, share: tree.share.name, path: file.shownPath, parts });
}

/** [MS-SMB2] 3.3.5.21.1 */
function setFile(
  context: OpenContext,
  file: OpenFile,
  request: SetInfoRequest,
): MaybePromise<SetInfoResponse> {
  const row = fileSettings.get(request.fileInfoClass);
  demand(row !== undefined, NtStatus.INVALID_INFO_CLASS);
  if (row.access !== 0) file.demandAccess(row.access);
  demand(request.buffer.length >= row.fixedBytes, NtStatus.INFO_LENGTH_MISMATCH);
  const attempt = (): MaybePromise<SetInfoResponse> =>
    chain(row.set(file, request.buffer), (waiter) =>
      waiter === undefined ? {} : context.wait(waiter, { interim: 'now' }).then(attempt),
    );
  return attempt();
}

/** [MS-SMB2] 3.3.5.21.2: labels, ids and quota settings are the administrator's. */
function fileSystemRefusal(informationClass: number): NtStatus {
  const isKnown =
    informationClass === FileSystemInformationClass.FileFsControlInformation ||
    informationClass === FileSystemInformationClass.FileFsObjectIdInformation ||
    informationClass === FileSystemInformationClass.FileFsLabelInformation;
  return isKnown ? NtStatus.ACCESS_DENIED : NtStatus.INVALID_INFO_CLASS;
}

/** The read mode of a pipe may be set; it is always message mode. [MS-FSCC] 2.4.37 */
function setPipe({ infoType, fileInfoClass }: SetInfoRequest): SetInfoResponse {
  const isMode = infoType === InfoType.FILE && fileInfoClass === FileInformationClass.FilePipeInformation;
  demand(isMode, NtStatus.NOT_SUPPORTED, 'not to be set on a pipe');
  return {};
}
