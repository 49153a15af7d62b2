/**
 * A whole NTLM logon, with somebody in between.
 */
import assert from 'node:assert/strict';
import { type AuthenticationComplete, LogonError } from '../../src/auth/mechanism.ts';
import type { NtlmOptions } from '../../src/auth/ntlm/acceptor.ts';
import {
  type AuthenticateMessage,
  decodeAuthenticate,
  encodeAuthenticate,
} from '../../src/auth/ntlm/messages.ts';
import { NtStatus } from '../../src/base/status.ts';
import type { NtlmClient } from '../../src/testing/ntlm-client.ts';
import { ntlmServer } from './fixtures.ts';

export type Change = (message: AuthenticateMessage) => AuthenticateMessage;

/** Logs in; `tamper` sees the AUTHENTICATE message on its way. */
export async function logOn(
  client: NtlmClient,
  options: Partial<NtlmOptions> = {},
  tamper: (authenticate: Buffer) => Buffer = (bytes) => bytes,
): Promise<AuthenticationComplete> {
  const server = ntlmServer(options).begin();
  const challenged = await server.step(client.negotiateMessage);
  assert.ok(challenged.kind === 'continue');
  const done = await server.step(tamper(client.authenticate(challenged.token)));
  assert.ok(done.kind === 'complete');
  return done;
}

export async function refused(
  attempt: Promise<unknown>,
  what?: string,
  statuses: readonly NtStatus[] = [NtStatus.LOGON_FAILURE],
): Promise<LogonError> {
  const error = await attempt.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  assert.ok(error instanceof LogonError, what ?? `refused, not ${error}`);
  assert.ok(statuses.includes(error.status), `${what ?? 'refused'} with ${error.status.toString(16)}`);
  return error;
}

/** Applies `change` to an AUTHENTICATE message on its way. */
export const changed = (change: Change) => (bytes: Buffer) =>
  encodeAuthenticate(change(decodeAuthenticate(bytes)));
