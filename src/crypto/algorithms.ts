/**
 * What can be negotiated for signing and encryption, and what each dialect uses.
 */
import { present } from '../base/assert.ts';

/** SigningAlgorithms of SMB2_SIGNING_CAPABILITIES. [MS-SMB2] 2.2.3.1.7 */
export const SigningAlgorithm = Object.freeze({ HMAC_SHA256: 0, AES_CMAC: 1, AES_GMAC: 2 });
export type SigningAlgorithm = (typeof SigningAlgorithm)[keyof typeof SigningAlgorithm];

/** Ciphers of SMB2_ENCRYPTION_CAPABILITIES. [MS-SMB2] 2.2.3.1.2 */
export const Cipher = Object.freeze({ AES_128_CCM: 1, AES_128_GCM: 2, AES_256_CCM: 3, AES_256_GCM: 4 });
export type Cipher = (typeof Cipher)[keyof typeof Cipher];

/** Bytes of every signature and authentication tag. */
export const TAG_BYTES = 16;

/** Bytes of every signing key and of the application key. */
export const SIGNING_KEY_BYTES = 16;

/** A row of the table of signing algorithms. */
export interface SigningParameters {
  readonly id: SigningAlgorithm;
  readonly name: string;
  /** Bytes of the nonce; 0 for algorithms without one. */
  readonly nonceBytes: number;
}

/** A row of the table of ciphers. */
export interface CipherParameters {
  readonly id: Cipher;
  readonly name: string;
  readonly mode: 'ccm' | 'gcm';
  readonly opensslName: 'aes-128-ccm' | 'aes-128-gcm' | 'aes-256-ccm' | 'aes-256-gcm';
  readonly keyBytes: number;
  /** Bytes of the transform header's Nonce that the cipher uses. [MS-SMB2] 2.2.41 */
  readonly nonceBytes: number;
}

/** By SigningAlgorithmId. */
export const signingParameters: ReadonlyMap<number, SigningParameters> = new Map([
  [SigningAlgorithm.HMAC_SHA256, { id: SigningAlgorithm.HMAC_SHA256, name: 'HMAC-SHA256', nonceBytes: 0 }],
  [SigningAlgorithm.AES_CMAC, { id: SigningAlgorithm.AES_CMAC, name: 'AES-CMAC', nonceBytes: 0 }],
  [SigningAlgorithm.AES_GMAC, { id: SigningAlgorithm.AES_GMAC, name: 'AES-GMAC', nonceBytes: 12 }],
]);

const ciphers: readonly CipherParameters[] = [
  {
    id: Cipher.AES_128_CCM,
    name: 'AES-128-CCM',
    mode: 'ccm',
    opensslName: 'aes-128-ccm',
    keyBytes: 16,
    nonceBytes: 11,
  },
  {
    id: Cipher.AES_128_GCM,
    name: 'AES-128-GCM',
    mode: 'gcm',
    opensslName: 'aes-128-gcm',
    keyBytes: 16,
    nonceBytes: 12,
  },
  {
    id: Cipher.AES_256_CCM,
    name: 'AES-256-CCM',
    mode: 'ccm',
    opensslName: 'aes-256-ccm',
    keyBytes: 32,
    nonceBytes: 11,
  },
  {
    id: Cipher.AES_256_GCM,
    name: 'AES-256-GCM',
    mode: 'gcm',
    opensslName: 'aes-256-gcm',
    keyBytes: 32,
    nonceBytes: 12,
  },
];

/** By CipherId. */
export const cipherParameters: ReadonlyMap<number, CipherParameters> = new Map(
  ciphers.map((row) => [row.id, row]),
);

/** The row of `cipher`, a CipherId. */
export function parametersOf(cipher: number): CipherParameters {
  return present(cipherParameters.get(cipher), `cipher ${cipher}`);
}

/** DialectRevision. [MS-SMB2] 2.2.4 */
export const Dialect = Object.freeze({
  SMB_2_0_2: 0x0202,
  SMB_2_1: 0x0210,
  SMB_3_0: 0x0300,
  SMB_3_0_2: 0x0302,
  SMB_3_1_1: 0x0311,
});
export type Dialect = (typeof Dialect)[keyof typeof Dialect];

/** How the keys of a session are made. */
export type KeyScheme = 'session-key' | 'fixed-labels' | 'preauth-labels';

/** A row of the table of dialects. */
export interface DialectCrypto {
  /** Where the keys come from. [MS-SMB2] 3.3.5.5.3 */
  readonly keys: KeyScheme;
  /** The signing algorithm of connections that negotiated none. [MS-SMB2] 3.1.4.1 */
  readonly signing: SigningAlgorithm;
  /** Whether SMB2_SIGNING_CAPABILITIES may change it. */
  readonly negotiatesSigning: boolean;
  /** The ciphers that a connection of this dialect may use. */
  readonly ciphers: readonly number[];
}

const smb2: DialectCrypto = {
  keys: 'session-key',
  signing: SigningAlgorithm.HMAC_SHA256,
  negotiatesSigning: false,
  ciphers: [],
};
const smb30: DialectCrypto = {
  keys: 'fixed-labels',
  signing: SigningAlgorithm.AES_CMAC,
  negotiatesSigning: false,
  ciphers: [Cipher.AES_128_CCM],
};
const smb311: DialectCrypto = {
  keys: 'preauth-labels',
  signing: SigningAlgorithm.AES_CMAC,
  negotiatesSigning: true,
  ciphers: Object.values(Cipher),
};

const dialects: ReadonlyMap<number, DialectCrypto> = new Map([
  [Dialect.SMB_2_0_2, smb2],
  [Dialect.SMB_2_1, smb2],
  [Dialect.SMB_3_0, smb30],
  [Dialect.SMB_3_0_2, smb30],
  [Dialect.SMB_3_1_1, smb311],
]);

/** The row of `dialect`, a DialectRevision. */
export function dialectCryptoOf(dialect: number): DialectCrypto {
  return present(dialects.get(dialect), `dialect 0x${dialect.toString(16)}`);
}

/**
 * The algorithm that a connection of `dialect` signs with; `negotiated` is the SigningAlgorithmId of its SIGNING_CAPABILITIES
 * response, if there was one: it counts for 3.1.1 only. HMAC-SHA256 has the number 0, so only `undefined` means "none".
 */
export function signingAlgorithmOf(dialect: number, negotiated?: number): SigningAlgorithm {
  const row = dialectCryptoOf(dialect);
  if (!row.negotiatesSigning || negotiated === undefined) return row.signing;
  return present(signingParameters.get(negotiated), `signing algorithm ${negotiated}`).id;
}
