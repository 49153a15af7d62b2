/**
 * Who somebody is, and where accounts are looked up.
 */

import type { Sid } from '../wire/dtyp/sid.ts';
import type { MaybePromise } from './maybe-promise.ts';

/** The outcome of a successful authentication. */
export interface Identity {
  /** A guest is an unknown user let in without proof; an anonymous client named no user at all. */
  readonly kind: 'user' | 'guest' | 'anonymous';
  /** The account's name as the store spells it; empty for anonymous. */
  readonly name: string;
  /** NetBIOS name of the account's domain, or of this server; empty for anonymous. */
  readonly domain: string;
  readonly sid: Sid;
  /** The SIDs of all groups, well-known ones included. */
  readonly groups: readonly Sid[];
}

/** An account as the store knows it. */
export interface Account {
  /** As the store spells it. */
  readonly name: string;
  readonly domain: string;
  /**
   * MD4 of the UTF-16LE password, 16 bytes; absent for accounts that cannot use NTLM. A copy that belongs to the caller, who
   * overwrites it.
   */
  readonly ntHash: Buffer | undefined;
  readonly sid: Sid;
  readonly groups: readonly Sid[];
  readonly isDisabled: boolean;
}

/** Where accounts are looked up. */
export interface UserStore {
  /**
   * The account named `name`, without regard to case; `domain` is what the client claims, empty or arbitrary for local
   * accounts. Undefined when there is none.
   */
  lookup(name: string, domain: string): MaybePromise<Account | undefined>;
}

/** [MS-DTYP] 2.4.2.4 */
const WellKnown = Object.freeze({
  EVERYONE: 'S-1-1-0',
  NETWORK: 'S-1-5-2',
  ANONYMOUS: 'S-1-5-7',
  AUTHENTICATED_USERS: 'S-1-5-11',
  BUILTIN_GUESTS: 'S-1-5-32-546',
  /** RID 501, the guest account, of no machine in particular: it owns nothing. */
  GUEST: 'S-1-5-21-0-0-0-501',
});

/** The identity of an account that proved itself. */
export function userIdentity(account: Account): Identity {
  const { name, domain, sid } = account;
  const wellKnown = [WellKnown.EVERYONE, WellKnown.NETWORK, WellKnown.AUTHENTICATED_USERS];
  return Object.freeze({
    kind: 'user',
    name,
    domain,
    sid,
    groups: unique([...account.groups, ...wellKnown]),
  });
}

/** The identity of somebody who named an unknown user where guests are let in. */
export function guestIdentity(name: string): Identity {
  const groups = [WellKnown.BUILTIN_GUESTS, WellKnown.EVERYONE, WellKnown.NETWORK];
  return Object.freeze({ kind: 'guest', name, domain: '', sid: WellKnown.GUEST, groups });
}

/** The identity of somebody who named no user. [MS-DTYP] 2.4.2.4 */
export const anonymousIdentity: Identity = Object.freeze({
  kind: 'anonymous',
  name: '',
  domain: '',
  sid: WellKnown.ANONYMOUS,
  groups: [WellKnown.EVERYONE, WellKnown.NETWORK],
});

function unique(sids: readonly Sid[]): readonly Sid[] {
  return [...new Set(sids)];
}
