/**
 * Negotiate contexts of SMB 3.1.1. [MS-SMB2] 2.2.3.1, 2.2.4.1
 */
import { GuidCodec } from '../dtyp/guid.ts';
import {
  as,
  blob,
  countOf,
  type Infer,
  lengthOf,
  list,
  reserved,
  struct,
  u16,
  u32,
  utf16,
} from '../struct.ts';
import type { CompressionAlgorithm } from './transform.ts';

/** ContextType. [MS-SMB2] 2.2.3.1 */
export const NegotiateContextType = Object.freeze({
  PREAUTH_INTEGRITY_CAPABILITIES: 0x0001,
  ENCRYPTION_CAPABILITIES: 0x0002,
  COMPRESSION_CAPABILITIES: 0x0003,
  NETNAME_NEGOTIATE_CONTEXT_ID: 0x0005,
  TRANSPORT_CAPABILITIES: 0x0006,
  RDMA_TRANSFORM_CAPABILITIES: 0x0007,
  SIGNING_CAPABILITIES: 0x0008,
  CONTEXTTYPE_RESERVED: 0x0100,
  /** The POSIX extensions use the number that the document reserves. */
  POSIX_EXTENSIONS: 0x0100,
});

/** SMB2 NEGOTIATE_CONTEXT; `data` is decoded by the structure of its type. [MS-SMB2] 2.2.3.1 */
export const NegotiateContext = struct('NegotiateContext', {
  contextType: u16,
  dataLength: lengthOf(u16, 'data'),
  reserved: reserved(4),
  data: blob(),
});
export type NegotiateContext = Infer<typeof NegotiateContext>;

/** HashAlgorithms. [MS-SMB2] 2.2.3.1.1 */
export const HashAlgorithm = Object.freeze({ SHA_512: 0x0001 });

/** SMB2_PREAUTH_INTEGRITY_CAPABILITIES. [MS-SMB2] 2.2.3.1.1 */
export const PreauthIntegrityCapabilities = struct('PreauthIntegrityCapabilities', {
  hashAlgorithmCount: countOf(u16, 'hashAlgorithms'),
  saltLength: lengthOf(u16, 'salt'),
  hashAlgorithms: list(u16),
  salt: blob(),
});
export type PreauthIntegrityCapabilities = Infer<typeof PreauthIntegrityCapabilities>;

/** Ciphers. [MS-SMB2] 2.2.3.1.2 */
export const Cipher = Object.freeze({
  AES_128_CCM: 0x0001,
  AES_128_GCM: 0x0002,
  AES_256_CCM: 0x0003,
  AES_256_GCM: 0x0004,
});

/** SMB2_ENCRYPTION_CAPABILITIES. [MS-SMB2] 2.2.3.1.2 */
export const EncryptionCapabilities = struct('EncryptionCapabilities', {
  cipherCount: countOf(u16, 'ciphers'),
  ciphers: list(u16),
});
export type EncryptionCapabilities = Infer<typeof EncryptionCapabilities>;

/** SMB2_COMPRESSION_CAPABILITIES. [MS-SMB2] 2.2.3.1.3 */
export const CompressionCapabilities = struct('CompressionCapabilities', {
  compressionAlgorithmCount: countOf(u16, 'compressionAlgorithms'),
  padding: reserved(2),
  flags: u32,
  compressionAlgorithms: list(as<CompressionAlgorithm>(u16)),
});
export type CompressionCapabilities = Infer<typeof CompressionCapabilities>;

/** SMB2_NETNAME_NEGOTIATE_CONTEXT_ID. [MS-SMB2] 2.2.3.1.4 */
export const NetnameNegotiateContext = struct('NetnameNegotiateContext', { netName: utf16() });
export type NetnameNegotiateContext = Infer<typeof NetnameNegotiateContext>;

/** Flags of the transport capabilities. [MS-SMB2] 2.2.3.1.5 */
export const TransportFlags = Object.freeze({ ACCEPT_TRANSPORT_LEVEL_SECURITY: 0x0000_0001 });

/** SMB2_TRANSPORT_CAPABILITIES. [MS-SMB2] 2.2.3.1.5 */
export const TransportCapabilities = struct('TransportCapabilities', { flags: u32 });
export type TransportCapabilities = Infer<typeof TransportCapabilities>;

/** RDMATransformIds. [MS-SMB2] 2.2.3.1.6 */
export const RdmaTransform = Object.freeze({ NONE: 0x0000, ENCRYPTION: 0x0001, SIGNING: 0x0002 });

/** SMB2_RDMA_TRANSFORM_CAPABILITIES. [MS-SMB2] 2.2.3.1.6 */
export const RdmaTransformCapabilities = struct('RdmaTransformCapabilities', {
  transformCount: countOf(u16, 'rdmaTransformIds'),
  reserved1: reserved(2),
  reserved2: reserved(4),
  rdmaTransformIds: list(u16),
});
export type RdmaTransformCapabilities = Infer<typeof RdmaTransformCapabilities>;

/** SigningAlgorithms. [MS-SMB2] 2.2.3.1.7 */
export const SigningAlgorithm = Object.freeze({ HMAC_SHA256: 0x0000, AES_CMAC: 0x0001, AES_GMAC: 0x0002 });

/** SMB2_SIGNING_CAPABILITIES. [MS-SMB2] 2.2.3.1.7 */
export const SigningCapabilities = struct('SigningCapabilities', {
  signingAlgorithmCount: countOf(u16, 'signingAlgorithms'),
  signingAlgorithms: list(u16),
});
export type SigningCapabilities = Infer<typeof SigningCapabilities>;

/** The tag that the POSIX extensions negotiate with; also the name of their create context. [POSIX-FSA], reserved by [MS-SMB2] 2.2.3.1 */
export const POSIX_EXTENSIONS_TAG = '5025ad93-b49c-e711-b423-83de968bcd7c';

/** SMB2_POSIX_EXTENSIONS_AVAILABLE, under the type that [MS-SMB2] 2.2.3.1 reserves. */
export const PosixExtensions = struct('PosixExtensions', { tag: GuidCodec });
export type PosixExtensions = Infer<typeof PosixExtensions>;
