/**
 * Accounts and groups of the system this server runs on, whose files a folder shows: under the names and SIDs that Samba has for
 * them, `Unix User\name` and `Unix Group\name`. Only what stands in the system's own files is known; another number is its own name.
 */
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { type Account, type AccountDirectory, SidNameUse } from '../rpc/accounts.ts';
import { type Sid, splitSid, WellKnownSid } from '../wire/dtyp/sid.ts';
import { codeOf } from './system-error.ts';

interface Domain {
  readonly sid: Sid;
  readonly name: string;
  readonly use: number;
  readonly file: string;
}

const domains: readonly Domain[] = [
  { sid: WellKnownSid.UNIX_USERS, name: 'Unix User', use: SidNameUse.USER, file: 'passwd' },
  { sid: WellKnownSid.UNIX_GROUPS, name: 'Unix Group', use: SidNameUse.GROUP, file: 'group' },
];

/** Lines `name:password:number:…` of the text of /etc/passwd or /etc/group, as numbers by name; the first of a name counts. */
export function idsIn(text: string): ReadonlyMap<string, number> {
  const ids = new Map<string, number>();
  for (const line of text.split('\n')) {
    const [name = '', , id = ''] = line.split(':');
    if (name !== '' && /^\d{1,10}$/.test(id) && !ids.has(name)) ids.set(name, Number(id));
  }
  return ids;
}

/** `others`, and the accounts of the system besides; `folder` holds the files `passwd` and `group`. */
export function withUnixAccounts(others: AccountDirectory, folder = '/etc'): AccountDirectory {
  const files = new Map(domains.map(({ file }) => [file, new AccountFile(join(folder, file))]));
  const idsOf = ({ file }: Domain) => files.get(file)?.ids() ?? new Map<string, number>();
  return {
    get machineName() {
      return others.machineName;
    },
    machineSid: others.machineSid,
    domainName: others.domainName,
    accountOfSid: (sid) => others.accountOfSid(sid) ?? accountOfSid(sid, idsOf),
    accountOfName: (name, domainName) =>
      accountOfName(name, domainName, idsOf) ?? others.accountOfName(name, domainName),
  };
}

type IdsOf = (domain: Domain) => ReadonlyMap<string, number>;

function accountOfSid(sid: Sid, idsOf: IdsOf): Account | undefined {
  const whole = domains.find((domain) => domain.sid === sid)?.name;
  if (whole !== undefined) return { sid, name: whole, domainName: whole, use: SidNameUse.DOMAIN };
  const parts = splitSid(sid);
  const domain = domains.find((each) => each.sid === parts?.domain);
  if (parts === undefined || domain === undefined) return undefined;
  const [name] = [...idsOf(domain)].find(([, id]) => id === parts.rid) ?? [String(parts.rid)];
  return { sid, name, domainName: domain.name, use: domain.use };
}

/** Only with its domain: a name by itself is one of the server's own accounts. */
function accountOfName(name: string, domainName: string | undefined, idsOf: IdsOf): Account | undefined {
  const domain = domains.find((each) => each.name.toLowerCase() === domainName?.toLowerCase());
  if (domain === undefined) return undefined;
  const ids = [...idsOf(domain)];
  const wanted = name.toLowerCase();
  const found = ids.find(([each]) => each === name) ?? ids.find(([each]) => each.toLowerCase() === wanted);
  if (found === undefined) return undefined;
  return { sid: `${domain.sid}-${found[1]}`, name: found[0], domainName: domain.name, use: domain.use };
}

/** A file of accounts, read again when it has changed. */
class AccountFile {
  readonly #path: string;
  #ids: ReadonlyMap<string, number> = new Map();
  #version = '';

  constructor(path: string) {
    this.#path = path;
  }

  /** Nobody where there is no such file. */
  ids(): ReadonlyMap<string, number> {
    try {
      const { mtimeMs, size, ino } = statSync(this.#path);
      const version = `${mtimeMs} ${size} ${ino}`;
      if (version !== this.#version) this.#ids = idsIn(readFileSync(this.#path, 'utf8'));
      this.#version = version;
      return this.#ids;
    } catch (error) {
      if (codeOf(error) === undefined) throw error;
      return new Map();
    }
  }
}
