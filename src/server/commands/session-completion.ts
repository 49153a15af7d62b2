/**
 * What happens when an authentication succeeded: keys, flags, and the end of the session before. [MS-SMB2] 3.3.5.5.3
 */

import type { AuthenticationComplete } from '../../auth/mechanism.ts';
import { present } from '../../base/assert.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { telemetry } from '../../base/telemetry.ts';
import { SessionCrypto } from '../../crypto/session-crypto.ts';
import type { Session } from '../../session/session.ts';
import { wantsEncryption } from '../../session/tree-connect.ts';
import { SecurityMode } from '../../wire/smb2/negotiate.ts';
import type { SessionSetupRequest } from '../../wire/smb2/session-setup.ts';
import type { ConnectionContext } from '../command.ts';
import { checkTargetName } from '../target-name.ts';

export interface SetupEnd {
  readonly session: Session;
  readonly result: AuthenticationComplete;
  readonly preauthHash: Buffer | undefined;
  readonly request: SessionSetupRequest;
}

/** Makes the session valid. */
export async function finishSetup(context: ConnectionContext, end: SetupEnd): Promise<void> {
  const { session, result, request } = end;
  const { connection, server } = context;
  const { settings } = server;
  const { localAddress } = connection.transport;
  const { serverName } = server;
  checkTargetName(result.targetName, settings.targetNames, { serverName, localAddress });
  demandRoom(context, session, result);
  demand(session.state === 'in-progress', NtStatus.USER_SESSION_DELETED, 'the session ended meanwhile');
  const negotiated = present(connection.negotiated, 'negotiated connection');
  const canEncrypt = result.sessionKey !== undefined && negotiated.cipher !== undefined;
  const encryptData = wantsEncryption(settings.encryption.mode) && canEncrypt;
  demand(
    encryptData || settings.encryption.mode !== 'required',
    NtStatus.ACCESS_DENIED,
    'encryption is required, and guests and anonymous users have no keys',
  );
  // [MS-SMB2] 3.3.5.5.3: the client may ask for it here or in NEGOTIATE (Connection.ShouldSign).
  const asked = request.securityMode | negotiated.clientSecurityMode;
  const clientRequires = (asked & SecurityMode.SIGNING_REQUIRED) !== 0;
  const crypto = cryptoOf(context, end);
  session.authenticated = Object.freeze({
    identity: result.identity,
    crypto,
    signingRequired: crypto !== undefined && (settings.signing.required || clientRequires),
    encryptData,
  });
  session.channels.set(connection, { signer: crypto?.signer });
  session.state = 'valid';
  renew(context, session);
  connection.isAuthenticated = true;
  context.reply.isExempt = true;
  context.reply.signer = crypto?.signer;
  await supersede(context, session, request.previousSessionId);
  server.statistics.sessionsBegun++;
  const { sessionId } = session;
  const user = result.identity.name;
  if (telemetry.session.hasSubscribers) telemetry.session.publish({ event: 'began', sessionId, user });
  context.server.audit('logon', {
    user: result.identity.name,
    kind: result.identity.kind,
    session: session.sessionId,
    address: connection.transport.remoteAddress,
    isSigned: session.authenticated.signingRequired,
    isEncrypted: encryptData,
  });
  context.log.write('info', 'session-established', {
    user: result.identity.name,
    kind: result.identity.kind,
    dialect: session.dialect.name,
    address: connection.transport.remoteAddress,
  });
}

/** Sessions of the whole server, and of one user, have their limits. */
function demandRoom({ server }: ConnectionContext, own: Session, { identity }: AuthenticationComplete): void {
  const { sessionCount, sessionCountPerUser } = server.limits;
  demand(server.sessions.size <= sessionCount, NtStatus.INSUFFICIENT_RESOURCES, 'too many sessions');
  if (server.sessions.size <= sessionCountPerUser) return;
  let count = 0;
  for (const session of server.sessions.values()) {
    if (session !== own && session.authenticated?.identity.sid === identity.sid) count++;
  }
  demand(count < sessionCountPerUser, NtStatus.INSUFFICIENT_RESOURCES, 'too many sessions of one user');
}

function cryptoOf(context: ConnectionContext, end: SetupEnd): SessionCrypto | undefined {
  const { session, result, preauthHash } = end;
  if (result.sessionKey === undefined) return undefined;
  const { keyLog, cryptoProvider } = context.server;
  const { cipher, signingAlgorithm, dialect } = present(
    context.connection.negotiated,
    'negotiated connection',
  );
  return new SessionCrypto({
    role: 'server',
    dialect: dialect.revision,
    sessionId: session.sessionId,
    fullSessionKey: result.sessionKey,
    preauthHash,
    cipher,
    signingAlgorithm,
    provider: cryptoProvider,
    observe: keyLog === undefined ? undefined : (_keys, key) => keyLog(session.sessionId, key),
  });
}

/**
 * [MS-SMB2] 3.3.5.5.3: only now, and only for the same user, the session that the client gave up ends. The client waits until
 * nothing is worked on for it: before that its durable opens cannot be taken up.
 */
async function supersede(context: ConnectionContext, session: Session, previousId: number): Promise<void> {
  if (previousId === 0 || previousId === session.sessionId) return;
  const { server, clock } = context;
  const previous = server.sessions.get(previousId) ?? server.endingSessions.get(previousId);
  const identity = previous?.authenticated?.identity;
  if (previous === undefined || identity?.kind !== 'user') return;
  if (identity.sid !== session.authenticated?.identity.sid) return;
  await new Promise<void>((resolve) => {
    const timer = clock.setTimer(SUPERSEDE_MS, resolve);
    void previous.end('disconnect');
    void previous.gone.then(() => {
      timer.cancel();
      resolve();
    });
  });
}

/** A store that hangs keeps nobody from logging on for longer. */
const SUPERSEDE_MS = 2000;

/**
 * The same user again: the session goes on with its keys, and with the groups that the user is in by now. [MS-SMB2] 3.3.5.5.2,
 * 3.3.5.5.3. A client that proved to be somebody else, or nobody, gets no other rights than it had.
 */
export function finishReauthentication(
  context: ConnectionContext,
  session: Session,
  result: AuthenticationComplete,
): void {
  const isAlive = session.state === 'valid' || session.state === 'expired';
  demand(isAlive, NtStatus.USER_SESSION_DELETED, 'the session ended meanwhile');
  const authenticated = present(session.authenticated, 'authenticated session');
  const { identity } = authenticated;
  const isSame = result.identity.kind === 'user' && result.identity.sid === identity.sid;
  const isOther = result.identity.kind === 'user' && !isSame;
  demand(!isOther, NtStatus.ACCESS_DENIED, 'another user');
  // Nobody in particular cannot prolong what somebody was given.
  demand(isSame || session.currentState(context.clock.monotonicMs()) === 'valid', NtStatus.ACCESS_DENIED);
  if (!isSame) return;
  session.authenticated = Object.freeze({ ...authenticated, identity: result.identity });
  session.state = 'valid';
  renew(context, session);
}

function renew(context: ConnectionContext, session: Session): void {
  const { lifetimeMs } = context.server.settings.session;
  session.expiresMs = lifetimeMs === 0 ? Number.POSITIVE_INFINITY : context.clock.monotonicMs() + lifetimeMs;
}
