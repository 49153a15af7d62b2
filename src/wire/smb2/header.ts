/**
 * The header of every SMB2 message. [MS-SMB2] 2.2.1
 */
import type { Codec } from '../codec.ts';
import { register } from '../registry.ts';
import type { FixedCodec } from '../schema.ts';
import { as, bytes, constant, id64, reserved, size, struct, u16, u32 } from '../struct.ts';

/** Bytes of the header. */
export const HEADER_BYTES = 64;

/** ProtocolId: 0xFE 'S' 'M' 'B' as a little-endian number. [MS-SMB2] 2.2.1 */
export const PROTOCOL_ID = 0x424d_53fe;

/** MessageId of unsolicited messages: all ones. [MS-SMB2] 2.2.1 */
export const UNSOLICITED_MESSAGE_ID = -1;

/** Command codes. [MS-SMB2] 2.2.1.2 */
export const Command = Object.freeze({
  NEGOTIATE: 0x0000,
  SESSION_SETUP: 0x0001,
  LOGOFF: 0x0002,
  TREE_CONNECT: 0x0003,
  TREE_DISCONNECT: 0x0004,
  CREATE: 0x0005,
  CLOSE: 0x0006,
  FLUSH: 0x0007,
  READ: 0x0008,
  WRITE: 0x0009,
  LOCK: 0x000a,
  IOCTL: 0x000b,
  CANCEL: 0x000c,
  ECHO: 0x000d,
  QUERY_DIRECTORY: 0x000e,
  CHANGE_NOTIFY: 0x000f,
  QUERY_INFO: 0x0010,
  SET_INFO: 0x0011,
  OPLOCK_BREAK: 0x0012,
  SERVER_TO_CLIENT_NOTIFICATION: 0x0013,
});
export type Command = (typeof Command)[keyof typeof Command];

/** Flags of the header. [MS-SMB2] 2.2.1.2 */
export const HeaderFlags = Object.freeze({
  SERVER_TO_REDIR: 0x0000_0001,
  ASYNC_COMMAND: 0x0000_0002,
  RELATED_OPERATIONS: 0x0000_0004,
  SIGNED: 0x0000_0008,
  PRIORITY_MASK: 0x0000_0070,
  DFS_OPERATIONS: 0x1000_0000,
  REPLAY_OPERATION: 0x2000_0000,
});

/** The signature in the header of `message`. [MS-SMB2] 2.2.1 */
export function signatureIn(message: Buffer): Buffer {
  return message.subarray(48, HEADER_BYTES);
}

/** Signature of a message that is not signed (yet). [MS-SMB2] 2.2.1 */
export const NO_SIGNATURE = Buffer.alloc(16);

const sampleSignature = Buffer.alloc(16, 0xa5);

const beginning = { protocolId: constant(u32, PROTOCOL_ID), structureSize: size(64), creditCharge: u16 };
const ofRequest = { channelSequence: u16, reserved: reserved(2) };
const ofResponse = { status: u32 };
const middle = { command: as<Command>(u16), credits: u16, flags: u32, nextCommand: u32, messageId: id64 };
const ofSync = { reservedProcessId: reserved(4), treeId: u32 };
const ofAsync = { asyncId: id64 };
const ending = { sessionId: id64, signature: bytes(16) };

/** SMB2 Packet Header - SYNC, in a request. [MS-SMB2] 2.2.1.2 */
export const RequestHeaderSync = struct('RequestHeaderSync', {
  ...beginning,
  ...ofRequest,
  ...middle,
  ...ofSync,
  ...ending,
});
/** SMB2 Packet Header - ASYNC, in a request: only CANCEL has it. [MS-SMB2] 2.2.1.1 */
export const RequestHeaderAsync = struct('RequestHeaderAsync', {
  ...beginning,
  ...ofRequest,
  ...middle,
  ...ofAsync,
  ...ending,
});
/** A signature is verified where it stands: a view of it would be made for every request. */
const unreadEnding = { sessionId: id64, signature: reserved(16) };
/** {@link RequestHeaderSync} without its signature. [MS-SMB2] 2.2.1.2 */
const RequestHeadSync = struct('RequestHeadSync', {
  ...beginning,
  ...ofRequest,
  ...middle,
  ...ofSync,
  ...unreadEnding,
});
/** {@link RequestHeaderAsync} without its signature. [MS-SMB2] 2.2.1.1 */
const RequestHeadAsync = struct('RequestHeadAsync', {
  ...beginning,
  ...ofRequest,
  ...middle,
  ...ofAsync,
  ...unreadEnding,
});
/** SMB2 Packet Header - SYNC, in a response. [MS-SMB2] 2.2.1.2 */
export const ResponseHeaderSync = struct('ResponseHeaderSync', {
  ...beginning,
  ...ofResponse,
  ...middle,
  ...ofSync,
  ...ending,
});
/** SMB2 Packet Header - ASYNC, in a response. [MS-SMB2] 2.2.1.1 */
export const ResponseHeaderAsync = struct('ResponseHeaderAsync', {
  ...beginning,
  ...ofResponse,
  ...middle,
  ...ofAsync,
  ...ending,
});

/** What both forms of both headers have. [MS-SMB2] 2.2.1 */
interface Common {
  readonly creditCharge: number;
  readonly command: Command;
  /** CreditRequest or CreditResponse. */
  readonly credits: number;
  /** {@link HeaderFlags} */
  readonly flags: number;
  readonly nextCommand: number;
  readonly messageId: number;
  readonly sessionId: number;
}
interface Signed {
  readonly signature: Buffer;
}
interface ById {
  /** 0 where there is an `asyncId`. */
  readonly treeId: number;
  /** In place of the `treeId` where the flags say ASYNC_COMMAND. */
  readonly asyncId?: number;
}

/** [MS-SMB2] 2.2.1 */
export interface RequestHead extends Common, ById {
  /** Without meaning before SMB 3.0. */
  readonly channelSequence: number;
}
/** [MS-SMB2] 2.2.1 */
export interface RequestHeader extends RequestHead, Signed {}
/** [MS-SMB2] 2.2.1 */
export interface ResponseHeader extends Common, ById, Signed {
  readonly status: number;
}

/** The header of a request, in either form. [MS-SMB2] 2.2.1 */
export const RequestHeader = register(
  eitherForm<Pick<RequestHeader, 'channelSequence' | 'signature'>>(
    'RequestHeader',
    RequestHeaderSync,
    RequestHeaderAsync,
  ),
  headerSamples({ channelSequence: 3, signature: sampleSignature }),
);
/** The header of a request without its signature, as the server reads it. [MS-SMB2] 2.2.1 */
export const RequestHead = register(
  eitherForm<Pick<RequestHead, 'channelSequence'>>('RequestHead', RequestHeadSync, RequestHeadAsync),
  headerSamples({ channelSequence: 3 }),
);
/** The header of a response, in either form. [MS-SMB2] 2.2.1 */
export const ResponseHeader = register(
  eitherForm<Pick<ResponseHeader, 'status' | 'signature'>>(
    'ResponseHeader',
    ResponseHeaderSync,
    ResponseHeaderAsync,
  ),
  headerSamples({ status: 0x0000_0103, signature: sampleSignature }),
);

/** Chooses by the ASYNC_COMMAND flag. */
function eitherForm<F extends object>(
  name: string,
  sync: Codec<F & Common & Pick<ById, 'treeId'>>,
  async: Codec<F & Common & Required<Pick<ById, 'asyncId'>>>,
): FixedCodec<F & Common & ById> {
  return {
    name,
    fixedBytes: HEADER_BYTES,
    decode(message, start = 0, end = message.length) {
      const isAsync = ((message[start + 16] ?? 0) & HeaderFlags.ASYNC_COMMAND) !== 0;
      return isAsync ? { ...async.decode(message, start, end), treeId: 0 } : sync.decode(message, start, end);
    },
    sizeOf: () => HEADER_BYTES,
    encodeInto(header, target, start) {
      if ((header.flags & HeaderFlags.ASYNC_COMMAND) === 0) return sync.encodeInto(header, target, start);
      return async.encodeInto({ ...header, asyncId: header.asyncId ?? 0 }, target, start);
    },
    encode(header) {
      const target = Buffer.allocUnsafe(HEADER_BYTES);
      this.encodeInto(header, target, 0);
      return target;
    },
  };
}

function headerSamples<F extends object>(first: F): readonly (F & Common & ById)[] {
  const common = {
    creditCharge: 1,
    command: Command.READ,
    credits: 31,
    nextCommand: 0,
    messageId: 7,
    sessionId: 0x1234,
  };
  const sync = {
    ...first,
    ...common,
    flags: HeaderFlags.SIGNED,
    treeId: 5,
  };
  const { ASYNC_COMMAND, SERVER_TO_REDIR } = HeaderFlags;
  const async = { ...sync, flags: ASYNC_COMMAND | SERVER_TO_REDIR, treeId: 0, asyncId: 99, messageId: -1 };
  return [sync, async];
}
