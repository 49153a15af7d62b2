/**
 * From the bytes of one message to the requests in it. Nothing here reaches a handler before its seal was opened.
 * [MS-SMB2] 3.3.5.2
 */
import { EMPTY } from '../base/bytes.ts';
import { IntegrityError } from '../crypto/provider.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Connection } from '../session/connection.ts';
import type { Session } from '../session/session.ts';
import type { MessageMemory } from '../session/transport.ts';
import { WireError } from '../wire/codec.ts';
import { Command, HEADER_BYTES, HeaderFlags, RequestHead } from '../wire/smb2/header.ts';
import { cancelRequest } from './cancel.ts';
import { insist } from './ending.ts';
import { Exchange, type ExchangeHost, type Incoming } from './exchange.ts';
import { answerMultiProtocolNegotiate } from './multi-protocol-negotiate.ts';
import { Request, type RequestOwner } from './request.ts';

/** The first four bytes of a message. */
const ProtocolId = Object.freeze({
  SMB1: 0x424d_53ff,
  SMB2: 0x424d_53fe,
  TRANSFORM: 0x424d_53fd,
  COMPRESSION: 0x424d_53fc,
});

/** A 64-bit id with all bits set, as the codecs read it. */
const ALL_ONES = -1;

/** A message and the memory that it stands in, where that is to be given back. */
export interface Received {
  readonly bytes: Buffer;
  readonly memory?: MessageMemory | undefined;
}

/** Takes one message. Throws {@link ProtocolViolation} when the connection must be closed. */
export function receive(host: ExchangeHost, connection: Connection, received: Received): void {
  const message = received.bytes;
  insist(message.length >= 4, 'a message has a protocol id');
  switch (message.readUInt32LE(0)) {
    case ProtocolId.SMB2:
      receivePlain(host, connection, received);
      return;
    case ProtocolId.TRANSFORM:
      receiveSealed(host, connection, received);
      return;
    case ProtocolId.SMB1:
      answerMultiProtocolNegotiate(connection, message);
      return;
    default:
      // [MS-SMB2] 3.3.5.2.1.2: compression is not negotiated, so a compressed message is as wrong as any other.
      insist(false, 'unknown protocol id');
  }
}

/** Who will verify `message`, if it is one request that says it is signed. */
export function signerOf(connection: Connection, message: Buffer): Signer | undefined {
  if (message.length < HEADER_BYTES || message.readUInt32LE(0) !== ProtocolId.SMB2) return undefined;
  const isSigned = (message.readUInt32LE(16) & HeaderFlags.SIGNED) !== 0;
  if (!isSigned || message.readUInt32LE(20) !== 0) return undefined;
  const sessionId = message.readUInt32LE(40) + message.readUInt32LE(44) * 2 ** 32;
  return connection.sessions.get(sessionId)?.signerOn(connection);
}

/** [MS-SMB2] 3.3.5.2.1.1: whatever is wrong with a sealed message closes the connection. */
function receiveSealed(host: ExchangeHost, connection: Connection, received: Received): void {
  const message = received.bytes;
  insist(connection.negotiated?.cipher !== undefined, 'encryption was not negotiated');
  insist(message.length > 52, 'a transform header holds a message');
  const sessionId = message.readUInt32LE(44) + message.readUInt32LE(48) * 2 ** 32;
  const session = connection.sessions.get(sessionId);
  insist(session?.crypto?.canSeal === true, 'no such session to open the message with');
  let plain: Buffer;
  try {
    plain = session.crypto.open(message);
  } catch (error) {
    if (error instanceof IntegrityError) insist(false, 'the seal is broken');
    throw error;
  }
  insist(plain.length >= 4 && plain.readUInt32LE(0) === ProtocolId.SMB2, 'a seal holds an SMB2 message');
  let { memory } = received;
  if (plain.buffer !== message.buffer) {
    // What was opened into memory of its own leaves the sealed bytes behind.
    memory?.release();
    memory = undefined;
  }
  receivePlain(host, connection, { bytes: plain, memory }, session);
}

function receivePlain(
  host: ExchangeHost,
  connection: Connection,
  { bytes, memory }: Received,
  sealedBy?: Session,
): void {
  const elements = splitCompound(connection, bytes);
  new Exchange(host, connection, { elements, memory, sealedBy, prepare }).run();
}

/** The elements' bytes, each from its header to the last before the next. [MS-SMB2] 3.3.5.2.7 */
function splitCompound(connection: Connection, message: Buffer): readonly Buffer[] {
  // Most messages are no compound.
  if (message.length >= HEADER_BYTES && message.readUInt32LE(20) === 0) return [message];
  const { compoundCount } = connection.server.limits;
  const elements: Buffer[] = [];
  let start = 0;
  for (;;) {
    const left = message.length - start;
    insist(left >= HEADER_BYTES, 'an element has a whole header');
    insist(message.readUInt32LE(start) === ProtocolId.SMB2, 'an element begins with the protocol id');
    const nextCommand = message.readUInt32LE(start + 20);
    const end = nextCommand === 0 ? message.length : start + nextCommand;
    insist(
      nextCommand % 8 === 0 && (nextCommand === 0 || nextCommand >= HEADER_BYTES),
      'NextCommand is aligned',
    );
    insist(end <= message.length, 'NextCommand lies in the message');
    elements.push(start === 0 && end === message.length ? message : message.subarray(start, end));
    insist(elements.length <= compoundCount, 'the compound is too long');
    if (nextCommand === 0) return elements;
    start = end;
  }
}

/** [MS-SMB2] 3.3.5.2.2, 3.3.5.2.3 */
function prepare(
  connection: Connection,
  { elements, sealedBy }: Incoming,
  index: number,
  owner: RequestOwner,
): Request | undefined {
  const message = elements[index] ?? EMPTY;
  const header = headerOf(message);
  const isRelated = (header.flags & HeaderFlags.RELATED_OPERATIONS) !== 0;
  insist((header.flags & HeaderFlags.SERVER_TO_REDIR) === 0, 'a request is not from a server');
  // [MS-SMB2] 3.2.4.1.4: a related element may leave its SessionId at all ones; any other id is what it says.
  const isUnnamed = isRelated && header.sessionId === ALL_ONES && header.command !== Command.CANCEL;
  insist(
    sealedBy === undefined || isUnnamed || header.sessionId === sealedBy.sessionId,
    'the message inside the seal belongs to another session',
  );
  if (header.command === Command.CANCEL) {
    insist(connection.negotiated !== undefined, 'NEGOTIATE comes first');
    cancelRequest(connection, { header, message, isEncrypted: sealedBy !== undefined });
    return undefined;
  }
  checkOrder(connection, header);
  // [MS-SMB2] 3.3.5.2.3: dialects without multi-credit ignore the field.
  const hasCharge = connection.negotiated?.dialect.hasMultiCredit === true;
  const charge = hasCharge ? Math.max(header.creditCharge, 1) : 1;
  insist(connection.window.consume(header.messageId, charge), 'MessageId is outside the window');
  return new Request({
    connection,
    header,
    message,
    isLast: index === elements.length - 1,
    isEncrypted: sealedBy !== undefined,
    owner,
  });
}

function headerOf(message: Buffer): RequestHead {
  try {
    return RequestHead.decode(message, 0, HEADER_BYTES);
  } catch (error) {
    if (error instanceof WireError) insist(false, error.message);
    throw error;
  }
}

/** [MS-SMB2] 3.3.5.2, 3.3.5.4: NEGOTIATE comes first, once. */
function checkOrder(connection: Connection, header: RequestHead): void {
  const isNegotiate = header.command === Command.NEGOTIATE;
  insist(isNegotiate === (connection.negotiated === undefined), 'NEGOTIATE comes first, and once');
}
