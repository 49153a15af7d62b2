/**
 * Protocol data units of connection-oriented remote calls. [C706] 12.6.4, [MS-RPCE] 2.2.2
 */
import { GuidCodec } from '../wire/dtyp/guid.ts';
import {
  constant,
  countOf,
  type Infer,
  latin1,
  lengthOf,
  list,
  nested,
  reserved,
  rest,
  struct,
  u8,
  u16,
  u32,
} from '../wire/struct.ts';

/** PTYPE. [C706] 12.6.4.1 */
export const PduType = Object.freeze({
  REQUEST: 0,
  RESPONSE: 2,
  FAULT: 3,
  BIND: 11,
  BIND_ACK: 12,
  BIND_NAK: 13,
  ALTER_CONTEXT: 14,
  ALTER_CONTEXT_RESPONSE: 15,
  AUTH3: 16,
  SHUTDOWN: 17,
  CO_CANCEL: 18,
  ORPHANED: 19,
});

/** PFC flags. [C706] 12.6.3.1 */
export const PduFlag = Object.freeze({
  FIRST_FRAG: 0x01,
  LAST_FRAG: 0x02,
  PENDING_CANCEL: 0x04,
  CONC_MPX: 0x10,
  DID_NOT_EXECUTE: 0x20,
  MAYBE: 0x40,
  OBJECT_UUID: 0x80,
});

/** Little-endian integers, ASCII, IEEE floats: the one data representation spoken. [C706] 14.1 */
export const littleEndian = 0x0000_0010;

/** Common fields of every PDU. [C706] 12.6.3.1 */
export const PduHeader = struct('RpcPduHeader', {
  rpcVersion: constant(u8, 5),
  rpcVersionMinor: u8,
  packetType: u8,
  flags: u8,
  dataRepresentation: u32,
  fragLength: u16,
  authLength: u16,
  callId: u32,
});
export type PduHeader = Infer<typeof PduHeader>;

/** Bytes of {@link PduHeader}. */
export const pduHeaderBytes = 16;

/** p_syntax_id_t: an interface or a transfer syntax; the version is major in the low half. [C706] 12.6.3.1 */
export const SyntaxId = struct('RpcSyntaxId', { uuid: GuidCodec, versionMajor: u16, versionMinor: u16 });
export type SyntaxId = Infer<typeof SyntaxId>;

/** p_cont_elem_t. [C706] 12.6.3.1 */
export const PresentationContext = struct('RpcPresentationContext', {
  contextId: u16,
  transferSyntaxCount: countOf(u8, 'transferSyntaxes'),
  reserved: reserved(1),
  abstractSyntax: SyntaxId,
  transferSyntaxes: list(SyntaxId),
});
export type PresentationContext = Infer<typeof PresentationContext>;

/** Body of bind and alter_context. [C706] 12.6.4.3, 12.6.4.1 */
export const BindBody = struct('RpcBind', {
  maxXmitFrag: u16,
  maxRecvFrag: u16,
  assocGroupId: u32,
  contextCount: countOf(u8, 'contexts'),
  reserved: reserved(3),
  contexts: list(PresentationContext),
});
export type BindBody = Infer<typeof BindBody>;

/** p_cont_def_result_t. [C706] 12.6.3.1, [MS-RPCE] 2.2.2.4 */
export const ContextResult = Object.freeze({
  ACCEPTANCE: 0,
  USER_REJECTION: 1,
  PROVIDER_REJECTION: 2,
  NEGOTIATE_ACK: 3,
});

/** p_provider_reason_t. [C706] 12.6.3.1 */
export const RejectionReason = Object.freeze({
  NOT_SPECIFIED: 0,
  ABSTRACT_SYNTAX_NOT_SUPPORTED: 1,
  PROPOSED_TRANSFER_SYNTAXES_NOT_SUPPORTED: 2,
  LOCAL_LIMIT_EXCEEDED: 3,
});

/** p_result_t. [C706] 12.6.3.1 */
export const PresentationResult = struct('RpcPresentationResult', {
  result: u16,
  reason: u16,
  transferSyntax: SyntaxId,
});
export type PresentationResult = Infer<typeof PresentationResult>;

/** p_result_list_t. [C706] 12.6.3.1 */
export const PresentationResultList = struct('RpcPresentationResultList', {
  count: countOf(u8, 'results'),
  reserved: reserved(3),
  results: list(PresentationResult),
});

/** Body of bind_ack and alter_context_resp; the secondary address ends with NUL. [C706] 12.6.4.4 */
export const BindAckBody = struct('RpcBindAck', {
  maxXmitFrag: u16,
  maxRecvFrag: u16,
  assocGroupId: u32,
  secondaryAddressLength: lengthOf(u16, 'secondaryAddress'),
  secondaryAddress: latin1(),
  resultList: nested(PresentationResultList, { align: 4 }),
});
export type BindAckBody = Infer<typeof BindAckBody>;

/** provider_reject_reason. [C706] 12.6.3.1, [MS-RPCE] 2.2.2.5 */
export const BindRejectReason = Object.freeze({
  NOT_SPECIFIED: 0,
  PROTOCOL_VERSION_NOT_SUPPORTED: 4,
  AUTHENTICATION_TYPE_NOT_RECOGNIZED: 8,
});

const RpcVersion = struct('RpcVersion', { major: u8, minor: u8 });

/** Body of bind_nak. [C706] 12.6.4.5 */
export const BindNakBody = struct('RpcBindNak', {
  rejectReason: u16,
  versionCount: countOf(u8, 'versions'),
  versions: list(RpcVersion),
});
export type BindNakBody = Infer<typeof BindNakBody>;

/** Body of request; an object UUID, where the flag announces one, is the first 16 bytes of the stub. [C706] 12.6.4.9 */
export const RequestBody = struct('RpcRequest', { allocHint: u32, contextId: u16, opnum: u16, stub: rest() });
export type RequestBody = Infer<typeof RequestBody>;

/** Body of response. [C706] 12.6.4.10 */
export const ResponseBody = struct('RpcResponse', {
  allocHint: u32,
  contextId: u16,
  cancelCount: u8,
  reserved: reserved(1),
  stub: rest(),
});
export type ResponseBody = Infer<typeof ResponseBody>;

/** Body of fault. [C706] 12.6.4.7 */
export const FaultBody = struct('RpcFault', {
  allocHint: u32,
  contextId: u16,
  cancelCount: u8,
  reserved: reserved(1),
  status: u32,
  reserved2: reserved(4),
});
export type FaultBody = Infer<typeof FaultBody>;

/** Transfer syntaxes. [MS-RPCE] 2.2.4.12, 2.2.5.1, 3.3.1.5.3 */
export const TransferSyntax = Object.freeze({
  NDR20: { uuid: '8a885d04-1ceb-11c9-9fe8-08002b104860', versionMajor: 2, versionMinor: 0 },
  NDR64: { uuid: '71710533-beba-4937-8319-b5dbef9ccc36', versionMajor: 1, versionMinor: 0 },
});

/** How the UUID of a bind-time feature negotiation begins; the rest are feature bits. [MS-RPCE] 3.3.1.5.3 */
export const bindTimeFeaturePrefix = '6cb71c2c-9812-4540-';

/** A whole PDU of `packetType` around an encoded body. */
export function pdu(fields: { packetType: number; flags: number; callId: number }, body: Buffer): Buffer {
  const header = PduHeader.encode({
    ...fields,
    rpcVersionMinor: 0,
    dataRepresentation: littleEndian,
    fragLength: pduHeaderBytes + body.length,
    authLength: 0,
  });
  return Buffer.concat([header, body]);
}
