/**
 * FSCTL_VALIDATE_NEGOTIATE_INFO: has anybody meddled with NEGOTIATE? [MS-SMB2] 3.3.5.15.12
 */
import { present } from '../../base/assert.ts';
import {
  ValidateNegotiateInfoRequest,
  ValidateNegotiateInfoResponse,
} from '../../wire/smb2/ioctl-payload.ts';
import type { SessionContext } from '../command.ts';
import { insist } from '../ending.ts';

/** Bytes of VALIDATE_NEGOTIATE_INFO Response. [MS-SMB2] 2.2.32.6 */
const RESPONSE_BYTES = 24;

/** The output for `input`; closes the connection when what the client remembers is not what was said. */
export function validateNegotiateInfo(
  context: SessionContext,
  { input, bytesMax }: { readonly input: Buffer; readonly bytesMax: number },
): Buffer {
  const { server, connection } = context;
  const negotiated = present(connection.negotiated, 'negotiated connection');
  // [MS-SMB2] 3.3.5.15.12: for 3.1.1 the hash has proven it already.
  insist(negotiated.dialect.hasValidateNegotiate, 'VALIDATE_NEGOTIATE_INFO on 3.1.1');
  insist(bytesMax >= RESPONSE_BYTES, 'no room for the answer to VALIDATE_NEGOTIATE_INFO');
  const request = ValidateNegotiateInfoRequest.decode(input);
  // The dialects themselves are compared and not what would come of them, as the document has it for servers that speak
  // 3.1.1: so a change of the settings meanwhile makes no difference.
  const isSame =
    sameNumbers(request.dialects, negotiated.clientDialects) &&
    request.capabilities === negotiated.clientCapabilities &&
    request.guid === negotiated.clientGuid &&
    request.securityMode === negotiated.clientSecurityMode;
  insist(isSame, 'NEGOTIATE was changed on its way');
  // It proves nothing unsigned, whoever asked.
  context.reply.isVouchedFor = true;
  return ValidateNegotiateInfoResponse.encode({
    capabilities: negotiated.serverCapabilities,
    guid: server.serverGuid,
    securityMode: negotiated.serverSecurityMode,
    dialect: negotiated.dialect.revision,
  });
}

function sameNumbers(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index]);
}
