/**
 * Requests and responses as the test client sees them: whole, with everything that can be spoilt within reach.
 */

import { alignUp } from '../base/bytes.ts';
import type { SessionCrypto } from '../crypto/session-crypto.ts';
import type { Signer } from '../crypto/signing.ts';
import type { Codec } from '../wire/codec.ts';
import { ErrorResponse } from '../wire/smb2/error.ts';
import {
  type Command,
  HEADER_BYTES,
  HeaderFlags,
  NO_SIGNATURE,
  RequestHeader,
  ResponseHeader,
} from '../wire/smb2/header.ts';

/** How a request is protected. */
export type Protection = 'none' | 'sign' | 'seal';

/** What protects the messages of one session on one connection. */
export interface SessionProtection {
  readonly sessionId: number;
  /** Absent for guests and anonymous clients. */
  readonly crypto: SessionCrypto | undefined;
  readonly signer: Signer | undefined;
  readonly protection: Protection;
}

/** One request, before it has a MessageId. */
export interface RequestSpec {
  readonly command: Command;
  readonly body: Buffer;
  readonly session?: SessionProtection | undefined;
  readonly treeId?: number;
  /** Default: the session's. */
  readonly protection?: Protection | undefined;
  /** Bytes sent or asked for, whichever is more: what CreditCharge is computed from. [MS-SMB2] 3.2.4.1.5 */
  readonly payloadBytes?: number;
  /** Overrides fields of the header. */
  readonly header?: Partial<RequestHeader>;
  /** Changes the message before it is signed. */
  readonly edit?: ((message: Buffer) => void) | undefined;
  /** Changes the message after it is signed. */
  readonly spoil?: ((message: Buffer) => void) | undefined;
}

/** The numbers a connection gives a request. */
export interface RequestNumbers {
  readonly messageId: number;
  readonly creditCharge: number;
  readonly credits: number;
  /** NextCommand; 0 for the last or only element. */
  readonly nextCommand: number;
}

/** Encodes a request and signs it as its spec says. */
export function encodeRequest(spec: RequestSpec, numbers: RequestNumbers): Buffer {
  const { session, body, command, treeId = 0 } = spec;
  const bytes = HEADER_BYTES + body.length;
  const message = Buffer.alloc(Math.max(bytes, numbers.nextCommand));
  const isSigned = protectionOf(spec) === 'sign';
  const header: RequestHeader = {
    channelSequence: 0,
    command,
    flags: 0,
    treeId,
    sessionId: session?.sessionId ?? 0,
    signature: NO_SIGNATURE,
    ...numbers,
    ...spec.header,
  };
  const flags = header.flags | (isSigned ? HeaderFlags.SIGNED : 0);
  RequestHeader.encodeInto({ ...header, flags }, message, 0);
  body.copy(message, HEADER_BYTES);
  spec.edit?.(message);
  if (isSigned) session?.signer?.sign(message);
  spec.spoil?.(message);
  return message;
}

/** How a spec wants its message protected. */
export function protectionOf({ protection, session }: RequestSpec): Protection {
  const wanted = protection ?? session?.protection ?? 'none';
  return session?.signer === undefined ? 'none' : wanted;
}

/** NextCommand of an element of a compound. [MS-SMB2] 3.2.4.1.4 */
export function compoundStep({ body }: RequestSpec): number {
  return alignUp(HEADER_BYTES + body.length, 8);
}

/** One response, or one element of a compounded one. */
export class ClientResponse {
  readonly header: ResponseHeader;
  /** The element's bytes, padding included. */
  readonly message: Buffer;
  /** It came through a transform header. */
  readonly isSealed: boolean;
  /** Of signed responses of known sessions: whether the signature is right. */
  readonly isSignatureRight: boolean | undefined;
  /** The STATUS_PENDING response that came before. */
  interim: ClientResponse | undefined;

  constructor(message: Buffer, isSealed: boolean, session: SessionProtection | undefined) {
    this.header = ResponseHeader.decode(message, 0, HEADER_BYTES);
    this.message = message;
    this.isSealed = isSealed;
    const signer = this.isSigned ? session?.signer : undefined;
    this.isSignatureRight = signer === undefined ? undefined : session?.crypto?.verify(signer, message);
  }

  get status(): number {
    return this.header.status;
  }

  get isSigned(): boolean {
    return (this.header.flags & HeaderFlags.SIGNED) !== 0;
  }

  /** Decodes the body. Throws WireError. */
  decode<T>(codec: Codec<T>): T {
    return codec.decode(this.message, HEADER_BYTES);
  }

  /** The data of an error response. [MS-SMB2] 2.2.2 */
  get errorData(): Buffer {
    return this.decode(ErrorResponse).errorData;
  }
}

/** The elements of a message, each up to the next one's beginning. */
export function* elementsOf(message: Buffer): Generator<Buffer> {
  let start = 0;
  for (;;) {
    const { nextCommand } = ResponseHeader.decode(message, start, start + HEADER_BYTES);
    if (nextCommand === 0) break;
    yield message.subarray(start, start + nextCommand);
    start += nextCommand;
  }
  yield message.subarray(start);
}
