/**
 * A valid request of every command, so that abuse can begin from something right.
 */
import assert from 'node:assert/strict';
import { AsyncLocalStorage } from 'node:async_hooks';
import type { Backend } from '../../src/backend/contract.ts';
import { wrapBackend } from '../../src/backend/wrap.ts';
import { commands } from '../../src/server/commands/index.ts';
import { negotiateRequestOf } from '../../src/testing/client-negotiate.ts';
import { createRequestOf, ioctlRequestOf } from '../../src/testing/client-tree.ts';
import { CompletionFilter } from '../../src/wire/flags.ts';
import { CancelRequest } from '../../src/wire/smb2/cancel.ts';
import { ChangeNotifyRequest } from '../../src/wire/smb2/change-notify.ts';
import { CloseRequest } from '../../src/wire/smb2/close.ts';
import { EchoRequest } from '../../src/wire/smb2/echo.ts';
import { ALL_ONES_FILE_ID, type FileId } from '../../src/wire/smb2/file-id.ts';
import { FlushRequest } from '../../src/wire/smb2/flush.ts';
import { Command } from '../../src/wire/smb2/header.ts';
import { LockFlags, LockRequest } from '../../src/wire/smb2/lock.ts';
import { LogoffRequest } from '../../src/wire/smb2/logoff.ts';
import { NegotiateRequest } from '../../src/wire/smb2/negotiate.ts';
import { OplockBreakRequest } from '../../src/wire/smb2/oplock-break.ts';
import { QueryDirectoryRequest } from '../../src/wire/smb2/query-directory.ts';
import { QueryInfoRequest } from '../../src/wire/smb2/query-info.ts';
import { ReadRequest } from '../../src/wire/smb2/read.ts';
import { SessionSetupRequest } from '../../src/wire/smb2/session-setup.ts';
import { SetInfoRequest } from '../../src/wire/smb2/set-info.ts';
import { TreeConnectRequest } from '../../src/wire/smb2/tree-connect.ts';
import { TreeDisconnectRequest } from '../../src/wire/smb2/tree-disconnect.ts';
import { WriteRequest } from '../../src/wire/smb2/write.ts';

const data = Buffer.from('sixteen bytes...');
const FSCTL_SET_COMPRESSION = 0x0009_c040;

const bodies = new Map<number, (fileId: FileId) => Buffer>([
  [Command.NEGOTIATE, () => NegotiateRequest.encode(negotiateRequestOf({}, Buffer.alloc(32, 7)))],
  [
    Command.SESSION_SETUP,
    () =>
      SessionSetupRequest.encode({
        flags: 0,
        securityMode: 1,
        capabilities: 1,
        previousSessionId: 0,
        securityBuffer: data,
      }),
  ],
  [Command.LOGOFF, () => LogoffRequest.encode({})],
  [Command.TREE_CONNECT, () => TreeConnectRequest.encode({ flags: 0, path: '\\\\server\\files' })],
  [Command.TREE_DISCONNECT, () => TreeDisconnectRequest.encode({})],
  [
    Command.CREATE,
    () => createRequestOf('created.bin', { contexts: [{ name: 'MxAc', data: Buffer.alloc(8) }] }),
  ],
  [Command.CLOSE, (fileId) => CloseRequest.encode({ flags: 0, fileId })],
  [Command.FLUSH, (fileId) => FlushRequest.encode({ fileId })],
  [
    Command.READ,
    (fileId) =>
      ReadRequest.encode({
        padding: 0x50,
        flags: 0,
        minimumCount: 0,
        channel: 0,
        remainingBytes: 0,
        length: 16,
        offset: 0n,
        fileId,
      }),
  ],
  [
    Command.WRITE,
    (fileId) => WriteRequest.encode({ offset: 0n, fileId, channel: 0, remainingBytes: 0, flags: 0, data }),
  ],
  [
    Command.LOCK,
    (fileId) =>
      LockRequest.encode({
        lockSequence: 0,
        fileId,
        locks: [{ offset: 0n, length: 1n, flags: LockFlags.SHARED_LOCK | LockFlags.FAIL_IMMEDIATELY }],
      }),
  ],
  [Command.IOCTL, (fileId) => ioctlRequestOf(FSCTL_SET_COMPRESSION, Buffer.alloc(2), { fileId })],
  [Command.CANCEL, () => CancelRequest.encode({})],
  [Command.ECHO, () => EchoRequest.encode({})],
  [
    Command.QUERY_DIRECTORY,
    (fileId) =>
      QueryDirectoryRequest.encode({
        fileIndex: 0,
        outputBufferLength: 1024,
        fileInformationClass: 1,
        flags: 0,
        fileId,
        fileName: '*',
      }),
  ],
  [
    Command.CHANGE_NOTIFY,
    (fileId) =>
      ChangeNotifyRequest.encode({
        flags: 0,
        outputBufferLength: 1024,
        fileId,
        completionFilter: CompletionFilter.FILE_NAME,
      }),
  ],
  [
    Command.QUERY_INFO,
    (fileId) =>
      QueryInfoRequest.encode({
        infoType: 1,
        fileInfoClass: 5,
        outputBufferLength: 1024,
        additionalInformation: 0,
        flags: 0,
        fileId,
        input: data,
      }),
  ],
  [
    Command.SET_INFO,
    (fileId) =>
      SetInfoRequest.encode({
        infoType: 1,
        fileInfoClass: 20,
        additionalInformation: 0,
        fileId,
        buffer: Buffer.alloc(8),
      }),
  ],
  [Command.OPLOCK_BREAK, (fileId) => OplockBreakRequest.encode({ oplockLevel: 0, fileId })],
  [Command.SERVER_TO_CLIENT_NOTIFICATION, () => Buffer.alloc(16)],
]);

/** The commands of the document, those that the server does not answer included. */
export const allCommands: readonly Command[] = Object.values(Command);

for (const code of commands.keys())
  assert.ok(
    allCommands.some((command) => command === code),
    `${code}`,
  );

/** The name of a command. */
export function commandName(command: number): string {
  return Object.entries(Command).find(([, code]) => code === command)?.[0] ?? `command ${command}`;
}

/** A valid body of `command`. A command that is new to the server fails here until it has one. */
export function bodyOf(command: number, fileId: FileId = ALL_ONES_FILE_ID): Buffer {
  const make = bodies.get(command);
  assert.ok(make !== undefined, `${commandName(command)} has a body to begin from`);
  return make(fileId);
}

const abusive = new AsyncLocalStorage<boolean>();

/** Runs `send`, so that whatever the server does because of it is known to come from it. */
export function asAbuse<T>(send: () => T): T {
  return abusive.run(true, send);
}

/** `store`, telling of every call that comes from {@link asAbuse}. */
export function observed(store: Backend, called: (operation: string) => void): Backend {
  return wrapBackend(store, {
    name: store.name,
    gate: ({ operation }, proceed) => {
      if (abusive.getStore() === true) called(operation);
      return proceed();
    },
  });
}
