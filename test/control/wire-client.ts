/**
 * The first message of a client, over TCP.
 */
import { once } from 'node:events';
import { connect } from 'node:net';
import { writeFrameHeader } from '../../src/wire/frame.ts';
import {
  Command,
  HEADER_BYTES,
  NO_SIGNATURE,
  RequestHeader,
  ResponseHeader,
} from '../../src/wire/smb2/header.ts';
import { NegotiateRequest, NegotiateResponse } from '../../src/wire/smb2/negotiate.ts';
import {
  EncryptionCapabilities,
  NegotiateContextType,
  PreauthIntegrityCapabilities,
  SigningCapabilities,
} from '../../src/wire/smb2/negotiate-context.ts';

export interface Negotiated {
  readonly status: number;
  readonly securityMode: number;
  readonly dialect: number;
  readonly capabilities: number;
  readonly maxReadSize: number;
  readonly signingAlgorithm: number | undefined;
  readonly cipher: number | undefined;
}

const every = [0x0202, 0x0210, 0x0300, 0x0302, 0x0311];

/** Negotiates as a client that can do everything, or only the given dialects. */
export async function negotiate(port: number, dialects: readonly number[] = every): Promise<Negotiated> {
  const answer = await exchange(port, requestOf(dialects));
  const { status } = ResponseHeader.decode(answer.subarray(0, HEADER_BYTES));
  if (status !== 0)
    return {
      status,
      securityMode: 0,
      dialect: 0,
      capabilities: 0,
      maxReadSize: 0,
      signingAlgorithm: undefined,
      cipher: undefined,
    };
  const body = NegotiateResponse.decode(answer, HEADER_BYTES);
  const contexts = new Map(
    (body.negotiateContexts ?? []).map((context) => [context.contextType, context.data]),
  );
  const signing = contexts.get(NegotiateContextType.SIGNING_CAPABILITIES);
  const encryption = contexts.get(NegotiateContextType.ENCRYPTION_CAPABILITIES);
  return {
    status,
    securityMode: body.securityMode,
    dialect: body.dialectRevision,
    capabilities: body.capabilities,
    maxReadSize: body.maxReadSize,
    signingAlgorithm: signing && SigningCapabilities.decode(signing).signingAlgorithms[0],
    cipher: encryption && EncryptionCapabilities.decode(encryption).ciphers[0],
  };
}

function requestOf(dialects: readonly number[]): Buffer {
  const has311 = dialects.includes(0x0311);
  const body = {
    securityMode: 1,
    capabilities: 0x7f,
    clientGuid: '6f8c2a52-3a7e-4d7c-9c55-0d2b3f7f1a10',
    dialects: [...dialects],
    negotiateContexts: has311 ? contexts() : undefined,
  };
  const bytes = NegotiateRequest.sizeOf(body);
  const frame = Buffer.alloc(4 + HEADER_BYTES + bytes);
  const at = writeFrameHeader(frame, 0, HEADER_BYTES + bytes);
  const message = frame.subarray(at);
  const header = {
    creditCharge: 0,
    command: Command.NEGOTIATE,
    credits: 1,
    flags: 0,
    nextCommand: 0,
    messageId: 0,
    sessionId: 0,
    treeId: 0,
    channelSequence: 0,
    signature: NO_SIGNATURE,
  };
  RequestHeader.encodeInto(header, message, 0);
  NegotiateRequest.encodeInto(body, message, HEADER_BYTES);
  return frame;
}

function contexts() {
  const salt = Buffer.alloc(32, 7);
  return [
    {
      contextType: NegotiateContextType.PREAUTH_INTEGRITY_CAPABILITIES,
      data: PreauthIntegrityCapabilities.encode({ hashAlgorithms: [1], salt }),
    },
    {
      contextType: NegotiateContextType.ENCRYPTION_CAPABILITIES,
      data: EncryptionCapabilities.encode({ ciphers: [1, 2, 3, 4] }),
    },
    {
      contextType: NegotiateContextType.SIGNING_CAPABILITIES,
      data: SigningCapabilities.encode({ signingAlgorithms: [0, 1, 2] }),
    },
  ];
}

/** Sends one frame; the message of the answer. */
async function exchange(port: number, frame: Buffer): Promise<Buffer> {
  const socket = connect(port, '127.0.0.1');
  try {
    socket.write(frame);
    let answer = Buffer.alloc(0);
    while (answer.length < 4 || answer.length < 4 + answer.readUInt32BE(0)) {
      const [chunk] = await once(socket, 'data');
      answer = Buffer.concat([answer, chunk]);
    }
    return answer.subarray(4);
  } finally {
    socket.destroy();
  }
}
