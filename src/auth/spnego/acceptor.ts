/**
 * The server's side of SPNEGO. RFC 4178 4.1, 5; [MS-SPNG] 3.2.5
 */
import { EMPTY } from '../../base/bytes.ts';
import { NtStatus } from '../../base/status.ts';
import { WireError } from '../../wire/codec.ts';
import { chain, type MaybePromise } from '../maybe-promise.ts';
import {
  type AcceptorContext,
  type AuthenticationComplete,
  type AuthenticationStep,
  LogonError,
  type Mechanism,
} from '../mechanism.ts';
import { derOid } from './der.ts';
import {
  decodeNegotiationToken,
  encodeNegTokenInit2,
  encodeNegTokenResp,
  NegState,
  type NegTokenInit,
  type NegTokenResp,
} from './tokens.ts';

/** First bytes of an NTLM message that comes without SPNEGO around it. [MS-NLMP] 2.2.1.1 */
const NTLM_SIGNATURE = Buffer.from('NTLMSSP\0', 'latin1');

/** How clients authenticate to a server: SPNEGO over some mechanisms, the most preferred first. */
export class Spnego {
  /** The token for the SecurityBuffer of NEGOTIATE responses. [MS-SMB2] 3.3.5.4 */
  readonly hint: Buffer;
  readonly #mechanisms: ReadonlyMap<string, OfferedMechanism>;
  readonly #raw: Mechanism | undefined;

  /** `rawMechanism` answers tokens that begin as NTLM messages do; absent: they are refused. */
  constructor(mechanisms: readonly Mechanism[], rawMechanism?: Mechanism) {
    const offered = mechanisms.map((mechanism) => ({ mechanism, oid: derOid(mechanism.oid) }));
    this.#mechanisms = new Map(offered.map((row) => [row.oid.toString('hex'), row]));
    this.#raw = rawMechanism;
    this.hint = encodeNegTokenInit2(offered.map(({ oid }) => oid));
  }

  /** Starts one authentication. */
  begin(): AcceptorContext {
    return new SpnegoAcceptor(this.#mechanisms, this.#raw);
  }
}

interface OfferedMechanism {
  readonly mechanism: Mechanism;
  /** A whole OBJECT IDENTIFIER element. */
  readonly oid: Buffer;
}

/** What the first message settled. */
interface Selection {
  readonly oid: Buffer;
  readonly context: AcceptorContext;
  readonly mechTypeList: Buffer;
  /** The mechanism was not the client's first choice, so the list must be protected. RFC 4178 5 */
  readonly needsMic: boolean;
}

class SpnegoAcceptor implements AcceptorContext {
  readonly #mechanisms: ReadonlyMap<string, OfferedMechanism>;
  readonly #rawMechanism: Mechanism | undefined;
  #raw: AcceptorContext | undefined;
  #selection: Selection | undefined;
  #announced = false;
  /** The mechanism is done; only the client's checksum is missing. */
  #awaited: AuthenticationComplete | undefined;
  #isOver = false;

  constructor(mechanisms: ReadonlyMap<string, OfferedMechanism>, raw: Mechanism | undefined) {
    this.#mechanisms = mechanisms;
    this.#rawMechanism = raw;
  }

  step(token: Buffer): MaybePromise<AuthenticationStep> {
    if (this.#isOver) throw new LogonError('a token after the end', NtStatus.INVALID_PARAMETER);
    if (this.#raw !== undefined) return this.#raw.step(token);
    if (token.subarray(0, NTLM_SIGNATURE.length).equals(NTLM_SIGNATURE)) return this.#beginRaw(token);
    const message = decoded(token);
    if (message.kind === 'init') return this.#begin(message);
    return this.#continue(message);
  }

  destroy(): void {
    this.#isOver = true;
    this.#raw?.destroy();
    this.#selection?.context.destroy();
    this.#awaited?.sessionKey?.fill(0);
  }

  #beginRaw(token: Buffer): MaybePromise<AuthenticationStep> {
    if (this.#rawMechanism === undefined || this.#selection !== undefined) {
      throw new LogonError('NTLM without SPNEGO', NtStatus.INVALID_PARAMETER);
    }
    this.#raw = this.#rawMechanism.begin();
    return this.#raw.step(token);
  }

  #begin(message: NegTokenInit): MaybePromise<AuthenticationStep> {
    if (this.#selection !== undefined)
      throw new LogonError('a second NegTokenInit', NtStatus.INVALID_PARAMETER);
    const names = message.mechTypes.map((oid) => oid.toString('hex'));
    const index = names.findIndex((name) => this.#mechanisms.has(name));
    const chosen = this.#mechanisms.get(names[index] ?? '');
    if (chosen === undefined) throw new LogonError('no common mechanism', NtStatus.INVALID_PARAMETER);
    const needsMic = index > 0;
    const { oid } = chosen;
    this.#selection = {
      oid,
      context: chosen.mechanism.begin(),
      mechTypeList: Buffer.from(message.mechTypeList),
      needsMic,
    };
    if (!needsMic && message.mechToken !== undefined) return this.#pass(message.mechToken, undefined);
    // RFC 4178 5: the optimistic token is for the client's first choice; for another one it must begin anew.
    this.#announced = true;
    const negState = needsMic ? NegState.REQUEST_MIC : NegState.ACCEPT_INCOMPLETE;
    return { kind: 'continue', token: encodeNegTokenResp({ negState, supportedMech: oid }) };
  }

  #continue(message: NegTokenResp): MaybePromise<AuthenticationStep> {
    if (this.#selection === undefined) {
      throw new LogonError('NegTokenResp without NegTokenInit', NtStatus.INVALID_PARAMETER);
    }
    if (message.negState === NegState.REJECT) throw new LogonError('the client rejects the mechanism');
    if (this.#awaited !== undefined) return this.#finish(this.#awaited, message.mechListMic);
    return this.#pass(message.responseToken ?? EMPTY, message.mechListMic);
  }

  #pass(token: Buffer, mic: Buffer | undefined): MaybePromise<AuthenticationStep> {
    const selection = this.#selected();
    const kept = mic === undefined ? undefined : Buffer.from(mic);
    return chain(selection.context.step(token), (step) => {
      if (step.kind === 'complete') return this.#complete(step, kept);
      // RFC 4178 4.2.2: supportedMech stands in the first reply only.
      const supportedMech = this.#announced ? undefined : selection.oid;
      this.#announced = true;
      const negState = NegState.ACCEPT_INCOMPLETE;
      const message = { negState, supportedMech, responseToken: step.token };
      return { kind: 'continue', token: encodeNegTokenResp(message) };
    });
  }

  /** The mechanism knows the client; the list of mechanisms remains to be confirmed. RFC 4178 5 */
  #complete(step: AuthenticationComplete, mic: Buffer | undefined): AuthenticationStep {
    const { needsMic, mechTypeList } = this.#selected();
    const { integrity, token: responseToken } = step;
    const isMicDue = needsMic && integrity !== undefined;
    if (mic === undefined && isMicDue) {
      this.#awaited = step;
      const mechListMic = integrity.makeMic(mechTypeList);
      const message = { negState: NegState.ACCEPT_INCOMPLETE, responseToken, mechListMic };
      return { kind: 'continue', token: encodeNegTokenResp(message), identity: step.identity };
    }
    this.#verify(step, mic);
    const mechListMic = mic === undefined ? undefined : integrity?.makeMic(mechTypeList);
    this.#isOver = true;
    // Clients are used to a last message without supportedMech, whatever was said before.
    const message = { negState: NegState.ACCEPT_COMPLETED, responseToken, mechListMic };
    return { ...step, token: encodeNegTokenResp(message) };
  }

  #finish(step: AuthenticationComplete, mic: Buffer | undefined): AuthenticationStep {
    if (mic === undefined) throw this.#refused(step, 'no mechListMIC');
    this.#verify(step, mic);
    this.#awaited = undefined;
    this.#isOver = true;
    return { ...step, token: encodeNegTokenResp({ negState: NegState.ACCEPT_COMPLETED }) };
  }

  /** Guests have no key that a checksum could be verified with, and nothing to lose. */
  #verify(step: AuthenticationComplete, mic: Buffer | undefined): void {
    if (mic === undefined || step.integrity === undefined) return;
    if (!step.integrity.verifyMic(this.#selected().mechTypeList, mic)) {
      throw this.#refused(step, 'wrong mechListMIC');
    }
  }

  #refused(step: AuthenticationComplete, why: string): LogonError {
    step.sessionKey?.fill(0);
    this.#isOver = true;
    // The password was right; whoever spoils the checksum on purpose must not learn it sooner than by a whole logon.
    return new LogonError(why, NtStatus.LOGON_FAILURE, step.identity.name);
  }

  #selected(): Selection {
    if (this.#selection === undefined) throw new LogonError('no mechanism', NtStatus.INVALID_PARAMETER);
    return this.#selection;
  }
}

function decoded(token: Buffer): NegTokenInit | NegTokenResp {
  try {
    return decodeNegotiationToken(token);
  } catch (error) {
    if (error instanceof WireError) throw new LogonError(error.message, NtStatus.INVALID_PARAMETER);
    throw error;
  }
}
