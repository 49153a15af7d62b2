/**
 * The SMB1 negotiate with which older clients ask whether SMB 2 is spoken. Nothing else of SMB1 is understood.
 * [MS-SMB2] 3.3.5.3
 */
import { NtStatus } from '../base/status.ts';
import type { Connection } from '../session/connection.ts';
import { dialectsBetween, SMB_2_0_2 } from '../session/dialect.ts';
import { WireError } from '../wire/codec.ts';
import { Smb1Dialect, Smb1NegotiateRequest } from '../wire/smb1/negotiate.ts';
import { Command, HeaderFlags, NO_SIGNATURE } from '../wire/smb2/header.ts';
import { Capability, DialectRevision, NegotiateResponse } from '../wire/smb2/negotiate.ts';
import { negotiateResponse, securityModeOf } from './commands/negotiate.ts';
import { insist } from './ending.ts';
import { ReplyBuffer } from './reply.ts';
import { send } from './respond.ts';

const MAX_BYTES = 65_536;
const NIL_GUID = '00000000-0000-0000-0000-000000000000';

export function answerMultiProtocolNegotiate(connection: Connection, message: Buffer): void {
  const { server } = connection;
  insist(connection.negotiated === undefined && !connection.isMultiProtocol, 'SMB1 after a negotiate');
  const offered = offeredDialects(message);
  const allowed = dialectsBetween(server.settings.dialects.min, server.settings.dialects.max);
  const isWildcard =
    offered.includes(Smb1Dialect.SMB_2_WILDCARD) && allowed.some((dialect) => dialect !== SMB_2_0_2);
  const is202 = !isWildcard && offered.includes(Smb1Dialect.SMB_2_002) && allowed.includes(SMB_2_0_2);
  insist(isWildcard || is202, 'an SMB1 client that speaks no SMB 2');

  const response = negotiateResponse(server, {
    dialectRevision: isWildcard ? DialectRevision.WILDCARD : SMB_2_0_2.revision,
    capabilities: isWildcard ? Capability.LEASING | Capability.LARGE_MTU : 0,
    maxSize: isWildcard ? server.limits.payloadBytes : MAX_BYTES,
    contexts: [],
  });
  if (isWildcard) connection.isMultiProtocol = true;
  else settle202(connection);
  const buffer = new ReplyBuffer(NegotiateResponse.sizeOf(response));
  buffer.writeBody(NegotiateResponse, response);
  // The client may go on with MessageId 0 or 1: it used none of this protocol's yet.
  buffer.writeHeader({
    creditCharge: 0,
    status: NtStatus.SUCCESS,
    command: Command.NEGOTIATE,
    credits: connection.window.grant(1),
    flags: HeaderFlags.SERVER_TO_REDIR,
    nextCommand: 0,
    messageId: 0,
    treeId: 0,
    sessionId: 0,
    signature: NO_SIGNATURE,
  });
  send(connection, [buffer], {});
}

function offeredDialects(message: Buffer): readonly string[] {
  try {
    return Smb1NegotiateRequest.decode(message).dialects;
  } catch (error) {
    if (error instanceof WireError) insist(false, error.message);
    throw error;
  }
}

/** [MS-SMB2] 3.3.5.3.2 */
function settle202(connection: Connection): void {
  connection.negotiated = Object.freeze({
    dialect: SMB_2_0_2,
    clientGuid: NIL_GUID,
    clientCapabilities: 0,
    clientSecurityMode: 0,
    clientDialects: [SMB_2_0_2.revision],
    serverCapabilities: 0,
    serverSecurityMode: securityModeOf(connection.server),
    maxTransactSize: MAX_BYTES,
    maxReadSize: MAX_BYTES,
    maxWriteSize: MAX_BYTES,
    signingAlgorithm: undefined,
    cipher: undefined,
    preauthHash: Buffer.alloc(0),
  });
}
