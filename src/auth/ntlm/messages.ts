/**
 * The three messages of NTLM. [MS-NLMP] 2.2.1
 *
 * The fixed part of each is declared; what the payload fields point at is taken out and put in here, since a payload may stand
 * anywhere behind the fixed part, and how long that is depends on the sender.
 */
import { EMPTY, utf16le } from '../../base/bytes.ts';
import { WireError } from '../../wire/codec.ts';
import { bytes, constant, type Infer, reserved, struct, u16, u32 } from '../../wire/struct.ts';
import { hasFlag, NtlmFlag } from './flags.ts';

const SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');
/** NEGOTIATE messages of old clients end behind the flags. */
const NEGOTIATE_MIN_BYTES = 16;
const CHALLENGE_BYTES = 56;
/** AUTHENTICATE without Version and MIC, and with both. */
const AUTHENTICATE_MIN_BYTES = 64;
const AUTHENTICATE_BYTES = 88;
const MIC = 72;

/** DomainNameFields and all its like. [MS-NLMP] 2.2.1.1 */
const PayloadFields = struct('NTLM payload fields', { length: u16, maxLength: u16, offset: u32 });
type PayloadFields = Infer<typeof PayloadFields>;

/** NEGOTIATE_MESSAGE as far as it matters. [MS-NLMP] 2.2.1.1 */
const NegotiateFixed = struct('NTLM NEGOTIATE_MESSAGE', {
  signature: bytes(8),
  messageType: constant(u32, 1),
  negotiateFlags: u32,
});

/** CHALLENGE_MESSAGE without its payload. [MS-NLMP] 2.2.1.2 */
const ChallengeFixed = struct('NTLM CHALLENGE_MESSAGE', {
  signature: bytes(8),
  messageType: constant(u32, 2),
  targetName: PayloadFields,
  negotiateFlags: u32,
  serverChallenge: bytes(8),
  reserved: reserved(8),
  targetInfo: PayloadFields,
  version: bytes(8),
});

/** AUTHENTICATE_MESSAGE up to its flags. [MS-NLMP] 2.2.1.3 */
const AuthenticateFixed = struct('NTLM AUTHENTICATE_MESSAGE', {
  signature: bytes(8),
  messageType: constant(u32, 3),
  lmChallengeResponse: PayloadFields,
  ntChallengeResponse: PayloadFields,
  domainName: PayloadFields,
  userName: PayloadFields,
  workstation: PayloadFields,
  encryptedRandomSessionKey: PayloadFields,
  negotiateFlags: u32,
});

/** MessageType, without looking at anything else; undefined when it is no NTLM message. */
export function messageTypeOf(message: Buffer): number | undefined {
  const isNtlm = message.length >= 12 && message.subarray(0, 8).equals(SIGNATURE);
  return isNtlm ? message.readUInt32LE(8) : undefined;
}

/** NEGOTIATE_MESSAGE. Domain and workstation are of no use to a server. [MS-NLMP] 2.2.1.1 */
export interface NegotiateMessage {
  readonly negotiateFlags: number;
}

/** Decodes a NEGOTIATE_MESSAGE. Throws WireError. */
export function decodeNegotiate(message: Buffer): NegotiateMessage {
  if (messageTypeOf(message) !== 1 || message.length < NEGOTIATE_MIN_BYTES)
    throw new WireError('NTLM: NEGOTIATE');
  return NegotiateFixed.decode(message, 0, NEGOTIATE_MIN_BYTES);
}

/** Encodes a NEGOTIATE_MESSAGE with empty names and, where the flag is set, a version. */
export function encodeNegotiate(negotiateFlags: number, version: Buffer): Buffer {
  const fixed = NegotiateFixed.encode({ signature: SIGNATURE, negotiateFlags });
  const hasVersion = hasFlag(negotiateFlags, NtlmFlag.VERSION);
  return Buffer.concat([fixed, Buffer.alloc(16), hasVersion ? version : EMPTY]);
}

/** CHALLENGE_MESSAGE. [MS-NLMP] 2.2.1.2 */
export interface ChallengeMessage {
  readonly negotiateFlags: number;
  readonly serverChallenge: Buffer;
  readonly targetName: string;
  /** Encoded AV_PAIRs. */
  readonly targetInfo: Buffer;
  readonly version: Buffer;
}

/** Decodes a CHALLENGE_MESSAGE. Throws WireError. */
export function decodeChallenge(message: Buffer): ChallengeMessage {
  if (messageTypeOf(message) !== 2 || message.length < CHALLENGE_BYTES)
    throw new WireError('NTLM: CHALLENGE');
  const fixed = ChallengeFixed.decode(message, 0, CHALLENGE_BYTES);
  return {
    ...fixed,
    targetName: textOf(payload(message, fixed.targetName), fixed.negotiateFlags),
    targetInfo: payload(message, fixed.targetInfo),
  };
}

/** Encodes a CHALLENGE_MESSAGE. */
export function encodeChallenge(message: ChallengeMessage): Buffer {
  const writer = new PayloadWriter(CHALLENGE_BYTES);
  const targetName = writer.add(bytesOf(message.targetName, message.negotiateFlags));
  const targetInfo = writer.add(message.targetInfo);
  const { negotiateFlags, serverChallenge, version } = message;
  const fixed = { signature: SIGNATURE, targetName, negotiateFlags, serverChallenge, targetInfo, version };
  return writer.finish(ChallengeFixed.encode(fixed));
}

/** AUTHENTICATE_MESSAGE. [MS-NLMP] 2.2.1.3 */
export interface AuthenticateMessage {
  readonly negotiateFlags: number;
  readonly lmChallengeResponse: Buffer;
  readonly ntChallengeResponse: Buffer;
  readonly domainName: string;
  readonly userName: string;
  readonly workstation: string;
  readonly encryptedRandomSessionKey: Buffer;
  /** Absent when the payload begins before its place. */
  readonly mic?: Buffer;
  readonly version?: Buffer;
}

/** Decodes an AUTHENTICATE_MESSAGE. Throws WireError, also for payloads that overlap. */
export function decodeAuthenticate(message: Buffer): AuthenticateMessage {
  if (messageTypeOf(message) !== 3 || message.length < AUTHENTICATE_MIN_BYTES) {
    throw new WireError('NTLM: AUTHENTICATE');
  }
  const fixed = AuthenticateFixed.decode(message, 0, AUTHENTICATE_MIN_BYTES);
  const { negotiateFlags, domainName, userName, workstation } = fixed;
  const { lmChallengeResponse, ntChallengeResponse, encryptedRandomSessionKey } = fixed;
  const start = payloadStart(
    [domainName, userName, workstation, lmChallengeResponse, ntChallengeResponse, encryptedRandomSessionKey],
    message.length,
  );
  const text = (fields: PayloadFields) => textOf(payload(message, fields), negotiateFlags);
  return {
    negotiateFlags,
    lmChallengeResponse: payload(message, lmChallengeResponse),
    ntChallengeResponse: payload(message, ntChallengeResponse),
    domainName: text(domainName),
    userName: text(userName),
    workstation: text(workstation),
    encryptedRandomSessionKey: payload(message, encryptedRandomSessionKey),
    ...(start >= AUTHENTICATE_BYTES && { mic: message.subarray(MIC, AUTHENTICATE_BYTES) }),
    ...(start >= MIC && { version: message.subarray(AUTHENTICATE_MIN_BYTES, MIC) }),
  };
}

/**
 * Encodes an AUTHENTICATE_MESSAGE, its payload in the order in which Windows writes it. With a `mic` the message has its place,
 * filled with those bytes; without `version` and `mic` neither has one.
 */
export function encodeAuthenticate(message: AuthenticateMessage): Buffer {
  const { mic, negotiateFlags } = message;
  const version = message.version ?? (mic === undefined ? EMPTY : Buffer.alloc(8));
  const extra = Buffer.concat([version, mic ?? EMPTY]);
  const writer = new PayloadWriter(AUTHENTICATE_MIN_BYTES + extra.length);
  const text = (value: string) => writer.add(bytesOf(value, negotiateFlags));
  const fixed = {
    signature: SIGNATURE,
    negotiateFlags,
    domainName: text(message.domainName),
    userName: text(message.userName),
    workstation: text(message.workstation),
    lmChallengeResponse: writer.add(message.lmChallengeResponse),
    ntChallengeResponse: writer.add(message.ntChallengeResponse),
    encryptedRandomSessionKey: writer.add(message.encryptedRandomSessionKey),
  };
  return writer.finish(Buffer.concat([AuthenticateFixed.encode(fixed), extra]));
}

/** A copy of an AUTHENTICATE message with the bytes of its MIC replaced. [MS-NLMP] 3.2.5.1.2 */
export function withMic(message: Buffer, mic: Buffer): Buffer {
  const copy = Buffer.from(message);
  mic.copy(copy, MIC, 0, AUTHENTICATE_BYTES - MIC);
  return copy;
}

/** What the fields point at; an empty payload has no place. */
function payload(message: Buffer, { length, offset }: PayloadFields): Buffer {
  if (length === 0) return EMPTY;
  if (offset + length > message.length) throw new WireError('NTLM: payload out of bounds');
  return message.subarray(offset, offset + length);
}

/** Where the first payload begins, once they are known to follow the fixed part and not to overlap. */
function payloadStart(fields: readonly PayloadFields[], sizeBytes: number): number {
  const filled = fields.filter(({ length }) => length > 0).sort((a, b) => a.offset - b.offset);
  let end = AUTHENTICATE_MIN_BYTES;
  for (const { offset, length } of filled) {
    if (offset < end || offset + length > sizeBytes) throw new WireError('NTLM: payload out of bounds');
    end = offset + length;
  }
  return filled[0]?.offset ?? sizeBytes;
}

function textOf(payload: Buffer, flags: number): string {
  if (!hasFlag(flags, NtlmFlag.UNICODE)) return payload.toString('latin1');
  if (payload.length % 2 !== 0) throw new WireError('NTLM: half a character');
  return payload.toString('utf16le');
}

function bytesOf(text: string, flags: number): Buffer {
  return hasFlag(flags, NtlmFlag.UNICODE) ? utf16le(text) : Buffer.from(text, 'latin1');
}

/** Collects payloads behind a fixed part. */
class PayloadWriter {
  readonly #payloads: Buffer[] = [];
  #end: number;

  constructor(start: number) {
    this.#end = start;
  }

  add(payload: Buffer): PayloadFields {
    const offset = this.#end;
    this.#payloads.push(payload);
    this.#end += payload.length;
    return { length: payload.length, maxLength: payload.length, offset };
  }

  finish(fixed: Buffer): Buffer {
    return Buffer.concat([fixed, ...this.#payloads]);
  }
}
