/**
 * A further channel for a session: the checks before its authentication, and its end. [MS-SMB2] 3.3.5.5
 */

import type { AuthenticationComplete } from '../../auth/mechanism.ts';
import { present } from '../../base/assert.ts';
import { demand, NtStatus } from '../../base/status.ts';
import type { Session } from '../../session/session.ts';
import { HeaderFlags } from '../../wire/smb2/header.ts';
import type { ConnectionContext } from '../command.ts';

/** The session to bind to; throws what the first failing check demands. [MS-SMB2] 3.3.5.5, 4 */
export function bindingOf(context: ConnectionContext): Session {
  const { connection, server, header, clock, limits } = context;
  const negotiated = present(connection.negotiated, 'negotiated connection');
  const canBind = negotiated.dialect.isSmb3 && server.settings.multichannel;
  demand(canBind, NtStatus.REQUEST_NOT_ACCEPTED, 'no multichannel');
  const session = server.sessions.get(header.sessionId);
  demand(session !== undefined, NtStatus.USER_SESSION_DELETED);
  demand(session.dialect === negotiated.dialect, NtStatus.INVALID_PARAMETER, 'another dialect');
  demand((header.flags & HeaderFlags.SIGNED) !== 0, NtStatus.INVALID_PARAMETER, 'an unsigned binding');
  demand(session.clientGuid === negotiated.clientGuid, NtStatus.USER_SESSION_DELETED, 'another client');
  const state = session.currentState(clock.monotonicMs());
  demand(state !== 'in-progress', NtStatus.REQUEST_NOT_ACCEPTED, 'the session is being made');
  demand(state !== 'expired', NtStatus.NETWORK_SESSION_EXPIRED);
  demand(session.crypto !== undefined, NtStatus.NOT_SUPPORTED, 'guests and anonymous users have one channel');
  demand(!session.channels.has(connection), NtStatus.REQUEST_NOT_ACCEPTED, 'the channel is bound already');
  const isFull = session.channels.size >= limits.channelCountPerSession;
  demand(!isFull, NtStatus.INSUFFICIENT_RESOURCES, 'too many channels');
  requireBindingSignature(context, session);
  // The cipher and the keys are the session's; a channel that negotiated others could not use them.
  demand(session.cipher === negotiated.cipher, NtStatus.INVALID_PARAMETER, 'another cipher');
  demand(
    session.signingAlgorithm === negotiated.signingAlgorithm,
    NtStatus.INVALID_PARAMETER,
    'another signing algorithm',
  );
  return session;
}

/** Every leg of a binding is signed with Session.SigningKey, and so are the answers. [MS-SMB2] 3.3.5.2.4 */
export function requireBindingSignature(context: ConnectionContext, session: Session): void {
  const crypto = session.crypto;
  demand(crypto !== undefined, NtStatus.USER_SESSION_DELETED);
  demand(crypto.verify(crypto.signer, context.message), NtStatus.ACCESS_DENIED, 'wrong signature');
  context.reply.signer = crypto.signer;
}

/** [MS-SMB2] 3.3.5.5.3 */
export function finishBinding(
  context: ConnectionContext,
  end: {
    readonly session: Session;
    readonly result: AuthenticationComplete;
    readonly preauthHash: Buffer | undefined;
  },
): void {
  const { session, result } = end;
  const { connection } = context;
  const { authenticated } = session;
  demand(session.state === 'valid' && authenticated !== undefined, NtStatus.USER_SESSION_DELETED);
  const isSameUser = result.identity.kind === 'user' && result.identity.sid === authenticated.identity.sid;
  demand(isSameUser && result.sessionKey !== undefined, NtStatus.ACCESS_DENIED, 'another user');
  const crypto = present(authenticated.crypto, 'keys of the session');
  const signer = crypto.bindChannel(result.sessionKey, end.preauthHash);
  session.channels.set(connection, { signer });
  connection.sessions.set(session.sessionId, session);
  connection.isAuthenticated = true;
  context.reply.signer = signer;
}
