/**
 * The two messages of SPNEGO. RFC 4178 4.2, [MS-SPNG] 2.2.1
 */
import { WireError } from '../../wire/codec.ts';
import { contextTag, DerReader, der, derOid, only, Tag } from './der.ts';

const SPNEGO_OID = derOid('1.3.6.1.5.5.2');
/** Mechanisms a client may list. */
const MECH_TYPE_COUNT_MAX = 64;
/** [MS-SPNG] 2.2.1 */
const HINT_NAME = 'not_defined_in_RFC4178@please_ignore';

/** negState. RFC 4178 4.2.2 */
export const NegState = Object.freeze({
  ACCEPT_COMPLETED: 0,
  ACCEPT_INCOMPLETE: 1,
  REJECT: 2,
  REQUEST_MIC: 3,
});
export type NegState = (typeof NegState)[keyof typeof NegState];

/** The client's first message. RFC 4178 4.2.1 */
export interface NegTokenInit {
  readonly kind: 'init';
  /** The mechanisms in the client's order, each as a whole OBJECT IDENTIFIER element. */
  readonly mechTypes: readonly Buffer[];
  /** The bytes of the list itself, which mechListMIC covers. */
  readonly mechTypeList: Buffer;
  readonly mechToken: Buffer | undefined;
}

/** Every further message, in both directions. RFC 4178 4.2.2 */
export interface NegTokenResp {
  readonly kind: 'resp';
  readonly negState?: number | undefined;
  /** A whole OBJECT IDENTIFIER element. */
  readonly supportedMech?: Buffer | undefined;
  readonly responseToken?: Buffer | undefined;
  readonly mechListMic?: Buffer | undefined;
}

/** Decodes either message. Throws WireError for anything else. */
export function decodeNegotiationToken(token: Buffer): NegTokenInit | NegTokenResp {
  const outer = new DerReader(token).next();
  if (outer.tag === contextTag(1)) return decodeResp(outer.content);
  if (outer.tag !== Tag.APPLICATION_0) throw new WireError('SPNEGO: neither NegTokenInit nor NegTokenResp');
  // RFC 2743 3.1: the first message carries the mechanism's own identifier.
  const reader = new DerReader(outer.content);
  if (!reader.expect(Tag.OBJECT_IDENTIFIER).whole.equals(SPNEGO_OID))
    throw new WireError('SPNEGO: identifier');
  return decodeInit(reader.expect(contextTag(0)).content);
}

function decodeInit(bytes: Buffer): NegTokenInit {
  const fields = fieldsOf(bytes);
  const list = fields.get(0);
  if (list === undefined) throw new WireError('SPNEGO: no mechTypes');
  const { content, whole } = only(list, Tag.SEQUENCE);
  const reader = new DerReader(content);
  const mechTypes: Buffer[] = [];
  while (!reader.isAtEnd) {
    if (mechTypes.length === MECH_TYPE_COUNT_MAX) throw new WireError('SPNEGO: too many mechTypes');
    mechTypes.push(reader.expect(Tag.OBJECT_IDENTIFIER).whole);
  }
  return { kind: 'init', mechTypes, mechTypeList: whole, mechToken: octets(fields.get(2)) };
}

function decodeResp(bytes: Buffer): NegTokenResp {
  const fields = fieldsOf(bytes);
  const state = fields.get(0);
  const mech = fields.get(1);
  return {
    kind: 'resp',
    negState: state === undefined ? undefined : only(state, Tag.ENUMERATED).content[0],
    supportedMech: mech === undefined ? undefined : only(mech, Tag.OBJECT_IDENTIFIER).whole,
    responseToken: octets(fields.get(2)),
    mechListMic: octets(fields.get(3)),
  };
}

/** The context-specific fields of a SEQUENCE, by number; each may occur once. */
function fieldsOf(bytes: Buffer): ReadonlyMap<number, Buffer> {
  const reader = new DerReader(only(bytes, Tag.SEQUENCE).content);
  const fields = new Map<number, Buffer>();
  while (!reader.isAtEnd) {
    const { tag, content } = reader.next();
    const number = tag & 0x1f;
    if (tag !== contextTag(number) || fields.has(number)) throw new WireError('SPNEGO: unexpected field');
    fields.set(number, content);
  }
  return fields;
}

function octets(field: Buffer | undefined): Buffer | undefined {
  return field === undefined ? undefined : only(field, Tag.OCTET_STRING).content;
}

/** Encodes the list of mechanisms, each a whole OBJECT IDENTIFIER element: what mechListMIC covers. */
export function encodeMechTypeList(mechTypes: readonly Buffer[]): Buffer {
  return der(Tag.SEQUENCE, ...mechTypes);
}

/** Encodes the client's first message. */
export function encodeNegTokenInit(mechTypes: readonly Buffer[], mechToken?: Buffer): Buffer {
  const fields = [der(contextTag(0), encodeMechTypeList(mechTypes))];
  if (mechToken !== undefined) fields.push(der(contextTag(2), der(Tag.OCTET_STRING, mechToken)));
  return wrapInit(fields);
}

/** Encodes the server's message that nobody asked for: what it can do, in the NEGOTIATE response. [MS-SPNG] 3.2.5.2 */
export function encodeNegTokenInit2(mechTypes: readonly Buffer[]): Buffer {
  const hintName = der(contextTag(0), der(Tag.GENERAL_STRING, Buffer.from(HINT_NAME, 'latin1')));
  return wrapInit([
    der(contextTag(0), encodeMechTypeList(mechTypes)),
    der(contextTag(3), der(Tag.SEQUENCE, hintName)),
  ]);
}

function wrapInit(fields: readonly Buffer[]): Buffer {
  return der(Tag.APPLICATION_0, SPNEGO_OID, der(contextTag(0), der(Tag.SEQUENCE, ...fields)));
}

/** Encodes every further message. */
export function encodeNegTokenResp(message: Omit<NegTokenResp, 'kind'>): Buffer {
  const { negState, supportedMech, responseToken, mechListMic } = message;
  const fields: Buffer[] = [];
  if (negState !== undefined) fields.push(der(contextTag(0), der(Tag.ENUMERATED, Buffer.from([negState]))));
  if (supportedMech !== undefined) fields.push(der(contextTag(1), supportedMech));
  if (responseToken !== undefined) fields.push(der(contextTag(2), der(Tag.OCTET_STRING, responseToken)));
  if (mechListMic !== undefined) fields.push(der(contextTag(3), der(Tag.OCTET_STRING, mechListMic)));
  return der(contextTag(1), der(Tag.SEQUENCE, ...fields));
}
