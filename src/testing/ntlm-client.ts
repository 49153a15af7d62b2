/**
 * The client's side of NTLMv2 and SPNEGO, for the test client and for proxies. [MS-NLMP] 3.1.5, RFC 4178
 */

import { NTLM_OID } from '../auth/ntlm/acceptor.ts';
import { decodeAvPairs } from '../auth/ntlm/av-pairs.ts';
import { AV_FLAG_MIC, AvId, hasFlag, NtlmFlag } from '../auth/ntlm/flags.ts';
import {
  type AuthenticateMessage,
  decodeChallenge,
  encodeAuthenticate,
  encodeNegotiate,
  withMic,
} from '../auth/ntlm/messages.ts';
import { encodeTemp, ntHashOf, proofOf, responseKeyOf, sessionBaseKeyOf } from '../auth/ntlm/ntlmv2.ts';
import { NtlmIntegrity } from '../auth/ntlm/session-security.ts';
import { derOid } from '../auth/spnego/der.ts';
import {
  decodeNegotiationToken,
  encodeMechTypeList,
  encodeNegTokenInit,
  encodeNegTokenResp,
  NegState,
} from '../auth/spnego/tokens.ts';
import { assert, present } from '../base/assert.ts';
import { EMPTY, utf16le } from '../base/bytes.ts';
import type { FileTime } from '../base/clock.ts';
import { type Entropy, randomBytesOf } from '../base/entropy.ts';
import { hmacMd5 } from '../crypto/hash.ts';
import { rc4 } from '../crypto/rc4.ts';

/** What a client logs in with. */
export interface NtlmCredentials {
  /** Empty: anonymous. */
  readonly user: string;
  readonly domain?: string;
  readonly password: string;
  readonly workstation?: string;
}

/** How an {@link NtlmClient} behaves. */
export interface NtlmClientOptions {
  readonly credentials: NtlmCredentials;
  readonly entropy: Entropy;
  /** Used where the challenge has no timestamp. Default 0. */
  readonly time?: FileTime;
  /** NegotiateFlags offered. Default: what Windows offers. */
  readonly flags?: number;
  /** Service principal name for the response, e.g. `cifs/server`. */
  readonly targetName?: string;
  /** VERSION structure, 8 bytes. */
  readonly version?: Buffer;
  /** Send a message integrity code when the challenge has a timestamp. Default true. */
  readonly sendsMic?: boolean;
}

/** UNICODE, REQUEST_TARGET, SIGN, NTLM, ALWAYS_SIGN, EXTENDED_SESSIONSECURITY, VERSION, 128, KEY_EXCH, 56. */
export const windowsClientFlags = 0xe208_8215;

const defaultVersion = Buffer.from('0a007c4f0000000f', 'hex');
const ZERO_MIC = Buffer.alloc(16);

/** One NTLM authentication. */
export class NtlmClient {
  readonly #options: NtlmClientOptions;
  readonly #version: Buffer;
  readonly negotiateMessage: Buffer;
  #exported: Buffer | undefined;
  #flags = 0;

  constructor(options: NtlmClientOptions) {
    this.#options = options;
    this.#version = options.version ?? defaultVersion;
    this.negotiateMessage = encodeNegotiate(options.flags ?? windowsClientFlags, this.#version);
  }

  /** ExportedSessionKey; there is one after {@link authenticate}. */
  get sessionKey(): Buffer {
    return present(this.#exported, 'session key');
  }

  /** The AUTHENTICATE message that answers `challenge`. [MS-NLMP] 3.1.5.1.2 */
  authenticate(challenge: Buffer): Buffer {
    const { credentials, sendsMic = true, entropy } = this.#options;
    const { negotiateFlags, serverChallenge, targetInfo } = decodeChallenge(challenge);
    const { user, domain = '', workstation = '' } = credentials;
    const offered = this.#options.flags ?? windowsClientFlags;
    this.#flags = (offered & negotiateFlags & ~NtlmFlag.TARGET_TYPE_SERVER) >>> 0;
    const answer = user === '' ? anonymousAnswer() : this.#respond(serverChallenge, targetInfo);
    let encrypted: Buffer = EMPTY;
    this.#exported = answer.sessionBaseKey;
    if (hasFlag(this.#flags, NtlmFlag.KEY_EXCH)) {
      this.#exported = randomBytesOf(entropy, 16);
      encrypted = rc4(answer.sessionBaseKey, this.#exported);
    }
    const message: AuthenticateMessage = {
      negotiateFlags: user === '' ? (this.#flags | NtlmFlag.ANONYMOUS) >>> 0 : this.#flags,
      lmChallengeResponse: answer.lm,
      ntChallengeResponse: answer.nt,
      domainName: domain,
      userName: user,
      workstation,
      encryptedRandomSessionKey: encrypted,
      ...(hasFlag(this.#flags, NtlmFlag.VERSION) && { version: this.#version }),
    };
    if (!answer.hasTimestamp || !sendsMic) return encodeAuthenticate(message);
    const bytes = encodeAuthenticate({ ...message, mic: ZERO_MIC });
    return withMic(bytes, this.micOf(challenge, bytes));
  }

  /** The MIC of an AUTHENTICATE message whose own MIC is zero. [MS-NLMP] 3.1.5.1.2 */
  micOf(challenge: Buffer, authenticate: Buffer): Buffer {
    return hmacMd5(this.sessionKey, this.negotiateMessage, challenge, authenticate);
  }

  /** Checksums of the context, from the first on. */
  integrity(): NtlmIntegrity {
    return new NtlmIntegrity(this.sessionKey, this.#flags, 'client-to-server');
  }

  #respond(serverChallenge: Buffer, targetInfo: Buffer): Answer {
    const { credentials, entropy, time = 0n, targetName, sendsMic = true } = this.#options;
    const pairs = new Map(targetInfo.length === 0 ? [] : decodeAvPairs(targetInfo));
    const timestamp = pairs.get(AvId.TIMESTAMP);
    if (timestamp !== undefined && sendsMic) {
      const flags = Buffer.alloc(4);
      flags.writeUInt32LE(AV_FLAG_MIC);
      pairs.set(AvId.FLAGS, flags);
    }
    if (targetName !== undefined) pairs.set(AvId.TARGET_NAME, utf16le(targetName));
    const clientChallenge = randomBytesOf(entropy, 8);
    const temp = encodeTemp(timestamp?.readBigUInt64LE() ?? time, clientChallenge, pairs);
    const { user, domain = '', password } = credentials;
    const responseKey = responseKeyOf(ntHashOf(password), user, domain);
    const proof = proofOf(responseKey, serverChallenge, temp);
    // [MS-NLMP] 3.1.5.1.2: with a timestamp the LM response is zero, without one it is LMv2.
    const lmv2 = Buffer.concat([hmacMd5(responseKey, serverChallenge, clientChallenge), clientChallenge]);
    return {
      nt: Buffer.concat([proof, temp]),
      lm: timestamp === undefined ? lmv2 : Buffer.alloc(24),
      sessionBaseKey: sessionBaseKeyOf(responseKey, proof),
      hasTimestamp: timestamp !== undefined,
    };
  }
}

interface Answer {
  readonly nt: Buffer;
  readonly lm: Buffer;
  readonly sessionBaseKey: Buffer;
  readonly hasTimestamp: boolean;
}

/** [MS-NLMP] 3.1.5.1.2: no NT response, one zero byte of LM response, a session key of zeros. */
function anonymousAnswer(): Answer {
  return { nt: EMPTY, lm: Buffer.alloc(1), sessionBaseKey: Buffer.alloc(16), hasTimestamp: false };
}

/** How a {@link SpnegoClient} behaves. */
export interface SpnegoClientOptions {
  /** Mechanisms in front of NTLM, in dotted form, for which there is no token. */
  readonly mechanismsBefore?: readonly string[];
  /** Send a checksum over the list of mechanisms. Default true. */
  readonly sendsMechListMic?: boolean;
}

/** SPNEGO with NTLM inside. */
export class SpnegoClient {
  readonly ntlm: NtlmClient;
  readonly #mechTypes: readonly Buffer[];
  readonly #isFirst: boolean;
  readonly #sendsMic: boolean;
  #integrity: NtlmIntegrity | undefined;
  #isComplete = false;

  constructor(ntlm: NtlmClient, options: SpnegoClientOptions = {}) {
    const before = options.mechanismsBefore ?? [];
    this.ntlm = ntlm;
    this.#mechTypes = [...before, NTLM_OID].map(derOid);
    this.#isFirst = before.length === 0;
    this.#sendsMic = options.sendsMechListMic ?? true;
  }

  /** The server has said accept-completed, and its checksum, if it sent one, was right. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** The first token. */
  begin(): Buffer {
    // An optimistic token belongs to the first mechanism; for one that we do not have, anything will do.
    return encodeNegTokenInit(this.#mechTypes, this.#isFirst ? this.ntlm.negotiateMessage : Buffer.alloc(4));
  }

  /** The answer to a token of the server; undefined when there is nothing left to say. Throws when the server is wrong. */
  next(token: Buffer): Buffer | undefined {
    const message = decodeNegotiationToken(token);
    assert(message.kind === 'resp', 'a NegTokenResp');
    assert(message.negState !== NegState.REJECT, 'the server accepts the mechanism');
    if (message.mechListMic !== undefined) this.#verify(message.mechListMic);
    if (message.negState === NegState.ACCEPT_COMPLETED) {
      this.#isComplete = true;
      return undefined;
    }
    const { responseToken } = message;
    if (responseToken === undefined) return this.#withoutToken();
    const authenticate = this.ntlm.authenticate(responseToken);
    this.#integrity = this.ntlm.integrity();
    return encodeNegTokenResp({
      negState: NegState.ACCEPT_INCOMPLETE,
      responseToken: authenticate,
      mechListMic: this.#sendsMic ? this.#makeMic() : undefined,
    });
  }

  #withoutToken(): Buffer {
    if (this.#integrity !== undefined) return encodeNegTokenResp({ mechListMic: this.#makeMic() });
    return encodeNegTokenResp({ responseToken: this.ntlm.negotiateMessage });
  }

  #makeMic(): Buffer {
    return present(this.#integrity, 'context').makeMic(encodeMechTypeList(this.#mechTypes));
  }

  #verify(mic: Buffer): void {
    const isRight = present(this.#integrity, 'context').verifyMic(encodeMechTypeList(this.#mechTypes), mic);
    assert(isRight, "the server's mechListMIC is right");
  }
}
