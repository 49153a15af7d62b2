/**
 * The negotiate contexts of dialect 3.1.1. [MS-SMB2] 2.2.3.1, 3.3.5.4
 */
import { randomBytesOf } from '../../base/entropy.ts';
import { demand, NtStatus } from '../../base/status.ts';
import { Cipher, SigningAlgorithm } from '../../crypto/algorithms.ts';
import type { CipherName, SigningAlgorithmName } from '../../session/settings.ts';
import type { NegotiateRequest } from '../../wire/smb2/negotiate.ts';
import {
  CompressionCapabilities,
  EncryptionCapabilities,
  HashAlgorithm,
  type NegotiateContext,
  NegotiateContextType,
  PreauthIntegrityCapabilities,
  RdmaTransformCapabilities,
  SigningCapabilities,
  TransportCapabilities,
} from '../../wire/smb2/negotiate-context.ts';
import type { ConnectionContext } from '../command.ts';

const SALT_BYTES = 32;

const cipherIds: Readonly<Record<CipherName, Cipher>> = {
  'AES-128-CCM': Cipher.AES_128_CCM,
  'AES-128-GCM': Cipher.AES_128_GCM,
  'AES-256-CCM': Cipher.AES_256_CCM,
  'AES-256-GCM': Cipher.AES_256_GCM,
};

const signingIds: Readonly<Record<SigningAlgorithmName, SigningAlgorithm>> = {
  'AES-GMAC': SigningAlgorithm.AES_GMAC,
  'AES-CMAC': SigningAlgorithm.AES_CMAC,
  'HMAC-SHA256': SigningAlgorithm.HMAC_SHA256,
};

export interface Settlement {
  readonly cipher: Cipher | undefined;
  /** Absent when the client negotiated none: AES-CMAC then. */
  readonly signingAlgorithm: SigningAlgorithm | undefined;
  readonly contexts: readonly NegotiateContext[];
}

type Contexts = readonly NegotiateContext[];

/** Reads the client's contexts and makes the server's. Throws INVALID_PARAMETER where the document demands it. */
export function negotiateContexts(context: ConnectionContext, request: NegotiateRequest): Settlement {
  const contexts = request.negotiateContexts ?? [];
  const { negotiateContextCount } = context.limits;
  demand(contexts.length <= negotiateContextCount, NtStatus.INVALID_PARAMETER, 'too many negotiate contexts');
  const preauth = single(contexts, NegotiateContextType.PREAUTH_INTEGRITY_CAPABILITIES);
  demand(preauth !== undefined, NtStatus.INVALID_PARAMETER, 'no preauthentication integrity context');
  for (const [type, verify] of unanswered) {
    const data = single(contexts, type);
    if (data !== undefined) verify(data);
  }
  const answers: NegotiateContext[] = [answerPreauth(context, preauth)];
  const cipher = chooseCipher(context, contexts, answers);
  const signingAlgorithm = chooseSigning(context, contexts, answers);
  return { cipher, signingAlgorithm, contexts: answers };
}

/** [MS-SMB2] 3.3.5.4: a context of these types that comes twice fails the request. */
function single(contexts: Contexts, type: number): Buffer | undefined {
  const found = contexts.filter((context) => context.contextType === type);
  demand(found.length <= 1, NtStatus.INVALID_PARAMETER, `negotiate context ${type} comes twice`);
  return found[0]?.data;
}

/**
 * Contexts that are read and not answered: compression, RDMA and security of the transport are not on offer, and the name by which
 * the client calls the server changes nothing. What is malformed is refused all the same. [MS-SMB2] 3.3.5.4
 */
const unanswered: ReadonlyMap<number, (data: Buffer) => void> = new Map<number, (data: Buffer) => void>([
  [
    NegotiateContextType.COMPRESSION_CAPABILITIES,
    (data) => demandAny(CompressionCapabilities.decode(data).compressionAlgorithms),
  ],
  [
    NegotiateContextType.RDMA_TRANSFORM_CAPABILITIES,
    (data) => demandAny(RdmaTransformCapabilities.decode(data).rdmaTransformIds),
  ],
  [NegotiateContextType.TRANSPORT_CAPABILITIES, (data) => void TransportCapabilities.decode(data)],
  [NegotiateContextType.NETNAME_NEGOTIATE_CONTEXT_ID, () => {}],
]);

function demandAny(list: readonly unknown[]): void {
  demand(list.length > 0, NtStatus.INVALID_PARAMETER, 'an empty list in a negotiate context');
}

function answerPreauth(context: ConnectionContext, data: Buffer): NegotiateContext {
  const { hashAlgorithms } = PreauthIntegrityCapabilities.decode(data);
  demand(hashAlgorithms.length > 0, NtStatus.INVALID_PARAMETER, 'no hash algorithm');
  demand(
    hashAlgorithms.includes(HashAlgorithm.SHA_512),
    NtStatus.SMB_NO_PREAUTH_INTEGRITY_HASH_OVERLAP,
    'no common hash algorithm',
  );
  return {
    contextType: NegotiateContextType.PREAUTH_INTEGRITY_CAPABILITIES,
    data: PreauthIntegrityCapabilities.encode({
      hashAlgorithms: [HashAlgorithm.SHA_512],
      salt: randomBytesOf(context.entropy, SALT_BYTES),
    }),
  };
}

function chooseCipher(
  context: ConnectionContext,
  contexts: Contexts,
  answers: NegotiateContext[],
): Cipher | undefined {
  const data = single(contexts, NegotiateContextType.ENCRYPTION_CAPABILITIES);
  if (data === undefined) return undefined;
  const offered = EncryptionCapabilities.decode(data).ciphers;
  demand(offered.length > 0, NtStatus.INVALID_PARAMETER, 'no cipher');
  const { mode, ciphers } = context.server.settings.encryption;
  const allowed = mode === 'off' ? [] : ciphers.map((name) => cipherIds[name]);
  const cipher = allowed.find((id) => offered.includes(id));
  // [MS-SMB2] 3.3.5.4: without a common cipher the answer is a context that names cipher 0.
  answers.push({
    contextType: NegotiateContextType.ENCRYPTION_CAPABILITIES,
    data: EncryptionCapabilities.encode({ ciphers: [cipher ?? 0] }),
  });
  return cipher;
}

function chooseSigning(
  context: ConnectionContext,
  contexts: Contexts,
  answers: NegotiateContext[],
): SigningAlgorithm | undefined {
  const data = single(contexts, NegotiateContextType.SIGNING_CAPABILITIES);
  if (data === undefined) return undefined;
  const offered = SigningCapabilities.decode(data).signingAlgorithms;
  demand(offered.length > 0, NtStatus.INVALID_PARAMETER, 'no signing algorithm');
  const allowed = context.server.settings.signing.algorithms.map((name) => signingIds[name]);
  const algorithm = allowed.find((id) => offered.includes(id));
  // Without a common algorithm there is no answer, and both sides stay with AES-CMAC.
  if (algorithm === undefined) return undefined;
  answers.push({
    contextType: NegotiateContextType.SIGNING_CAPABILITIES,
    data: SigningCapabilities.encode({ signingAlgorithms: [algorithm] }),
  });
  return algorithm;
}
