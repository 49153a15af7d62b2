/**
 * CANCEL: the one request that gets no answer. [MS-SMB2] 3.3.5.16
 */
import type { Connection } from '../session/connection.ts';
import { HeaderFlags, type RequestHead } from '../wire/smb2/header.ts';

export interface CancelRequest {
  readonly header: RequestHead;
  readonly message: Buffer;
  readonly isEncrypted: boolean;
}

/** Ends the request that it names, when there is one of the same session and the CANCEL is protected as it must be. */
export function cancelRequest(connection: Connection, cancel: CancelRequest): void {
  const { header } = cancel;
  const isAsync = (header.flags & HeaderFlags.ASYNC_COMMAND) !== 0;
  const target = isAsync
    ? connection.async.get(header.asyncId ?? 0)
    : connection.outstanding.get(header.messageId);
  if (target === undefined || !isProtected(connection, cancel)) return;
  if (target.sessionInUse?.sessionId !== header.sessionId) return;
  target.end('cancel');
}

/** [MS-SMB2] 3.3.5.2.4 */
function isProtected(connection: Connection, cancel: CancelRequest): boolean {
  const session = connection.sessions.get(cancel.header.sessionId);
  const authenticated = session?.authenticated;
  if (cancel.isEncrypted || authenticated?.crypto === undefined) return true;
  if ((cancel.header.flags & HeaderFlags.SIGNED) === 0) return !authenticated.signingRequired;
  const signer = session?.signerOn(connection);
  return signer !== undefined && authenticated.crypto.verify(signer, cancel.message);
}
