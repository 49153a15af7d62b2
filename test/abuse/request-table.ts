/**
 * A well-formed request of every command, on one open.
 */

import { createRequestOf, ioctlRequestOf, type TestFile } from '../../src/testing/client.ts';
import { CompletionFilter } from '../../src/wire/flags.ts';
import { Fsctl } from '../../src/wire/fscc/fsctl-table.ts';
import { ChangeNotifyRequest } from '../../src/wire/smb2/change-notify.ts';
import { CloseRequest } from '../../src/wire/smb2/close.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { ALL_ONES_FILE_ID } from '../../src/wire/smb2/file-id.ts';
import { FlushRequest } from '../../src/wire/smb2/flush.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LockFlags, LockRequest } from '../../src/wire/smb2/lock.ts';
import { LogoffRequest } from '../../src/wire/smb2/logoff.ts';
import { OplockBreak } from '../../src/wire/smb2/oplock-break.ts';
import { QueryDirectoryRequest } from '../../src/wire/smb2/query-directory.ts';
import { InfoType, QueryInfoRequest } from '../../src/wire/smb2/query-info.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { TreeConnectRequest } from '../../src/wire/smb2/tree-connect.ts';
import { TreeDisconnectRequest } from '../../src/wire/smb2/tree-disconnect.ts';

const empty = Buffer.alloc(0);

/**
 * By command code, everything but NEGOTIATE, SESSION_SETUP and CANCEL; those that take away what others need come last. The open
 * is a file; commands for directories answer with an error that is not about protection.
 */
export function requestsOn(
  file: Pick<TestFile, 'fileId' | 'readRequest' | 'writeRequest'>,
): ReadonlyMap<Command, Buffer> {
  const { fileId } = file;
  const lock = { offset: 0n, length: 1n, flags: LockFlags.EXCLUSIVE_LOCK | LockFlags.FAIL_IMMEDIATELY };
  return new Map<Command, Buffer>([
    [Command.ECHO, EchoRequest.encode({})],
    [Command.TREE_CONNECT, TreeConnectRequest.encode({ flags: 0, path: '\\\\server\\files' })],
    [Command.CREATE, createRequestOf('made by nobody')],
    [Command.READ, file.readRequest(0n, 8)],
    [Command.WRITE, file.writeRequest(0n, Buffer.from('forged'))],
    [Command.FLUSH, FlushRequest.encode({ fileId })],
    [Command.LOCK, LockRequest.encode({ lockSequence: 0, fileId, locks: [lock] })],
    [Command.IOCTL, ioctlRequestOf(Fsctl.QUERY_NETWORK_INTERFACE_INFO, empty, { fileId: ALL_ONES_FILE_ID })],
    [
      Command.QUERY_DIRECTORY,
      QueryDirectoryRequest.encode({
        fileInformationClass: 37,
        flags: 0,
        fileIndex: 0,
        fileId,
        outputBufferLength: 1000,
        fileName: '*',
      }),
    ],
    [
      Command.CHANGE_NOTIFY,
      ChangeNotifyRequest.encode({
        flags: 0,
        outputBufferLength: 1000,
        fileId,
        completionFilter: CompletionFilter.FILE_NAME,
      }),
    ],
    [
      Command.QUERY_INFO,
      QueryInfoRequest.encode({
        infoType: InfoType.FILE,
        fileInfoClass: 4,
        outputBufferLength: 1000,
        additionalInformation: 0,
        flags: 0,
        fileId,
        input: empty,
      }),
    ],
    [
      Command.SET_INFO,
      SetInfoRequest.encode({
        infoType: InfoType.FILE,
        fileInfoClass: 20,
        additionalInformation: 0,
        fileId,
        buffer: Buffer.alloc(8),
      }),
    ],
    [Command.OPLOCK_BREAK, OplockBreak.encode({ oplockLevel: 0, fileId })],
    [Command.CLOSE, CloseRequest.encode({ flags: 0, fileId })],
    [Command.TREE_DISCONNECT, TreeDisconnectRequest.encode({})],
    [Command.LOGOFF, LogoffRequest.encode({})],
  ]);
}
