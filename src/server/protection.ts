/**
 * What is signed, what is sealed and what is neither: the one place that decides it.
 *
 * | message | protection | [MS-SMB2] |
 * |---|---|---|
 * | NEGOTIATE, and legs of a session's first setup | none | 3.3.5.4, 3.3.5.5 |
 * | the success that ends a session's first setup | signed with the new key, never sealed | 3.3.5.5.3, 3.3.4.1.4 |
 * | legs of a binding | signed with Session.SigningKey | 3.3.5.5.2 |
 * | the success that ends a binding | signed with the new Channel.SigningKey, never sealed | 3.3.5.5.3 |
 * | legs and success of a re-authentication | as the request was protected | 3.3.4.1.1, 3.3.4.1.4 |
 * | anything of a guest or anonymous session | none | 3.3.5.5.3 |
 * | answer to a sealed request, or of an encrypted session or tree | sealed, not signed | 3.3.4.1.4 |
 * | answer to a signed request, errors and finals of waiting requests included | signed | 3.3.4.1.1 |
 * | answer to VALIDATE_NEGOTIATE_INFO | signed or sealed, however the request came | 3.2.5.14.12, 3.3.5.15.12 |
 * | interim answers | never signed, since the final one has the same MessageId; sealed where that applies | 3.3.4.1.1 |
 * | oplock and lease breaks | not signed; sealed when the session or the tree encrypts | 3.3.4.6, 3.3.4.7 |
 * | an element of a compound | signed on its own, padding included; the compound is sealed as one | 3.3.4.1.3 |
 */
import type { SessionCrypto } from '../crypto/session-crypto.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Request } from './request.ts';

export interface Protection {
  readonly signer: Signer | undefined;
  /** Seals the whole message that holds this element. */
  readonly sealer: SessionCrypto | undefined;
}

const unprotected: Protection = Object.freeze({ signer: undefined, sealer: undefined });

export function protectionOf(request: Request, isInterim: boolean): Protection {
  const session = request.sessionInUse;
  const crypto = session?.crypto;
  if (request.reply.signer !== undefined) return { signer: request.reply.signer, sealer: undefined };
  if (request.reply.isExempt || session === undefined || crypto === undefined) return unprotected;
  // The tree that TREE_CONNECT makes counts from the next request on.
  const tree = request.command?.needs === 'session' ? undefined : request.treeInUse;
  const isSealed =
    request.isEncrypted || session.authenticated?.encryptData === true || tree?.encryptData === true;
  if (isSealed && crypto.canSeal) return { signer: undefined, sealer: crypto };
  if (isInterim || !(request.signsAnswer || request.reply.isVouchedFor)) return unprotected;
  return { signer: request.channelSigner, sealer: undefined };
}
