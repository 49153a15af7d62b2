/**
 * SPNEGO with the mechanisms of this server, for the settings of the moment.
 */

import type { UserStore } from '../auth/identity.ts';
import type { AcceptorContext } from '../auth/mechanism.ts';
import { createNtlm, type ServerNames } from '../auth/ntlm/acceptor.ts';
import { Spnego } from '../auth/spnego/acceptor.ts';
import type { Clock } from '../base/clock.ts';
import type { Entropy } from '../base/entropy.ts';
import type { Authenticator } from '../session/server-state.ts';

export interface AuthenticatorParts {
  readonly users: UserStore;
  readonly serverName: string;
  readonly clock: Clock;
  readonly entropy: Entropy;
}

/** Whom to let in without proof. */
export interface Openness {
  readonly guest: boolean;
  readonly anonymous: boolean;
}

/** Authenticates as `openness` says at the time of each attempt. */
export class SpnegoAuthenticator implements Authenticator {
  readonly #parts: AuthenticatorParts;
  #spnego: Spnego;

  constructor(parts: AuthenticatorParts, openness: Openness) {
    this.#parts = parts;
    this.#spnego = this.#make(openness);
  }

  negotiationHint(): Buffer {
    return this.#spnego.hint;
  }

  begin(): AcceptorContext {
    return this.#spnego.begin();
  }

  /** For authentications that begin from now on. */
  update(openness: Openness): void {
    this.#spnego = this.#make(openness);
  }

  #make({ guest, anonymous }: Openness): Spnego {
    const { users, serverName, clock, entropy } = this.#parts;
    const ntlm = createNtlm({
      users,
      names: namesOf(serverName),
      clock,
      entropy,
      allowsGuest: guest,
      allowsAnonymous: anonymous,
    });
    // Windows and Samba clients may send NTLM without SPNEGO around it. [MS-SMB2] 3.3.5.5.3
    return new Spnego([ntlm], ntlm);
  }
}

/** A server that belongs to no domain is its own. [MS-NLMP] 2.2.2.1 */
function namesOf(serverName: string): ServerNames {
  const dns = serverName.toLowerCase();
  return {
    netbiosComputer: serverName.toUpperCase(),
    netbiosDomain: serverName.toUpperCase(),
    dnsComputer: dns,
    dnsDomain: dns,
  };
}
