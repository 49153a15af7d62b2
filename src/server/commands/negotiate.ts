/**
 * NEGOTIATE: dialect, capabilities and the algorithms of signing and encryption. [MS-SMB2] 3.3.5.4
 */
import { demand, NtStatus, NtStatusError } from '../../base/status.ts';
import { Cipher } from '../../crypto/algorithms.ts';
import { PreauthHash } from '../../crypto/preauth.ts';
import type { Negotiated } from '../../session/connection.ts';
import { commonDialect, type Dialect, dialects, dialectsBetween } from '../../session/dialect.ts';
import type { ServerState } from '../../session/server-state.ts';
import { Command, HeaderFlags } from '../../wire/smb2/header.ts';
import { Capability, NegotiateRequest, NegotiateResponse, SecurityMode } from '../../wire/smb2/negotiate.ts';
import type { NegotiateContext } from '../../wire/smb2/negotiate-context.ts';
import { type ConnectionContext, command, Reply } from '../command.ts';
import { negotiateContexts } from './negotiate-contexts.ts';

const PAYLOAD_BYTES_SINGLE_CREDIT = 65_536;

export const negotiate = command({
  name: 'NEGOTIATE',
  code: Command.NEGOTIATE,
  needs: 'connection',
  verifiesProtection: true,
  request: NegotiateRequest,
  response: NegotiateResponse,
  spec: '[MS-SMB2] 2.2.3, 2.2.4, 3.3.5.4',
  handle(context, request) {
    const { server, connection, header } = context;
    // [MS-SMB2] 3.3.5.2.4
    demand((header.flags & HeaderFlags.SIGNED) === 0, NtStatus.INVALID_PARAMETER, 'NEGOTIATE is signed');
    demand(request.dialects.length > 0, NtStatus.INVALID_PARAMETER, 'no dialects');
    const dialect = agreedDialect(context, request);
    const settled = dialect.hasNegotiateContexts ? negotiateContexts(context, request) : undefined;
    const cipher =
      settled === undefined ? cipherWithoutContexts(server, dialect, request.capabilities) : settled.cipher;
    const serverCapabilities = capabilitiesOf(server, dialect, { offered: request.capabilities, cipher });
    const maxSize = dialect.hasMultiCredit ? server.limits.payloadBytes : PAYLOAD_BYTES_SINGLE_CREDIT;
    const preauth = new PreauthHash();
    preauth.update(context.message);
    const negotiated: Omit<Negotiated, 'preauthHash'> = {
      dialect,
      clientGuid: request.clientGuid,
      clientCapabilities: request.capabilities,
      clientSecurityMode: request.securityMode,
      clientDialects: request.dialects,
      serverCapabilities,
      serverSecurityMode: securityModeOf(server),
      maxTransactSize: maxSize,
      maxReadSize: maxSize,
      maxWriteSize: maxSize,
      signingAlgorithm: settled?.signingAlgorithm,
      cipher,
    };
    const response = negotiateResponse(server, {
      dialectRevision: dialect.revision,
      capabilities: serverCapabilities,
      maxSize,
      contexts: settled?.contexts ?? [],
    });
    return new Reply(NtStatus.SUCCESS, response, {
      beforeSend(message) {
        preauth.update(message);
        connection.negotiated = Object.freeze({ ...negotiated, preauthHash: preauth.value });
        server.joinClient(connection, request.clientGuid);
      },
    });
  },
});

/** [MS-SMB2] 3.3.5.4. Who runs an old device finds in the log why it gets no further. */
function agreedDialect({ server, connection, log }: ConnectionContext, request: NegotiateRequest): Dialect {
  const { min, max } = server.settings.dialects;
  const dialect = commonDialect(dialectsBetween(min, max), request.dialects);
  if (dialect !== undefined) return dialect;
  const offered = dialects.filter(({ revision }) => request.dialects.includes(revision));
  const address = connection.transport.remoteAddress;
  log.write('info', 'dialects-refused', {
    address,
    offered: offered.map(({ name }) => name).join(' '),
    min,
    max,
  });
  throw new NtStatusError(NtStatus.NOT_SUPPORTED, 'no common dialect');
}

export interface NegotiateChoice {
  readonly dialectRevision: number;
  readonly capabilities: number;
  readonly maxSize: number;
  readonly contexts: readonly NegotiateContext[];
}

/** The response body, also for the answer to an SMB1 negotiate. [MS-SMB2] 2.2.4 */
export function negotiateResponse(server: ServerState, choice: NegotiateChoice): NegotiateResponse {
  return {
    securityMode: securityModeOf(server),
    dialectRevision: choice.dialectRevision,
    serverGuid: server.serverGuid,
    capabilities: choice.capabilities,
    maxTransactSize: choice.maxSize,
    maxReadSize: choice.maxSize,
    maxWriteSize: choice.maxSize,
    systemTime: server.clock.now(),
    // [MS-SMB2] 2.2.4: servers since SMB 2.1 tell nothing of their start.
    serverStartTime: 0n,
    securityBuffer: server.authenticator.negotiationHint(),
    negotiateContexts: choice.contexts,
  };
}

/** [MS-SMB2] 3.3.5.4: what the server answers must match what FSCTL_VALIDATE_NEGOTIATE_INFO says later. */
export function securityModeOf(server: ServerState): number {
  const required = server.settings.signing.required ? SecurityMode.SIGNING_REQUIRED : 0;
  return SecurityMode.SIGNING_ENABLED | required;
}

/** [MS-SMB2] 3.3.5.4: what came with 3.x is announced only to clients that announce it too. */
function capabilitiesOf(
  server: ServerState,
  dialect: Dialect,
  { offered, cipher }: { readonly offered: number; readonly cipher: Cipher | undefined },
): number {
  let capabilities: number = 0;
  if (dialect.hasMultiCredit) capabilities |= Capability.LARGE_MTU;
  if (dialect.hasLeasing) capabilities |= Capability.LEASING;
  let ofSmb3: number = 0;
  if (dialect.hasDirectoryLeasing) ofSmb3 |= Capability.DIRECTORY_LEASING;
  if (dialect.isSmb3 && server.settings.multichannel) ofSmb3 |= Capability.MULTI_CHANNEL;
  const hasPersistent = [...server.shares.values()].some((share) => share.isContinuouslyAvailable);
  if (dialect.isSmb3 && hasPersistent) ofSmb3 |= Capability.PERSISTENT_HANDLES;
  if (dialect.hasEncryptionCapability && cipher !== undefined) ofSmb3 |= Capability.ENCRYPTION;
  return capabilities | (ofSmb3 & offered);
}

/** 3.0 and 3.0.2 know one cipher, agreed by a capability bit. [MS-SMB2] 3.3.5.4 */
function cipherWithoutContexts(
  server: ServerState,
  dialect: Dialect,
  clientCapabilities: number,
): Cipher | undefined {
  const { mode, ciphers } = server.settings.encryption;
  if (!dialect.hasEncryptionCapability || mode === 'off' || !ciphers.includes('AES-128-CCM'))
    return undefined;
  return (clientCapabilities & Capability.ENCRYPTION) === 0 ? undefined : Cipher.AES_128_CCM;
}
