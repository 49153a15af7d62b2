/**
 * CHANGE_NOTIFY. [MS-SMB2] 3.3.5.19
 */
import { EMPTY } from '../../base/bytes.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import type { NotifyEntry, WatchRequest } from '../../fs/types.ts';
import type { OpenFile } from '../../vfs/open-file.ts';
import { Waiter } from '../../vfs/waiter.ts';
import { watchDirectory } from '../../vfs/watch.ts';
import { AccessMask } from '../../wire/flags.ts';
import { FileNotifyInformationList } from '../../wire/fscc/notify.ts';
import {
  ChangeNotifyFlags,
  ChangeNotifyRequest,
  ChangeNotifyResponse,
} from '../../wire/smb2/change-notify.ts';
import { Command } from '../../wire/smb2/header.ts';
import { command, type OpenContext, Reply } from '../command.ts';
import { openFileOf } from './open-target.ts';

export const changeNotify = command({
  name: 'CHANGE_NOTIFY',
  code: Command.CHANGE_NOTIFY,
  needs: 'open',
  request: ChangeNotifyRequest,
  response: ChangeNotifyResponse,
  fileId: (request) => request.fileId,
  payloadBytes: (request) => request.outputBufferLength,
  endStatus: {
    close: NtStatus.NOTIFY_CLEANUP,
    'tree-disconnect': NtStatus.NOTIFY_CLEANUP,
    logoff: NtStatus.NOTIFY_CLEANUP,
    disconnect: NtStatus.NOTIFY_CLEANUP,
  },
  waitsOnlyLast: true,
  spec: '[MS-SMB2] 2.2.35, 2.2.36, 3.3.5.19',
  async handle(context, request) {
    const file = openFileOf(context.open, NtStatus.INVALID_PARAMETER);
    checkRequest(context, file, request);
    const watch: WatchRequest = {
      filter: request.completionFilter,
      isRecursive: (request.flags & ChangeNotifyFlags.WATCH_TREE) !== 0,
      bytesMax: request.outputBufferLength,
    };
    const outcome = watchDirectory(file, watch);
    if (!(outcome instanceof Waiter)) return answer(outcome, request);
    await context.wait(outcome, { interim: 'now' });
    const { result } = outcome;
    demand(result?.kind === 'notify', NtStatus.CANCELLED, 'woken without news');
    return answer(result, request);
  },
});

/** [MS-SMB2] 3.3.5.19 */
function checkRequest(context: OpenContext, file: OpenFile, request: ChangeNotifyRequest): void {
  const max = context.connection.negotiated?.maxTransactSize ?? 0;
  demand(request.outputBufferLength <= max, NtStatus.INVALID_PARAMETER, 'more than MaxTransactSize');
  demand(file.isDirectory, NtStatus.INVALID_PARAMETER, 'only directories are watched');
  // [MS-SMB2] 3.3.5.19: what the object store cannot do.
  demand(!file.volume.withoutNotify, NtStatus.NOT_IMPLEMENTED, 'nobody is told of changes here');
  file.demandAccess(AccessMask.FILE_LIST_DIRECTORY);
}

function answer(
  { status, entries }: { status: NtStatus; entries: readonly NotifyEntry[] },
  request: ChangeNotifyRequest,
): Reply<ChangeNotifyResponse> {
  const quiet: ReadonlySet<NtStatus> = new Set([
    NtStatus.SUCCESS,
    NtStatus.NOTIFY_ENUM_DIR,
    NtStatus.NOTIFY_CLEANUP,
  ]);
  if (!quiet.has(status)) throw new NtStatusError(status, 'watch ended');
  const records = entries.map(({ action, name }) => ({ action, fileName: name }));
  const buffer = FileNotifyInformationList.encode(records);
  const isTooLarge = buffer.length > request.outputBufferLength;
  if (status !== NtStatus.SUCCESS || isTooLarge) {
    return new Reply(isTooLarge ? NtStatus.NOTIFY_ENUM_DIR : status, { buffer: EMPTY });
  }
  return new Reply(status, { buffer });
}
