/**
 * A client's session: logging in, binding channels, logging off. [MS-SMB2] 3.2.4.2.3, 3.2.5.3
 */
import { assert, present } from '../base/assert.ts';
import { NtStatus } from '../base/status.ts';
import type { PreauthHash } from '../crypto/preauth.ts';
import { SessionCrypto } from '../crypto/session-crypto.ts';
import type { Signer } from '../crypto/signing.ts';
import { Command } from '../wire/smb2/header.ts';
import { LogoffRequest } from '../wire/smb2/logoff.ts';
import { DialectRevision } from '../wire/smb2/negotiate.ts';
import {
  SessionFlags,
  SessionSetupFlags,
  SessionSetupRequest,
  SessionSetupResponse,
} from '../wire/smb2/session-setup.ts';
import { TreeConnectRequest } from '../wire/smb2/tree-connect.ts';
import { succeeded, type TestConnection } from './client-connection.ts';
import type { ClientResponse, Protection, RequestSpec, SessionProtection } from './client-message.ts';
import { TestTree } from './client-tree.ts';
import {
  NtlmClient,
  type NtlmClientOptions,
  type NtlmCredentials,
  SpnegoClient,
  type SpnegoClientOptions,
} from './ntlm-client.ts';

/** How a client logs in. */
export interface LogOnOptions extends SpnegoClientOptions {
  readonly ntlm?: Omit<Partial<NtlmClientOptions>, 'credentials'>;
  /** NTLM messages without SPNEGO around them. */
  readonly isRaw?: boolean;
  readonly previousSessionId?: number;
  readonly securityMode?: number;
  /** Sees each token before it is sent. */
  readonly tamper?: (token: Buffer, leg: number) => Buffer;
  /** Changes each SESSION_SETUP request before it is signed. */
  readonly edit?: (message: Buffer) => void;
}

/** A session on one of its channels. */
export class TestSession implements SessionProtection {
  readonly connection: TestConnection;
  readonly sessionId: number;
  /** SessionFlags of the last SESSION_SETUP response. [MS-SMB2] 2.2.6 */
  readonly sessionFlags: number;
  readonly crypto: SessionCrypto | undefined;
  /** The signer of this channel. */
  readonly signer: Signer | undefined;
  /** How requests are protected unless they say otherwise. */
  protection: Protection;
  /** A copy of the session key that authentication made, to look for where it must not be. */
  readonly sessionKey: Buffer;
  /** The response that completed the setup. */
  readonly setupResponse: ClientResponse;
  /** ChannelSequence of the session's requests, on all channels; for the client to count up when it loses one. [MS-SMB2] 3.2.1.3 */
  readonly channelSequence: { value: number };

  constructor(connection: TestConnection, established: Established) {
    const { sessionFlags, crypto, signer, sessionKey, response } = established;
    this.connection = connection;
    this.channelSequence = established.channelSequence ?? { value: 0 };
    this.sessionId = response.header.sessionId;
    this.sessionFlags = sessionFlags;
    this.crypto = crypto;
    this.signer = signer;
    this.sessionKey = sessionKey;
    this.setupResponse = response;
    const isSealed = (sessionFlags & SessionFlags.ENCRYPT_DATA) !== 0;
    this.protection = signer === undefined ? 'none' : isSealed ? 'seal' : 'sign';
    connection.sessions.set(this.sessionId, this);
  }

  get isGuest(): boolean {
    return (this.sessionFlags & SessionFlags.IS_GUEST) !== 0;
  }

  /** Sends a request of this session and waits for its final response, whatever its status. */
  request(spec: Omit<RequestSpec, 'session'>): Promise<ClientResponse> {
    return this.connection.request({ ...spec, session: this });
  }

  /** TREE_CONNECT to `\\server\share`. Throws NtStatusError. [MS-SMB2] 3.2.4.2.4 */
  async connectTree(share: string, server = 'server'): Promise<TestTree> {
    const body = TreeConnectRequest.encode({ flags: 0, path: `\\\\${server}\\${share}` });
    return new TestTree(this, succeeded(await this.request({ command: Command.TREE_CONNECT, body })));
  }

  /** Authenticates again; keys stay what they are. Throws NtStatusError. [MS-SMB2] 3.2.4.2.3 */
  async reauthenticate(credentials: NtlmCredentials, options: LogOnOptions = {}): Promise<ClientResponse> {
    const exchange = new SetupExchange(this.connection, credentials, options);
    return exchange.run({ session: this });
  }

  /**
   * Binds this session to another connection, which must have been negotiated alike; returns the session on that channel.
   * Throws NtStatusError. [MS-SMB2] 3.2.4.2.3
   */
  async bind(
    other: TestConnection,
    credentials: NtlmCredentials,
    options: LogOnOptions = {},
  ): Promise<TestSession> {
    const crypto = present(this.crypto, 'keys');
    const exchange = new SetupExchange(other, credentials, options);
    // [MS-SMB2] 3.2.4.2.3: signed with the session's key, whichever channel this is.
    const { signer: signs } = crypto;
    const asBinding = { sessionId: this.sessionId, crypto, signer: signs, protection: 'sign' } as const;
    const response = await exchange.run({ session: asBinding, flags: SessionSetupFlags.BINDING });
    const sessionKey = exchange.sessionKey();
    const signer = crypto.bindChannel(Buffer.from(sessionKey), {
      preauthHash: exchange.preauth?.value,
      signingAlgorithm: other.negotiated.signingAlgorithm,
    });
    assert(
      crypto.verify(signer, response.message),
      'the last response is signed with the key of the channel',
    );
    const { sessionFlags } = response.decode(SessionSetupResponse);
    const { channelSequence } = this;
    return new TestSession(other, { sessionFlags, crypto, signer, sessionKey, response, channelSequence });
  }

  /** LOGOFF. Throws NtStatusError. [MS-SMB2] 3.2.4.21 */
  async logOff(): Promise<ClientResponse> {
    return succeeded(await this.request({ command: Command.LOGOFF, body: LogoffRequest.encode({}) }));
  }
}

interface Established {
  readonly sessionFlags: number;
  readonly crypto: SessionCrypto | undefined;
  readonly signer: Signer | undefined;
  readonly sessionKey: Buffer;
  readonly response: ClientResponse;
  /** Of the session that a channel is bound to. */
  readonly channelSequence?: { value: number };
}

/** Logs in on a negotiated connection. Throws NtStatusError. [MS-SMB2] 3.2.4.2.3, 3.2.5.3.1 */
export async function logOn(
  connection: TestConnection,
  credentials: NtlmCredentials,
  options: LogOnOptions = {},
): Promise<TestSession> {
  const exchange = new SetupExchange(connection, credentials, options);
  const response = await exchange.run({});
  const { sessionFlags } = response.decode(SessionSetupResponse);
  const sessionKey = exchange.sessionKey();
  if ((sessionFlags & (SessionFlags.IS_GUEST | SessionFlags.IS_NULL)) !== 0) {
    return new TestSession(connection, {
      sessionFlags,
      crypto: undefined,
      signer: undefined,
      sessionKey,
      response,
    });
  }
  const { dialect, cipher, signingAlgorithm } = connection.negotiated;
  const crypto = new SessionCrypto({
    role: 'client',
    dialect,
    cipher,
    signingAlgorithm,
    sessionId: response.header.sessionId,
    fullSessionKey: Buffer.from(sessionKey),
    preauthHash: exchange.preauth?.value,
  });
  const { signer } = crypto;
  if (response.isSigned)
    assert(crypto.verify(signer, response.message), 'the last response is signed rightly');
  // [MS-SMB2] 3.2.5.3.1: this signature is what protects the negotiation of 3.1.1.
  else assert(dialect !== DialectRevision.SMB_3_1_1, 'in 3.1.1 the last response is signed');
  return new TestSession(connection, { sessionFlags, crypto, signer, sessionKey, response });
}

/** The legs of one authentication. */
class SetupExchange {
  readonly #connection: TestConnection;
  readonly #options: LogOnOptions;
  readonly #ntlm: NtlmClient;
  readonly #spnego: SpnegoClient | undefined;
  /** Session.PreauthIntegrityHashValue; none before 3.1.1. */
  readonly preauth: PreauthHash | undefined;

  constructor(connection: TestConnection, credentials: NtlmCredentials, options: LogOnOptions) {
    this.#connection = connection;
    this.#options = options;
    this.#ntlm = new NtlmClient({ entropy: connection.entropy, ...options.ntlm, credentials });
    this.#spnego = options.isRaw === true ? undefined : new SpnegoClient(this.#ntlm, options);
    const is311 = connection.negotiated.dialect === DialectRevision.SMB_3_1_1;
    this.preauth = is311 ? connection.preauth.fork() : undefined;
  }

  /** A copy of the key that came out. */
  sessionKey(): Buffer {
    return Buffer.from(this.#ntlm.sessionKey);
  }

  /** Runs all legs; returns the last response. Throws NtStatusError. */
  async run({
    session,
    flags = 0,
  }: {
    session?: SessionProtection;
    flags?: number;
  }): Promise<ClientResponse> {
    let token = this.#spnego?.begin() ?? this.#ntlm.negotiateMessage;
    let sessionId = session?.sessionId ?? 0;
    for (let leg = 0; ; leg++) {
      const sent = this.#connection.send({
        command: Command.SESSION_SETUP,
        body: this.#body(this.#options.tamper?.(token, leg) ?? token, flags),
        session,
        header: { sessionId },
        edit: this.#options.edit,
      });
      this.preauth?.update(sent.message);
      const response = await sent.response;
      if (response.status !== NtStatus.MORE_PROCESSING_REQUIRED) return this.#finish(succeeded(response));
      this.preauth?.update(response.message);
      sessionId = response.header.sessionId;
      token = this.#answer(response.decode(SessionSetupResponse).securityBuffer);
    }
  }

  #body(securityBuffer: Buffer, flags: number): Buffer {
    const { securityMode = 1, previousSessionId = 0 } = this.#options;
    return SessionSetupRequest.encode({
      flags,
      securityMode,
      capabilities: 1,
      previousSessionId,
      securityBuffer,
    });
  }

  #answer(token: Buffer): Buffer {
    if (this.#spnego === undefined) return this.#ntlm.authenticate(token);
    return present(this.#spnego.next(token), 'next token');
  }

  /** The checksum over the mechanisms, if there is one, must be right too. */
  #finish(response: ClientResponse): ClientResponse {
    const { securityBuffer } = response.decode(SessionSetupResponse);
    if (this.#spnego !== undefined && securityBuffer.length > 0) this.#spnego.next(securityBuffer);
    return response;
  }
}
