/**
 * SESSION_SETUP: a new session, a session's re-authentication, or a further channel for it. [MS-SMB2] 3.3.5.5
 */

import type { AuthenticationComplete } from '../../auth/mechanism.ts';
import { present } from '../../base/assert.ts';
import type { Clock, Timer } from '../../base/clock.ts';
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { PreauthHash } from '../../crypto/preauth.ts';
import type { Authentication } from '../../session/connection.ts';
import { Session } from '../../session/session.ts';
import { Command } from '../../wire/smb2/header.ts';
import {
  SessionFlags,
  SessionSetupFlags,
  SessionSetupRequest,
  SessionSetupResponse,
} from '../../wire/smb2/session-setup.ts';
import { type ConnectionContext, command, Reply, type Ticket } from '../command.ts';
import { bindingOf, finishBinding, requireBindingSignature } from './session-binding.ts';
import { finishReauthentication, finishSetup } from './session-completion.ts';

export const sessionSetup = command({
  name: 'SESSION_SETUP',
  code: Command.SESSION_SETUP,
  needs: 'connection',
  verifiesProtection: true,
  request: SessionSetupRequest,
  response: SessionSetupResponse,
  spec: '[MS-SMB2] 2.2.5, 2.2.6, 3.3.5.5',
  async handle(context, request) {
    demandEncryptable(context);
    const authentication = authenticationOf(context, request);
    const { connection } = context;
    const { sessionId } = authentication.session;
    context.reply.sessionId = sessionId;
    demand(!authentication.isBusy, NtStatus.REQUEST_NOT_ACCEPTED, 'the leg before is not answered');
    authentication.isBusy = true;
    authentication.preauth?.update(context.message);
    try {
      const step = await context.server.throttle.step(authentication.acceptor, {
        token: request.securityBuffer,
        address: connection.transport.remoteAddress,
        pause: (delayMs) => context.wait(timeTicket(context.clock, delayMs)),
      });
      if (step.kind === 'complete') return await complete(context, { authentication, request, result: step });
      demand(!connection.isClosed, NtStatus.USER_SESSION_DELETED);
      return continuing(context, authentication, step.token);
    } catch (error) {
      await abandon(context, authentication);
      throw error;
    } finally {
      authentication.isBusy = false;
    }
  },
});

/** Wakes when so much time has passed. */
function timeTicket(clock: Clock, delayMs: number): Ticket {
  let timer: Timer | undefined;
  return {
    onWake: (wake) => {
      timer = clock.setTimer(delayMs, wake);
    },
    abandon: () => timer?.cancel(),
  };
}

/** [MS-SMB2] 3.3.5.5: a client that cannot encrypt is refused where nothing goes unencrypted. */
function demandEncryptable(context: ConnectionContext): void {
  const isRequired = context.server.settings.encryption.mode === 'required';
  const canEncrypt = present(context.connection.negotiated, 'negotiated connection').cipher !== undefined;
  demand(!isRequired || canEncrypt, NtStatus.ACCESS_DENIED, 'the client cannot encrypt');
}

/** The authentication that this leg belongs to; a new one for the first leg. */
function authenticationOf(context: ConnectionContext, request: SessionSetupRequest): Authentication {
  const { connection, header } = context;
  if (header.sessionId === 0) return beginSetup(context);
  const isBinding = (request.flags & SessionSetupFlags.BINDING) !== 0;
  const current = connection.authentications.get(header.sessionId);
  if (current?.session.state === 'ended') {
    connection.authentications.delete(header.sessionId);
    current.acceptor.destroy();
    throw new NtStatusError(NtStatus.USER_SESSION_DELETED, 'the session ended meanwhile');
  }
  if (current !== undefined) {
    if (current.purpose === 'binding') requireBindingSignature(context, current.session);
    if (current.purpose === 'reauthentication') demandProtected(context, current.session);
    return current;
  }
  if (isBinding) return begin(context, bindingOf(context), 'binding');
  const session = connection.sessions.get(header.sessionId);
  demand(session?.state === 'valid' || session?.state === 'expired', NtStatus.USER_SESSION_DELETED);
  demandProtected(context, session);
  return begin(context, session, 'reauthentication');
}

/**
 * [MS-SMB2] 3.3.5.2.4. On a channel that signs with another algorithm than its session, Windows takes no unsigned
 * re-authentication either.
 */
function demandProtected(context: ConnectionContext, session: Session): void {
  const { authenticated } = session;
  if (authenticated?.crypto === undefined) return;
  const algorithm = session.signerOn(context.connection)?.algorithm;
  const isRequired = authenticated.signingRequired || algorithm !== authenticated.crypto.signer.algorithm;
  const isProtected = context.isSigned || context.isEncrypted;
  demand(isProtected || !isRequired, NtStatus.ACCESS_DENIED, 'an unsigned re-authentication');
}

/** [MS-SMB2] 3.3.5.5.1 */
function beginSetup(context: ConnectionContext): Authentication {
  const { connection, server, limits } = context;
  const isFull =
    connection.sessions.size >= limits.sessionCountPerConnection ||
    connection.authentications.size >= limits.sessionSetupCountPerConnection;
  demand(!isFull, NtStatus.INSUFFICIENT_RESOURCES, 'too many sessions on one connection');
  const session = new Session(server, connection);
  server.sessions.set(session.sessionId, session);
  connection.sessions.set(session.sessionId, session);
  session.channels.set(connection, { signer: undefined });
  context.reply.isExempt = true;
  return begin(context, session, 'setup');
}

function begin(
  context: ConnectionContext,
  session: Session,
  purpose: Authentication['purpose'],
): Authentication {
  const { connection, server, clock, limits } = context;
  const { dialect, preauthHash } = present(connection.negotiated, 'negotiated connection');
  const hashes = dialect.hasNegotiateContexts && purpose !== 'reauthentication';
  const authentication: Authentication = {
    session,
    purpose,
    acceptor: server.authenticator.begin(),
    preauth: hashes ? new PreauthHash(preauthHash) : undefined,
    deadlineMs: clock.monotonicMs() + limits.sessionSetupTimeoutMs,
    isBusy: false,
  };
  connection.authentications.set(session.sessionId, authentication);
  return authentication;
}

function continuing(
  context: ConnectionContext,
  authentication: Authentication,
  token: Buffer,
): Reply<SessionSetupResponse> {
  const response = { sessionFlags: 0, securityBuffer: token };
  authentication.deadlineMs = context.clock.monotonicMs() + context.limits.sessionSetupTimeoutMs;
  return new Reply(NtStatus.MORE_PROCESSING_REQUIRED, response, {
    beforeSend: (message) => authentication.preauth?.update(message),
  });
}

interface Completion {
  readonly authentication: Authentication;
  readonly request: SessionSetupRequest;
  readonly result: AuthenticationComplete;
}

/** The client is who it says. Whatever comes of it, no copy of the key stays behind. */
async function complete(context: ConnectionContext, completion: Completion): Promise<SessionSetupResponse> {
  const { authentication, result } = completion;
  try {
    demand(!context.connection.isClosed, NtStatus.USER_SESSION_DELETED);
    context.connection.authentications.delete(authentication.session.sessionId);
    return await finish(context, completion);
  } finally {
    result.sessionKey?.fill(0);
    authentication.acceptor.destroy();
  }
}

async function finish(context: ConnectionContext, completion: Completion): Promise<SessionSetupResponse> {
  const { authentication, result, request } = completion;
  const { session } = authentication;
  const preauthHash = authentication.preauth?.value;
  switch (authentication.purpose) {
    case 'setup':
      await finishSetup(context, { session, result, preauthHash, request });
      break;
    case 'binding':
      finishBinding(context, { session, result, preauthHash });
      break;
    case 'reauthentication':
      finishReauthentication(context, session, result);
      break;
  }
  return { sessionFlags: sessionFlagsOf(session), securityBuffer: result.token ?? Buffer.alloc(0) };
}

function sessionFlagsOf(session: Session): number {
  const authenticated = session.authenticated;
  if (authenticated?.identity.kind === 'guest') return SessionFlags.IS_GUEST;
  if (authenticated?.identity.kind === 'anonymous') return SessionFlags.IS_NULL;
  return authenticated?.encryptData === true ? SessionFlags.ENCRYPT_DATA : 0;
}

/**
 * [MS-SMB2] 3.3.5.5.3: a failed setup or re-authentication ends the session; a failed binding leaves it as it was.
 */
async function abandon(context: ConnectionContext, authentication: Authentication): Promise<void> {
  const { session, purpose, acceptor } = authentication;
  acceptor.destroy();
  if (context.connection.authentications.get(session.sessionId) === authentication) {
    context.connection.authentications.delete(session.sessionId);
  }
  if (purpose !== 'binding') await session.end('logoff');
}
