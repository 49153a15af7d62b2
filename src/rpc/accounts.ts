/**
 * Names of security identifiers, as file dialogs show them.
 */
import { type Sid, WellKnownSid } from '../wire/dtyp/sid.ts';

/** SID_NAME_USE. [MS-LSAT] 2.2.13 */
export const SidNameUse = Object.freeze({
  USER: 1,
  GROUP: 2,
  DOMAIN: 3,
  ALIAS: 4,
  WELL_KNOWN_GROUP: 5,
  DELETED_ACCOUNT: 6,
  INVALID: 7,
  UNKNOWN: 8,
  COMPUTER: 9,
});

export interface Account {
  readonly sid: Sid;
  /** Without the domain. */
  readonly name: string;
  readonly domainName: string;
  readonly use: number;
}

/** The accounts of this server; well-known ones need not be among them. */
export interface AccountDirectory {
  /** NetBIOS name of this machine, which is the domain of its accounts. */
  readonly machineName: string;
  readonly machineSid: Sid;
  /** Workgroup or domain that the machine belongs to. */
  readonly domainName: string;
  accountOfSid(sid: Sid): Account | undefined;
  /** `name` has no domain; both are compared without regard to case. Without `domainName` it is one of any. */
  accountOfName(name: string, domainName?: string): Account | undefined;
}

const { WELL_KNOWN_GROUP, ALIAS } = SidNameUse;
const authority = 'NT AUTHORITY';

/** [MS-DTYP] 2.4.2.4 */
const wellKnown: readonly Account[] = [
  { sid: WellKnownSid.NULL, name: 'NULL SID', domainName: '', use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.EVERYONE, name: 'Everyone', domainName: '', use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.LOCAL, name: 'LOCAL', domainName: '', use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.CREATOR_OWNER, name: 'CREATOR OWNER', domainName: '', use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.CREATOR_GROUP, name: 'CREATOR GROUP', domainName: '', use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.OWNER_RIGHTS, name: 'OWNER RIGHTS', domainName: '', use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.DIALUP, name: 'DIALUP', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.NETWORK, name: 'NETWORK', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.BATCH, name: 'BATCH', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.INTERACTIVE, name: 'INTERACTIVE', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.SERVICE, name: 'SERVICE', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.ANONYMOUS, name: 'ANONYMOUS LOGON', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.PRINCIPAL_SELF, name: 'SELF', domainName: authority, use: WELL_KNOWN_GROUP },
  {
    sid: WellKnownSid.AUTHENTICATED_USERS,
    name: 'Authenticated Users',
    domainName: authority,
    use: WELL_KNOWN_GROUP,
  },
  { sid: WellKnownSid.RESTRICTED_CODE, name: 'RESTRICTED', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.LOCAL_SYSTEM, name: 'SYSTEM', domainName: authority, use: WELL_KNOWN_GROUP },
  { sid: WellKnownSid.LOCAL_SERVICE, name: 'LOCAL SERVICE', domainName: authority, use: WELL_KNOWN_GROUP },
  {
    sid: WellKnownSid.NETWORK_SERVICE,
    name: 'NETWORK SERVICE',
    domainName: authority,
    use: WELL_KNOWN_GROUP,
  },
  { sid: WellKnownSid.BUILTIN_ADMINISTRATORS, name: 'Administrators', domainName: 'BUILTIN', use: ALIAS },
  { sid: WellKnownSid.BUILTIN_USERS, name: 'Users', domainName: 'BUILTIN', use: ALIAS },
  { sid: WellKnownSid.BUILTIN_GUESTS, name: 'Guests', domainName: 'BUILTIN', use: ALIAS },
  { sid: WellKnownSid.BUILTIN_POWER_USERS, name: 'Power Users', domainName: 'BUILTIN', use: ALIAS },
  { sid: WellKnownSid.BUILTIN_BACKUP_OPERATORS, name: 'Backup Operators', domainName: 'BUILTIN', use: ALIAS },
];

const bySid = new Map(wellKnown.map((account) => [account.sid, account]));
const byName = new Map(wellKnown.map((account) => [account.name.toLowerCase(), account]));

/** The account of a SID, well-known or of this server. */
export function findBySid(directory: AccountDirectory, sid: Sid): Account | undefined {
  if (sid === directory.machineSid) {
    const { machineName } = directory;
    return { sid, name: machineName, domainName: machineName, use: SidNameUse.DOMAIN };
  }
  return bySid.get(sid) ?? directory.accountOfSid(sid);
}

/** The account called `text`: `name`, `domain\name` or `name@domain`, in any case. */
export function findByName(directory: AccountDirectory, text: string): Account | undefined {
  const [, domain, plain] = /^(?:(.*)\\)?(.*)$/s.exec(text) ?? [];
  const name = (plain ?? '').replace(/@.*$/s, '');
  const known = [byName.get(name.toLowerCase()), directory.accountOfName(name, domain)];
  return known.find((found) => found && (!domain || found.domainName.toLowerCase() === domain.toLowerCase()));
}
