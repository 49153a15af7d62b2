/**
 * The accounts of one server, in memory.
 */
import { createHash } from 'node:crypto';
import type { Account, UserStore } from '../auth/identity.ts';
import { equalSecrets, wipe } from '../crypto/secret.ts';
import { type AccountDirectory, type Account as DirectoryAccount, SidNameUse } from '../rpc/accounts.ts';
import type { AccountNames } from '../server/lockout.ts';
import { type Sid, WellKnownSid } from '../wire/dtyp/sid.ts';
import { ntHashOf, PasswordError, readPasswordFile } from './password.ts';
import type { ConfiguredUser } from './schema.ts';
import { openHash, readSealingKey } from './sealed-hash.ts';

const keyOf = ({ name }: LocalAccount) => name.toLowerCase();

/** Members of a group of this name have the privileges of Windows' administrators: backup, restore, ownership. */
const isAdministrators = (group: string) => group.toLowerCase() === 'administrators';

/** An account ready for use. The hash belongs to whoever holds this. */
export interface LocalAccount {
  readonly name: string;
  /** MD4 of the password, 16 bytes. */
  readonly ntHash: Buffer;
  readonly groups: readonly string[];
  readonly isDisabled: boolean;
}

/** Hashes the passwords of `users`; throws PasswordError for a password file that cannot be used. */
export async function localAccounts(
  users: readonly ConfiguredUser[],
  keyFile?: string,
): Promise<readonly LocalAccount[]> {
  const accounts: LocalAccount[] = [];
  const isSealed = users.some((user) => user.sealedHash !== undefined);
  const key = isSealed ? await sealingKey(keyFile) : Buffer.alloc(0);
  for (const user of users) {
    accounts.push({
      name: user.name,
      ntHash: await ntHashOfUser(user, key),
      groups: user.groups,
      isDisabled: user.disabled,
    });
  }
  wipe(key);
  return accounts;
}

async function sealingKey(path: string | undefined): Promise<Buffer> {
  if (path === undefined) throw new PasswordError('there are sealed hashes and no key: set server.keyFile');
  return readSealingKey(path);
}

async function ntHashOfUser(user: ConfiguredUser, key: Buffer): Promise<Buffer> {
  if (user.sealedHash !== undefined) return openHash(user.sealedHash, user.name, key);
  if (user.ntHash !== undefined) return Buffer.from(user.ntHash, 'hex');
  if (user.passwordFile !== undefined) return ntHashOf(await readPasswordFile(user.passwordFile));
  return ntHashOf(user.password ?? '');
}

/** Looks accounts up by name, without regard to case; every claimed domain is taken as this server's. */
export class AccountStore implements UserStore, AccountDirectory, AccountNames {
  readonly machineSid: Sid;
  readonly domainName = 'WORKGROUP';
  readonly #domain: string;
  #accounts = new Map<string, LocalAccount>();

  /** `domain` is the server's own name, which its accounts belong to. */
  constructor(domain: string, accounts: readonly LocalAccount[]) {
    this.#domain = domain;
    this.machineSid = machineSidOf(domain);
    this.replace(accounts);
  }

  lookup(name: string): Account | undefined {
    const account = this.#accounts.get(name.toLowerCase());
    if (account === undefined) return undefined;
    return {
      name: account.name,
      domain: this.#domain,
      ntHash: Buffer.from(account.ntHash),
      sid: sidOf(this.#domain, 'user', account.name),
      groups: account.groups.map((group) => this.#groupSid(group)),
      isDisabled: account.isDisabled,
    };
  }

  /** The server's own name is the domain of its accounts. */
  get machineName(): string {
    return this.#domain;
  }

  accountOfName(name: string): DirectoryAccount | undefined {
    const wanted = name.toLowerCase();
    return this.#directory().find((account) => account.name.toLowerCase() === wanted);
  }

  accountOfSid(sid: Sid): DirectoryAccount | undefined {
    return this.#directory().find((account) => account.sid === sid);
  }

  /** Users and groups as file dialogs show them. */
  #directory(): readonly DirectoryAccount[] {
    const accounts = [...this.#accounts.values()];
    const groups = new Set(accounts.flatMap((account) => account.groups));
    const entry = (name: string, sid: Sid, use: number) => ({ name, sid, use, domainName: this.#domain });
    return [
      ...accounts.map(({ name }) => entry(name, sidOf(this.#domain, 'user', name), SidNameUse.USER)),
      ...Array.from(groups, (name) => entry(name, this.#groupSid(name), SidNameUse.ALIAS)),
    ];
  }

  #groupSid(name: string): Sid {
    if (isAdministrators(name)) return WellKnownSid.BUILTIN_ADMINISTRATORS;
    return sidOf(this.#domain, 'group', name);
  }

  /** The names of the groups that the account is in. */
  groupsOf(name: string): readonly string[] {
    return this.#accounts.get(name.toLowerCase())?.groups ?? [];
  }

  /** Takes `accounts` in place of those before, whose hashes are overwritten. True when anything differs. */
  replace(accounts: readonly LocalAccount[]): boolean {
    const isSame = accounts.length === this.#accounts.size && accounts.every((account) => this.#has(account));
    this.destroy();
    this.#accounts = new Map(accounts.map((account) => [keyOf(account), account]));
    return !isSame;
  }

  /** The names, in lower case, of accounts that `accounts` takes away, disables, or gives another password or other groups. */
  revokedBy(accounts: readonly LocalAccount[]): ReadonlySet<string> {
    const kept = new Set(accounts.filter((account) => !account.isDisabled && this.#has(account)).map(keyOf));
    return new Set([...this.#accounts.keys()].filter((key) => !kept.has(key)));
  }

  /** The names, in lower case, of accounts that `accounts` adds, takes away or changes. */
  changedBy(accounts: readonly LocalAccount[]): ReadonlySet<string> {
    const same = new Set(accounts.filter((account) => this.#has(account)).map(keyOf));
    return new Set([...this.#accounts.keys(), ...accounts.map(keyOf)].filter((key) => !same.has(key)));
  }

  /** Whether there is an account; `name` in lower case. */
  has(name: string): boolean {
    return this.#accounts.has(name);
  }

  /** The names, in lower case, of administrators that are not disabled. */
  administrators(): readonly string[] {
    return [...this.#accounts]
      .filter(([, { isDisabled, groups }]) => !isDisabled && groups.some(isAdministrators))
      .map(([name]) => name);
  }

  /** Disables an account until {@link replace}; false when there is none. */
  disable(name: string): boolean {
    const key = name.toLowerCase();
    const account = this.#accounts.get(key);
    if (account !== undefined) this.#accounts.set(key, { ...account, isDisabled: true });
    return account !== undefined;
  }

  #has({ name, ntHash, groups, isDisabled }: LocalAccount): boolean {
    const own = this.#accounts.get(name.toLowerCase());
    if (own === undefined || own.name !== name || own.isDisabled !== isDisabled) return false;
    return equalSecrets(own.ntHash, ntHash) && own.groups.join('\n') === groups.join('\n');
  }

  /** Overwrites every hash; nobody can log on afterwards. */
  destroy(): void {
    for (const account of this.#accounts.values()) wipe(account.ntHash);
    this.#accounts = new Map();
  }
}

/**
 * The same SID for the same name on the same server after every restart, without a table to keep: the domain's part
 * and the relative id are hashes of the names. [MS-DTYP] 2.4.2
 */
export function sidOf(domain: string, kind: 'user' | 'group', name: string): Sid {
  const account = createHash('sha256').update(`${kind} ${name.toLowerCase()}`).digest();
  // Relative ids below 1000 are the system's own.
  const relative = 1000 + (account.readUInt32LE(0) % 0x7fff_0000);
  return `${machineSidOf(domain)}-${relative}`;
}

function machineSidOf(domain: string): Sid {
  const machine = createHash('sha256').update(`smbkit ${domain.toLowerCase()}`).digest();
  return `S-1-5-21-${[0, 4, 8].map((offset) => machine.readUInt32LE(offset)).join('-')}`;
}
