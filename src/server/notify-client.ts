/**
 * Messages that the server sends of its own accord: oplock and lease breaks. [MS-SMB2] 3.3.4.6, 3.3.4.7
 */
import { NtStatus } from '../base/status.ts';
import type { Connection } from '../session/connection.ts';
import type { TreeConnect } from '../session/tree-connect.ts';
import type { Codec } from '../wire/codec.ts';
import { Command, HeaderFlags, NO_SIGNATURE, UNSOLICITED_MESSAGE_ID } from '../wire/smb2/header.ts';
import { ReplyBuffer } from './reply.ts';
import { send } from './respond.ts';

/** What is to be sent, and on which of a session's channels. */
export interface Notice<T> {
  readonly codec: Codec<T>;
  readonly value: T;
  readonly channel: 'oldest' | 'newest';
}

/**
 * Sends a notice about an open of `tree` as an unsolicited OPLOCK_BREAK on one of the session's channels; sealed where the
 * requests of that tree must be. False when there is none left to send it on.
 */
export function notifyClient<T>(tree: TreeConnect, notice: Notice<T>): boolean {
  const channels = [...tree.session.channels.keys()].filter((channel) => !channel.isClosed);
  const connection = channels.at(notice.channel === 'oldest' ? 0 : -1);
  if (connection === undefined) return false;
  notifyOn(connection, tree, notice);
  return true;
}

function notifyOn<T>(connection: Connection, { session, encryptData }: TreeConnect, notice: Notice<T>): void {
  const buffer = new ReplyBuffer(notice.codec.sizeOf(notice.value));
  buffer.writeBody(notice.codec, notice.value);
  buffer.writeHeader({
    creditCharge: 0,
    status: NtStatus.SUCCESS,
    command: Command.OPLOCK_BREAK,
    credits: 0,
    flags: HeaderFlags.SERVER_TO_REDIR,
    nextCommand: 0,
    messageId: UNSOLICITED_MESSAGE_ID,
    treeId: 0,
    sessionId: 0,
    signature: NO_SIGNATURE,
  });
  const isSealed = encryptData || session.authenticated?.encryptData === true;
  try {
    send(connection, [buffer], isSealed ? session.crypto : undefined);
  } catch (error) {
    // What cannot be sealed is not sent, and the client must not wait for it: the connection ends.
    const reason = error instanceof Error ? error.message : String(error);
    session.server.log.write('error', 'notice-failed', {
      address: connection.transport.remoteAddress,
      reason,
    });
    connection.transport.destroy();
  }
}
