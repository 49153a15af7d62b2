/**
 * FSCTL_VALIDATE_NEGOTIATE_INFO: has anybody meddled with NEGOTIATE? [MS-SMB2] 3.3.5.15.12
 */
import { present } from '../../base/assert.ts';
import { commonDialect, dialectsBetween } from '../../session/dialect.ts';
import {
  ValidateNegotiateInfoRequest,
  ValidateNegotiateInfoResponse,
} from '../../wire/smb2/ioctl-payload.ts';
import type { SessionContext } from '../command.ts';
import { insist } from '../ending.ts';

/** The output for `input`; closes the connection when what the client remembers is not what was said. */
export function validateNegotiateInfo(context: SessionContext, input: Buffer): Buffer {
  const { server, connection } = context;
  const negotiated = present(connection.negotiated, 'negotiated connection');
  // [MS-SMB2] 3.3.5.15.12: for 3.1.1 the hash has proven it already.
  insist(negotiated.dialect.hasValidateNegotiate, 'VALIDATE_NEGOTIATE_INFO on 3.1.1');
  const request = ValidateNegotiateInfoRequest.decode(input);
  const { min, max } = server.settings.dialects;
  const dialect = commonDialect(dialectsBetween(min, max), request.dialects);
  const isSame =
    dialect === negotiated.dialect &&
    request.capabilities === negotiated.clientCapabilities &&
    request.guid === negotiated.clientGuid &&
    request.securityMode === negotiated.clientSecurityMode;
  insist(isSame, 'NEGOTIATE was changed on its way');
  return ValidateNegotiateInfoResponse.encode({
    capabilities: negotiated.serverCapabilities,
    guid: server.serverGuid,
    securityMode: negotiated.serverSecurityMode,
    dialect: negotiated.dialect.revision,
  });
}
