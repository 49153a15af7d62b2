/**
 * A further channel for a session: the checks before its authentication, and its end. [MS-SMB2] 3.3.5.5
 */

import type { AuthenticationComplete } from '../../auth/mechanism.ts';
import { present } from '../../base/assert.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { SigningAlgorithm, signingAlgorithmOf } from '../../crypto/algorithms.ts';
import type { Negotiated } from '../../session/connection.ts';
import type { Session } from '../../session/session.ts';
import { HeaderFlags } from '../../wire/smb2/header.ts';
import type { ConnectionContext } from '../command.ts';

/** The session to bind to; throws what the first failing check demands. [MS-SMB2] 3.3.5.5, 4 */
export function bindingOf(context: ConnectionContext): Session {
  const { connection, server, header, clock, limits } = context;
  const negotiated = present(connection.negotiated, 'negotiated connection');
  const session = server.sessions.get(header.sessionId);
  demand(session !== undefined, NtStatus.USER_SESSION_DELETED);
  demand((header.flags & HeaderFlags.SIGNED) !== 0, NtStatus.INVALID_PARAMETER, 'an unsigned binding');
  const state = session.currentState(clock.monotonicMs());
  demand(state !== 'in-progress', NtStatus.REQUEST_NOT_ACCEPTED, 'the session is being made');
  demand(session.crypto !== undefined, NtStatus.NOT_SUPPORTED, 'guests and anonymous users have one channel');
  requireBindingSignature(context, session);
  demandSameAlgorithms(session, negotiated);
  const canBind = negotiated.dialect.isSmb3 && server.settings.multichannel;
  demand(canBind, NtStatus.REQUEST_NOT_ACCEPTED, 'no multichannel');
  demand(session.dialect === negotiated.dialect, NtStatus.INVALID_PARAMETER, 'another dialect');
  demand(session.cipher === negotiated.cipher, NtStatus.INVALID_PARAMETER, 'another cipher');
  demand(session.clientGuid === negotiated.clientGuid, NtStatus.USER_SESSION_DELETED, 'another client');
  demand(state !== 'expired', NtStatus.NETWORK_SESSION_EXPIRED);
  demand(!session.channels.has(connection), NtStatus.REQUEST_NOT_ACCEPTED, 'the channel is bound already');
  const isFull = session.channels.size >= limits.channelCountPerSession;
  demand(!isFull, NtStatus.INSUFFICIENT_RESOURCES, 'too many channels');
  return session;
}

/**
 * A channel may sign with another algorithm than its session, but AES-GMAC mixes with no other. The document is silent on it;
 * these are the answers of Windows, and they come before the checks that it names.
 */
function demandSameAlgorithms(session: Session, negotiated: Negotiated): void {
  const ofSession = signingAlgorithmOf(session.dialect.revision, session.signingAlgorithm);
  const ofChannel = signingAlgorithmOf(negotiated.dialect.revision, negotiated.signingAlgorithm);
  const { AES_GMAC } = SigningAlgorithm;
  demand(ofSession !== AES_GMAC || ofChannel === AES_GMAC, NtStatus.REQUEST_OUT_OF_SEQUENCE, 'not AES-GMAC');
  demand(ofSession === AES_GMAC || ofChannel !== AES_GMAC, NtStatus.NOT_SUPPORTED, 'AES-GMAC');
}

/** Every leg of a binding is signed with Session.SigningKey, and so are the answers. [MS-SMB2] 3.3.5.2.4 */
export function requireBindingSignature(context: ConnectionContext, session: Session): void {
  const crypto = session.crypto;
  demand(crypto !== undefined, NtStatus.USER_SESSION_DELETED);
  demand(crypto.verify(crypto.signer, context.message), NtStatus.ACCESS_DENIED, 'wrong signature');
  context.retain(session);
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
  const state = session.currentState(context.clock.monotonicMs());
  demand(state !== 'expired', NtStatus.NETWORK_SESSION_EXPIRED, 'the session expired meanwhile');
  demand(state === 'valid' && authenticated !== undefined, NtStatus.USER_SESSION_DELETED);
  const isSameUser = result.identity.kind === 'user' && result.identity.sid === authenticated.identity.sid;
  demand(isSameUser && result.sessionKey !== undefined, NtStatus.ACCESS_DENIED, 'another user');
  const crypto = present(authenticated.crypto, 'keys of the session');
  const { signingAlgorithm } = present(connection.negotiated, 'negotiated connection');
  const signer = crypto.bindChannel(result.sessionKey, { preauthHash: end.preauthHash, signingAlgorithm });
  session.channels.set(connection, { signer });
  connection.sessions.set(session.sessionId, session);
  connection.isAuthenticated = true;
  context.reply.signer = signer;
}
