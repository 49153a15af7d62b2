/**
 * The headers of encrypted and of compressed messages. [MS-SMB2] 2.2.41, 2.2.42
 */
import {
  as,
  blob,
  bytes,
  constant,
  type Infer,
  id64,
  lengthOf,
  list,
  reserved,
  rest,
  struct,
  u8,
  u16,
  u32,
} from '../struct.ts';

/** Bytes of the header in front of an encrypted message. [MS-SMB2] 2.2.41 */
export const TRANSFORM_HEADER_BYTES = 52;

/** ProtocolId: 0xFD 'S' 'M' 'B' as a little-endian number. [MS-SMB2] 2.2.41 */
export const TRANSFORM_PROTOCOL_ID = 0x424d_53fd;

/** Where the part of the header begins that the cipher authenticates: at Nonce. [MS-SMB2] 3.1.4.3 */
export const TRANSFORM_AUTHENTICATED_START = 20;

/** Flags of SMB 3.1.1; in 3.0 and 3.0.2 the same field and value say AES-128-CCM. [MS-SMB2] 2.2.41 */
export const TransformFlags = Object.freeze({ ENCRYPTED: 0x0001 });

/** SMB2 TRANSFORM_HEADER. [MS-SMB2] 2.2.41 */
export const TransformHeader = struct('TransformHeader', {
  protocolId: constant(u32, TRANSFORM_PROTOCOL_ID),
  signature: bytes(16),
  nonce: bytes(16),
  originalMessageSize: u32,
  reserved: reserved(2),
  flags: u16,
  sessionId: id64,
});
export type TransformHeader = Infer<typeof TransformHeader>;

/** ProtocolId: 0xFC 'S' 'M' 'B' as a little-endian number. [MS-SMB2] 2.2.42 */
export const COMPRESSION_PROTOCOL_ID = 0x424d_53fc;

/** CompressionAlgorithm. [MS-SMB2] 2.2.3.1.3 */
export const CompressionAlgorithm = Object.freeze({
  NONE: 0x0000,
  LZNT1: 0x0001,
  LZ77: 0x0002,
  LZ77_HUFFMAN: 0x0003,
  PATTERN_V1: 0x0004,
  LZ4: 0x0005,
});
export type CompressionAlgorithm = (typeof CompressionAlgorithm)[keyof typeof CompressionAlgorithm];

/** Flags of compression headers and of the compression capabilities. [MS-SMB2] 2.2.42.1, 2.2.3.1.3 */
export const CompressionFlags = Object.freeze({ NONE: 0x0000, CHAINED: 0x0001 });

/** SMB2 COMPRESSION_TRANSFORM_HEADER_UNCHAINED and what follows it. [MS-SMB2] 2.2.42.1 */
export const CompressionTransformUnchained = struct('CompressionTransformUnchained', {
  protocolId: constant(u32, COMPRESSION_PROTOCOL_ID),
  originalCompressedSegmentSize: u32,
  compressionAlgorithm: as<CompressionAlgorithm>(u16),
  flags: u16,
  /** Bytes of `data` that are not compressed. */
  offset: u32,
  data: rest(),
});
export type CompressionTransformUnchained = Infer<typeof CompressionTransformUnchained>;

/**
 * SMB2 COMPRESSION_CHAINED_PAYLOAD_HEADER with its payload, which begins with OriginalPayloadSize where the algorithm is LZNT1,
 * LZ77, LZ77+Huffman or LZ4. [MS-SMB2] 2.2.42.2.1
 */
export const CompressionPayload = struct('CompressionPayload', {
  compressionAlgorithm: as<CompressionAlgorithm>(u16),
  flags: u16,
  length: lengthOf(u32, 'data'),
  data: blob(),
});
export type CompressionPayload = Infer<typeof CompressionPayload>;

/** SMB2 COMPRESSION_TRANSFORM_HEADER_CHAINED with its payloads. [MS-SMB2] 2.2.42.2 */
export const CompressionTransformChained = struct('CompressionTransformChained', {
  protocolId: constant(u32, COMPRESSION_PROTOCOL_ID),
  originalCompressedSegmentSize: u32,
  payloads: list(CompressionPayload),
});
export type CompressionTransformChained = Infer<typeof CompressionTransformChained>;

/** SMB2_COMPRESSION_PATTERN_PAYLOAD_V1. [MS-SMB2] 2.2.42.2.2 */
export const CompressionPatternV1 = struct('CompressionPatternV1', {
  pattern: u8,
  reserved1: reserved(1),
  reserved2: reserved(2),
  repetitions: u32,
});
export type CompressionPatternV1 = Infer<typeof CompressionPatternV1>;
