/**
 * The server's side of NTLM. [MS-NLMP] 3.2.5
 */
import { utf16le } from '../../base/bytes.ts';
import type { Clock } from '../../base/clock.ts';
import { type Entropy, randomBytesOf } from '../../base/entropy.ts';
import { NtStatus } from '../../base/status.ts';
import { hmacMd5 } from '../../crypto/hash.ts';
import { rc4 } from '../../crypto/rc4.ts';
import { equalSecrets, wipe } from '../../crypto/secret.ts';
import { WireError } from '../../wire/codec.ts';
import {
  type Account,
  anonymousIdentity,
  guestIdentity,
  type Identity,
  type UserStore,
  userIdentity,
} from '../identity.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import {
  type AcceptorContext,
  type AuthenticationComplete,
  type AuthenticationStep,
  LogonError,
  type Mechanism,
} from '../mechanism.ts';
import { encodeAvPairs } from './av-pairs.ts';
import { AV_FLAG_MIC, AvId, hasFlag, NtlmFlag } from './flags.ts';
import {
  type AuthenticateMessage,
  decodeAuthenticate,
  decodeNegotiate,
  encodeChallenge,
  withMic,
} from './messages.ts';
import {
  decodeNtlmv2Response,
  type Ntlmv2Response,
  PROOF_BYTES,
  proofOf,
  responseKeyOf,
  sessionBaseKeyOf,
  upperCase,
} from './ntlmv2.ts';
import { NtlmIntegrity } from './session-security.ts';

/** The mechanism's identifier. [MS-SPNG] 1.9 */
export const NTLM_OID = '1.3.6.1.4.1.311.2.2.10';

/** The names a server goes by. */
export interface ServerNames {
  readonly netbiosComputer: string;
  /** Of a server without a domain: its own. */
  readonly netbiosDomain: string;
  readonly dnsComputer: string;
  readonly dnsDomain: string;
}

/** What an NTLM server is made of. */
export interface NtlmOptions {
  readonly users: UserStore;
  readonly names: ServerNames;
  readonly clock: Clock;
  readonly entropy: Entropy;
  /** Lets clients in that name an unknown user. Default false. */
  readonly allowsGuest?: boolean;
  /** Lets clients in that name no user. Default false. */
  readonly allowsAnonymous?: boolean;
  /** VERSION structure, 8 bytes. [MS-NLMP] 2.2.2.10 */
  readonly version?: Buffer;
}

/** 10.0, NTLM revision 15. Windows answers error 86 to a challenge without a version. [MS-NLMP] 2.2.2.10 */
const defaultVersion = Buffer.from('0a007c4f0000000f', 'hex');

/** NTLM as a mechanism for SPNEGO. */
export function createNtlm(options: NtlmOptions): Mechanism {
  return { oid: NTLM_OID, begin: () => new NtlmAcceptor(options) };
}

/** What was said so far. */
interface Challenged {
  readonly negotiate: Buffer;
  readonly challenge: Buffer;
  readonly serverChallenge: Buffer;
  readonly flags: number;
}

class NtlmAcceptor implements AcceptorContext {
  readonly #options: NtlmOptions;
  #challenged: Challenged | undefined;
  #integrity: NtlmIntegrity | undefined;
  #isOver = false;

  constructor(options: NtlmOptions) {
    this.#options = options;
  }

  step(token: Buffer): MaybePromise<AuthenticationStep> {
    if (this.#isOver) throw new LogonError('NTLM: a message after the end');
    try {
      if (this.#challenged === undefined) return this.#negotiate(token);
      // One answer to one challenge.
      this.#isOver = true;
      return this.#authenticate(this.#challenged, token);
    } catch (error) {
      this.#isOver = true;
      throw error instanceof WireError ? new LogonError(error.message) : error;
    }
  }

  destroy(): void {
    this.#isOver = true;
    this.#integrity?.destroy();
  }

  /** [MS-NLMP] 3.2.5.1.1 */
  #negotiate(token: Buffer): AuthenticationStep {
    const { negotiateFlags } = decodeNegotiate(token);
    const { names, clock, entropy, version = defaultVersion } = this.#options;
    const flags = challengeFlags(negotiateFlags);
    const timestamp = Buffer.alloc(8);
    timestamp.writeBigUInt64LE(clock.now());
    const targetInfo = encodeAvPairs(
      new Map([
        [AvId.NB_DOMAIN_NAME, utf16le(names.netbiosDomain)],
        [AvId.NB_COMPUTER_NAME, utf16le(names.netbiosComputer)],
        [AvId.DNS_DOMAIN_NAME, utf16le(names.dnsDomain)],
        [AvId.DNS_COMPUTER_NAME, utf16le(names.dnsComputer)],
        [AvId.TIMESTAMP, timestamp],
      ]),
    );
    const serverChallenge = randomBytesOf(entropy, 8);
    const targetName = hasFlag(flags, NtlmFlag.REQUEST_TARGET) ? names.netbiosComputer : '';
    const challenge = encodeChallenge({
      negotiateFlags: flags,
      serverChallenge,
      targetName,
      targetInfo,
      version,
    });
    this.#challenged = { negotiate: Buffer.from(token), challenge, serverChallenge, flags };
    return { kind: 'continue', token: challenge };
  }

  /** [MS-NLMP] 3.2.5.1.2 */
  #authenticate(challenged: Challenged, token: Buffer): MaybePromise<AuthenticationStep> {
    const bytes = Buffer.from(token);
    const message = decodeAuthenticate(bytes);
    const { userName, domainName, ntChallengeResponse, lmChallengeResponse } = message;
    if (userName === '') {
      // [MS-NLMP] 3.2.5.1.2: no name and no response; the LM response may be a single zero byte.
      const isBlank = ntChallengeResponse.length === 0 && lmChallengeResponse.length <= 1;
      if (!isBlank || this.#options.allowsAnonymous !== true) throw new LogonError('NTLM: no user name');
      return this.#admitAnonymous(challenged, message);
    }
    const response = decodeNtlmv2Response(ntChallengeResponse);
    const { users, entropy, allowsGuest = false } = this.#options;
    // Whoever has no hash is measured against a random one, so that everybody takes the same work.
    const decoy = randomBytesOf(entropy, PROOF_BYTES);
    return chain(users.lookup(userName, domainName), (account) => {
      if (account === undefined && allowsGuest) return admitGuest(userName);
      const ntHash = account?.ntHash ?? decoy;
      const key = verifiedKey(ntHash, message, response, challenged.serverChallenge);
      wipe(ntHash, decoy);
      return this.#admit(account, key, { challenged, message, response, bytes });
    });
  }

  #admit(
    account: Account | undefined,
    sessionBaseKey: Buffer | undefined,
    said: Exchange,
  ): AuthenticationStep {
    const isUsable = account?.ntHash !== undefined && !account.isDisabled;
    if (account === undefined || !isUsable || sessionBaseKey === undefined) {
      wipe(sessionBaseKey);
      throw failure(refusal(account), said.message);
    }
    const { challenged, message, response, bytes } = said;
    const flags = message.negotiateFlags & challenged.flags;
    const sessionKey = exportedKey(sessionBaseKey, message, flags);
    if (hasMicFlag(response) && !isMicRight(sessionKey, said)) {
      wipe(sessionKey, bytes);
      throw failure('the message integrity code is missing or wrong', message);
    }
    const targetName = response.avPairs.get(AvId.TARGET_NAME)?.toString('utf16le') ?? '';
    return {
      ...this.#complete(userIdentity(account), sessionKey, flags),
      sessionKey,
      ...(targetName !== '' && { targetName }),
    };
  }

  /** The session key of an anonymous client is known to everybody; it serves for SPNEGO's checksums and nothing else. */
  #admitAnonymous(challenged: Challenged, message: AuthenticateMessage): AuthenticationStep {
    const flags = message.negotiateFlags & challenged.flags;
    const key = exportedKey(Buffer.alloc(PROOF_BYTES), message, flags);
    const step = this.#complete(anonymousIdentity, key, flags);
    wipe(key);
    return step;
  }

  #complete(identity: Identity, exportedSessionKey: Buffer, flags: number): AuthenticationComplete {
    if (!hasFlag(flags, NtlmFlag.EXTENDED_SESSIONSECURITY)) {
      return { kind: 'complete', identity, sessionKey: undefined };
    }
    this.#integrity = new NtlmIntegrity(exportedSessionKey, flags, 'server-to-client');
    return { kind: 'complete', identity, sessionKey: undefined, integrity: this.#integrity };
  }
}

/** Everything that was said, up to the AUTHENTICATE message. */
interface Exchange {
  readonly challenged: Challenged;
  readonly message: AuthenticateMessage;
  readonly response: Ntlmv2Response;
  /** The AUTHENTICATE message itself. */
  readonly bytes: Buffer;
}

/** Whatever failed, the client sees the same status, and it counts for the account. */
function failure(why: string, { userName }: AuthenticateMessage): LogonError {
  return new LogonError(`NTLM: ${why}`, NtStatus.LOGON_FAILURE, userName);
}

/** Why somebody was not let in, for the log; the client is never told. */
function refusal(account: Account | undefined): string {
  if (account === undefined) return 'unknown user';
  if (account.isDisabled) return 'disabled account';
  return account.ntHash === undefined ? 'the account cannot use NTLM' : 'wrong password';
}

function admitGuest(userName: string): AuthenticationStep {
  return { kind: 'complete', identity: guestIdentity(userName), sessionKey: undefined };
}

/** Echoed when the client sets them. Linux demands SIGN and the key strengths back; clients without 56 are fine. */
const echoedFlags =
  NtlmFlag.REQUEST_TARGET |
  NtlmFlag.SIGN |
  NtlmFlag.SEAL |
  NtlmFlag.ALWAYS_SIGN |
  NtlmFlag.EXTENDED_SESSIONSECURITY |
  NtlmFlag.ENCRYPTION_128 |
  NtlmFlag.KEY_EXCH |
  NtlmFlag.ENCRYPTION_56;

/** [MS-NLMP] 3.2.5.1.1 */
function challengeFlags(requested: number): number {
  const characters = hasFlag(requested, NtlmFlag.UNICODE) ? NtlmFlag.UNICODE : NtlmFlag.OEM;
  const target = hasFlag(requested, NtlmFlag.REQUEST_TARGET) ? NtlmFlag.TARGET_TYPE_SERVER : 0;
  const own = NtlmFlag.NTLM | NtlmFlag.TARGET_INFO | NtlmFlag.VERSION;
  return ((requested & echoedFlags) | characters | target | own) >>> 0;
}

/**
 * SessionBaseKey when the response proves the password, else undefined. Some clients compute with the domain in upper case, or
 * with none ([MS-NLMP] 3.2.5.1.2); all ways are tried whatever comes of the first, so that time tells nothing.
 */
function verifiedKey(
  ntHash: Buffer,
  { userName, domainName }: AuthenticateMessage,
  { proof, temp }: Ntlmv2Response,
  serverChallenge: Buffer,
): Buffer | undefined {
  let key: Buffer | undefined;
  for (const domain of new Set([domainName, upperCase(domainName), ''])) {
    const responseKey = responseKeyOf(ntHash, userName, domain);
    const isRight = equalSecrets(proofOf(responseKey, serverChallenge, temp), proof);
    const candidate = sessionBaseKeyOf(responseKey, proof);
    if (isRight) key = Buffer.from(candidate);
    wipe(responseKey, candidate);
  }
  return key;
}

/** ExportedSessionKey, in place of `keyExchangeKey`. [MS-NLMP] 3.2.5.1.2 */
function exportedKey(keyExchangeKey: Buffer, message: AuthenticateMessage, flags: number): Buffer {
  const { encryptedRandomSessionKey: encrypted } = message;
  if (!hasFlag(flags, NtlmFlag.KEY_EXCH)) return keyExchangeKey;
  // Without SIGN or SEAL there need be no key; some clients send one all the same.
  if (encrypted.length === 0 && !hasFlag(flags, NtlmFlag.SIGN | NtlmFlag.SEAL)) return keyExchangeKey;
  if (encrypted.length !== PROOF_BYTES) {
    wipe(keyExchangeKey);
    throw failure('the session key does not have 16 bytes', message);
  }
  const exported = rc4(keyExchangeKey, encrypted);
  wipe(keyExchangeKey);
  return exported;
}

function hasMicFlag({ avPairs }: Ntlmv2Response): boolean {
  const flags = avPairs.get(AvId.FLAGS);
  return flags !== undefined && flags.length === 4 && hasFlag(flags.readUInt32LE(0), AV_FLAG_MIC);
}

/** [MS-NLMP] 3.2.5.1.2: over all three messages, with the field itself zero. */
function isMicRight(exportedSessionKey: Buffer, { challenged, message, bytes }: Exchange): boolean {
  if (message.mic === undefined) return false;
  const zeroed = withMic(bytes, Buffer.alloc(PROOF_BYTES));
  return equalSecrets(
    hmacMd5(exportedSessionKey, challenged.negotiate, challenged.challenge, zeroed),
    message.mic,
  );
}
