/**
 * The body of a response that failed. [MS-SMB2] 2.2.2
 */
import {
  blob,
  bytes,
  constant,
  countOf,
  type Infer,
  lengthOf,
  list,
  offsetOf,
  reserved,
  size,
  struct,
  totalSize,
  u8,
  u16,
  u32,
  utf16,
} from '../struct.ts';

/** SMB2 ERROR Response: at least one byte of data, a zero where there is none. [MS-SMB2] 2.2.2 */
export const ErrorResponse = struct(
  'ErrorResponse',
  {
    structureSize: size(9),
    /** Contexts in `errorData`, in SMB 3.1.1; see {@link ErrorContexts}. */
    errorContextCount: u8,
    reserved: reserved(1),
    byteCount: lengthOf(u32, 'errorData'),
    errorData: blob(),
  },
  { minimum: 9 },
);
export type ErrorResponse = Infer<typeof ErrorResponse>;

/** ErrorId. [MS-SMB2] 2.2.2.1 */
export const ErrorId = Object.freeze({ DEFAULT: 0x0000_0000, SHARE_REDIRECT: 0x7264_5253 });

/** SMB2 ERROR Context. [MS-SMB2] 2.2.2.1 */
export const ErrorContext = struct('ErrorContext', {
  errorDataLength: lengthOf(u32, 'errorContextData'),
  errorId: u32,
  errorContextData: blob(),
});
export type ErrorContext = Infer<typeof ErrorContext>;

/** ErrorData of SMB 3.1.1. [MS-SMB2] 2.2.2.1 */
export const ErrorContexts = struct('ErrorContexts', { contexts: list(ErrorContext, { elementAlign: 8 }) });
export type ErrorContexts = Infer<typeof ErrorContexts>;

/** Where PathBuffer lies in a symbolic link error. [MS-SMB2] 2.2.2.2.1 */
const PATH_BUFFER_START = 28;

/** Flags of a symbolic link error. [MS-SMB2] 2.2.2.2.1 */
export const SymlinkFlags = Object.freeze({ ABSOLUTE: 0x0000_0000, RELATIVE: 0x0000_0001 });

/** Symbolic Link Error Response, ErrorData of STATUS_STOPPED_ON_SYMLINK. [MS-SMB2] 2.2.2.2.1 */
export const SymbolicLinkErrorResponse = struct('SymbolicLinkErrorResponse', {
  symLinkLength: totalSize(u32, 4),
  symLinkErrorTag: constant(u32, 0x4c4d_5953),
  reparseTag: constant(u32, 0xa000_000c),
  reparseDataLength: totalSize(u16, 16),
  /** Bytes of the path that were not resolved. */
  unparsedPathLength: u16,
  substituteNameOffset: offsetOf(u16, 'substituteName', PATH_BUFFER_START),
  substituteNameLength: lengthOf(u16, 'substituteName'),
  printNameOffset: offsetOf(u16, 'printName', PATH_BUFFER_START),
  printNameLength: lengthOf(u16, 'printName'),
  flags: u32,
  substituteName: utf16(),
  printName: utf16(),
});
export type SymbolicLinkErrorResponse = Infer<typeof SymbolicLinkErrorResponse>;

/** Type of an address in a share redirect. [MS-SMB2] 2.2.2.2.2.1 */
export const MoveAddressType = Object.freeze({ V4: 1, V6: 2 });

/** MOVE_DST_IPADDR: an IPv6 address, or an IPv4 address followed by zeros. [MS-SMB2] 2.2.2.2.2.1 */
export const MoveAddress = struct('MoveAddress', { type: u32, reserved: reserved(4), address: bytes(16) });
export type MoveAddress = Infer<typeof MoveAddress>;

/** Share Redirect Error Context Response. [MS-SMB2] 2.2.2.2.2 */
export const ShareRedirectErrorResponse = struct('ShareRedirectErrorResponse', {
  structureSize: size(48, u32),
  notificationType: constant(u32, 3),
  resourceNameOffset: offsetOf(u32, 'resourceName'),
  resourceNameLength: lengthOf(u32, 'resourceName'),
  reserved: reserved(2),
  targetType: constant(u16, 0),
  ipAddrCount: countOf(u32, 'ipAddrMoveList'),
  ipAddrMoveList: list(MoveAddress),
  resourceName: utf16(),
});
export type ShareRedirectErrorResponse = Infer<typeof ShareRedirectErrorResponse>;

/** ErrorData of STATUS_BUFFER_TOO_SMALL: how many bytes would have done. [MS-SMB2] 2.2.2.2 */
export const RequiredBufferSize = struct('RequiredBufferSize', { requiredBytes: u32 });
export type RequiredBufferSize = Infer<typeof RequiredBufferSize>;
