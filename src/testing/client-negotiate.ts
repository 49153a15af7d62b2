/**
 * What a test client offers in NEGOTIATE, and what came of it. [MS-SMB2] 3.2.4.2.2.2, 3.2.5.2
 */

import { Cipher, SigningAlgorithm } from '../crypto/algorithms.ts';
import {
  Capability,
  DialectRevision,
  type NegotiateRequest,
  type NegotiateResponse,
  SecurityMode,
} from '../wire/smb2/negotiate.ts';
import {
  EncryptionCapabilities,
  HashAlgorithm,
  type NegotiateContext,
  NegotiateContextType,
  PreauthIntegrityCapabilities,
  SigningCapabilities,
} from '../wire/smb2/negotiate-context.ts';
import type { Infer } from '../wire/struct.ts';

/** An offer; everything may be left out. */
export interface NegotiateOffer {
  /** DialectRevisions. Default: all five. */
  readonly dialects?: readonly number[];
  /** CipherIds; empty: no context, and no capability in 3.0. Default: all, 128-bit GCM first. */
  readonly ciphers?: readonly number[];
  /** SigningAlgorithmIds; empty: no context. Default: all, GMAC first. */
  readonly signingAlgorithms?: readonly number[];
  readonly securityMode?: number;
  readonly capabilities?: number;
  readonly clientGuid?: string;
  /** Sees the contexts that would be sent and returns those that will be. */
  readonly contexts?: (contexts: readonly NegotiateContext[]) => readonly NegotiateContext[];
  /** Changes the message before it is sent. */
  readonly edit?: (message: Buffer) => void;
}

/** From the oldest to the newest. */
export const allDialects: readonly number[] = [
  DialectRevision.SMB_2_0_2,
  DialectRevision.SMB_2_1,
  DialectRevision.SMB_3_0,
  DialectRevision.SMB_3_0_2,
  DialectRevision.SMB_3_1_1,
];

const allCapabilities =
  Capability.DFS |
  Capability.LEASING |
  Capability.LARGE_MTU |
  Capability.MULTI_CHANNEL |
  Capability.PERSISTENT_HANDLES |
  Capability.DIRECTORY_LEASING |
  Capability.ENCRYPTION;

const defaultGuid = '6f8c2a52-3a7e-4d7c-9c55-0d2b3f7f1a10';
const defaultCiphers = [Cipher.AES_128_GCM, Cipher.AES_128_CCM, Cipher.AES_256_GCM, Cipher.AES_256_CCM];
const defaultSigning = [SigningAlgorithm.AES_GMAC, SigningAlgorithm.AES_CMAC, SigningAlgorithm.HMAC_SHA256];

/** The NEGOTIATE request of an offer; `salt` is for the pre-authentication hash. */
export function negotiateRequestOf(offer: NegotiateOffer, salt: Buffer): NegotiateRequest {
  const { dialects = allDialects, ciphers = defaultCiphers } = offer;
  const capabilities =
    offer.capabilities ?? allCapabilities & ~(ciphers.length === 0 ? Capability.ENCRYPTION : 0);
  const contexts = contextsOf(offer, ciphers, salt);
  return {
    securityMode: offer.securityMode ?? SecurityMode.SIGNING_ENABLED,
    capabilities,
    clientGuid: offer.clientGuid ?? defaultGuid,
    dialects: [...dialects],
    negotiateContexts: dialects.includes(DialectRevision.SMB_3_1_1) ? [...contexts] : undefined,
  };
}

function contextsOf(
  offer: NegotiateOffer,
  ciphers: readonly number[],
  salt: Buffer,
): readonly NegotiateContext[] {
  const { signingAlgorithms = defaultSigning } = offer;
  const contexts: NegotiateContext[] = [
    {
      contextType: NegotiateContextType.PREAUTH_INTEGRITY_CAPABILITIES,
      data: PreauthIntegrityCapabilities.encode({ hashAlgorithms: [HashAlgorithm.SHA_512], salt }),
    },
  ];
  if (ciphers.length > 0) {
    const data = EncryptionCapabilities.encode({ ciphers: [...ciphers] });
    contexts.push({ contextType: NegotiateContextType.ENCRYPTION_CAPABILITIES, data });
  }
  if (signingAlgorithms.length > 0) {
    const data = SigningCapabilities.encode({ signingAlgorithms: [...signingAlgorithms] });
    contexts.push({ contextType: NegotiateContextType.SIGNING_CAPABILITIES, data });
  }
  return offer.contexts?.(contexts) ?? contexts;
}

/** What NEGOTIATE settled. */
export interface ClientNegotiated {
  readonly dialect: number;
  /** CipherId, where the connection can encrypt. */
  readonly cipher: number | undefined;
  /** SigningAlgorithmId, where one was negotiated. */
  readonly signingAlgorithm: number | undefined;
  readonly request: NegotiateRequest;
  readonly response: Infer<typeof NegotiateResponse>;
}

/** Reads the server's choice. */
export function negotiatedOf(request: NegotiateRequest, response: NegotiateResponse): ClientNegotiated {
  const dialect = response.dialectRevision;
  const contexts = new Map((response.negotiateContexts ?? []).map((row) => [row.contextType, row.data]));
  const encryption = contexts.get(NegotiateContextType.ENCRYPTION_CAPABILITIES);
  const signing = contexts.get(NegotiateContextType.SIGNING_CAPABILITIES);
  // [MS-SMB2] 3.2.5.2: a server that supports none of the ciphers answers 0.
  const chosen = encryption === undefined ? 0 : EncryptionCapabilities.decode(encryption).ciphers[0];
  const is30 = dialect === DialectRevision.SMB_3_0 || dialect === DialectRevision.SMB_3_0_2;
  const has30 = is30 && (response.capabilities & Capability.ENCRYPTION) !== 0;
  const cipher = has30 ? Cipher.AES_128_CCM : chosen;
  return {
    dialect,
    cipher: cipher === 0 ? undefined : cipher,
    signingAlgorithm:
      signing === undefined ? undefined : SigningCapabilities.decode(signing).signingAlgorithms[0],
    request,
    response,
  };
}
