/**
 * Messages that the server sends of its own accord: oplock and lease breaks. [MS-SMB2] 3.3.4.6, 3.3.4.7
 */
import { NtStatus } from '../base/status.ts';
import type { Connection } from '../session/connection.ts';
import type { Session } from '../session/session.ts';
import type { TreeConnect } from '../session/tree-connect.ts';
import type { Codec } from '../wire/codec.ts';
import { Command, HeaderFlags, NO_SIGNATURE, UNSOLICITED_MESSAGE_ID } from '../wire/smb2/header.ts';
import { ReplyBuffer } from './reply.ts';
import { send } from './respond.ts';

/** What is to be sent, and on which connection: the session's newest channel, or the client's oldest connection. */
export interface Notice<T> {
  readonly codec: Codec<T>;
  readonly value: T;
  readonly to: 'newest-channel' | 'oldest-connection';
}

/**
 * Sends a notice about an open of `tree` as an unsolicited OPLOCK_BREAK; sealed where the requests of that tree must be.
 * False when no connection is left to send it on.
 */
export function notifyClient<T>(tree: TreeConnect, notice: Notice<T>): boolean {
  const connection =
    notice.to === 'newest-channel'
      ? channelsOf(tree.session).at(-1)
      : oldestConnection(tree.session, isSealed(tree));
  if (connection === undefined) return false;
  notifyOn(connection, tree, notice);
  return true;
}

function channelsOf(session: Session): Connection[] {
  return [...session.channels.keys()].filter((channel) => !channel.isClosed);
}

function isSealed({ session, encryptData }: TreeConnect): boolean {
  return encryptData || session.authenticated?.encryptData === true;
}

/**
 * Where the client of `session` hears of its leases. They belong to the client and not to the session; its oldest connection is
 * the one that smbtorture saw Windows use. A ClientGuid is only a claim: a connection counts when the same user has a
 * session there. What is sealed can be read on the session's own channels only.
 */
function oldestConnection(session: Session, sealed: boolean): Connection | undefined {
  if (sealed) return channelsOf(session)[0];
  const user = session.authenticated?.identity.sid;
  return user === undefined ? undefined : oldestOf(session.server.connectionsOf(session.clientGuid), user);
}

function oldestOf(connections: Iterable<Connection>, user: string): Connection | undefined {
  for (const connection of connections) if (carries(connection, user)) return connection;
  return undefined;
}

function carries({ sessions }: Connection, user: string): boolean {
  for (const session of sessions.values()) if (userOf(session) === user) return true;
  return false;
}

function userOf({ state, authenticated }: Session): string | undefined {
  return state === 'in-progress' ? undefined : authenticated?.identity.sid;
}

/**
 * The sessions whose notices went out on `connection` as the oldest of its client, and must now find another; those that have
 * nothing open have heard nothing.
 */
export function sessionsHearingOn(connection: Connection): Iterable<Session> {
  const hearing = new Set<Session>();
  const users = new Set<string>();
  for (const session of connection.sessions.values()) {
    const user = userOf(session);
    if (user !== undefined) users.add(user);
    if (session.openCount > 0 && channelsOf(session)[0] === connection) hearing.add(session);
  }
  const connections = connection.server.connectionsOf(connection.negotiated?.clientGuid ?? '');
  for (const user of users) {
    if (oldestOf(connections, user) !== connection) continue;
    for (const session of sessionsOf(connections, user)) if (session.openCount > 0) hearing.add(session);
  }
  return hearing;
}

function* sessionsOf(connections: Iterable<Connection>, user: string): Iterable<Session> {
  for (const { sessions } of connections) {
    for (const session of sessions.values()) if (userOf(session) === user) yield session;
  }
}

function notifyOn<T>(connection: Connection, tree: TreeConnect, notice: Notice<T>): void {
  const { session } = tree;
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
  try {
    send(connection, [buffer], { sealer: isSealed(tree) ? session.crypto : undefined });
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
